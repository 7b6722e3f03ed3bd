/* Where I am, as far as the person lets the page know: nothing is asked of the phone before the switch is on. A fix is
   taken every ten seconds while the page is seen, and sent (a department's phone keeps it). */
"use strict";

F.place = (function () {
  const EVERY = 10000, NEAR = 50, WORST = 100;
  let on = F.store.read("share", false) === true;
  let here = null;        // {lon, lat, accuracy, speed, course, at}: the latest fix, `at` on the server's clock
  let state = "off";      // off, wait, on, kept (not sent), denied, insecure, none
  let sentAt = 0, timer = 0;

  function set(wanted) {
    on = wanted;
    F.store.write("share", on ? true : null);
    clearTimeout(timer);
    if (on) look(); else { here = null; become("off"); }
  }

  function become(next) { state = next; F.tell("place"); }

  function look() {
    clearTimeout(timer);
    if (!on || document.hidden) return;
    if (!window.isSecureContext || !navigator.geolocation) { become("insecure"); return; }
    if (!here) become("wait");
    timer = setTimeout(look, EVERY);
    navigator.geolocation.getCurrentPosition(take, missed, {enableHighAccuracy: true, timeout: EVERY - 1000, maximumAge: 3000});
  }

  async function take(fix) {
    if (!on) return;
    const c = fix.coords, known = (n) => (n === null || Number.isNaN(n) ? null : n);
    here = {lon: c.longitude, lat: c.latitude, accuracy: c.accuracy, speed: known(c.speed), course: known(c.heading), at: F.now()};
    become(F.who.positioned && !sentAt ? "wait" : state === "kept" ? "kept" : "on");
    if (!F.who.positioned) { become("on"); return; }
    try {
      const answer = await fetch("/api/v1/field/position", {
        method: "POST", headers: {"Content-Type": "application/json"}, signal: F.patience(EVERY),
        body: JSON.stringify(Object.assign({}, here, {at: new Date(here.at).toISOString()})),
      });
      if (answer.ok) sentAt = F.now();
      if (on) become(answer.ok ? "on" : "kept");
    } catch (why) { if (on) become("kept"); }
  }

  function missed(error) { become(error.code === 1 ? "denied" : here ? state : "none"); }

  /* The distance in metres to a task's place and whether that is there: within 50 m and what the fix may be off by; a fix
     that may be off by more than 100 m says nothing. */
  function to(task) {
    if (!here || task.lon === null || task.lon === undefined) return null;
    const m = F.metres(here, task);
    return {m, there: here.accuracy <= WORST && m <= NEAR + here.accuracy, degrees: F.bearing(here, task)};
  }

  function words() {
    const m = here ? Math.round(here.accuracy) : 0;
    if (!F.who.positioned && (state === "off" || state === "on")) return F.t(state === "on" ? "field_use_place_on" : "field_use_place_off", {m});
    return F.t("field_share_" + state, {m, age: F.ageWords(F.now() - sentAt)});
  }

  addEventListener("visibilitychange", look);
  return {set, look, to, words, on: () => on, here: () => here, state: () => state};
})();
