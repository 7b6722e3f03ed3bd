/* The layers of everything that moves, over the basemap of /style.json, bottom to top. They stand here and not in the
   style, beside the properties that map.js sets: sizes depend on the screen (a 4K wall doubles everything), and a
   source of ours can be filled before Plotly has told anybody that the style is there. */
"use strict";

window.gridpostLayers = (function () {
  const {RIM} = window.gridpostGlyphs;
  const BOLD = ["Noto Sans CJK SC Bold", "Noto Sans CJK SC"], REGULAR = ["Noto Sans CJK SC Regular", "Noto Sans CJK SC"];   // the first says the weight, the second is the family
  const WEST = ["==", ["get", "west"], 1], aside = (x) => ["case", WEST, ["literal", [-x, 0]], ["literal", [x, 0]]];   // a badge stands on the side away from the case
  const POINTS = {maxzoom: 12};   // tiles of 8 km hold a metre: four of them are drawn where there would be sixteen
  const SOURCES = {selection: {}, routes: {}, devices: POINTS, crowd: {}, cases: POINTS, names: POINTS, marks: POINTS};
  const is = (key, value) => ["==", ["get", key], value];

  /* `k`: 1 at 1920, 2 on a 4K wall. `wall`: no pointer, so no candidate badges, but counts and bigger names. The
     patrols' own layers, `tracks` and `dots`, take their place among the others. */
  function all(k, wall, {tracks, dots}) {
    const halo = {"text-halo-color": "#14191C", "text-halo-width": 1.6 * k, "text-halo-blur": 0.3};
    const shrink = (size) => ["interpolate", ["linear"], ["zoom"], 9, 0.45 * size, 11.2, 0.75 * size, 12.2, size];
    const layers = [
      {id: "live-selected-grid", type: "fill", source: "live-selection", filter: is("kind", "grid"),
       paint: {"fill-color": "#6CB0F5", "fill-opacity": 0.09}},
      {id: "live-selected-edge", type: "line", source: "live-selection", filter: is("kind", "grid"), layout: {"line-join": "round"},
       paint: {"line-color": "#E9EEF0", "line-width": 2.2 * k}},
      {id: "live-devices", type: "symbol", source: "live-devices", minzoom: 11,
       layout: {"icon-image": ["concat", ["get", "kind"], "-", ["get", "off"]], "icon-rotate": ["get", "turn"], "icon-rotation-alignment": "map", "icon-allow-overlap": true, "icon-ignore-placement": true,
                "icon-size": ["interpolate", ["linear"], ["zoom"], 11, wall ? 0.7 : 0.5, 13.5, wall ? 1 : 0.85, 15, 1.15]},
       paint: {"icon-opacity": ["interpolate", ["linear"], ["zoom"], 11.5, ["case", is("off", 1), 1, 0.55], 14, ["case", is("off", 1), 1, 0.9]]}},
    ];
    layers.push(
      tracks,
      {id: "live-routes", type: "line", source: "live-routes", filter: is("chosen", 0), layout: {"line-cap": "butt"},
       paint: {"line-color": "#7E8B93", "line-width": 1.3 * k, "line-dasharray": [3, 3], "line-opacity": 0.8}},
      {id: "live-route", type: "line", source: "live-routes", filter: is("chosen", 1), layout: {"line-cap": "round"},
       paint: {"line-color": "#6CB0F5", "line-width": 2.6 * k}},
      {id: "live-counts", type: "symbol", source: "live-marks", filter: is("kind", "count"),
       layout: {"text-field": ["get", "text"], "text-font": BOLD, "text-size": 20 * k, "text-optional": true, "text-padding": 6 * k},
       paint: {"text-color": "#E9EEF0", "text-halo-color": "#23414C", "text-halo-width": 2.2 * k}},
      {id: "live-case-ring", type: "circle", source: "live-cases", filter: ["all", ["==", ["get", "priority"], 1], ["get", "open"]],
       paint: {"circle-radius": (wall ? 43 : 27) * k, "circle-color": "#FF6459", "circle-opacity": 0.1, "circle-stroke-color": "#FF6459", "circle-stroke-width": 2 * k}},
      {id: "live-case-pulse", type: "circle", source: "live-marks", filter: is("kind", "pulse"),
       paint: {"circle-radius": ["*", ["get", "grow"], (wall ? 43 : 27) * k], "circle-color": "rgba(0,0,0,0)", "circle-stroke-color": "#FF6459", "circle-stroke-width": 2 * k, "circle-stroke-opacity": ["-", 2, ["get", "grow"]]}},
      {id: "live-crowd", type: "symbol", source: "live-crowd", filter: ["!", ["has", "point_count"]],
       layout: {"icon-image": ["concat", "patrol-", ["get", "state"]], "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-size": shrink(1)}},
      {id: "live-crowd-ring", type: "circle", source: "live-crowd", filter: ["has", "point_count"],
       paint: {"circle-radius": ["interpolate", ["linear"], ["get", "point_count"], 2, 11 * k, 100, 20 * k, 1000, 28 * k], "circle-color": "#1B2024", "circle-opacity": 0.9, "circle-stroke-color": "#5CC8A8", "circle-stroke-width": 2 * k}},
      {id: "live-crowd-count", type: "symbol", source: "live-crowd", filter: ["has", "point_count"],
       layout: {"text-field": ["to-string", ["get", "point_count"]], "text-font": BOLD, "text-size": 13 * k, "text-allow-overlap": true, "text-ignore-placement": true},
       paint: {"text-color": "#E9EEF0"}},
      dots,
      {id: "live-patrol-names", type: "symbol", source: "live-names", minzoom: 15.5,
       layout: {"text-field": ["get", "name"], "text-font": REGULAR, "text-size": 12 * k, "text-anchor": "top", "text-offset": [0, 0.8], "text-optional": true},
       paint: Object.assign({"text-color": "#E9EEF0"}, halo)},
      {id: "live-selected-case", type: "circle", source: "live-selection", filter: is("kind", "case"),
       paint: {"circle-radius": 25 * k, "circle-color": RIM, "circle-opacity": 0.35, "circle-stroke-color": "#E9EEF0", "circle-stroke-width": 2 * k}},
      {id: "live-selected-patrol", type: "circle", source: "live-selection", filter: is("kind", "patrol"),
       paint: {"circle-radius": 14 * k, "circle-color": "rgba(0,0,0,0)", "circle-stroke-color": "#6CB0F5", "circle-stroke-width": 2 * k}},
      {id: "live-case-clocks", type: "symbol", source: "live-cases", filter: ["all", ["!=", ["get", "clock"], ""], ["<=", ["get", "priority"], 2]], minzoom: 11.3,
       layout: {"text-field": ["get", "clock"], "text-font": BOLD, "text-size": (wall ? 19 : 14) * k, "text-anchor": "left", "text-offset": ["case", ["==", ["get", "priority"], 1], ["literal", [wall ? 2.5 : 2.1, 0]], ["literal", [wall ? 1.05 : 1.3, 0]]], "text-optional": true, "text-padding": 1, "symbol-sort-key": ["get", "due"]},
       paint: {"text-color": ["match", ["get", "level"], "act", "#FF6459", "near", "#F0C076", "#E9EEF0"], "text-halo-color": "#14191C", "text-halo-width": 2.2 * k}},
      {id: "live-cases", type: "symbol", source: "live-cases",
       layout: {"icon-image": ["concat", "case-", ["get", "priority"]], "icon-allow-overlap": true, "icon-padding": 0, "symbol-sort-key": ["-", 5, ["get", "priority"]],
                "icon-size": shrink(wall ? 1.1 : 1)}},
    );
    if (!wall) layers.push(
      {id: "live-badges", type: "symbol", source: "live-marks", filter: is("kind", "badge"),
       layout: {"icon-image": ["concat", "badge-", ["get", "number"], "-", ["get", "chosen"]], "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-offset": aside(24), "symbol-sort-key": ["get", "chosen"]}},
      {id: "live-badge-text", type: "symbol", source: "live-marks", filter: ["all", is("kind", "badge"), is("chosen", 1)],
       layout: {"text-field": ["get", "text"], "text-font": BOLD, "text-size": 12.5 * k, "text-anchor": ["case", WEST, "right", "left"], "text-offset": aside(3), "text-max-width": 40, "text-allow-overlap": true, "text-ignore-placement": true},
       paint: {"text-color": "#CFE5FB", "text-halo-color": "#0E1113", "text-halo-width": 2.4 * k}});
    return layers;
  }

  /* Adds what is missing; safe to call again after the style was set anew. */
  function addAll(map, k, wall, moving) {
    const crowd = {cluster: true, clusterRadius: 48 * k, clusterMaxZoom: 11, maxzoom: 12};
    for (const [name, options] of Object.entries(SOURCES)) {
      const source = {type: "geojson", data: {type: "FeatureCollection", features: []}, ...(name === "crowd" ? crowd : options)};
      if (!map.getSource("live-" + name)) map.addSource("live-" + name, source);
    }
    for (const layer of all(k, wall, moving)) if (!map.getLayer(layer.id)) map.addLayer(layer);
  }

  /* On a big screen the basemap's lines and letters grow with everything else. */
  function grow(map, k, wall) {
    const times = (value, by) => Array.isArray(value)
      ? ["interpolate", "linear", "exponential"].includes(value[0]) ? value.map((each, i) => (i > 3 && i % 2 === 0 && typeof each === "number" ? each * by : each)) : value
      : typeof value === "number" ? value * by : value;
    for (const layer of map.getStyle().layers) {
      if (layer.id.startsWith("live-") || layer.metadata && layer.metadata.grown) continue;
      if (layer.type === "line" && k !== 1) map.setPaintProperty(layer.id, "line-width", times(layer.paint["line-width"], k));
      if (layer.type !== "symbol") continue;
      const by = k * (wall && layer.id === "grid-name-2" ? 1.45 : wall ? 1.2 : 1);
      if (by !== 1) map.setLayoutProperty(layer.id, "text-size", times(layer.layout["text-size"], by));
    }
  }

  return {addAll, grow};
})();
