/* /wall in the browser: every panel from the feed's state, redrawn at most once a second and only where its text has
   changed. Figures of the day are the server's; what can be counted from the state itself (heat, forces, devices,
   clocks) is counted here, so that it is as fresh as the last message. */
"use strict";

(function () {
  const gp = window.gridpost, map = window.gridpostMap, t = gp.t, esc = gp.esc;
  const WAITING = ["reported", "verified", "accepted"], TO_DISPATCH = "accepted", URGENT = 5, NAMED = 3, ALERTS = 9, HOT = 6, ALERT_ROW = 5.35;
  let dirty = true, urgentKey = "";

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.gridpost = Object.assign(window.dash_clientside.gridpost || {}, {startWall});

  /* At most six cells: a county's other squads are added up in the last, so that the devices below stay in sight. */
  function squadCells(squads) {
    const cells = Object.entries(squads).map(([code, s]) => [gp.directory().squads[code] || code, s]);
    if (cells.length <= 6) return cells;
    const rest = cells.slice(5).reduce((sum, [, s]) => ({on: sum.on + s.on, all: sum.all + s.all}), {on: 0, all: 0});
    return cells.slice(0, 5).concat([[t("other_squads", {n: cells.length - 5}), rest]]);
  }

  function startWall() {
    gp.start("wall");
    for (const kind of ["reset", "cases", "alerts", "devices", "figures", "patrols"]) gp.on(kind, () => { dirty = true; });
    gp.on("tick", () => { if (dirty && gp.link().heard) { dirty = false; draw(); } sentence(); callout(); });
    gp.on("down", () => { dirty = true; });
    map.start("map", {wall: true, ready: (it) => { it.on("move", callout); it.on("moveend", scale); scale(); }});
    return Date.now();
  }

  function put(id, html) { const el = document.getElementById(id); if (el && el.dataset.html !== html) { el.innerHTML = html; el.dataset.html = html; } }

  function draw() { today(); heat(); forces(); devices(); urgent(); alerts(); }

  /* ---- the sentence ---- */
  function levels() {
    const now = gp.now(), found = {act: 0, near: 0, calm: 0, over: 0};
    for (const item of Object.values(gp.state().cases)) {
      const clock = gp.urgentClock(item), level = clock ? gp.share(clock.due, clock.start, item.priority, now).level : "calm";
      found[level] += 1;
      if (clock && clock.due < now) found.over += 1;
    }
    return found;
  }
  function sentence() {
    if (!gp.link().heard) return;
    const n = levels(), dot = "<i>·</i>";
    if (gp.down()) { put("sentence", (n.over ? `<b>${esc(t("are_over", {n: n.over}))}</b>` : esc(t("none_over"))) + dot + esc(t("before_break"))); return; }
    const first = n.act ? `<b>${esc(t("act_now", {n: n.act}))}</b>` : esc(t("act_none"));
    put("sentence", first + dot + esc(t("near_limit", {n: n.near})) + dot + esc(t("others_fine", {n: n.calm})));
  }

  /* ---- left ---- */
  function today() {
    const f = gp.state().figures || {}, came = f.came_in || {}, due = f.fell_due || {}, now = f.now || {};
    const figure = (id, value) => put("n-" + id, value === undefined || value === null ? "–" : esc(value));
    figure("inflow", came.inflow);
    figure("dispatched", came.dispatched);
    figure("closed", (f.closed || {}).closed);
    figure("open", now.open);
    figure("waiting", now.by_state ? now.by_state[TO_DISPATCH] || 0 : undefined);
    figure("supervised", now.supervised);
    const decided = (due.due || 0) - (due.ahead || 0);   // what still has time is not yet a failure
    figure("on_time", decided ? (due.on_time === decided ? "100%" : (100 * due.on_time / decided).toFixed(1) + "%") : null);
    const origins = came.by_origin || {};
    put("d-inflow", came.inflow === undefined ? "" : ["device", "resident", "village"].map((o) => esc(t(o + "_short")) + " " + (origins[o] || 0)).join("&ensp;"));
  }

  function heat() {
    const rows = map.hottest(HOT), most = rows.length ? Math.max(rows[0][1], 5) : 1;
    put("heat-lead", esc(t("open_now")) + " · ");
    put("heat-rows", rows.length ? rows.map(([code, n]) => `<div class="heat-row"><span>${esc((gp.directory().grids[code] || {}).name || code)}</span><u><i style="width:${(100 * n / most).toFixed(1)}%"></i></u><b class="figure">${n}</b></div>`).join("")
      : `<p class="none">${esc(t("no_open_grid"))}</p>`);
  }

  function forces() {
    const now = gp.now(), known = gp.directory().patrols, n = {free: 0, way: 0, scene: 0, lost: 0, off: 0}, squads = {};
    for (const [id, person] of Object.entries(known)) {
      const live = gp.state().patrols[id], state = live && live.at ? map.shownState(live, now) : "off";
      const squad = squads[person.squad] = squads[person.squad] || {on: 0, all: 0};
      n[state] += 1;
      squad.all += 1;
      if (state !== "off") squad.on += 1;
    }
    const all = Object.keys(known).length, on = all - n.off;
    put("forces-head", `${esc(t("patrols"))} <span class="figure">${on} / ${all}</span>`);
    for (const state of ["free", "way", "scene", "lost"]) put("n-" + state, n[state] > 999 ? `<small>${n[state]}</small>` : String(n[state]));
    put("force-bar", ["free", "way", "scene", "lost", "off"].filter((state) => n[state]).map((state) => `<i class="${state}" style="flex:${n[state]}"></i>`).join(""));
    put("squads", squadCells(squads).map(([name, s]) => `<span>${esc(name)}<b class="figure">${s.on} / ${s.all}</b></span>`).join(""));
  }

  function devices() {
    const now = gp.now(), d = gp.directory(), live = gp.state().devices;
    for (const [kind, id] of [["camera", "cameras"], ["sensor", "sensors"]]) {
      const all = Object.entries(d.devices).filter(([, one]) => one.kind === kind), off = all.filter(([name]) => (live[name] || {}).state === "offline").length;
      put("n-" + id, `${all.length - off} / ${all.length}`);
      put("s-" + id, off ? `<span class="bad">${esc(t("n_offline", {n: off}))}</span>` : esc(t("all_online")));
    }
    sources(d, live, now);
  }

  /* A source is quiet when its devices (or, for positions, its patrols) were last heard over three periods ago. */
  function sources(d, live, now) {
    const heard = Object.assign({}, (gp.state().figures || {}).sources);
    for (const [id, one] of Object.entries(d.devices)) heard[one.source] = Math.max(heard[one.source] || 0, (live[id] || {}).at || 0);
    const moving = Math.max(0, ...Object.values(gp.state().patrols).map((p) => p.at || 0));
    let quiet = [];
    const cells = Object.entries(d.sources).map(([id, source]) => {
      const at = source.kind === "position" && !heard[id] ? moving : heard[id];
      const old = source.period > 0 && (!at || now - at > 3000 * source.period);
      if (old) quiet.push([source.name, at]);
      return `<i class="${old ? "old" : ""}" title="${esc(source.name)}"></i>`;
    });
    quiet.sort((a, b) => (b[1] || 0) - (a[1] || 0));
    const short = quiet.length === 1 && quiet[0][0].length <= 4;   // more do not fit beside the count
    const said = short ? (quiet[0][1] ? t("source_quiet", {name: `<span>${esc(quiet[0][0])}</span>`, age: esc(gp.ageShort(now - quiet[0][1]))}) : t("source_never", {name: `<span>${esc(quiet[0][0])}</span>`})) : quiet.length === 1 && quiet[0][1] ? esc(t("n_quiet", {n: 1}) + " · " + gp.ageShort(now - quiet[0][1])) : quiet.length ? esc(t("n_quiet", {n: quiet.length})) : t("all_online");
    put("n-sources", `${cells.length - quiet.length} / ${cells.length}`);
    put("s-sources", quiet.length ? `<span class="age old quiet-source">${said}</span>` : esc(said));
    put("source-cells", cells.join(""));
  }

  /* ---- right ---- */
  /* Whom the case's level of supervision names: the chief of its grid, the supervisor, the duty leader. */
  function overseer(d, item) {
    if (!item.level) return "";
    const person = item.level === 1 ? d.chiefs[item.grid] : d.above[item.level];
    return t("wall_above", {role: t("level_" + item.level), name: person || ""}).trim();
  }

  function urgent() {
    const d = gp.directory(), now = gp.now();
    const timed = Object.values(gp.state().cases).map((item) => [item, gp.urgentClock(item)]).filter(([, clock]) => clock);
    const rank = ([item, clock]) => gp.share(clock.due, clock.start, item.priority, now).level === "act" ? 0 : 1;
    timed.sort((a, b) => rank(a) - rank(b) || (rank(a) === 0 ? a[0].priority - b[0].priority : 0) || a[1].due - b[1].due);
    const rows = timed.slice(0, URGENT).map(([item, clock], i) => {
      const who = (d.patrols[item.patrol] || {}).name, state = d.states[item.state] + (who && !WAITING.includes(item.state) ? " " + who : "");
      const place = (d.grids[item.grid] || {}).name || t(item.lon == null ? "no_place" : "no_grid");
      const above = i < NAMED ? overseer(d, item) : "";
      return `<div class="sla" data-due="${clock.due}" data-start="${clock.start}" data-p="${item.priority}" data-name="${clock.name}" data-long="1"><span class="glyph p${item.priority}"></span>` +
        `<div class="what"><div class="t">${esc((d.matters[item.matter] || {}).name || item.category)}</div><div class="m">${esc(place + " · " + state)}</div></div>` +
        `<div class="left-time"><b></b><em></em></div>${above ? `<p class="above">${esc(above)}</p>` : ""}<u><i></i></u></div>`;
    });
    put("urgent-rows", rows.length ? rows.join("") : `<p class="none">${esc(t("no_urgent"))}</p>`);
    document.querySelectorAll("#urgent-rows [data-due]").forEach(gp.drawClock);
  }

  const GLYPH = {sent: ["→", "var(--free)"], waiting: ["!", "var(--p2)"], scene: ["◉", "var(--scene)"], done: ["✓", "var(--text-3)"], ended: ["✓", "var(--text-3)"], live: ["○", "var(--text-3)"]};
  function standing(alert) {
    const item = alert.case && gp.state().cases[alert.case], d = gp.directory();
    if (item && WAITING.includes(item.state)) return ["waiting", d.states[item.state]];
    if (item && item.state === "suspended") return ["live", d.states[item.state]];
    if (item && item.state === "on_scene") return ["scene", d.states[item.state]];
    if (item && item.state === "handled") return ["done", d.states[item.state]];
    if (item) return ["sent", d.states[item.state]];
    if (alert.case) return ["done", d.states.closed];
    return alert.phase === "end" ? ["ended", t("phase_end")] : ["live", t("phase_" + alert.phase)];
  }
  function alerts() {
    const d = gp.directory(), all = Object.values(gp.state().alerts).sort((a, b) => b.received - a.received);
    const box = document.getElementById("alerts"), rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const fits = Math.floor((box.clientHeight - 9.5 * rem) / (ALERT_ROW * rem));   // a row cut in half is worse than none
    const rows = all.slice(0, Math.min(ALERTS, Math.max(1, fits))).map((alert) => {
      const matter = d.matters[d.categories[alert.category]] || {}, [kind, said] = standing(alert), [sign, colour] = GLYPH[kind];
      const place = (d.grids[alert.grid] || {}).name || (d.devices[alert.device] || {}).name || t(alert.lon == null ? "no_place" : "no_grid");
      return `<div class="al"><time>${gp.hhmmss(alert.received)}</time><span>${esc(matter.name || alert.category)}<em>${esc(place)}</em></span><span class="s"><i style="color:${colour}">${sign}</i>${esc(said)}</span></div>`;
    });
    put("alert-rows", rows.length ? rows.join("") : `<p class="none">${esc(t("no_alerts"))}</p>`);
  }

  /* ---- over the map ---- */
  /* The tightest P1 case says on the map what it is and how long it has. */
  function callout() {
    const el = document.getElementById("callout"), it = map.map;
    if (!el || !it) return;
    let first = null;
    for (const item of Object.values(gp.state().cases)) {
      const clock = gp.urgentClock(item);
      if (item.priority === 1 && clock && item.lon !== null && (!first || clock.due < first[1].due)) first = [item, clock];
    }
    el.hidden = !first;
    if (!first) return;
    const [item, clock] = first, p = it.project([item.lon, item.lat]), left = clock.due - gp.now(), rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const name = (gp.directory().matters[item.matter] || {}).name || item.category;
    put("callout", `<span>${esc(name)} · ${esc(t("clock_" + clock.name))}</span><b>${esc(t(left < 0 ? "over" : "left", {time: gp.remaining(left)}))}</b>`);
    const flip = p.x + 8 * rem + el.offsetWidth > it.getContainer().clientWidth;
    el.style.transform = `translate(${flip ? p.x - el.offsetWidth - 6.5 * rem : p.x + 6.5 * rem}px, ${p.y - el.offsetHeight / 2}px)`;
  }

  function scale() {
    const it = map.map, el = document.getElementById("scale");
    if (!it || !el) return;
    const y = it.getContainer().clientHeight / 2, a = it.unproject([0, y]), b = it.unproject([100, y]);
    const perPixel = map.metres([a.lng, a.lat], [b.lng, b.lat]) / 100, rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const nice = [100, 200, 500, 1000, 2000, 5000, 10000, 20000].filter((m) => m / perPixel < 20 * rem).pop() || 100;
    el.textContent = nice >= 1000 ? nice / 1000 + " km" : nice + " m";
    el.style.width = nice / perPixel + "px";
  }
})();
