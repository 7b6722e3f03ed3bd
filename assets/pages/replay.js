/* /replay in the browser: the cases of the moment as a list, and whoever is followed: a patrol, which the map keeps in
   its middle with its way, stops and distances, or a case, as the inspector had it then, with who was where. The moment
   itself is of assets/replay.js. */
"use strict";

(function () {
  const gp = window.gridpost, map = window.gridpostMap, past = window.gridpostPast, t = gp.t, e = gp.esc;
  const NEAR = 5, RENEW = 5000, LIST = 1000, CLOSE = 13.8, WAY = "live-past-way", MARKS = "live-past-marks", COLOUR = "#F4F0FF";
  let patrol = null, chosen = null, walk = null, asked = 0, renewed = 0, drawn = 0, dirty = true, find = "", centred = 0, loose = false, close = 0;

  const api = window.dash_clientside = window.dash_clientside || {};
  api.gridpost = Object.assign(api.gridpost || {}, {startReplay});

  function startReplay() {
    gp.start("replay");
    for (const kind of ["reset", "cases", "patrols"]) gp.on(kind, () => { dirty = true; });
    gp.on("reset", () => { renewed = 0; drawn = 0; draw(); ask(); if (map.map) hold(); });
    gp.on("cases", (items) => { if (items.some((item) => item.no === chosen)) ask(); });
    gp.on("patrols", (items) => { if (items.some((item) => item.id === patrol)) centre(); });
    gp.on("tick", draw);
    gp.on("past", ask);
    map.start("map", {on: {case: followCase, patrol: followPatrol, device: () => undefined, ground: () => undefined, name: tip},
      ready: mapReady});
    document.getElementById("map-plus").onclick = () => { close = 0; map.zoom(1); };
    document.getElementById("map-minus").onclick = () => { close = 0; map.zoom(-1); };
    document.getElementById("map-fit").onclick = () => { unfollow(); map.fitAll(400); };
    document.getElementById("past-find").addEventListener("input", (event) => { find = event.target.value.trim().toLowerCase(); drawn = 0; draw(); });
    document.getElementById("past-cases").addEventListener("click", clicked);
    document.querySelector(".replay .inspector").addEventListener("click", clicked);
    new MutationObserver(() => document.querySelectorAll("#case-body [data-due]").forEach(gp.drawClock)).observe(document.getElementById("case-body"), {childList: true});
    document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !event.target.closest("input")) unfollow(); });
    const said = new URLSearchParams(location.hash.slice(1));
    if (said.get("case")) followCase(said.get("case"));
    else if (said.get("patrol")) followPatrol(said.get("patrol"));
    return Date.now();
  }

  function mapReady(it) {
    it.on("styledata", () => { if (!it.getSource(WAY)) drawWay(); });
    it.on("moveend", () => setTimeout(hold, 0));
    it.on("dragstart", () => { loose = true; });   // the map never moves under a hand
    it.on("wheel", () => { close = 0; });
    drawWay();
    if (chosen || patrol) aim();
  }

  function clicked(event) {
    const row = event.target.closest("[data-case], [data-patrol], [data-go], [data-unfollow]");
    if (!row) return;
    if (row.dataset.case || row.dataset.go) followCase(row.dataset.case || row.dataset.go);
    else if (row.dataset.patrol) followPatrol(row.dataset.patrol);
    else unfollow();
  }

  /* ---- the list ---- */
  function row(item) {
    const d = gp.directory(), clock = gp.urgentClock(item), who = (d.patrols[item.patrol] || {}).name || d.departments[item.department];
    const title = (d.matters[item.matter] || {}).name || item.category, where = (d.grids[item.grid] || {}).name || t(item.lon == null ? "no_place" : "no_grid");
    const state = d.states[item.state] + (who ? " " + who : "");
    return {item, clock, title, text: [item.no, title, where, who].join(" ").toLowerCase(),
      html: `<button type="button" class="past-case${item.no === chosen ? " on" : ""}" role="option" aria-selected="${item.no === chosen}" data-case="${e(item.no)}"><i class="glyph p${item.priority}"></i>` +
        `<span class="what"><b>${e(title)}</b><span>${e(item.no.split("-").pop() + " · " + where + " · " + state)}</span></span>` +
        (clock ? `<span class="cell-clock" data-due="${clock.due}" data-start="${clock.start}" data-p="${item.priority}" data-name="${clock.name}"><em></em><b></b><u><i></i></u></span>` : `<span class="t3">${e(t("clock_off"))}</span>`) + "</button>"};
  }

  function people() {
    const d = gp.directory(), now = gp.now();
    return Object.entries(d.patrols).filter(([id, one]) => (id + " " + one.name).toLowerCase().includes(find)).slice(0, 30).map(([id, one]) => {
      const live = gp.state().patrols[id], state = live && live.at ? map.shownState(live, now) : "off";
      return `<button type="button" class="past-case${id === patrol ? " on" : ""}" role="option" aria-selected="${id === patrol}" data-patrol="${e(id)}"><i class="glyph ${state}"></i><span class="what"><b>${e(one.name)}</b><span>${e(id + " · " + (d.squads[one.squad] || ""))}</span></span><span class="t3">${e(t(state))}</span></button>`;
    });
  }

  function draw() {
    if (!gp.link().heard || (!dirty && performance.now() - drawn < LIST)) return;
    if (dirty && performance.now() - drawn < 150) return;   // while it plays fast
    dirty = false;
    drawn = performance.now();
    const rows = Object.values(gp.state().cases).map(row).sort((a, b) => (a.clock ? a.clock.due : 9e15) - (b.clock ? b.clock.due : 9e15));
    const found = rows.filter((one) => !find || one.text.includes(find)).map((one) => one.html);
    put("past-cases", [...found, ...(find ? people() : [])].join("") || `<p>${e(t(find ? "empty_found" : "past_list_none"))}</p>`);
    document.querySelectorAll("#past-cases [data-due]").forEach(gp.drawClock);
    document.getElementById("past-count").textContent = String(rows.length);
    near();
    if (patrol && Date.now() - renewed > RENEW) askWalk();
    drawWalker();
  }

  function put(id, html) {
    const el = document.getElementById(id);
    if (el.dataset.html !== html) { el.innerHTML = html; el.dataset.html = html; }
  }

  /* ---- following ---- */
  function remember() {
    const hash = chosen ? "#case=" + chosen : patrol ? "#patrol=" + patrol : "";
    history.replaceState(history.state, "", location.pathname + location.search + hash);
    document.querySelectorAll(".lang a").forEach((el) => { el.hash = hash; });
    dirty = true;
    drawn = 0;
    draw();
  }

  function unfollow() {
    patrol = chosen = walk = null;
    map.select({case: null, patrol: null, grid: null, candidates: []});
    dash_clientside.set_props("selection", {data: null});
    drawWay();
    remember();
  }

  function followCase(no) {
    patrol = walk = null;
    chosen = no;
    const item = gp.state().cases[no];
    map.select({case: no, patrol: item ? item.patrol || null : null, grid: item ? item.grid : null, candidates: []});
    aim();
    drawWay();
    ask();
    remember();
  }

  function ask() {
    if (!chosen) return;
    const item = gp.state().cases[chosen], at = gp.past() ? {at: new Date(gp.now()).toISOString()} : {};
    map.select({patrol: item ? item.patrol || null : null, grid: item ? item.grid : null});
    dash_clientside.set_props("selection", {data: {no: chosen, version: item ? item.version : null, asked: Date.now(), ...at}});
  }

  function followPatrol(id) {
    if (chosen) dash_clientside.set_props("selection", {data: null});
    chosen = null;
    patrol = id;
    walk = null;
    map.select({case: null, patrol: id, grid: null, candidates: []});
    aim();
    askWalk();
    remember();
  }

  function target() {
    const item = chosen && gp.state().cases[chosen];
    if (item) return item.lon === null || item.lon === undefined ? null : [item.lon, item.lat];
    return patrol ? map.place(patrol) : null;
  }

  /* What is followed comes into the middle, near enough to see streets. */
  function aim() {
    const at = target();
    loose = false;
    if (!at || !map.map) return;
    close = Math.max(map.map.getZoom(), CLOSE);
    map.find(at[0], at[1]);
  }

  /* Plotly may put the map back while it moves: it is brought to the followed one again, unless a hand has moved it. */
  function hold() {
    const at = target(), it = map.map;
    if (!at || loose || it.isMoving()) return;
    const here = it.getCenter(), far = close && it.getZoom() < close - 0.3;
    if (far || map.metres(at, [here.lng, here.lat]) > 25) it.jumpTo(far ? {center: at, zoom: close} : {center: at});
  }

  /* The map stays where the followed patrol is; between its fixes it stands. */
  function centre() {
    const at = gp.state().patrols[patrol], it = map.map;
    if (!it || !at || at.lon === undefined || loose || performance.now() - centred < 300) return;
    centred = performance.now();
    it.easeTo({center: [at.lon, at.lat], duration: past.playing() ? 280 : 0, easing: (x) => x});
  }

  /* ---- a patrol's way of the day ---- */
  async function askWalk() {
    const mine = asked += 1, now = gp.now(), day = new Intl.DateTimeFormat("en-GB", {timeZone: gp.zone(), hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23"}).format(now).split(":");
    renewed = Date.now();
    const midnight = Math.floor(now / 1000) * 1000 - 1000 * (+day[0] * 3600 + +day[1] * 60 + +day[2]);
    try {
      const said = await past.get("/track", {patrol, from: midnight, to: now});
      if (mine !== asked || said.patrol !== patrol) return;
      walk = said;
    } catch (error) {
      if (mine === asked) walk = {failed: error.said || t("past_failed"), line: [], stops: []};
    }
    drawWay();
    drawWalker();
  }

  const km = (n) => (n < 10 ? n.toFixed(1) : String(Math.round(n)));
  const place = (code) => (gp.directory().grids[code] || {}).name || t("no_grid");
  const clock = (ms) => gp.hhmmss(ms).slice(0, 5);
  const minutes = (ms) => Math.max(1, Math.round(ms / 60000));

  function drawWalker() {
    if (!patrol) { put("past-walker", chosen ? "" : `<div class="pick"><b>${e(t("past_pick_title"))}</b><p>${e(t("past_pick_text"))}</p></div>`); return; }
    const d = gp.directory(), known = d.patrols[patrol] || {name: patrol}, live = gp.state().patrols[patrol], now = gp.now(), state = live && live.at ? map.shownState(live, now) : "off";
    const on = live && live.case ? " · " + t("on_case", {no: live.case.split("-").pop()}) : "";
    const head = `<section class="walk-head"><i class="glyph ${state}"></i><h2>${e(known.name)}</h2><button type="button" class="quiet" data-unfollow="1">${e(t("past_unfollow"))}</button><p>${e([patrol, d.squads[known.squad], t(state) + on].filter(Boolean).join(" · "))}</p></section>`;
    if (!walk) { put("past-walker", head + `<section class="t3">${e(t("past_loading"))}</section>`); return; }
    if (walk.failed || !walk.fixes) { put("past-walker", head + `<section class="t2">${e(walk.failed || t("past_no_walk"))}</section>`); return; }
    const still = walk.stops.reduce((sum, one) => sum + one.to - one.from, 0), whole = walk.line[walk.line.length - 1][0] - walk.line[0][0];
    const figure = (name, value, unit) => `<div>${e(t(name))}<b>${e(value)}<small>${e(unit)}</small></b></div>`;
    const unit = (name) => t(name, {km: "", n: ""}).trim();
    let gone = 0;
    const stops = walk.stops.map((one, i) => {
      const leg = one.km - gone;
      gone = one.km;
      return `${leg >= 0.05 ? `<li class="leg"><span>${e(t("past_leg", {km: leg.toFixed(1)}))}</span></li>` : ""}<li><span class="n">${i + 1}</span><b>${e(place(one.grid))}<small>${e(t("past_from_to", {from: clock(one.from), to: clock(one.to)}))}</small></b><span>${e(t("past_lasting", {n: minutes(one.to - one.from)}))}</span></li>`;
    });
    if (walk.km - gone >= 0.05 && stops.length) stops.push(`<li class="leg"><span>${e(t("past_leg", {km: (walk.km - gone).toFixed(1)}))}</span></li>`);
    put("past-walker", head + `<section><h3>${e(t("past_walk"))}<span>${e(t("past_from_to", {from: clock(walk.line[0][0]), to: clock(walk.to)}))}</span></h3><div class="walk-figures">${figure("past_km", km(walk.km), unit("past_leg"))}${figure("past_moving", minutes(whole - still), unit("past_lasting"))}${figure("past_standing", walk.stops.length ? minutes(still) : 0, unit("past_lasting"))}</div></section>` +
      `<section><h3>${e(t("past_stops"))}<span>${walk.stops.length}</span></h3>${stops.length ? `<ol class="walk-stops">${stops.join("")}</ol>` : `<p class="t2">${e(t("past_no_stops"))}</p>`}</section>`);
  }

  function layers() {
    const it = map.map;
    if (!it || !it.getLayer("live-cases") || it.getSource(WAY)) return;   // map.js has not dressed it yet: asked again
    const k = map.scale(), empty = {type: "FeatureCollection", features: []}, below = it.getLayer("live-case-ring") ? "live-case-ring" : undefined;
    it.addSource(WAY, {type: "geojson", data: empty});
    it.addSource(MARKS, {type: "geojson", data: empty});
    const join = {"line-join": "round", "line-cap": "round"}, font = ["Noto Sans CJK SC Bold", "Noto Sans CJK SC"], halo = {"text-halo-color": "#0E1113", "text-halo-width": 2 * k};
    it.addLayer({id: WAY + "-rim", type: "line", source: WAY, layout: join, paint: {"line-color": "#0E1113", "line-width": 6 * k, "line-opacity": 0.75}}, below);
    it.addLayer({id: WAY, type: "line", source: WAY, layout: join, paint: {"line-color": COLOUR, "line-width": 2.5 * k, "line-opacity": 0.9}}, below);
    it.addLayer({id: MARKS + "-km", type: "symbol", source: MARKS, filter: ["==", ["get", "kind"], "km"], layout: {"text-field": ["get", "text"], "text-font": font, "text-size": 11 * k, "text-padding": 8 * k, "text-offset": [0, 0.9], "text-anchor": "top"}, paint: {"text-color": "#C9C3D6", ...halo}}, below);
    it.addLayer({id: MARKS + "-dot", type: "circle", source: MARKS, filter: ["==", ["get", "kind"], "km"], paint: {"circle-radius": 3 * k, "circle-color": COLOUR, "circle-stroke-color": "#0E1113", "circle-stroke-width": 1.5 * k}}, below);
    it.addLayer({id: MARKS + "-stop", type: "circle", source: MARKS, filter: ["==", ["get", "kind"], "stop"], paint: {"circle-radius": 11 * k, "circle-color": "#1B2024", "circle-stroke-color": COLOUR, "circle-stroke-width": 2 * k}}, below);
    it.addLayer({id: MARKS + "-n", type: "symbol", source: MARKS, filter: ["==", ["get", "kind"], "stop"], layout: {"text-field": ["get", "n"], "text-font": font, "text-size": 12 * k, "text-allow-overlap": true, "text-ignore-placement": true}, paint: {"text-color": "#E9EEF0"}}, below);
    it.addLayer({id: MARKS + "-text", type: "symbol", source: MARKS, filter: ["==", ["get", "kind"], "stop"], layout: {"text-field": ["get", "text"], "text-font": font, "text-size": 11.5 * k, "text-anchor": "left", "text-offset": [1.3, 0], "text-optional": true}, paint: {"text-color": "#E9EEF0", ...halo}}, below);
  }

  function drawWay() {
    const it = map.map;
    layers();
    if (!it || !it.getSource(WAY)) return;
    const line = walk && patrol ? walk.line : [], point = (lon, lat, properties) => ({type: "Feature", geometry: {type: "Point", coordinates: [lon, lat]}, properties});
    const marks = (patrol && walk ? walk.stops : []).map((one, i) => point(one.lon, one.lat, {kind: "stop", n: String(i + 1), text: t("past_lasting", {n: minutes(one.to - one.from)})}));
    let gone = 0, next = 1000;
    for (let i = 1; i < line.length; i++) {
      gone += map.metres(line[i - 1].slice(1), line[i].slice(1));
      if (gone >= next) { marks.push(point(line[i][1], line[i][2], {kind: "km", text: t("past_leg", {km: Math.floor(gone / 1000)})})); next = (Math.floor(gone / 1000) + 1) * 1000; }
    }
    const features = line.length > 1 ? [{type: "Feature", geometry: {type: "LineString", coordinates: line.map((p) => [p[1], p[2]])}, properties: {}}] : [];
    it.getSource(WAY).setData({type: "FeatureCollection", features});
    it.getSource(MARKS).setData({type: "FeatureCollection", features: marks});
  }

  /* ---- a case: who was where ---- */
  function near() {
    const item = chosen && gp.state().cases[chosen];
    if (!item || item.lon === null || item.lon === undefined) { put("past-near", ""); return; }
    const d = gp.directory(), now = gp.now(), away = (p) => map.metres([item.lon, item.lat], [p.lon, p.lat]);
    const people = Object.values(gp.state().patrols).filter((p) => p.lon !== undefined && p.lon !== null && map.shownState(p, now) !== "off").map((p) => [away(p), p]).sort((a, b) => a[0] - b[0]).slice(0, NEAR);
    const rows = people.map(([m, p]) => {
      const state = map.shownState(p, now);
      return `<button type="button" class="near-row" data-patrol="${e(p.id)}"><i class="glyph ${state}"></i><b>${e((d.patrols[p.id] || {name: p.id}).name)}</b><span class="t2">${e(t(state))}</span><span class="t2">${e(m < 950 ? t("past_away", {m: Math.round(m / 10) * 10}) : t("past_away_km", {km: (m / 1000).toFixed(1)}))}</span></button>`;
    });
    put("past-near", `<section><h3>${e(t("past_near"))}<span>${gp.hhmmss(now)}</span></h3>${rows.join("") || `<p class="t2">${e(t("past_near_none"))}</p>`}</section>`);
  }

  function tip(kind, id) {
    const d = gp.directory(), now = gp.now();
    if (kind === "patrol") {
      const p = gp.state().patrols[id], known = d.patrols[id] || {name: id};
      return `<b>${e(known.name)}</b> <span>${e(d.squads[known.squad] || t("unregistered"))}</span><br>${e(t(map.shownState(p, now)))} · ${e(t("last_fix", {age: gp.age(now - p.at)}))}`;
    }
    if (kind === "case") { const one = row(gp.state().cases[id]); return `<b>${e(one.title)}</b><br><span>${e(one.item.no.split("-").pop() + " · " + d.states[one.item.state])}</span>`; }
    const device = d.devices[id] || {};
    return `<b>${e(id)}</b> ${e(device.name)}`;
  }
})();
