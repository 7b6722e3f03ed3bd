/* Everything on the map that moves. Plotly draws the shell and the grids' heat once; patrols, trails, pins and devices
   are MapLibre sources filled here with setData, at most once a frame, since a redraw of the figure costs five times
   as much. The map object is reached through Plotly's internals in exactly one function, `mapOf`; the versions are
   pinned and a test guards it. Nothing here decides anything: a click is reported, the page decides. */
"use strict";

window.gridpostMap = (function () {
  const GLIDE = 900, JUMP = 200, MANY = 200, LOST = 180000, FRAME = 50;
  const gp = window.gridpost;
  const none = {type: "FeatureCollection", features: []};
  const dirty = new Set();
  const glides = new Map();      // patrol -> {from, to, began}
  const pulses = new Map();      // case -> began
  const pulsed = new Set();      // case + reason that has pulsed already
  let map = null, k = 1, wall = false, calm = false, handlers = {}, drawn = 0, asked = 0;
  let selected = {case: null, grid: null, patrol: null, candidates: [], chosen: 0};

  /* The only place that knows where Plotly keeps its MapLibre map. */
  function mapOf(id) {
    const gd = document.querySelector("#" + id + " .js-plotly-plot");
    const sub = gd && gd._fullLayout && gd._fullLayout.map && gd._fullLayout.map._subplot;
    if (!sub || !sub.map || !sub.map.isStyleLoaded || !sub.map.getStyle()) return null;
    sub.map._fadeDuration = 0;   // a label that counts seconds is a new label each second: faded in, it would flicker
    return {gd, map: sub.map};
  }

  /* Plotly stores only the moves of a hand; without this its next redraw would undo every move of ours. */
  function keepView(gd) {
    const view = gd._fullLayout.map, at = map.getCenter();
    view.center = view._input.center = {lon: at.lng, lat: at.lat};
    view.zoom = view._input.zoom = map.getZoom();
  }

  /* Waits for the map of the graph `id`, then fills it for ever. `on`: {case, patrol, device, grid, ground}. */
  function start(id, options) {
    handlers = options.on || {};
    wall = !!options.wall;
    calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const wait = setInterval(() => {
      const found = mapOf(id);
      if (!found || !found.map.getSource("grids")) return;
      clearInterval(wait);
      map = found.map;
      api.map = map;
      api.gd = found.gd;
      dress();
      map.on("moveend", () => keepView(found.gd));
      fitAll(0);   // the figure was fitted to a panel of the usual size; this one may be twice that
      map.on("styledata", () => { if (map.isStyleLoaded() && !map.getLayer("live-patrols")) dress(); });
      listen(found.gd);
      new ResizeObserver(() => map.resize()).observe(found.gd);
      document.dispatchEvent(new CustomEvent("gridpost-map"));
      if (options.ready) options.ready(map);
    }, 50);
    gp.on("reset", () => everything());
    gp.on("patrols", (items) => { items.forEach(glide); mark("patrols", "trails"); });
    gp.on("cases", () => mark("cases", "marks", "heat"));
    gp.on("devices", () => mark("devices"));
    gp.on("tick", () => mark("cases", "patrols", "heat"));
  }

  function dress() {
    k = parseFloat(getComputedStyle(document.documentElement).fontSize) / (wall ? 8 : 16);
    gridpostGlyphs.addAll(map, k);
    gridpostLayers.addAll(map, k, wall);
    gridpostLayers.grow(map, k, wall);
    everything();
  }

  function everything() { mark("patrols", "trails", "cases", "devices", "marks", "selection", "routes", "heat"); }

  function mark(...kinds) {
    kinds.forEach((kind) => dirty.add(kind));
    if (!asked) asked = requestAnimationFrame(frame);
  }

  function frame() {
    asked = 0;
    if (!map) return;
    const at = performance.now();
    const moving = glides.size > 0 || pulses.size > 0;
    if (at - drawn < FRAME) { asked = requestAnimationFrame(frame); return; }
    drawn = at;
    if (glides.size) dirty.add("patrols");
    if (pulses.size) dirty.add("marks");
    const set = (id, features) => map.getSource("live-" + id).setData({type: "FeatureCollection", features});
    if (dirty.has("patrols")) set("patrols", patrols());
    if (dirty.has("trails")) set("trails", trails());
    if (dirty.has("cases")) set("cases", cases());
    if (dirty.has("devices")) set("devices", devices());
    if (dirty.has("selection") || (dirty.has("patrols") && selected.patrol)) set("selection", selection());
    if (dirty.has("routes") || (dirty.has("patrols") && selected.candidates.length && !moving)) set("routes", routes());
    if (dirty.has("marks") || (dirty.has("patrols") && selected.candidates.length)) set("marks", marks());
    if (dirty.has("heat")) heat();
    dirty.clear();
    if (glides.size || pulses.size) mark("patrols");
  }

  const point = (lon, lat, properties) => ({type: "Feature", geometry: {type: "Point", coordinates: [lon, lat]}, properties});
  const line = (coordinates, properties) => ({type: "Feature", geometry: {type: "LineString", coordinates}, properties});

  function metres(a, b) {
    const x = (b[0] - a[0]) * Math.cos((a[1] + b[1]) * Math.PI / 360), y = b[1] - a[1];
    return Math.hypot(x, y) * 111320;
  }

  /* How a patrol is shown: as its state, or lost when its last fix is older than three minutes. */
  function shownState(patrol, now) {
    if (patrol.state === "off" || patrol.duty === "off_duty") return "off";
    if (now - patrol.at > LOST) return "lost";
    return patrol.state || "free";
  }

  function glide(item) {
    if (item.lon === undefined || calm) return;
    const patrol = gp.state().patrols[item.id], before = place(item.id) || null, to = [item.lon, item.lat];
    const from = glides.has(item.id) ? before : patrol._at || before;
    patrol._at = to;
    if (!from || Object.keys(gp.state().patrols).length > MANY || metres(from, to) > JUMP) { glides.delete(item.id); return; }
    glides.set(item.id, {from, to, began: performance.now()});
  }

  function place(id) {
    const moving = glides.get(id), patrol = gp.state().patrols[id];
    if (!moving) return patrol && patrol.lon !== undefined ? [patrol.lon, patrol.lat] : null;
    const part = Math.min(1, (performance.now() - moving.began) / GLIDE);
    if (part >= 1) { glides.delete(id); return moving.to; }
    return [moving.from[0] + (moving.to[0] - moving.from[0]) * part, moving.from[1] + (moving.to[1] - moving.from[1]) * part];
  }

  function patrols() {
    const now = gp.now(), people = gp.directory().patrols || {}, features = [];
    for (const patrol of Object.values(gp.state().patrols)) {
      if (patrol.lon === undefined || patrol.lon === null) continue;
      const state = shownState(patrol, now);
      if (state === "off") continue;
      const at = place(patrol.id), turn = state === "way" ? (patrol.course || 0) - 90 : 0;
      features.push(point(at[0], at[1], {id: patrol.id, state, turn, name: (people[patrol.id] || {}).name || patrol.id}));
    }
    return features;
  }

  function trails() {
    const now = gp.now(), features = [];
    for (const patrol of Object.values(gp.state().patrols)) {
      const trail = (patrol.trail || []).filter((fix) => fix[0] > now - 600000);
      if (trail.length < 2) continue;
      const state = shownState(patrol, now);
      if (state !== "off") features.push(line(trail.map((fix) => [fix[1], fix[2]]), {id: patrol.id, state}));
    }
    return features;
  }

  function cases() {
    const now = gp.now(), features = [];
    for (const item of Object.values(gp.state().cases)) {
      if (item.lon === null || item.lon === undefined) continue;
      const clock = gp.urgentClock(item);
      const level = clock ? gp.share(clock.due, clock.start, item.priority, now).level : "calm";
      if (item.priority === 1) for (const why of level === "act" ? ["new", "act"] : ["new"]) pulse(item.no, why);
      const held = wall && item.priority === 1 ? "" : clock ? gp.remaining(clock.due - now) : "";
      features.push(point(item.lon, item.lat, {no: item.no, priority: item.priority, level, due: clock ? clock.due / 1e6 : 9e9,
        clock: held && clock.due < now ? "+" + held : held}));
    }
    return features;
  }

  /* The ring of a P1 case pulses once when it arrives and once when it crosses a tenth of its clock. */
  function pulse(no, why) {
    if (pulsed.has(no + why)) return;
    pulsed.add(no + why);
    if (!calm) { pulses.set(no, performance.now()); dirty.add("marks"); }
  }

  function devices() {
    const known = gp.directory().devices || {}, live = gp.state().devices, features = [];
    for (const [id, device] of Object.entries(known)) {
      const off = (live[id] || {}).state === "offline" ? 1 : 0;
      features.push(point(device.lon, device.lat, {id, kind: device.kind, off, turn: device.kind === "camera" ? (device.bearing || 0) - 90 : 0}));
    }
    return features;
  }

  function selection() {
    const features = [], item = selected.case && gp.state().cases[selected.case];
    const shape = selected.grid && shapes()[selected.grid];
    if (shape) features.push({type: "Feature", geometry: shape, properties: {kind: "grid"}});
    if (item && item.lon !== null && item.lon !== undefined) features.push(point(item.lon, item.lat, {kind: "case"}));
    const at = selected.patrol && place(selected.patrol);
    if (at) features.push(point(at[0], at[1], {kind: "patrol"}));
    return features;
  }

  let known = null;
  function shapes() {
    if (known) return known;
    known = {};
    const trace = api.gd && api.gd.data[0], collection = trace && trace.geojson;
    for (const feature of (collection && collection.features) || []) known[feature.properties.code || feature.id] = feature.geometry;
    return known;
  }

  /* A bent line from each candidate to the case; the chosen one drawn full. */
  function routes() {
    const item = selected.case && gp.state().cases[selected.case], features = [];
    if (!item || item.lon === null || item.lon === undefined) return features;
    selected.candidates.forEach((one, i) => {
      const from = place(one.id);
      if (!from) return;
      const to = [item.lon, item.lat], bend = 0.16, cos = Math.cos(to[1] * Math.PI / 180);
      const middle = [(from[0] + to[0]) / 2 + (to[1] - from[1]) * bend / cos, (from[1] + to[1]) / 2 - (to[0] - from[0]) * bend * cos];
      const curve = [];
      for (let s = 0; s <= 1.0001; s += 0.05) curve.push([0, 1].map((d) => (1 - s) * (1 - s) * from[d] + 2 * s * (1 - s) * middle[d] + s * s * to[d]));
      features.push(line(curve, {chosen: i === selected.chosen ? 1 : 0}));
    });
    return features;
  }

  function marks() {
    const features = [], at = performance.now();
    selected.candidates.forEach((one, i) => {
      const where = place(one.id), chosen = i === selected.chosen ? 1 : 0;
      if (where) features.push(point(where[0], where[1], {kind: "badge", number: i + 1, chosen, text: one.label}));
    });
    for (const [no, began] of pulses) {
      const part = (at - began) / 600, item = gp.state().cases[no];
      if (part >= 1 || !item) { pulses.delete(no); continue; }
      features.push(point(item.lon, item.lat, {kind: "pulse", grow: 1 + part}));
    }
    if (wall) for (const [code, n] of hottest(6)) {
      const grid = gp.directory().grids[code];
      if (grid) features.push(point(grid.lon, grid.lat, {kind: "count", text: String(n)}));
    }
    return features;
  }

  function load() {
    const open = new Map();
    for (const item of Object.values(gp.state().cases)) if (item.grid) open.set(item.grid, (open.get(item.grid) || 0) + 1);
    return open;
  }

  function hottest(n) { return [...load()].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, n); }

  /* The one thing Plotly redraws: the grids' fill, and only when a count has changed, at most every 5 s. */
  let heatAt = 0, heatLater = 0;
  function heat() {
    const open = load(), trace = api.gd.data[0], z = trace.locations.map((code) => open.get(code) || 0);
    if (heatLater || z.join() === Array.from(trace.z).join()) return;   // Dash may have drawn its own zeros again
    const wait = Math.max(heatAt + 5000 - Date.now(), map.isMoving() ? 1000 : 0);
    if (wait > 0) { heatLater = setTimeout(() => { heatLater = 0; mark("heat"); }, wait); return; }
    heatAt = Date.now();
    Plotly.restyle(api.gd, {z: [z], zmax: [Math.max(5, ...z)]}, [0]);
  }

  /* ---- pointer ---- */
  const LAYERS = ["live-cases", "live-patrols", "live-devices"];
  function under(p, reach) {
    const box = [[p.x - reach, p.y - reach], [p.x + reach, p.y + reach]];
    for (const layer of LAYERS) {
      const hits = map.getLayer(layer) ? map.queryRenderedFeatures(box, {layers: [layer]}) : [];
      if (!hits.length) continue;
      hits.sort((a, b) => away(a, p) - away(b, p));
      return {kind: layer.slice(5, -1), properties: hits[0].properties};
    }
    return null;
  }
  function away(feature, p) {
    const q = map.project(feature.geometry.coordinates);
    return Math.hypot(q.x - p.x, q.y - p.y);
  }

  function listen(gd) {
    const tip = document.getElementById("map-tip");
    let hover = 0;
    map.on("click", (event) => {
      const hit = under(event.point, 6 * k);
      if (!hit) { if (handlers.ground) handlers.ground(event.lngLat); return; }
      if (handlers[hit.kind]) handlers[hit.kind](hit.properties.no || hit.properties.id);
    });
    if (!tip) return;
    map.on("mousemove", (event) => {
      if (hover) return;
      hover = requestAnimationFrame(() => {
        hover = 0;
        const hit = under(event.point, 5 * k), text = hit && handlers.name ? handlers.name(hit.kind, hit.properties.no || hit.properties.id) : "";
        map.getCanvas().style.cursor = hit ? "pointer" : "";
        gd.querySelectorAll(".maplibregl-canvas-container,.mapboxgl-canvas-container").forEach((el) => { el.style.cursor = hit ? "pointer" : ""; });
        tip.hidden = !text;
        if (!text) return;
        tip.innerHTML = text;
        tip.style.transform = `translate(${Math.min(event.point.x + 14, gd.clientWidth - tip.offsetWidth - 8)}px, ${event.point.y + 14}px)`;
      });
    });
    map.on("mouseout", () => { tip.hidden = true; });
  }

  /* What the page has selected: {case, grid, patrol, candidates: [{id, label}], chosen}. */
  function select(change) {
    selected = Object.assign({}, selected, change);
    mark("selection", "routes", "marks");
  }

  function fitAll(duration) {
    const b = gp.directory().bounds;
    if (map && b) map.fitBounds([[b[0], b[1]], [b[2], b[3]]], {padding: {top: 24 * k, left: 24 * k, right: 24 * k, bottom: 64 * k}, duration});
  }
  function find(lon, lat) { if (map) map.easeTo({center: [lon, lat], zoom: Math.max(map.getZoom(), 13.8), duration: calm ? 0 : 500}); }
  function show(layer, on) {
    const value = on ? "visible" : "none";
    for (const each of map.getStyle().layers) if (each.id.startsWith(layer)) map.setLayoutProperty(each.id, "visibility", value);
  }

  const api = {start, select, find, fitAll, show, mapOf, shownState, hottest, metres, selected: () => selected, place, none};
  return api;
})();
