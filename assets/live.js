/* What every page shares: the words, the directory (names that the feed leaves out), the state of the feed, the
   server's clock, and one ticker. `lookBack` puts a moment of the past in place of the present, state and clock alike
   (replay.js); the feed goes on behind it. Every page shows times, ages and countdowns; all of them are elements with a data
   attribute, redrawn once a second by one requestAnimationFrame loop on the server's clock. Nothing here asks the
   server for the time or polls: the heartbeat brings it. */
"use strict";

window.gridpost = (function () {
  const {Feed, fold, empty, SILENCE} = window.GridpostFeed;
  const here = document.currentScript.src;
  const listeners = {};
  const link = {live: false, tries: 0, heard: 0, since: 0, recoveredAt: 0, recovered: 0, everLive: false};
  let state = empty();
  let past = null;     // while the past is looked at: {state(), now()}
  let offset = 0;
  let words = {};
  let directory = {};
  let lang = "zh";
  const fresh = {};

  const api = {
    on(kind, listener) { (listeners[kind] = listeners[kind] || []).push(listener); },
    state: () => (past ? past.state() : state),
    directory: () => directory,
    lang: () => lang,
    link: () => (past ? Object.assign({}, link, {heard: link.heard || 1}) : link),
    now: () => (past ? past.now() : liveNow()),
    past: () => past, liveNow: () => liveNow(), lookBack, tell: emit,
    t, start, age, ageWords, ageShort, remaining, hhmmss, esc, urgentClock, share, down: () => down && !past,
    drawClock: (el) => drawClock(el, api.now()),
    zone: () => directory.timezone || "Asia/Shanghai",
  };
  let down = false;

  function liveNow() { return Date.now() + offset; }

  /* `source`: the past in place of the present; null: the present again, as the feed has it by now. */
  function lookBack(source) {
    const turned = !past !== !source;
    past = source;
    document.documentElement.classList.toggle("in-past", !!past);
    if (turned) emit("past", !!past);
    emit("reset", api.state());
    tick();
  }

  function emit(kind, data) { for (const listener of listeners[kind] || []) listener(data); }

  /* The word for `key` with its {holes} filled. A missing word shows its key: a test looks for that. */
  function t(key, holes) {
    const word = words[key];
    if (word === undefined) return key;
    return word.replace(/\{(\w+)\}/g, (_, name) => (holes && holes[name] !== undefined ? holes[name] : ""));
  }

  function esc(text) {
    return String(text === undefined || text === null ? "" : text)
      .replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
  }

  /* Called by each page's first clientside callback, when its layout stands in the document. */
  function start(page) {
    const read = (id) => { const el = document.getElementById(id); return el ? JSON.parse(el.textContent) : {}; };
    words = read("gridpost-words");
    directory = read("gridpost-directory");
    lang = directory.lang || "zh";
    document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
    if (page !== "daily") connect();
    requestAnimationFrame(frame);
    emit("start", page);
    return page;
  }

  /* A callback of the server failed: whatever it was to show stays as it is, so it must be said. */
  function failed(said) {
    if (!said) return "";
    let box = document.getElementById("toasts");
    if (!box) {
      box = document.body.appendChild(document.createElement("div"));
      box.id = "toasts";
      box.setAttribute("role", "status");
    }
    const el = box.appendChild(document.createElement("div"));
    el.className = "toast warn";
    el.textContent = lang === "zh" ? said.zh : said.en;
    setTimeout(() => el.remove(), 15000);
    return said.id;
  }
  const dash = window.dash_clientside = window.dash_clientside || {};
  dash.gridpost = Object.assign(dash.gridpost || {}, {failed});

  function connect() {
    const url = new URL("/feed", location.origin).href;
    link.since = Date.now();
    if (!window.SharedWorker) {
      new Feed(url, hear);
      return;
    }
    const worker = new SharedWorker(new URL("live-worker.js", here).href, {name: "gridpost"});
    worker.port.onmessage = (event) => hear(event.data);
    worker.port.postMessage({type: "hello", url});
    addEventListener("pagehide", () => worker.port.postMessage({type: "bye"}));
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  }

  function hear(message) {
    if (message.type === "link") {
      if (message.signedOut) { location.assign("/sign-in?next=" + encodeURIComponent(location.pathname + location.search)); return; }
      link.tries = message.tries;
      if (message.live && !link.live && message.recovered !== null) {
        link.recovered = message.recovered;
        link.recoveredAt = Date.now();
      }
      link.live = message.live;
      tick();
      return;
    }
    link.heard = message.heard || Date.now();
    link.everLive = true;
    if (message.type === "state") {
      state = message.state;
      clock(state.now, message.heard);
      for (const kind of ["patrols", "cases", "alerts", "devices", "figures"]) fresh[kind] = link.heard;
      if (!past) emit("reset", state);
      return;
    }
    const kind = message.kind;
    if (kind === "heartbeat" || kind === "snapshot") clock(message.data.now, Date.now());
    state = fold(state, kind, message.data);
    const plural = {case: "cases", alert: "alerts", device: "devices"}[kind] || kind;
    if (kind === "snapshot") {
      for (const each of ["patrols", "cases", "alerts", "devices", "figures"]) fresh[each] = Date.now();
      if (!past) emit("reset", state);
    } else {
      fresh[plural] = Date.now();
      if (!past) emit(plural, message.data.items || message.data);
    }
    if (!past) tick();
  }

  function clock(now, at) {
    const ms = typeof now === "string" ? Date.parse(now) : now;
    if (ms) offset = ms - (at || Date.now());
  }

  /* ---- the ticker ---- */
  let shown = -1, ticked = 0;
  function frame(at) {
    const second = Math.floor(api.now() / 1000);
    if (second !== shown && at - ticked > 180) { shown = second; ticked = at; tick(); }   // the past may run at 120 s a second
    requestAnimationFrame(frame);
  }

  function tick() {
    const now = api.now();
    const silent = Date.now() - (link.heard || link.since);
    const was = down;
    down = silent > SILENCE;
    if (was !== down) emit("down", down);
    document.querySelectorAll("[data-due]").forEach((el) => drawClock(el, now));
    document.querySelectorAll("[data-time]").forEach((el) => setText(el, hhmmss(now)));
    document.querySelectorAll("[data-date]").forEach((el) => setText(el, date(now)));
    document.querySelectorAll("[data-age]").forEach((el) => drawAge(el, now));
    drawLink(silent);
    emit("tick", now);
  }

  function setText(el, text) { if (el.textContent !== text) el.textContent = text; }

  /* <… data-due data-start data-p [data-name]> with <em>, <b> and <i> inside: label, countdown, bar. */
  function drawClock(el, now) {
    const due = +el.dataset.due, start = +el.dataset.start, left = due - now;
    const level = share(due, start, +el.dataset.p, now).level;
    if (el.dataset.level !== level) el.dataset.level = level;
    const number = el.querySelector("b"), label = el.querySelector("em"), bar = el.querySelector("i");
    if (number) setText(number, remaining(left));
    if (label && el.dataset.name) setText(label, t((left < 0 ? "over_" : el.dataset.long ? "limit_" : "clock_") + el.dataset.name));
    if (bar) {
      const width = Math.max(0, Math.min(100, 100 * left / Math.max(1, due - start))).toFixed(1) + "%";
      if (bar.style.width !== width) bar.style.width = width;
    }
  }

  /* How tight: "act" = overdue, or P1 with a tenth left; "near" = under three tenths; else "calm". */
  function share(due, start, priority, now) {
    const part = (due - now) / Math.max(1, due - start);
    const level = part < 0 || (priority === 1 && part <= 0.1) ? "act" : part <= 0.3 ? "near" : "calm";
    return {part, level};
  }

  /* The running clock of a case that falls due first, or null; one that was paused stands still. */
  function urgentClock(item) {
    let first = null;
    for (const each of item.clocks || []) {
      if ((each.done === null || each.done === undefined) && !each.paused) if (!first || each.due < first.due) first = each;
    }
    return first;
  }

  function drawAge(el, now) {
    const kind = el.dataset.age;
    let ms;
    if (past && !/^\d+$/.test(kind)) { el.classList.remove("old"); setText(el, t("past_age")); return; }
    if (kind === "link") ms = Date.now() - (link.heard || link.since);
    else if (/^\d+$/.test(kind)) ms = now - +kind;
    else ms = Date.now() - (kind === "patrols" ? fresh.patrols || link.since : link.heard || link.since);
    if (!link.heard && !/^\d+$/.test(kind)) { setText(el, t("loading")); return; }
    const old = down || ms > 1000 * (+el.dataset.period || 15);
    el.classList.toggle("old", old);
    const lead = el.dataset.lead ? el.dataset.lead + " · " : "";
    setText(el, (old && el.dataset.stale) ? el.dataset.stale : (down ? "" : lead) + age(ms));
  }

  function ageWords(ms) {
    const s = Math.max(0, Math.round(ms / 1000));
    if (s < 60) return t("seconds", {n: s});
    if (s < 3600) return t("minutes_seconds", {m: Math.floor(s / 60), s: s % 60});
    return t("hours_minutes", {h: Math.floor(s / 3600), m: Math.floor(s / 60) % 60});
  }

  /* One unit only: 4 分, 31 时. */
  function ageShort(ms) {
    const s = Math.max(0, Math.round(ms / 1000));
    return s < 60 ? t("seconds", {n: s}) : s < 3600 ? t("minutes", {n: Math.floor(s / 60)}) : t("hours", {n: Math.floor(s / 3600)});
  }

  function age(ms) { return t("ago", {age: ageWords(ms)}); }

  /* 06:20, 1:06:20 above an hour, 4 d 12 h above a day; overdue counts up, and the label says so. */
  function remaining(ms) {
    const s = Math.floor(Math.abs(ms) / 1000), two = (n) => String(n).padStart(2, "0");
    if (s >= 86400) return t("days_hours", {d: Math.floor(s / 86400), h: Math.floor(s / 3600) % 24});
    if (s >= 3600) return Math.floor(s / 3600) + ":" + two(Math.floor(s / 60) % 60) + ":" + two(s % 60);
    return two(Math.floor(s / 60)) + ":" + two(s % 60);
  }

  const formats = {};
  function format(name, options) {
    const key = name + lang + api.zone();
    return formats[key] || (formats[key] = new Intl.DateTimeFormat(lang === "zh" ? "zh-CN" : "en-GB",
      Object.assign({timeZone: api.zone()}, options)));
  }
  function hhmmss(ms) {
    return format("time", {hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23"}).format(ms);
  }
  function date(ms) {
    const day = format("date", {month: "long", day: "numeric"}).format(ms), weekday = format("weekday", {weekday: "short"}).format(ms);
    return lang === "zh" ? day + " " + weekday : weekday + " " + day;
  }

  /* ---- live state, amber band, recovered band ---- */
  function drawLink(silent) {
    const root = document.documentElement;
    const lost = down && !past;
    const recovered = !past && !down && Date.now() - link.recoveredAt < 5000;
    root.classList.toggle("feed-down", lost);
    root.classList.toggle("feed-back", recovered);
    document.querySelectorAll("[data-link]").forEach((el) => {
      setText(el, past ? t("past_live") : down ? t(link.everLive ? "broken" : "unreachable") : !link.heard ? t("connecting") : t("live_age", {age: age(silent)}));
    });
    const band = document.getElementById("band");
    if (!band) return;
    if (lost) {
      const heard = api.now() - silent;
      const head = link.everLive ? t("band_down", {age: ageWords(silent), at: hhmmss(heard)}) : t("band_never");
      setText(band.querySelector("b"), head);
      setText(band.querySelector("span"), t("band_retry", {n: Math.max(1, link.tries)}));
    } else if (recovered) {
      setText(band.querySelector("b"), link.recovered ? t("band_back", {n: link.recovered}) : t("band_back_none"));
      setText(band.querySelector("span"), "");
    }
  }

  return api;
})();
