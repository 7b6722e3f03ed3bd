/* /what-if in the browser: asks for a day with the fields as they stand, shows how far it is, goes to the answer. */
"use strict";

(function () {
  const POLL_MS = 700;

  function number(value) { return value === "" || value === null || value === undefined ? null : Number(value); }

  function wanted(day, patrols, where, policy, radius, minutes, matter, speed, seed) {
    const body = {day, more_patrols: number(patrols) || 0, where: where === "-" ? "" : where, policy,
                  speed: number(speed) === null ? 1 : number(speed), seed: number(seed) || 0};
    const merge = {radius: number(radius), minutes: number(minutes)};
    if (matter && matter !== "-") body.merge = {[matter]: merge};
    else { body.merge_radius = merge.radius; body.merge_minutes = merge.minutes; }
    return body;
  }

  function show(share, text, failed) {
    const box = document.getElementById("what-if-progress");
    if (!box) return;
    box.hidden = false;
    box.classList.toggle("failed", !!failed);
    box.querySelector("s").style.width = (100 * share).toFixed(1) + "%";
    box.querySelector("span").textContent = text;
  }

  function button(on) { const el = document.getElementById("what-if-run"); if (el) el.disabled = !on; }

  function fail(text) { show(0, text, true); button(true); }

  function said(answer) {
    const t = window.gridpost.t;
    const text = document.documentElement.lang === "en" ? answer.message_en : answer.message_zh;
    return answer.state === "failed" ? t("wi_failed") + text : text;
  }

  async function asked(path, options) {
    const answer = await fetch(path, Object.assign({headers: {"Content-Type": "application/json"}}, options));
    return {ok: answer.ok, body: await answer.json()};
  }

  async function follow(first) {
    const t = window.gridpost.t;
    let now = first;
    for (;;) {
      if (!now.ok || now.body.state === "failed") { fail(said(now.body)); return; }
      if (now.body.state === "done") { location.assign(now.body.page); return; }
      const text = now.body.state === "queued" ? t("wi_queued") : t("wi_" + now.body.column + "_now");
      show(now.body.progress, text + " · " + Math.round(100 * now.body.progress) + "%");
      await new Promise((done) => setTimeout(done, POLL_MS));
      now = await asked(now.body.url);
    }
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.gridpost = Object.assign(window.dash_clientside.gridpost || {}, {
    startWhatIf() { window.gridpost.start("daily"); return "light"; },
    askWhatIf(clicks, ...fields) {
      if (!clicks) return "";
      button(false);
      show(0, window.gridpost.t("loading"));
      asked("/api/v1/what-if", {method: "POST", body: JSON.stringify(wanted(...fields))})
        .then(follow).catch(() => fail(window.gridpost.t("wi_no_answer")));
      return String(Date.now());
    },
  });
})();
