/* Choosing a place on the map, for the act `place`: while its form is open, a click anywhere on the map is the place, a
   cross stands there, and the grid it lies in is named. The server works out the grid that counts. */
"use strict";

window.gridpostPlace = (function () {
  const gp = window.gridpost, t = gp.t, e = gp.esc;
  let picking = null, pin = null;

  const maps = () => window.gridpostMap;
  const number = (input) => (input.value.trim() === "" || Number.isNaN(+input.value) ? null : +input.value);

  function field() {
    return {
      label: t("form_place"),
      html: ["lon", "lat"].map((name) => `<label class="inline">${e(t("form_" + name))}<input type="text" name="${name}" inputmode="decimal" size="11"></label>`).join("") + `<b class="said"></b>`,
      ready(el) {
        const inputs = el.querySelectorAll("input");
        inputs.forEach((one) => { one.oninput = () => show(el, number(inputs[0]), number(inputs[1])); });
        start((lon, lat) => { inputs[0].value = lon.toFixed(6); inputs[1].value = lat.toFixed(6); show(el, lon, lat); });
      },
      read(el) {
        const [lon, lat] = [...el.querySelectorAll("input")].map(number);
        return lon === null || lat === null ? null : {lon, lat};
      },
      write(el, value) { const [lon, lat] = el.querySelectorAll("input"); lon.value = value.lon; lat.value = value.lat; show(el, value.lon, value.lat); },
      done: stop,
    };
  }

  function start(picked) {
    stop();
    const map = maps().map;
    if (!map) return;
    const click = (event) => picked(event.lngLat.lng, event.lngLat.lat), follow = () => move();
    map.on("click", click);
    map.on("move", follow);
    picking = {map, click, follow, at: null};
    document.documentElement.classList.add("picking-place");
  }

  function stop() {
    if (!picking) return;
    picking.map.off("click", picking.click);
    picking.map.off("move", picking.follow);
    picking = null;
    if (pin) { pin.remove(); pin = null; }
    document.documentElement.classList.remove("picking-place");
  }

  function show(el, lon, lat) {
    const said = el.querySelector(".said"), there = lon !== null && lat !== null;
    if (picking) { picking.at = there ? [lon, lat] : null; move(); }
    const grid = there ? gridOf(lon, lat) : null;
    said.textContent = !there ? "" : grid ? t("form_falls_in", {name: (gp.directory().grids[grid] || {}).name || grid}) : t("form_falls_out");
    said.classList.toggle("bad", there && !grid);
  }

  function move() {
    if (!picking) return;
    if (!picking.at) { if (pin) pin.hidden = true; return; }
    if (!pin) {
      pin = document.createElement("i");
      pin.id = "place-pin";
      document.querySelector(".map-panel").append(pin);
    }
    const p = picking.map.project(picking.at);
    pin.hidden = false;
    pin.style.transform = `translate(${p.x}px, ${p.y}px)`;
  }

  /* The grid under a point, as the map draws them; a dedicated grid lies over the general ones. */
  function gridOf(lon, lat) {
    const trace = maps().gd && maps().gd.data[0], all = (trace && trace.geojson && trace.geojson.features) || [];
    const hits = all.map((one) => ({code: one.properties.code || one.id, shape: one.geometry})).filter((one) => within(one.shape, lon, lat));
    const kind = (one) => (gp.directory().grids[one.code] || {}).kind;
    const hit = hits.find((one) => kind(one) === "dedicated") || hits[0];
    return hit ? hit.code : null;
  }

  function within(shape, lon, lat) {
    const polygons = shape.type === "Polygon" ? [shape.coordinates] : shape.coordinates;
    return polygons.some((rings) => rings.reduce((inside, ring) => inside !== crossed(ring, lon, lat), false));
  }

  function crossed(ring, lon, lat) {
    let odd = false;
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
      const [x, y] = ring[i], [u, v] = ring[j];
      if (y > lat !== v > lat && lon < (u - x) * (lat - y) / (v - y) + x) odd = !odd;
    }
    return odd;
  }

  return {field, picking: () => !!picking};
})();
