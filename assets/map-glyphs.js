/* The glyphs of the map, drawn on canvases and given to MapLibre with addImage: a sprite would be one more file to
   fetch, and Plotly's own marker symbols are fetched from a CDN. (Lists and legends show the same shapes from icons/.) Shape comes before colour: each priority and each
   state has its own outline, and every glyph has a rim in the background's colour, so it reads on any fill. */
"use strict";

window.gridpostGlyphs = (function () {
  const RIM = "#0E1113";
  const FONT = '"Noto Sans CJK SC","Noto Sans SC","PingFang SC","Microsoft YaHei",system-ui,sans-serif';
  const PRIORITY = {
    1: {fill: "#FF6459", ink: "#1A0504"}, 2: {fill: "#F0A93B", ink: "#1C1202"},
    3: {fill: "#6CB0F5", ink: "#04121F"}, 4: {fill: "#A7B2B9", ink: "#0D1114"},
  };
  const STATE = {free: "#5CC8A8", way: "#6CB0F5", scene: "#E9EEF0", lost: "#8B979E", off: "#5B666E"};

  /* Draws with `paint(context, radius)` around the middle of a square of 2·half pixels. */
  function draw(half, ratio, paint) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = Math.ceil(2 * half * ratio);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.translate(half, half);
    context.lineJoin = context.lineCap = "round";
    paint(context);
    return context.getImageData(0, 0, canvas.width, canvas.height);
  }

  function outline(c, priority, r) {
    c.beginPath();
    if (priority === 1) {
      c.moveTo(0, -r * 1.25); c.lineTo(r * 1.25, 0); c.lineTo(0, r * 1.25); c.lineTo(-r * 1.25, 0);
    } else if (priority === 2) {
      c.moveTo(0, -r * 1.22); c.lineTo(r * 1.24, r * 0.92); c.lineTo(-r * 1.24, r * 0.92);
    } else if (priority === 3) {
      c.arc(0, 0, r, 0, 7);
    } else {
      c.roundRect(-r * 0.9, -r * 0.9, r * 1.8, r * 1.8, r * 0.2);
    }
    c.closePath();
  }

  function pin(priority, r) {
    const colours = PRIORITY[priority];
    return (c) => {
      outline(c, priority, r);
      c.lineWidth = 4; c.strokeStyle = RIM; c.stroke();
      c.fillStyle = colours.fill; c.fill();
      c.font = "700 " + r * (priority === 2 ? 1.02 : 1.2) + "px " + FONT;
      c.textAlign = "center"; c.textBaseline = "alphabetic"; c.fillStyle = colours.ink;
      c.fillText(String(priority), 0, r * (priority === 2 ? 0.64 : 0.43));
    };
  }

  /* A patrol; `way` points east, MapLibre turns it to its course. */
  function patrol(state, r) {
    const fill = STATE[state];
    return (c) => {
      if (state === "way") {
        c.beginPath(); c.moveTo(r * 1.5, 0); c.lineTo(-r, r * 1.05); c.lineTo(-r * 0.45, 0); c.lineTo(-r, -r * 1.05); c.closePath();
        c.lineWidth = 4; c.strokeStyle = RIM; c.stroke(); c.fillStyle = fill; c.fill();
      } else if (state === "scene") {
        c.beginPath(); c.arc(0, 0, r * 1.15, 0, 7);
        c.fillStyle = RIM; c.fill();
        c.lineWidth = 5.5; c.strokeStyle = RIM; c.stroke();
        c.lineWidth = 2; c.strokeStyle = fill; c.stroke();
        c.beginPath(); c.arc(0, 0, r * 0.55, 0, 7); c.fillStyle = fill; c.fill();
      } else if (state === "free") {
        c.beginPath(); c.arc(0, 0, r * 0.78, 0, 7);
        c.lineWidth = 4; c.strokeStyle = RIM; c.stroke(); c.fillStyle = fill; c.fill();
      } else {
        c.beginPath(); c.arc(0, 0, r * 0.85, 0, 7); c.fillStyle = RIM; c.fill();
        c.lineWidth = 2; c.strokeStyle = fill; c.lineCap = "butt";
        c.setLineDash(state === "lost" ? [r * 0.56, r * 0.33] : []); c.stroke();
      }
    };
  }

  /* A camera looks east until MapLibre turns it to its bearing; offline: hollow amber. */
  function camera(offline, r) {
    return (c) => {
      c.beginPath(); c.moveTo(0, 0); c.lineTo(r * 2.6, -r * 1.1); c.lineTo(r * 2.6, r * 1.1); c.closePath();
      if (offline) { c.lineWidth = 1.3; c.strokeStyle = "#F0A93B"; c.stroke(); } else { c.fillStyle = "rgba(138,149,157,.42)"; c.fill(); }
      c.beginPath(); c.arc(0, 0, r * 0.72, 0, 7);
      c.fillStyle = offline ? RIM : "#8A959D"; c.fill();
      if (offline) { c.lineWidth = 1.5; c.strokeStyle = "#F0A93B"; c.stroke(); }
    };
  }

  function sensor(offline, r) {
    return (c) => {
      c.beginPath(); c.moveTo(0, -r); c.lineTo(r, 0); c.lineTo(0, r); c.lineTo(-r, 0); c.closePath();
      c.fillStyle = offline ? RIM : "#6F94A5"; c.fill();
      if (offline) { c.lineWidth = 1.5; c.strokeStyle = "#F0A93B"; c.stroke(); }
    };
  }

  /* The number of a candidate on the map; the chosen one is filled. */
  function badge(number, chosen) {
    return (c) => {
      c.beginPath(); c.roundRect(-10, -11, 20, 22, 5);
      c.fillStyle = chosen ? "#6CB0F5" : "#1B2024"; c.fill();
      if (!chosen) { c.lineWidth = 1; c.strokeStyle = "#87929A"; c.stroke(); }
      c.font = "700 12px " + FONT; c.textAlign = "center"; c.fillStyle = chosen ? "#04121F" : "#E9EEF0";
      c.fillText(String(number), 0, 4.5);
    };
  }

  /* The patrols' glyphs side by side in size, for the layer that draws them itself: half their side is `half` px. */
  function patrolImages(k, states) {
    const ratio = Math.max(2, Math.ceil(k * (window.devicePixelRatio || 1)));
    return {half: 13, images: states.map((state) => draw(13, ratio, patrol(state, 7)))};
  }

  /* Adds every image the layers name. `k`: 1 at 1920, 2 on a 4K wall. Called again after a style was set. */
  function addAll(map, k) {
    const ratio = Math.max(2, Math.ceil(k * (window.devicePixelRatio || 1)));
    const add = (name, half, paint) => {
      if (!map.hasImage(name)) map.addImage(name, draw(half, ratio, paint), {pixelRatio: ratio / k});
    };
    for (const p of [1, 2, 3, 4]) add("case-" + p, p === 1 ? 22 : 17, pin(p, p === 1 ? 15 : 11));
    for (const s of ["free", "way", "scene", "lost", "off"]) add("patrol-" + s, 16, patrol(s, 7));
    for (const off of [0, 1]) {
      add("camera-" + off, 14, camera(off, 4));
      add("sensor-" + off, 8, sensor(off, 4));
    }
    for (const n of [1, 2, 3, 4]) for (const on of [0, 1]) add("badge-" + n + "-" + on, 14, badge(n, on));
  }

  return {addAll, patrolImages, STATE, RIM};
})();
