/* Drives the map of assets/map.js with ticks of a made-up feed, or redraws the whole figure; one or the other a page.
   A tick is text, as it comes off the wire, is decoded here, and has ended when the map has nothing left to draw. */
"use strict";

window.gridpost = (function () {
  const listeners = {};
  let state = GridpostFeed.empty();
  const api = {
    on(kind, listener) { (listeners[kind] = listeners[kind] || []).push(listener); },
    emit(kind, data) { for (const listener of listeners[kind] || []) listener(data); },
    state: () => state, directory: () => ({}), now: () => Date.now(), lang: () => "en", t: (key) => key,
    urgentClock: () => null, share: () => ({level: "calm"}), remaining: () => "",
    fold(kind, data) { state = GridpostFeed.fold(state, kind, data); },
  };
  return api;
})();

window.bench = (function () {
  const text = (url) => fetch(url).then((answer) => answer.text());
  let ticks = [], way = "", plot = null;

  async function open(chosen, count) {
    way = chosen;
    plot = document.getElementById("plot");
    const first = JSON.parse(await text(way === "figure" ? "/figure/0" : "/figure"));
    await Plotly.newPlot(plot, first.data, first.layout, {displayModeBar: false, scrollZoom: true});
    if (way !== "figure") {
      await new Promise((ready) => gridpostMap.start("map", {ready}));
      gridpost.fold("snapshot", JSON.parse(await text("/snapshot")));
      if (way === "dots") forget();
      gridpost.emit("reset");
    }
    ticks = await Promise.all([...Array(count).keys()].map((n) => text((way === "figure" ? "/figure/" : "/tick/") + (n + 1))));
    await quiet();
    return plot._fullLayout.map._subplot.map.getZoom();
  }

  function forget() { for (const patrol of Object.values(gridpost.state().patrols)) patrol.trail = []; }

  /* Resolves when the map has nothing left to draw and has drawn nothing for a while. */
  async function quiet() {
    const map = plot._fullLayout.map._subplot.map;
    let drawn = performance.now();
    const note = () => { drawn = performance.now(); };
    map.on("render", note);
    while (performance.now() - drawn < 400 || !map.loaded()) await new Promise((later) => setTimeout(later, 50));
    map.off("render", note);
  }

  async function tick(n) {
    const data = JSON.parse(ticks[n]);
    if (way === "figure") {
      await Plotly.react(plot, data.data, data.layout);
    } else {
      gridpost.fold("patrols", data);
      if (way === "dots") forget();
      gridpost.emit("patrols", data.items);
      gridpost.emit("tick", Date.now());
    }
    await quiet();
  }

  /* What the map shows, so that a measurement of an empty map is noticed. */
  function shown() {
    const map = plot._fullLayout.map._subplot.map;
    const found = (layers) => map.queryRenderedFeatures({layers: layers.filter((id) => map.getLayer(id))}).length;
    const ids = map.getStyle().layers.map((layer) => layer.id);
    return {
      dots: found(ids.filter((id) => id === "live-patrols" || /plotly-trace-.*-(circle|symbol)/.test(id))),
      trails: found(ids.filter((id) => id.startsWith("live-trail-"))),
    };
  }

  return {open, tick, shown};
})();
