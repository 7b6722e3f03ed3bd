/* What a person does to a case: one way for the button, the keys and a click on the map. Every act is a POST to
   /api/v1/cases/{no}/{act} with the version that was seen; the server checks and changes in one step and answers with
   the case or with why not. A refusal changes nothing and is told in words where the button was; everything else that
   follows (rows, pins, other screens) comes by the feed. */
"use strict";

window.gridpostActs = (function () {
  const gp = window.gridpost, UNDO = 8000;
  let undo = null;       // {no, version, name, until}
  let busy = null;       // the case and act that is being sent
  const answered = {};   // no -> the version after my last act: until the page shows it, the case takes no second one
  let refusal = null;    // {no, title, text, by}: shown in place of the button
  let wanted = null;     // what the page shows: {item, candidate, acts}
  const t = gp.t, esc = gp.esc;
  const short = (no) => no.split("-").pop();
  const person = (id) => (gp.directory().patrols[id] || {}).name || id;

  function newRequest() {
    const bytes = crypto.getRandomValues(new Uint8Array(12));   // randomUUID exists only over https or on this machine
    return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  }

  /* Posts one act; resolves to the new case, or null after the refusal was told. */
  async function post(item, act, more) {
    if (busy) return null;                      // one act at a time: a second click is no second wish
    busy = {no: item.no, act};
    draw();
    let answer, body;
    try {
      answer = await fetch("/api/v1/cases/" + encodeURIComponent(item.no) + "/" + act, {
        method: "POST", headers: {"Content-Type": "application/json"},
        body: JSON.stringify(Object.assign({version: item.version, request_id: newRequest()}, more)),
      });
      body = await answer.json();
    } catch (error) {
      answer = null;
      body = {error: "unreachable", message: error.message};
    }
    busy = null;
    if (answer && answer.ok) { done(item.no, body.version); return body; }
    if (answer && answer.status === 401) { location.assign("/sign-in?next=/dispatch"); return null; }
    if (mine(act, more || {}, body)) { done(item.no, body.version); return body; }
    refuse(item, act, more || {}, body, answer);
    return null;
  }

  function done(no, version) { answered[no] = version; refusal = null; draw(); }
  const settling = (item) => item.version < (answered[item.no] || 0);

  /* What I sent a moment ago and what the server says was done are the same: it is done, by me. */
  function mine(act, more, d) {
    return d.error === "case_taken" && act === "dispatch" && d.act === "dispatch" && d.patrol === more.patrol && d.by === (gp.directory().who || {}).name;
  }

  function refuse(item, act, more, body, answer) {
    const told = inWords(item, act, more, body, answer);
    if (wanted && wanted.item && wanted.item.no === item.no) { refusal = told; draw(); }
    else toast(told.title + "。" + told.text, "warn");
  }

  /* The refusal in words: who, what, when, which version; or which fixes are missing; or where the patrol is. */
  function inWords(item, act, more, body, answer) {
    const d = body, title = t(act === "dispatch" ? "not_sent" : "not_done");
    const words = gp.lang() === "zh" ? d.message_zh : d.message_en, colon = gp.lang() === "zh" ? "：" : ": ";
    if (d.error === "case_taken") {
      const sent = d.act === "dispatch" && d.patrol;
      const what = sent ? t("taken_sent", {name: person(d.patrol)}) : t("act_" + d.act);
      const at = gp.hhmmss(typeof d.at === "number" ? d.at : Date.parse(d.at));
      return {no: item.no, taken: true, title: title + colon + t("taken", {by: gp.lang() === "zh" ? spaced(by(d.by)) : by(d.by)}),
        text: t("taken_text", {at, act: what, seen: d.seen === undefined ? item.version : d.seen, now: d.version})};
    }
    if (d.error === "patrol_busy") return {no: item.no, title: title + colon + t("busy", {name: person(d.patrol || more.patrol), no: short(d.case || "")}), text: t("busy_text")};
    if (answer && answer.status === 403) return {no: item.no, title, text: t("forbidden_text")};
    if (words) return {no: item.no, title, text: words};
    return {no: item.no, title, text: t("failed_text", {why: d.message || (answer && answer.status) || d.error || "—"})};
  }

  /* A patrol's or a source's name; an account that is called like its role, by the role. */
  function by(id) {
    const d = gp.directory(), role = t("role_" + id), known = d.patrols[id] || d.sources[id] || {};
    return known.name || (role !== "role_" + id ? role : id);
  }
  const spaced = (name) => (/[\x21-\x7e]$/.test(name) ? name + " " : name);   // Latin beside Chinese

  /* ---- the acts of the page ---- */
  async function dispatch(item, patrol) {
    if (gp.down() || busy || settling(item)) return;
    const sent = await post(item, "dispatch", {patrol: patrol.id, text: instructions()});
    if (!sent) return;
    clearInstructions();
    undo = {no: item.no, version: sent.version, name: patrol.name, until: Date.now() + UNDO};
    snackbar();
  }

  async function verifyAndAccept(item) {
    let seen = item;
    if (item.state === "reported") seen = await post(item, "verify");
    if (seen) seen = await post(seen, "accept");
    if (seen) toast(t(item.grid ? "accepted_toast" : "accepted_no_grid", {no: short(item.no)}), item.grid ? "" : "warn");
  }

  async function close(item) { if (await post(item, "close")) toast(t("closed_toast", {no: short(item.no)})); }
  async function withdraw(item) { if (await post(item, "withdraw")) { endUndo(); toast(t("withdrawn_toast", {no: short(item.no)})); } }

  async function undoLast() {
    if (busy) return;
    if (!undo) { toast(t("nothing_to_undo")); return; }
    const {no, version} = undo, now = gp.state().cases[no];
    endUndo();
    if (await post({no, version: now ? Math.max(now.version, version) : version}, "withdraw")) toast(t("undone_toast", {no: short(no)}));
  }

  /* ---- the pinned action ---- */
  function show(next) {
    const other = !wanted || !next.item || !wanted.item || next.item.no !== wanted.item.no;
    if (other || (refusal && next.item && next.item.version !== wanted.item.version && !refusal.taken)) refusal = null;
    wanted = next;
    draw();
  }

  function primary() {
    const {item, candidate, missing} = wanted;
    if (!wanted.acts) return {text: t("not_allowed"), off: true};
    if (gp.down()) return {text: t("dispatch_down"), note: t("dispatch_down_why"), off: true};
    switch (item.state) {
      case "reported": return {text: t("verify_accept"), note: t("verify_accept_meta"), run: () => verifyAndAccept(item), key: true};
      case "verified": return {text: t("accept"), run: () => verifyAndAccept(item), key: true};
      case "accepted":
        if (missing && missing.length) return {text: t("dispatch_missing", {names: missing.join(t("comma"))}), off: true};
        if (!candidate) return {text: t("dispatch_none"), off: true};
        return {text: t("dispatch_to", {name: candidate.name}), note: t("dispatch_meta", {km: candidate.km, n: candidate.minutes}), run: () => dispatch(item, candidate), key: true};
      case "handled": return {text: t("close_case"), note: t("close_meta"), run: () => close(item), key: true};
      case "on_scene": return {text: t("on_scene_now", {name: person(item.patrol)}), off: true};
      case "dispatched": case "acknowledged": case "on_the_way":
        return {text: t("withdraw"), note: t("sent_to") + " " + person(item.patrol), run: () => withdraw(item), second: true};
      default: return {text: t("is_closed"), off: true};
    }
  }

  function draw() {
    const box = document.getElementById("action-box"), panel = document.getElementById("action");
    if (!box || !panel) return;
    const open = !!(wanted && wanted.item);
    panel.hidden = !open;
    if (!open) return;
    const writes = wanted.acts && wanted.item.state === "accepted" && !gp.down() && !refusal;
    panel.classList.toggle("writes", !!writes);
    const html = refusal && refusal.no === wanted.item.no ? refusalHtml() : buttonHtml(primary());
    if (box.dataset.html !== html) { box.innerHTML = html; box.dataset.html = html; }
    box.querySelectorAll("[data-do]").forEach((el) => { el.onclick = () => run(el.dataset.do); });
  }

  function buttonHtml(p) {
    const sending = (busy && busy.no === wanted.item.no) || settling(wanted.item);
    const inside = sending ? esc(t("sending")) + "…" : `<b>${esc(p.text)}</b>${p.note ? `<span>${esc(p.note)}</span>` : ""}${p.key ? "<kbd>↵</kbd>" : ""}`;
    return `<button type="button" id="go" class="go${p.second ? " second" : ""}" data-do="go" ${p.off || sending ? "disabled" : ""}>${inside}</button>`;
  }

  function refusalHtml() {

    return `<div class="refusal" role="alert"><b>${esc(refusal.title)}</b><p>${esc(refusal.text)}</p>` +
      `<button type="button" class="plain" data-do="latest">${esc(t("see_latest"))} <kbd>↵</kbd></button></div>`;
  }

  function run(what) {
    if (what === "latest") { refusal = null; draw(); document.dispatchEvent(new CustomEvent("gridpost-refresh")); return; }
    const p = primary();
    if (!p.off && p.run && !busy && !settling(wanted.item)) p.run();
  }

  /* Enter: what the button would do; a refusal is acknowledged first. */
  function enter() { if (wanted && wanted.item) { if (refusal) run("latest"); else if (!primary().second) run("go"); } }

  function instructions() { const el = document.getElementById("instructions"); return el ? el.value.trim() : ""; }
  function clearInstructions() { dash_clientside.set_props("instructions", {value: ""}); }

  /* ---- what happened ---- */
  function snackbar() {
    const bar = document.getElementById("snackbar");
    bar.innerHTML = `<div class="snack"><span>${t("sent_toast", {no: "<b>" + esc(short(undo.no)) + "</b>", name: "<b>" + esc(undo.name) + "</b>"})}</span>` +
      `<button type="button" class="plain" id="undo">${esc(t("undo", {n: 8}))} <kbd>U</kbd></button><i style="animation-duration:${UNDO}ms"></i></div>`;
    document.getElementById("undo").onclick = undoLast;
    announce(t("sent_toast", {no: short(undo.no), name: undo.name}));
  }
  function endUndo() { undo = null; const bar = document.getElementById("snackbar"); if (bar) bar.innerHTML = ""; }
  gp.on("tick", () => {
    if (!undo) return;
    const left = Math.ceil((undo.until - Date.now()) / 1000), button = document.getElementById("undo");
    if (left <= 0) endUndo();
    else if (button && button.firstChild) button.firstChild.textContent = t("undo", {n: left}) + " ";
  });
  gp.on("cases", (items) => { for (const item of items) if (undo && item.no === undo.no && item.state === "accepted") endUndo(); });
  gp.on("down", draw);

  function announce(text) { const el = document.getElementById("toasts"); if (el) el.setAttribute("aria-label", text); }
  function toast(text, kind) {
    const el = document.createElement("div");
    el.className = "toast " + (kind || "");
    el.textContent = text;
    document.getElementById("toasts").append(el);
    setTimeout(() => el.remove(), kind === "warn" ? 8000 : 4000);
  }

  return {show, enter, dispatch, undoLast, toast, redraw: draw, hasRefusal: () => !!refusal};
})();
