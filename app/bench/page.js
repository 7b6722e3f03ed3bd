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

  const frame = () => new Promise((seen) => requestAnimationFrame(seen));

  /* Resolves when the map has nothing left to draw and has drawn nothing for a while. A busy machine may be late with
     the next frame, so that two frames must have come before stillness counts. */
  async function quiet() {
    const map = plot._fullLayout.map._subplot.map;
    for (let n = 0; n < 3; n++) await frame();
    let drawn = performance.now();
    const note = () => { drawn = performance.now(); };
    map.on("render", note);
    while (performance.now() - drawn < 400 || !map.loaded()) await new Promise((later) => setTimeout(later, 50));
    map.off("render", note);
  }

  async function tick(n) {
    await new Promise((later) => setTimeout(later));   // what follows is the page's own work, not that of the command that asked for it
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

  /* What the map shows, so that a measurement of an empty map is noticed: what it says it drew, and how many pixels
     have the colour of a dot in the picture itself. */
  async function shown() {
    const map = plot._fullLayout.map._subplot.map, figure = way === "figure";
    const found = (pattern) => map.queryRenderedFeatures({layers: map.getStyle().layers.map((one) => one.id).filter((id) => pattern.test(id))}).length;
    const drawn = figure ? {dots: found(/plotly-trace-.*-circle/), trails: found(/plotly-trace-.*-line/)} : gridpostPatrols.drawn();
    const colours = (figure ? ["#6CB0F5", "#F0C076", "#7CCB9B"] : Object.values(gridpostGlyphs.STATE)).map((hex) => parseInt(hex.slice(1), 16));
    const pixels = await new Promise((seen) => {
      map.once("render", () => {
        const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
        [canvas.width, canvas.height] = [map.getCanvas().width, map.getCanvas().height];
        context.drawImage(map.getCanvas(), 0, 0);
        const data = context.getImageData(0, 0, canvas.width, canvas.height).data, wanted = new Set(colours);
        let n = 0;
        for (let i = 0; i < data.length; i += 4) if (wanted.has(data[i] << 16 | data[i + 1] << 8 | data[i + 2])) n++;
        seen(n);
      });
      map.triggerRepaint();
    });
    return {...drawn, pixels};
  }

  return {open, tick, shown};
})();
