/* The bar of time under /wall, /dispatch and /replay: the day with how much happened in it, the moment in big digits,
   play and pause, speeds, a minute back and on, and the way back to now; and what marks a page as past: a frame and a
   sign that nobody overlooks. It draws what replay.js says and does nothing of its own. */
"use strict";

window.gridpostPastBar = (function () {
  const gp = window.gridpost, t = gp.t, e = gp.esc, MINUTE = 60000, DAY = 86400000, RENEW = 60000;
  let bar = null, span = null, day = "", isOpen = false, asked = 0, renewed = 0, dragged = 0, failed = "", page = "", tabbed = false;
  const past = () => window.gridpostPast, $ = (css) => bar.querySelector(css);

  /* Where the bar stands from the beginning, its room is there from the beginning: a map that is resized while it loads
     its style is drawn twice. */
  if (/^\/replay/.test(location.pathname) || new URLSearchParams(location.search).get("at")) document.documentElement.classList.add("past-bar-open");

  const formats = {};
  function format(name, options) {
    return formats[name] = formats[name] || new Intl.DateTimeFormat(gp.lang() === "zh" ? "zh-CN" : "en-GB", Object.assign({timeZone: gp.zone()}, options));
  }
  function date(ms) {
    const said = format("date", {month: "long", day: "numeric"}).format(ms), weekday = format("weekday", {weekday: "short"}).format(ms);
    return gp.lang() === "zh" ? said + " " + weekday : weekday + " " + said;
  }
  const dayOf = (ms) => new Intl.DateTimeFormat("en-CA", {timeZone: gp.zone(), year: "numeric", month: "2-digit", day: "2-digit"}).format(ms);

  function start(name) {
    page = name;
    bar = document.createElement("section");
    bar.id = "past-bar";
    bar.hidden = true;
    bar.setAttribute("aria-label", t("past_bar"));
    bar.innerHTML = `<div class="past-track"><svg preserveAspectRatio="none" aria-hidden="true"></svg><div class="past-ticks" aria-hidden="true"></div>
        <i class="past-none before"></i><i class="past-none after"></i><i class="past-thumb"><b></b></i>
        <input type="range" min="0" step="1" aria-label="${e(t("past_time"))}"></div>
      <div class="past-row"><span class="past-sign"><i></i><b>${e(t("past_badge"))}</b></span>
        <b class="past-digits" role="timer">--:--:--</b>
        <span class="past-days"><button type="button" data-day="-1" title="${e(t("past_day_before"))}" aria-label="${e(t("past_day_before"))}">‹</button>
          <select aria-label="${e(t("past_day"))}"></select>
          <button type="button" data-day="1" title="${e(t("past_day_after"))}" aria-label="${e(t("past_day_after"))}">›</button></span>
        <span class="past-said" role="status"></span><span class="past-hints">${[["␣", "play"], ["← →", "minute"], ["L", "leave"]].map(([key, name]) => `<span>${key.split(" ").map((one) => `<kbd>${one === "␣" ? e(t("past_space")) : one}</kbd>`).join("")}${e(t("past_key_" + name))}</span>`).join("")}</span>
        <span class="past-moves"><button type="button" data-step="-1" title="${e(t("past_minus"))}">${e(t("past_minus_short"))}</button>
          <button type="button" class="past-play" title="${e(t("past_play"))}" aria-label="${e(t("past_play"))}"><i></i></button>
          <button type="button" data-step="1" title="${e(t("past_plus"))}">${e(t("past_plus_short"))}</button></span>
        <span class="past-speeds" role="group" aria-label="${e(t("past_speed"))}">${past().SPEEDS.map((n) => `<button type="button" data-speed="${n}">${n}×</button>`).join("")}</span>
        <span class="past-keys"><span><i class="cases"></i>${e(t("past_cases"))}</span><span><i class="acts"></i>${e(t("past_acts"))}</span><span class="of-hours"><i class="hours"></i>${e(t("past_hours"))}</span></span>
        <button type="button" class="past-leave"></button></div>`;
    const frame = document.createElement("div");
    frame.className = "past-frame";
    frame.innerHTML = "<b></b>";
    document.body.append(bar, frame);
    wire();
    gp.on("moment", draw);
    gp.on("past", () => draw());
    gp.on("tick", () => { if (isOpen && !past().active()) draw(); if (isOpen && Date.now() - renewed > RENEW) load(day); });
    if (page === "replay") open();
  }

  function wire() {
    const range = $("input"), at = () => span.from + +range.value * 1000;
    let later = 0;
    range.addEventListener("input", () => {   // while it is dragged at most one question is under way
      dragged = Date.now();
      clearTimeout(later);
      later = setTimeout(() => go(at()), 120);
      place(at());
    });
    range.addEventListener("change", () => { clearTimeout(later); dragged = 0; go(at()); });
    bar.addEventListener("click", (event) => {
      const on = (css) => event.target.closest(css), step = on("[data-step]"), speed = on("[data-speed]"), turn = on("[data-day]");
      if (step) move(+step.dataset.step * MINUTE);
      else if (speed) past().setSpeed(+speed.dataset.speed);
      else if (turn) shift(+turn.dataset.day);
      else if (on(".past-play")) play();
      else if (on(".past-leave")) leave();
    });
    $("select").addEventListener("change", (event) => toDay(event.target.value));
    const opener = document.getElementById("past-open");
    if (opener) opener.onclick = () => (isOpen ? leave() : open());
    document.addEventListener("keydown", keys, true);
    document.addEventListener("pointerdown", () => { tabbed = false; }, true);
  }

  /* Space, arrows, L and T; off while somebody writes. Taken before the map, which would pan by the arrows. */
  function keys(event) {
    const on = (css) => event.target.closest && event.target.closest(css);
    if (event.ctrlKey || event.metaKey || event.altKey || on("input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable], dialog, .act-form, .menu")) return;
    if (event.key === "Tab") tabbed = true;   // who came to a button by keys presses it by Space; who clicked it wants to play
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const run = {t: () => (isOpen && !past().active() && page !== "replay" ? close() : open()), l: () => leave(),
      " ": tabbed && on("button, a, summary, [role=option]") ? null : play, ArrowLeft: () => move(-MINUTE), ArrowRight: () => move(MINUTE)}[key];
    if (!run || (!isOpen && key !== "t")) return;
    event.preventDefault();
    event.stopPropagation();
    if (key === " ") event.target.blur();   // a button that was clicked is not pressed again
    run();
  }

  function play() { if (past().active()) past().toggle(); else past().jump(Math.max(span ? span.first : 0, gp.liveNow() - 10 * MINUTE)).then(past().play); }
  function go(at) { past().jump(Math.max(span.first, Math.min(at, gp.liveNow()))); }
  /* Before the first moment that is kept there is nothing to go to: the first moment it is. */
  function move(ms) { if (span) go(past().shown() + ms); else past().step(ms); }
  function leave() { past().leave(); if (page !== "replay") close(); }

  function open() {
    if (isOpen) return;
    isOpen = true;
    show();
    load("");
  }
  function close() { isOpen = false; show(); }
  function show() {
    bar.hidden = !isOpen;
    document.documentElement.classList.toggle("past-bar-open", isOpen);
    const opener = document.getElementById("past-open");
    if (opener) opener.setAttribute("aria-expanded", String(isOpen));
    draw();
  }

  /* ---- the day ---- */
  async function load(of) {
    const mine = asked += 1;
    renewed = Date.now();
    try {
      const said = await past().get("/span", of ? {day: of} : {});
      if (mine !== asked) return;
      failed = "";
      span = Object.assign(said, {first: Date.parse(said.first), last: Date.parse(said.last), from: Date.parse(said.start), to: Date.parse(said.end)});
      day = said.day;
      drawDay();
      if (page === "replay" && !past().active() && !of && !past().waiting() && !new URLSearchParams(location.search).get("at")) past().jump(Math.max(span.first, gp.liveNow() - 60 * MINUTE));
    } catch (error) {
      if (mine === asked) failed = error.said || t("past_failed");
    }
    draw();
  }

  /* The same time of another day. */
  function toDay(to) {
    const into = past().shown() - span.from, start = Date.parse(to + "T12:00:00Z") - Date.parse(day + "T12:00:00Z");
    go(span.from + start + into);
  }
  function shift(by) {
    const at = span.days.indexOf(day) + by;
    if (span.days[at]) toDay(span.days[at]);
  }

  const share = (ms) => 100 * (ms - span.from) / (span.to - span.from);

  function drawDay() {
    const n = span.cases.length, most = Math.max(4, ...span.cases), busy = Math.max(8, ...span.acts), svg = $("svg");
    svg.setAttribute("viewBox", `0 0 ${n} 100`);
    const hours = span.hours.map(([a, b]) => `<rect class="hours" x="${(share(a) * n / 100).toFixed(2)}" width="${((share(b) - share(a)) * n / 100).toFixed(2)}" y="0" height="100"/>`).join("");
    const bars = (name, list, top, high) => list.map((v, i) => (v ? `<rect class="${name}" x="${i + 0.08}" width=".84" y="${(100 - high * v / top).toFixed(1)}" height="${(high * v / top).toFixed(1)}"/>` : "")).join("");
    svg.innerHTML = hours + bars("acts", span.acts, busy, 92) + bars("cases", span.cases, most, 92);
    const ticks = [];
    for (let at = span.from, h = 0; at <= span.to; at += 2 * 60 * MINUTE, h += 2) ticks.push(`<span style="left:${share(at).toFixed(3)}%">${h === 24 ? "24" : String(h).padStart(2, "0")}:00</span>`);
    for (const edge of span.hours.flat()) ticks.push(`<i style="left:${share(edge).toFixed(3)}%"></i>`);
    $(".past-ticks").innerHTML = ticks.join("");
    $(".of-hours").hidden = !span.hours.length;
    $("input").max = Math.round((span.to - span.from) / 1000);
    $(".before").style.width = Math.max(0, Math.min(100, share(span.first))) + "%";
    const list = $("select"), known = span.days.join();
    if (list.dataset.days !== known) {
      list.dataset.days = known;
      list.innerHTML = span.days.map((one) => `<option value="${one}">${e(date(Date.parse(one + "T12:00:00Z")))}</option>`).join("");
    }
    list.value = day;
    const at = span.days.indexOf(day);
    $("[data-day='-1']").disabled = at <= 0;
    $("[data-day='1']").disabled = at >= span.days.length - 1;
  }

  /* ---- the moment ---- */
  const put = (css, text) => { const el = $(css); if (el.textContent !== text) el.textContent = text; };

  function place(ms) {
    const left = Math.max(0, Math.min(100, share(ms))) + "%", thumb = $(".past-thumb");
    if (thumb.style.left !== left) thumb.style.left = left;
    put(".past-thumb b", gp.hhmmss(ms).slice(0, 5));
    put(".past-digits", gp.hhmmss(ms));
  }

  function draw() {
    if (!bar) return;
    const it = past(), on = it.active(), ms = it.shown(), sign = document.querySelector(".past-frame b");
    bar.classList.toggle("on", on);
    if (on) { const text = t("past_badge") + " · " + date(ms) + " " + gp.hhmmss(ms); if (sign.textContent !== text) sign.textContent = text; }
    if (!isOpen) return;
    const button = $(".past-play"), name = t(it.playing() ? "past_pause" : "past_play");
    if (button.title !== name) { button.title = name; button.setAttribute("aria-label", name); button.classList.toggle("playing", it.playing()); }
    bar.querySelectorAll("[data-speed]").forEach((el) => { const mine = +el.dataset.speed === it.speed(); el.classList.toggle("on", mine); el.setAttribute("aria-pressed", String(mine)); });
    $(".past-leave").disabled = page === "replay" && !on;
    put(".past-leave", t(on || page === "replay" ? "past_leave" : "close"));
    put(".past-said", failed || it.failure() || (it.waiting() ? t("past_loading") : on && !it.playing() && ms >= it.edge() - 2000 ? t("past_at_end") : ""));
    $(".past-said").classList.toggle("bad", !!(failed || it.failure()));
    bar.classList.toggle("empty", !span);
    if (!span) { put(".past-digits", gp.hhmmss(ms)); return; }
    if (dayOf(ms) !== day && !dragged && Date.now() - renewed > (failed ? 5000 : 500)) load(dayOf(ms));
    $(".after").style.left = Math.max(0, Math.min(100, share(gp.liveNow()))) + "%";
    if (dragged) return;
    place(ms);
    const range = $("input"), value = String(Math.round((ms - span.from) / 1000));
    if (range.value !== value) range.value = value;
    range.setAttribute("aria-valuetext", gp.hhmmss(ms));
  }

  return {start, open, close};
})();
