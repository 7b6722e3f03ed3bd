/* The patrols on the map: what state one is shown in, how it glides from fix to fix, its trail, and who is under the
   pointer. Drawn by the two layers of map-dots.js; below the zoom where a crowd would be a smear, by clusters. */
"use strict";

window.gridpostPatrols = (function () {
  const GLIDE = 900, JUMP = 200, MANY = 200, LOST = 180000;
  const TRAIL = 600000, GAP = 90000, LEAP = 500, STILL = 3;      // ms, ms, metres, pixels
  const TOWN = 11.5, NAMES = 15.5, CROWD_EVERY = 5000;
  const STATES = ["free", "way", "scene", "lost", "off"];
  const gp = window.gridpost;
  const glides = new Map();      // patrol -> {from, to, began}
  let map = null, big = 1, dots = null, tracks = null, calm = false, shown = [], crowded = false, clustered = -1e9, named = false;

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

  /* The layers, bottom to top; made anew whenever a style was set. */
  function layers(k) {
    big = k;
    const {STATE, patrolImages} = window.gridpostGlyphs, made = patrolImages(k, STATES);
    const shrink = (zoom) => zoom < 11.2 ? 0.45 + 0.3 * Math.max(0, (zoom - 9) / 2.2) : Math.min(1, 0.75 + 0.25 * (zoom - 11.2));
    tracks = new gridpostDots.Tracks("live-trails", STATES.map((state) => STATE[state]), 4 * k, 2 * k, 10.5);
    dots = new gridpostDots.Dots("live-patrols", made.images, (zoom) => made.half * k * shrink(zoom));
    return {tracks, dots};
  }

  function start(on, still) { map = on; calm = still; }

  /* What came by the feed: count once, then let each glide, unless there are too many or it jumped. */
  function moved(items) {
    const known = gp.state().patrols, many = calm || Object.keys(known).length > MANY;
    for (const item of items) {
      if (item.lon === undefined) continue;
      const patrol = known[item.id], before = place(item.id), to = [item.lon, item.lat];
      const from = glides.has(item.id) ? before : patrol._at || before;
      patrol._at = to;
      if (many || !from || metres(from, to) > JUMP) glides.delete(item.id);
      else if (from[0] !== to[0] || from[1] !== to[1]) glides.set(item.id, {from, to, began: performance.now()});
    }
  }

  function place(id) {
    const moving = glides.get(id), patrol = gp.state().patrols[id];
    if (!moving) return patrol && patrol.lon !== undefined && patrol.lon !== null ? [patrol.lon, patrol.lat] : null;
    const part = Math.min(1, (performance.now() - moving.began) / GLIDE);
    if (part >= 1) { glides.delete(id); return moving.to; }
    return [moving.from[0] + (moving.to[0] - moving.from[0]) * part, moving.from[1] + (moving.to[1] - moving.from[1]) * part];
  }

  const east = (lon) => lon / 360 + 0.5;
  const south = (lat) => 0.5 - Math.log(Math.tan(Math.PI / 4 + lat * Math.PI / 360)) / (2 * Math.PI);

  /* Everything anew: 5,000 patrols with trails are some milliseconds, so nothing is kept in step with what moved. */
  function draw() {
    const now = gp.now(), all = Object.values(gp.state().patrols);
    crowded = all.length > MANY && map.getZoom() < TOWN;
    shown = [];
    for (const patrol of all) {
      if (patrol.lon === undefined || patrol.lon === null) continue;
      const state = shownState(patrol, now);
      if (state !== "off") shown.push({patrol, state, at: glides.size ? place(patrol.id) : [patrol.lon, patrol.lat]});
    }
    dots.hidden = crowded;
    if (!crowded) { drawDots(); drawTrails(now); } else dots.fill(0), tracks.fill(0);
    cluster();
    names();
  }

  function drawDots() {
    const rows = dots.room(shown.length);
    let n = 0;
    for (const {patrol, state, at} of shown) {
      const x = east(at[0]), y = south(at[1]);
      if (!dots.origin) dots.origin = [x, y];
      rows[n++] = x - dots.origin[0];
      rows[n++] = y - dots.origin[1];
      rows[n++] = state === "way" ? ((patrol.course || 0) - 90) * Math.PI / 180 : 0;
      rows[n++] = STATES.indexOf(state);
    }
    dots.fill(shown.length);
  }

  /* A track ends where the dot is, and has no bends that nobody could see. A device that was silent or leapt draws no
     line across the town. */
  function drawTrails(now) {
    const still = STILL * big * 40075017 * Math.cos(map.getCenter().lat * Math.PI / 180) / (512 * 2 ** map.getZoom());
    let most = 2;
    for (const {patrol} of shown) most += 2 * (patrol.trail ? patrol.trail.length : 0) + 3;
    const rows = tracks.room(most);
    let n = 0;
    const put = (x, y, fresh, colour) => { rows[n++] = x; rows[n++] = y; rows[n++] = fresh; rows[n++] = colour; };
    put(0, 0, -1, 0);
    for (const {patrol, state, at} of shown) {
      const trail = patrol.trail;
      if (!trail || !trail.length) continue;
      const colour = STATES.indexOf(state), oldest = now - TRAIL;
      let last = null, since = 0;
      for (let i = 0; i <= trail.length; i++) {
        const head = i === trail.length, when = head ? patrol.at : trail[i][0];
        if (when < oldest || (!head && when > patrol.at)) continue;
        const here = head ? at : [trail[i][1], trail[i][2]];
        const far = last ? metres(last, here) : 0;
        if (last && (when - since > GAP || far > LEAP)) put(0, 0, -1, colour);
        else if (last && far < still && !head) { since = when; continue; }
        const x = east(here[0]), y = south(here[1]);
        if (!tracks.origin) tracks.origin = [x, y];
        put(x - tracks.origin[0], y - tracks.origin[1], Math.max(0, Math.min(1, (when - oldest) / TRAIL)), colour);
        last = here;
        since = when;
      }
      if (last) put(0, 0, -1, colour);
    }
    put(0, 0, -1, 0);
    tracks.fill(n / 4);
  }

  const feature = ({patrol, state, at}) => ({type: "Feature", geometry: {type: "Point", coordinates: at},
    properties: {id: patrol.id, state, name: ((gp.directory().patrols || {})[patrol.id] || {}).name || patrol.id}});
  const set = (id, features) => map.getSource(id).setData({type: "FeatureCollection", features});

  function cluster() {
    const at = performance.now();
    if (crowded ? at - clustered < CROWD_EVERY : clustered < 0) return;
    clustered = crowded ? at : -1e9;
    set("live-crowd", crowded ? shown.map(feature) : []);
  }

  /* Names stand only where streets have theirs, so only those in sight are given to the map. */
  function names() {
    const near = map.getZoom() >= NAMES, sight = near && map.getBounds();
    if (near || named) set("live-names", near ? shown.filter((one) => sight.contains(one.at)).map(feature) : []);
    named = near;
  }

  /* The patrol within `reach` pixels of the screen's point `p`, of those that the last frame drew. */
  function nearest(p, reach) {
    if (!dots || !dots.drawn) return null;
    const a = map.unproject([p.x - 1.5 * reach, p.y + 1.5 * reach]), b = map.unproject([p.x + 1.5 * reach, p.y - 1.5 * reach]);
    let found = null, best = reach;
    for (const {patrol, at} of shown) {
      if (at[0] < a.lng || at[0] > b.lng || at[1] < a.lat || at[1] > b.lat) continue;
      const q = map.project(at), away = Math.hypot(q.x - p.x, q.y - p.y);
      if (away <= best) { best = away; found = patrol.id; }
    }
    return found;
  }

  return {start, layers, moved, place, draw, nearest, shownState, metres, moving: () => glides.size > 0, crowded: () => crowded,
    trails: (on) => { tracks.hidden = !on; map.triggerRepaint(); }, drawn: () => ({dots: dots ? dots.drawn : 0, trails: tracks ? tracks.drawn : 0}), TOWN};
})();
