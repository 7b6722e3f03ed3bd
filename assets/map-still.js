/* A map on paper: all grids fitted, its letters and lines grown with everything else. Nobody moves it, so whenever it
   stands otherwise (Plotly draws it anew when the page is laid out or its shapes have come) it is put back. */
"use strict";

window.gridpostStill = (function () {
  const gp = window.gridpost;

  /* Keeps the map of the graph `id` fitted. `padding`: free space at its sides in rem. */
  function start(id, padding) {
    const {mapOf, keepView, stands, scale} = window.gridpostMap;   // which is loaded after this, by its name
    let known = null, want = "", watch = null;
    const fit = (found, b) => {
      const pad = Object.fromEntries(Object.entries(padding).map(([side, rem]) => [side, 16 * scale() * rem]));
      found.map.resize();
      found.map.fitBounds([[b[0], b[1]], [b[2], b[3]]], {padding: pad, duration: 0});
      keepView(found.gd, found.map);
      want = stands(found.map);
    };
    setInterval(() => {
      const found = mapOf(id), b = gp.directory().bounds;
      if (!found || !b) return;
      if (found.map !== known) {
        known = found.map;
        grow(known, scale());
        if (watch) watch.disconnect();
        watch = new ResizeObserver(() => fit(found, b));
        watch.observe(found.gd);
        fit(found, b);
      } else if (stands(known) !== want) fit(found, b);
    }, 250);
  }

  function grow(map, k) {
    map.getCanvas().setAttribute("aria-label", gp.t("map"));
    window.gridpostLayers.grow(map, k, false);
    const deeper = Math.log2(k);   // twice the pixels are one zoom more: show no more names for that
    if (deeper) for (const layer of map.getStyle().layers) map.setLayerZoomRange(layer.id, Math.min(24, (layer.minzoom || 0) + deeper), Math.min(24, (layer.maxzoom || 24) + deeper));
  }

  return {start};
})();
