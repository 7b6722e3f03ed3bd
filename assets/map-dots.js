/* Two layers of MapLibre that draw points and tracks straight from an array of numbers. A GeoJSON source would send
   5,000 moved patrols to a worker, get them back cut into tiles, and place and upload every tile: half a second of main
   thread a tick. Here a tick is one upload and one frame. What they draw are rows of four numbers; who they stand for
   and what a state is, map-patrols.js knows. Places are on the unit square of the Mercator map, counted from
   `origin`, because 32 bits hold a metre of the world but not a centimetre. */
"use strict";

window.gridpostDots = (function () {
  const VERSION = "#version 300 es\nprecision highp float;\n";
  const DOT_VERTEX = VERSION + `
    uniform mat4 u_matrix; uniform vec2 u_size; uniform float u_turn, u_glyphs;
    layout(location = 0) in vec4 a_dot;                    // x, y, turn in radians, glyph
    out vec2 v_at;
    void main() {
      vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0 - 1.0;
      float turn = a_dot.z + u_turn, s = sin(turn), c = cos(turn);
      gl_Position = u_matrix * vec4(a_dot.xy, 0.0, 1.0);
      gl_Position.xy += mat2(c, s, -s, c) * corner * u_size * gl_Position.w;
      v_at = vec2((corner.x * 0.5 + 0.5 + a_dot.w) / u_glyphs, corner.y * 0.5 + 0.5);
    }`;
  const DOT_COLOUR = VERSION + `
    uniform sampler2D u_atlas; in vec2 v_at; out vec4 colour;
    void main() { colour = texture(u_atlas, v_at); }`;
  /* A segment is an instance; it sees the points before and after, so that bends are mitred and nothing overlaps. */
  const TRACK_VERTEX = VERSION + `
    uniform mat4 u_matrix; uniform vec2 u_half; uniform float u_wide, u_thin;
    layout(location = 0) in vec4 a_before; layout(location = 1) in vec4 a_from;
    layout(location = 2) in vec4 a_to; layout(location = 3) in vec4 a_after;   // x, y, freshness 0 to 1 or -1: a gap, colour
    out float v_fresh, v_across, v_half; flat out int v_colour;
    vec2 pixel(vec4 point) { vec4 p = u_matrix * vec4(point.xy, 0.0, 1.0); return p.xy / p.w * u_half; }
    vec2 side(vec2 a, vec2 b) { vec2 d = b - a; float l = length(d); return l < 1e-4 ? vec2(0.0) : vec2(-d.y, d.x) / l; }
    void main() {
      gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
      if (a_from.z < 0.0 || a_to.z < 0.0) return;
      bool end = gl_VertexID > 1;
      vec2 from = pixel(a_from), to = pixel(a_to), across = side(from, to), other = across;
      if (end && a_after.z >= 0.0) other = side(to, pixel(a_after));
      if (!end && a_before.z >= 0.0) other = side(pixel(a_before), from);
      vec2 mitre = across + other;
      mitre = dot(mitre, mitre) < 0.01 ? across : normalize(mitre);
      v_fresh = end ? a_to.z : a_from.z;
      v_half = mix(u_thin, u_wide, v_fresh) * 0.5;
      v_colour = int(a_from.w);
      v_across = (float(gl_VertexID & 1) * 2.0 - 1.0) * (v_half + 1.0);
      vec2 at = (end ? to : from) + mitre * v_across / max(dot(mitre, across), 0.5);
      gl_Position = vec4(at / u_half, 0.0, 1.0);
    }`;
  const TRACK_COLOUR = VERSION + `
    uniform vec3 u_colours[8]; in float v_fresh, v_across, v_half; flat in int v_colour; out vec4 colour;
    void main() {
      float alpha = 0.62 * v_fresh * sqrt(v_fresh) * clamp(v_half + 0.5 - abs(v_across), 0.0, 1.0);
      colour = vec4(u_colours[v_colour] * alpha, alpha);
    }`;

  function program(gl, vertex, fragment) {
    const made = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(made, shader);
    }
    gl.linkProgram(made);
    if (!gl.getProgramParameter(made, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error("a layer of the map does not link: " + gl.getProgramInfoLog(made));
    return made;
  }

  const ROW = 4, BYTES = 16;
  class Layer {
    constructor(id) { Object.assign(this, {id, type: "custom", renderingMode: "2d", rows: new Float32Array(0), count: 0, origin: null, stale: false, drawn: 0, hidden: false}); }

    /* Called again after a style was set: what was made for the old one is gone. */
    onAdd(map, gl) { this.map = map; this.gpu = null; this.stale = true; }
    onRemove(map, gl) { if (this.gpu) { gl.deleteProgram(this.gpu.program); gl.deleteBuffer(this.gpu.buffer); gl.deleteVertexArray(this.gpu.array); gl.deleteTexture(this.gpu.atlas || null); } this.gpu = null; }

    /* Room for `count` rows, to be written and then given to `fill`. */
    room(count) {
      if (this.rows.length < count * ROW) this.rows = new Float32Array(Math.ceil(count * 1.25) * ROW);
      return this.rows;
    }
    fill(count) { this.count = count; this.stale = true; this.map.triggerRepaint(); }

    ready(gl, vertex, fragment, points) {
      if (!this.gpu) {
        const made = program(gl, vertex, fragment), buffer = gl.createBuffer(), array = gl.createVertexArray();
        gl.bindVertexArray(array);
        gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
        for (let n = 0; n < points; n++) {
          gl.enableVertexAttribArray(n);
          gl.vertexAttribPointer(n, 4, gl.FLOAT, false, BYTES, n * BYTES);
          gl.vertexAttribDivisor(n, 1);
        }
        const places = {};
        this.gpu = {program: made, buffer, array, at: (name) => (name in places ? places[name] : places[name] = gl.getUniformLocation(made, name))};
        this.prepare(gl);
      }
      gl.useProgram(this.gpu.program);
      gl.bindVertexArray(this.gpu.array);
      if (this.stale) {
        gl.bindBuffer(gl.ARRAY_BUFFER, this.gpu.buffer);
        gl.bufferData(gl.ARRAY_BUFFER, this.rows.subarray(0, this.count * ROW), gl.DYNAMIC_DRAW);
        this.stale = false;
      }
      gl.enable(gl.BLEND);
      gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
      gl.disable(gl.DEPTH_TEST);
      gl.disable(gl.STENCIL_TEST);
    }

    place(gl, matrix) {
      const m = Float64Array.from(matrix), [x, y] = this.origin;
      for (let i = 0; i < 4; i++) m[12 + i] += m[i] * x + m[4 + i] * y;
      gl.uniformMatrix4fv(this.gpu.at("u_matrix"), false, Float32Array.from(m));
    }

    end(gl) { gl.bindVertexArray(null); this.drawn = this.count; }
  }

  /* Glyphs that keep their size and turn with the map. `size(zoom)`: half a glyph's square in CSS pixels. */
  class Dots extends Layer {
    constructor(id, images, size) { super(id); Object.assign(this, {images, size}); }

    prepare(gl) {
      const side = this.images[0].width, strip = document.createElement("canvas");
      strip.width = side * this.images.length;
      strip.height = side;
      this.images.forEach((image, i) => strip.getContext("2d").putImageData(image, i * side, 0));
      this.gpu.atlas = gl.createTexture();
      gl.activeTexture(gl.TEXTURE0);
      gl.bindTexture(gl.TEXTURE_2D, this.gpu.atlas);
      gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, strip);
      gl.generateMipmap(gl.TEXTURE_2D);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
    }

    render(gl, view) {
      if (this.hidden || !this.count) { this.drawn = 0; return; }
      this.ready(gl, DOT_VERTEX, DOT_COLOUR, 1);
      this.place(gl, view.defaultProjectionData.mainMatrix);
      const half = this.size(this.map.getZoom()) * this.map.getPixelRatio(), at = this.gpu.at;
      gl.uniform2f(at("u_size"), 2 * half / gl.drawingBufferWidth, -2 * half / gl.drawingBufferHeight);
      gl.uniform1f(at("u_turn"), -this.map.getBearing() * Math.PI / 180);
      gl.uniform1f(at("u_glyphs"), this.images.length);
      gl.activeTexture(gl.TEXTURE0);
      gl.bindTexture(gl.TEXTURE_2D, this.gpu.atlas);
      gl.uniform1i(at("u_atlas"), 0);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.count);
      this.end(gl);
    }
  }

  /* Tracks that thin and fade with age. `colours`: at most 8, as #rrggbb; `wide`, `thin`: CSS pixels. A row with a
     freshness of -1 stands before, between and after tracks. */
  class Tracks extends Layer {
    constructor(id, colours, wide, thin, minzoom) { super(id); Object.assign(this, {colours, wide, thin, minzoom}); }

    prepare() { /* nothing but the rows */ }

    render(gl, view) {
      if (this.hidden || this.count < 4 || this.map.getZoom() < this.minzoom) { this.drawn = 0; return; }
      this.ready(gl, TRACK_VERTEX, TRACK_COLOUR, 4);
      this.place(gl, view.defaultProjectionData.mainMatrix);
      const ratio = this.map.getPixelRatio(), at = this.gpu.at;
      gl.uniform2f(at("u_half"), gl.drawingBufferWidth / 2, gl.drawingBufferHeight / 2);
      gl.uniform1f(at("u_wide"), this.wide * ratio);
      gl.uniform1f(at("u_thin"), this.thin * ratio);
      gl.uniform3fv(at("u_colours"), this.colours.flatMap((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)));
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.count - 3);
      this.end(gl);
    }
  }

  return {Dots, Tracks, ROW};
})();
