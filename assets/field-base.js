/* What the scripts of the phone page share: the words in both languages, the server's clock, distances and directions.
   Not assets/live.js: that one lives on the feed, which a phone does not hear. `F.on` and `F.tell` tie the parts together;
   the parts are field-store (what the phone keeps), field-queue (what is to be sent), field-place (where I am),
   field-view (what is seen), field-forms (what is typed) and field (what happens when). */
"use strict";

window.F = (function () {
  const data = JSON.parse(document.getElementById("field-data").textContent);
  const listeners = {};
  let offset = +localStorage.getItem("gridpost-field/offset") || 0;
  let lang = data.lang;
  const EARTH = 6371008.8, rad = (d) => d * Math.PI / 180;
  const named = (item, field) => (lang === "en" && item[field + "_en"]) || item[field] || "";
  const key = (name) => "gridpost-field/" + data.who.account + "/" + name;   // two people may share a phone
  const compass = (degrees) => t("field_compass_" + Math.round(degrees / 45) % 8);

  const api = {
    who: data.who, acts: data.acts, zone: data.timezone, lang: () => lang, now: () => Date.now() + offset,
    on(what, listener) { (listeners[what] = listeners[what] || []).push(listener); },
    tell(what, about) { for (const listener of listeners[what] || []) listener(about); },
    t, esc, speak, clock, named, ageWords, hhmm, dayTime, remaining, far, compass, apart, metres, bearing, key, newRequest, patience,
  };

  /* The word for `key` with its {holes} filled. A missing word shows its key: a test looks for that. */
  function t(word, holes) {
    const said = data.words[lang][word];
    if (said === undefined) return word;
    return said.replace(/\{(\w+)\}/g, (_, name) => (holes && holes[name] !== undefined ? holes[name] : ""));
  }

  function esc(text) {
    return String(text === undefined || text === null ? "" : text)
      .replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
  }

  /* Speak the other language at once: both came with the page, since the network may be away. */
  function speak(other) {
    lang = other;
    document.cookie = "gridpost_lang=" + lang + "; path=/; max-age=31536000; samesite=lax";
    document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
    document.title = t("field_title") + " · " + t("product");
    api.tell("lang");
  }

  /* The server's `now` in an answer that was asked for at `asked` and came at `came` (this phone's clock). */
  function clock(now, asked, came) {
    offset = now - (asked + came) / 2;
    try { localStorage.setItem("gridpost-field/offset", String(Math.round(offset))); } catch (full) { api.tell("no-store", full); }
  }

  function ageWords(ms) {
    const s = Math.max(0, Math.round(ms / 1000));
    if (s < 60) return t("seconds", {n: s});
    if (s < 3600) return t("minutes", {n: Math.floor(s / 60)});
    return t("hours_minutes", {h: Math.floor(s / 3600), m: Math.floor(s / 60) % 60});
  }

  function hhmm(ms) {
    return new Intl.DateTimeFormat("en-GB", {timeZone: api.zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23"}).format(ms);
  }

  /* The time, with the day when it is not today's: 17:30, 11-23 17:30. */
  function dayTime(ms) {
    const day = (at) => new Intl.DateTimeFormat("sv-SE", {timeZone: api.zone}).format(at).slice(5);
    return (day(ms) === day(api.now()) ? "" : day(ms) + " ") + hhmm(ms);
  }

  /* 06:20, 1:06:20 above an hour, 4 d 12 h above a day; overdue counts up. */
  function remaining(ms) {
    const s = Math.floor(Math.abs(ms) / 1000), two = (n) => String(n).padStart(2, "0");
    if (s >= 86400) return t("days_hours", {d: Math.floor(s / 86400), h: Math.floor(s / 3600) % 24});
    if (s >= 3600) return Math.floor(s / 3600) + ":" + two(Math.floor(s / 60) % 60) + ":" + two(s % 60);
    return two(Math.floor(s / 60)) + ":" + two(s % 60);
  }

  /* A length as people say it: to 10 m below a kilometre (5 m when near), to 100 m above. */
  function far(m) {
    if (m >= 995) return t("field_km", {n: (m / 1000).toFixed(1)});
    return t("field_metres", {n: m < 50 ? Math.round(m) : Math.round(m / 10) * 10});
  }

  /* [east, south] in metres from `from` to `to`: over a town the earth is flat enough. */
  function apart(from, to) {
    return [EARTH * rad(to.lon - from.lon) * Math.cos(rad((from.lat + to.lat) / 2)), -EARTH * rad(to.lat - from.lat)];
  }
  function metres(from, to) { return Math.hypot(...apart(from, to)); }
  function bearing(from, to) { const [east, south] = apart(from, to); return (Math.atan2(east, -south) * 180 / Math.PI + 360) % 360; }

  /* Gives a request so many ms. AbortSignal.timeout would, but the browsers inside some apps are older. */
  function patience(ms) {
    const control = new AbortController();
    setTimeout(() => control.abort(), ms);
    return control.signal;
  }

  function newRequest() {
    const bytes = crypto.getRandomValues(new Uint8Array(12));   // randomUUID exists only over https or on this machine
    return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  }

  return api;
})();
