/* The past in place of the present: one moment of the site is fetched, folded by the feed's own code and shown by every
   page as if it were now; then what happened after it is fetched ahead and folded as time goes by, at 1× to 120×. The
   feed goes on behind it, so coming back costs nothing. The moment stands in the address. What is drawn for it (the
   bar, the frame) is in replay-bar.js. */
"use strict";

window.gridpostPast = (function () {
  const {fold, empty} = window.GridpostFeed, gp = window.gridpost;
  const SPEEDS = [1, 5, 15, 60, 120], PUMP = 100, EDGE = 5000;      // ms: the present is not whole yet for so long
  const AHEAD = 8000, PIECE = 15000, MOST = 600000;                 // ms of playing in hand, of a piece; of time in a piece
  const FIGURES = 5000, ADDRESS = 2000;
  const PLURAL = {case: "cases", alert: "alerts", device: "devices", patrols: "patrols"};
  let page = "", state = null, base = 0, began = 0, speed = 15, playing = false, wanted = 0, failure = "";
  let buffer = [], upto = 0, piece = 0, fetching = false, stalled = false, asked = 0, counted = 0, told = 0, going = null;

  const source = {state: () => state, now};
  const active = () => !!gp.past();
  const raw = () => (playing ? base + (performance.now() - began) * speed : base);
  function now() { return Math.min(raw(), Math.max(upto, base)); }
  const edge = () => gp.liveNow() - EDGE;
  const changed = () => gp.tell("moment", now());

  function hold(at) { base = at; began = performance.now(); }

  async function get(path, query, signal) {
    const said = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, typeof value === "number" && key !== "step" ? new Date(value).toISOString() : value]));
    const answer = await fetch("/api/v1/past" + path + "?" + said, {signal}), body = await answer.json();
    if (answer.status === 401) location.assign("/sign-in?next=" + encodeURIComponent(location.pathname + location.search));
    if (!answer.ok) throw Object.assign(new Error(body.error), {said: gp.lang() === "zh" ? body.message_zh : body.message_en, body});
    return body;
  }

  /* Show the moment `at` (epoch ms). Asked again before the answer, only the last counts. */
  async function jump(at) {
    const mine = asked += 1;
    if (going) going.abort();
    going = new AbortController();
    wanted = at;
    failure = "";
    changed();
    try {
      const said = await get("", {at: Math.min(at, gp.liveNow()), figures: "false"}, going.signal);
      if (mine !== asked) return;
      state = fold(empty(), "snapshot", said);
      drop(state.now);
      wanted = 0;
      hold(state.now);
      gp.lookBack(source);
      address(true);
      figures(true);
      if (playing) ahead();
    } catch (error) {
      if (mine !== asked) return;
      wanted = 0;
      failure = error.said || gp.t("past_failed");
    }
    changed();
  }

  /* Nothing is in hand after `at`; what is under way belongs to another playing. */
  function drop(at) { buffer = []; upto = at; piece += 1; fetching = false; stalled = false; }

  /* What came after is fetched before it is needed: some seconds of playing, at most ten minutes of time at once. */
  async function ahead() {
    const at = now(), need = Math.min(at + speed * AHEAD, edge());
    if (fetching || !playing || need - upto < (stalled ? 200 : 2000)) return;
    const mine = piece, to = Math.min(upto + Math.min(MOST, Math.max(30000, speed * PIECE)), edge());
    fetching = true;
    try {
      const said = await get("/changes", {from: upto, to, step: Math.max(1, Math.round(speed * 0.8))});
      if (mine !== piece) return;
      buffer.push(...said.items);
      upto = Math.max(upto, said.to);
      failure = "";
    } catch (error) {
      if (mine !== piece) return;
      failure = error.said || gp.t("past_failed");
      pause();
    } finally {
      if (mine === piece) fetching = false;
    }
  }

  /* Fold what is due by now, and tell the page once of each kind. */
  function pump() {
    if (!playing || !active() || wanted) return;
    stalled = raw() > upto;
    if (stalled) hold(Math.max(upto, base));            // it has not come yet: time waits for it
    const at = now(), heard = {};
    let n = 0;
    for (; n < buffer.length && buffer[n].at <= at; n++) {
      const {event, items} = buffer[n];
      if (!PLURAL[event]) continue;                     // notices were for those who sat there then
      state = fold(state, event, {items});
      const kind = heard[event] = heard[event] || new Map();
      for (const item of items) kind.set(item.no || item.alert || item.id, item);
    }
    buffer.splice(0, n);
    for (const [event, items] of Object.entries(heard)) gp.tell(PLURAL[event], [...items.values()]);
    figures(false);
    address(false);
    ahead();
    if (at >= edge() - 1000 && upto >= edge() - 2000) pause();
    changed();
  }

  /* The day's figures are counted by the server, and only the wall shows them. */
  async function figures(now_) {
    if (page !== "wall" || (!now_ && Date.now() - counted < FIGURES)) return;
    counted = Date.now();
    const mine = asked;
    try {
      const said = await get("/figures", {at: now()});
      if (mine !== asked || !active()) return;
      state = fold(state, "figures", said);
      gp.tell("figures", said);
      gp.tell("tick", now());      // which a moment that stands still does not bring
    } catch (error) { failure = error.said || gp.t("past_failed"); }
  }

  function play() {
    if (!active()) return;
    playing = true;
    hold(Math.min(base, edge()));
    ahead();
    changed();
  }
  function pause() { if (!playing) return; hold(now()); playing = false; if (active()) address(true); changed(); }
  function toggle() { if (playing) pause(); else play(); }

  function setSpeed(to) {
    hold(now());
    if (to !== speed) drop(base);   // fixes were fetched as far apart as the old speed needs
    speed = to;
    if (playing) ahead();
    changed();
  }

  const step = (ms) => jump(Math.min((wanted || (active() ? now() : gp.liveNow())) + ms, gp.liveNow()));

  /* The present again, at once: the feed has gone on behind the past. */
  function leave() {
    asked += 1;
    playing = false;
    wanted = 0;
    failure = "";
    drop(0);
    if (active()) gp.lookBack(null);
    address(true);
    changed();
  }

  /* The moment in the address, in the links to other pages and in those to the other language. */
  function address(at_once) {
    if (!at_once && Date.now() - told < ADDRESS) return;
    told = Date.now();
    const at = active() ? new Date(Math.floor(now() / 1000) * 1000).toISOString().replace(".000", "") : "";
    const said = new URLSearchParams(location.search);
    if (at) said.set("at", at); else said.delete("at");
    const search = said.toString() ? "?" + said.toString().replace(/%3A/g, ":") : "";
    if (search !== location.search) history.replaceState(history.state, "", location.pathname + search + location.hash);
    document.querySelectorAll("nav a[href], .wall .logo, .lang a").forEach((el) => {
      if (/^\/(daily|scores|what-if|field)/.test(el.pathname)) return;
      const to = new URLSearchParams(el.search);
      if (at) to.set("at", at); else to.delete("at");
      el.search = to.toString();
    });
  }

  gp.on("start", (name) => {
    page = name;
    if (!["wall", "dispatch", "replay"].includes(page)) return;
    setInterval(pump, PUMP);
    window.gridpostPastBar.start(page);
    const at = Date.parse(new URLSearchParams(location.search).get("at") || "");
    if (at) { window.gridpostPastBar.open(); jump(at); }
  });

  return {jump, step, play, pause, toggle, setSpeed, leave, get, active, now, SPEEDS, speed: () => speed, playing: () => playing,
    shown: () => wanted || (active() ? now() : gp.liveNow()), waiting: () => !!wanted || (playing && stalled && upto < edge() - 2000), failure: () => failure, edge};
})();
