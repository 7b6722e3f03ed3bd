/* Everything on the map that moves. Plotly draws the shell and the grids' heat once; patrols and trails are drawn by
   map-patrols.js, pins and devices are MapLibre sources filled here with setData, at most once a frame and only when
   they changed, since a redraw of the figure costs many times as much. The map object is reached through Plotly's
   internals in exactly one function, `mapOf`; the versions are pinned and a test guards it. Nothing here decides
   anything: a click is reported, the page decides. */
"use strict";

window.gridpostMap = (function () {
  const FRAME = 50, AGED = 2000;
  const gp = window.gridpost, walkers = window.gridpostPatrols, {place, metres, shownState} = walkers;
  const dirty = new Set();
  const pulses = new Map();      // case -> began
  const pulsed = new Set();      // case + reason that has pulsed already
  const given = {};              // source -> what it holds, as text
  let map = null, k = 1, wall = false, chosen = false, calm = false, handlers = {}, drawn = 0, asked = 0, walked = 0, fitted = "";
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
  function keepView(gd, it = map) {
    const view = gd._fullLayout.map, at = it.getCenter();
    view.center = view._input.center = {lon: at.lng, lat: at.lat};
    view.zoom = view._input.zoom = it.getZoom();
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
      walkers.start(map, calm);
      dress();
      map.on("moveend", () => { keepView(found.gd); mark("patrols"); settle(); });
      fitAll(0);   // the figure was fitted to a panel of the usual size; this one may be twice that
      map.on("styledata", () => { if (map.isStyleLoaded() && !map.getLayer("live-patrols")) dress(); });
      listen(found.gd);
      for (const hand of ["dragstart", "wheel", "touchstart"]) map.on(hand, () => { chosen = true; });
      new ResizeObserver(resized).observe(found.gd);
      document.dispatchEvent(new CustomEvent("gridpost-map"));
      if (options.ready) options.ready(map);
    }, 50);
    /* A panel that gets another size while the style still loads makes Plotly update a map that is not there yet; it
       gives up by a rejection that nobody can catch. The update is made again a little later. */
    addEventListener("unhandledrejection", (event) => {
      if (!event.reason || event.reason.message !== "Style is not done loading.") return;
      event.preventDefault();
      setTimeout(() => { const found = mapOf(id); if (found) Plotly.Plots.resize(found.gd); }, 500);
    });
    gp.on("reset", () => { heatAt = 0; everything(); });
    gp.on("patrols", (items) => { walkers.moved(items); mark("patrols"); });
    gp.on("cases", () => mark("cases", "marks", "heat"));
    gp.on("devices", () => mark("devices"));
    gp.on("tick", () => { mark("cases", "heat"); if (performance.now() - walked > AGED) mark("patrols"); });   // trails and states age
  }

  /* Another screen: the whole town again, unless a hand has chosen a view. Where everything is of another size
     (1920 to 3840), the page begins anew: rows, glyphs and labels were made for the old one. */
  function resized() {
    if (Math.abs(scale() - k) > 0.01) { location.reload(); return; }
    map.resize();
    if (!chosen) fitAll(0);
  }
  const scale = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / (wall ? 8 : 16);

  function dress() {
    k = scale();
    map.getCanvas().setAttribute("aria-label", gp.t("map"));   // MapLibre says it in English only
    gridpostGlyphs.addAll(map, k);
    gridpostLayers.addAll(map, k, wall, walkers.layers(k));
    gridpostLayers.grow(map, k, wall);
    Object.keys(given).forEach((id) => delete given[id]);
    everything();
  }

  function everything() { mark("patrols", "cases", "devices", "marks", "selection", "routes", "heat"); }

  function mark(...kinds) {
    kinds.forEach((kind) => dirty.add(kind));
    if (!asked) asked = requestAnimationFrame(frame);
  }

  function frame() {
    asked = 0;
    if (!map) return;
    const at = performance.now();
    if (at - drawn < FRAME) { asked = requestAnimationFrame(frame); return; }
    drawn = at;
    const moving = walkers.moving();
    if (moving) dirty.add("patrols");
    if (dirty.has("patrols")) { walked = at; walkers.draw(); }
    if (dirty.has("cases")) set("cases", cases());
    if (pulses.size) dirty.add("marks");
    if (dirty.has("devices")) set("devices", devices());
    if (dirty.has("selection") || (dirty.has("patrols") && selected.patrol)) set("selection", selection());
    if (dirty.has("routes") || (dirty.has("patrols") && selected.candidates.length && !moving)) set("routes", routes());
    if (dirty.has("marks") || (dirty.has("patrols") && selected.candidates.length)) set("marks", marks());
    if (dirty.has("heat")) heat();
    dirty.clear();
    if (walkers.moving()) mark("patrols");
    else if (pulses.size) mark("marks");
  }

  /* A source is filled only with something else than it holds: each filling is cut, placed and drawn anew. */
  function set(id, features) {
    const text = JSON.stringify(features);
    if ((given[id] || "[]") === text) return;
    given[id] = text;
    map.getSource("live-" + id).setData({type: "FeatureCollection", features});
  }

  const point = (lon, lat, properties) => ({type: "Feature", geometry: {type: "Point", coordinates: [lon, lat]}, properties});
  const line = (coordinates, properties) => ({type: "Feature", geometry: {type: "LineString", coordinates}, properties});

  function cases() {
    const now = gp.now(), features = [];
    for (const item of Object.values(gp.state().cases)) {
      if (item.lon === null || item.lon === undefined) continue;
      const clock = gp.urgentClock(item);
      const level = clock ? gp.share(clock.due, clock.start, item.priority, now).level : "calm";
      if (item.priority === 1) for (const why of level === "act" ? ["new", "act"] : ["new"]) pulse(item.no, why);
      const told = (wall && item.priority === 1) || item.no === selected.case;   // by its callout, or by the inspector
      const held = told ? "" : clock ? gp.remaining(clock.due - now) : "";
      features.push(point(item.lon, item.lat, {no: item.no, priority: item.priority, open: item.state !== "handled", level, due: clock ? clock.due / 1e6 : 9e9,
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
    const features = [], at = performance.now(), to = selected.case && gp.state().cases[selected.case];
    selected.candidates.forEach((one, i) => {
      const where = place(one.id), chosen = i === selected.chosen ? 1 : 0;
      if (where) features.push(point(where[0], where[1], {kind: "badge", number: i + 1, chosen, text: one.label, west: to && where[0] < to.lon ? 1 : 0}));
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
    const unready = map.isMoving() ? 1000 : map.isStyleLoaded() ? 0 : 250;   // Plotly throws while the style loads
    const wait = Math.max(heatAt + 5000 - Date.now(), unready);
    if (wait > 0) { heatLater = setTimeout(() => { heatLater = 0; mark("heat"); }, wait); return; }
    heatAt = Date.now();
    Plotly.restyle(api.gd, {z: [z], zmax: [Math.max(5, ...z)]}, [0]);
  }

  /* ---- pointer ---- */
  function under(p, reach) {
    const pin = rendered("live-cases", p, reach), id = pin ? null : walkers.nearest(p, reach + 8 * k);
    if (pin || id) return pin ? {kind: "case", id: pin.no} : {kind: "patrol", id};
    const device = rendered("live-devices", p, reach);
    return device ? {kind: "device", id: device.id} : null;
  }
  function rendered(layer, p, reach) {
    const box = [[p.x - reach, p.y - reach], [p.x + reach, p.y + reach]];
    const hits = map.getLayer(layer) ? map.queryRenderedFeatures(box, {layers: [layer]}) : [];
    return hits.length ? hits.sort((a, b) => away(a, p) - away(b, p))[0].properties : null;
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
      if (handlers[hit.kind]) handlers[hit.kind](hit.id);
    });
    if (!tip) return;
    map.on("mousemove", (event) => {
      if (hover) return;
      hover = requestAnimationFrame(() => {
        hover = 0;
        const hit = under(event.point, 5 * k), text = hit && handlers.name ? handlers.name(hit.kind, hit.id) : "";
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
    mark("cases", "selection", "routes", "marks");
  }

  function fitAll(duration) {
    const b = gp.directory().bounds;
    if (!map || !b) return;
    map.fitBounds([[b[0], b[1]], [b[2], b[3]]], {padding: {top: 24 * k, left: 24 * k, right: 24 * k, bottom: 64 * k}, duration});
    if (!duration) fitted = stands(map);
  }
  const stands = (it) => [it.getCenter().lng, it.getCenter().lat, it.getZoom()].map((value) => value.toFixed(3)).join();
  /* Plotly may draw the map anew, as the figure has it, when its shapes have come: whoever chose no view gets the town. */
  function settle() { if (!chosen && fitted && stands(map) !== fitted) setTimeout(() => { if (!chosen) fitAll(0); }, 0); }
  function zoom(by) { chosen = true; if (map) map.zoomTo(map.getZoom() + by); }
  function find(lon, lat) { chosen = true; if (map) map.easeTo({center: [lon, lat], zoom: Math.max(map.getZoom(), 13.8), duration: calm ? 0 : 500}); }
  function show(layer, on) {
    if (layer === "live-trail") { walkers.trails(on); return; }
    const value = on ? "visible" : "none";
    for (const each of map.getStyle().layers) if (each.id.startsWith(layer)) map.setLayoutProperty(each.id, "visibility", value);
  }

  const api = {start, select, find, zoom, fitAll, show, mapOf, keepView, stands, scale, shownState, hottest, metres, under, selected: () => selected, place};
  return api;
})();
