/* What a person does to a case: one way for the button, the menu, the forms, the keys and a click on the map. Every act
   is a POST to /api/v1/cases/{no}/{act} with the version that was seen; the server checks and changes in one step and
   answers with the case or with why not. What is possible, and the next step, come with the inspector (`views/acts.py`);
   nothing of the table is repeated here. A refusal changes nothing and is told in words where the button was. */
"use strict";

window.gridpostActs = (function () {
  const gp = window.gridpost, forms = window.gridpostForms, menu = window.gridpostMenu, told = window.gridpostTold, UNDO = 8000;
  let undo = null;       // {no, version, act, needsText, name}
  let busy = null;       // the case and act that is being sent
  const answered = {};   // no -> the version after my last act: until the page shows it, the case takes no second one
  let refusal = null;    // {no, title, text, taken}: shown in place of the button
  let wanted = null;     // what the page shows: {no, shown, version, candidate, missing}; shown: the server's document
  const t = gp.t, esc = gp.esc;
  const short = (no) => no.split("-").pop();

  function newRequest() {
    const bytes = crypto.getRandomValues(new Uint8Array(12));   // randomUUID exists only over https or on this machine
    return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  }

  /* Posts one act; resolves to the new case, or null after the refusal was told. */
  async function post(item, act, more) {
    if (gp.past()) { notNow(); return null; }
    if (busy) return null;                      // one act at a time: a second click is no second wish
    busy = {no: item.no, act};
    forms.busy(true);
    draw();
    let answer, body;
    try {
      const given = Object.assign({version: item.version, request_id: newRequest()}, more);
      if (given.proof) given.image = await upload(given.proof);
      delete given.proof;
      answer = await fetch("/api/v1/cases/" + encodeURIComponent(item.no) + "/" + act, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(given)});
      body = await answer.json();
    } catch (error) {
      answer = null;
      body = error.body || {error: "unreachable", message: error.message};
    }
    busy = null;
    forms.busy(false);
    if (answer && answer.ok) { done(item.no, body.version); return body; }
    if (answer && answer.status === 401) { location.assign("/sign-in?next=/dispatch"); return null; }
    if (told.mine(act, more || {}, body)) { done(item.no, body.version); return body; }
    refuse(told.inWords(item, act, more || {}, body, answer));
    return null;
  }

  /* While the past is looked at nothing can be done; said to whoever tries by key or on the map. */
  function notNow() { toast(t("past_no_acts") + (gp.lang() === "zh" ? "：" : ": ") + t("past_no_acts_why"), "warn"); return true; }

  async function upload(file) {
    const answer = await fetch("/api/v1/media", {method: "POST", headers: {"Content-Type": file.type || "image/jpeg"}, body: file}), body = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(body.error), {body});
    return body.url;
  }

  function done(no, version) {
    answered[no] = version;
    refusal = null;
    draw();
    document.dispatchEvent(new CustomEvent("gridpost-refresh"));   // a case that is over leaves the feed: ask for it as it is
  }
  const settling = () => wanted.shown && (wanted.shown.version < (answered[wanted.no] || 0) || wanted.shown.version < wanted.version);

  function refuse(what) {
    if (forms.isOpen() && forms.of() === what.no) { forms.refused(what.title + (gp.lang() === "zh" ? "：" : ": ") + what.text); document.dispatchEvent(new CustomEvent("gridpost-refresh")); return; }
    if (wanted && wanted.no === what.no) { refusal = what; draw(); }
    else toast(what.title + (gp.lang() === "zh" ? "。" : ". ") + what.text, "warn");
  }

  /* ---- the acts of the page ---- */
  async function dispatch(item, who) {
    if (gp.past()) { notNow(); return; }
    if (gp.down() || busy || (wanted && wanted.no === item.no && settling())) return;
    const sent = await post(item, "dispatch", Object.assign(who.body ? {department: who.body} : {patrol: who.id}, {text: instructions()}));
    if (!sent) return;
    clearInstructions();
    offerUndo(sent, "withdraw", false, t("sent_toast", {no: short(item.no), name: who.name}));
  }

  async function verifyAndAccept(shown) {
    let seen = shown;
    if (shown.next === "verify") seen = await post(shown, "verify");
    if (seen) seen = await post(seen, "accept");
    if (seen) toast(t(shown.grid ? "accepted_toast" : "accepted_no_grid", {no: short(shown.no)}), shown.grid ? "" : "warn");
  }

  /* Any act of the menu: at once when it needs nothing more, else by its form. `preset`: what is known already. */
  function open(name, preset, approve) {
    const shown = wanted && wanted.shown, spec = shown && (name === "refuse" ? refusing() : shown.acts[name]);
    if (gp.past()) { notNow(); return; }
    if (!shown || busy) return;
    if (gp.down()) { toast(t("dispatch_down") + (gp.lang() === "zh" ? "。" : ". ") + t("dispatch_down_why"), "warn"); return; }
    if (!spec) { toast(t("not_possible_now", {act: t("act_" + name)})); return; }
    refusal = null;
    const given = preset || {};
    if (!spec.more.length && spec.needs.every((field) => given[field])) { run(shown, name, spec, given); return; }
    const note = approve ? t("form_approves", {by: shown.request.by}) : spec.ask ? t("form_asks") : "";
    const el = forms.start({shown, name, spec, preset: given, note, send: (values) => run(shown, name, spec, values), closed: draw});
    const box = document.getElementById("action-box");
    box.innerHTML = "";
    box.dataset.html = "";
    box.append(el);
    draw();
    forms.focusFirst();
  }

  const refusing = () => wanted.shown.request && {label: t("act_refuse"), act: t("act_refuse"), needs: ["text"], more: [], usual: t("usual_refuse").split("|"), undo: ""};

  async function run(shown, name, spec, values) {
    const parts = document.getElementById("case-parts");   // the version that stands on the screen at this moment
    const now = parts && parts.dataset.no === shown.no ? JSON.parse(parts.dataset.acts) : shown;
    const body = await (spec.ask ? post(now, "ask", Object.assign({wanted: name}, values)) : post(now, name, values));
    if (!body) return;
    if (forms.isOpen() && forms.of() === shown.no) forms.close(true);
    const no = short(shown.no), act = gp.lang() === "zh" ? spec.act : spec.act.toLowerCase();
    if (spec.undo) offerUndo(body, spec.undo, spec.undo_text, t("done_undo", {no, act}));
    else if (spec.ask) toast(t("asked_toast", {no, act}));
    else if (body.opened) toast(t("split_toast", {no, new: short(body.opened)}));
    else toast(name === "close" ? t("closed_toast", {no}) : name === "withdraw" ? t("withdrawn_toast", {no}) : t("done_toast", {no, act}));
    if (name === "withdraw") endUndo();
  }

  /* ---- undo, for 8 s ---- */
  function offerUndo(body, act, needsText, said) {
    undo = {no: body.no, version: body.version, act, needsText, until: Date.now() + UNDO};
    const bar = document.getElementById("snackbar");
    bar.innerHTML = `<div class="snack"><span>${esc(said)}</span><button type="button" class="plain" id="undo">${esc(t("undo", {n: 8}))} <kbd>U</kbd></button><i style="animation-duration:${UNDO}ms"></i></div>`;
    document.getElementById("undo").onclick = undoLast;
    announce(said);
  }
  function endUndo() { undo = null; const bar = document.getElementById("snackbar"); if (bar) bar.innerHTML = ""; }

  async function undoLast() {
    if (gp.past()) { notNow(); return; }
    if (busy) return;
    if (!undo) { toast(t("nothing_to_undo")); return; }
    const {no, version, act, needsText} = undo, now = gp.state().cases[no];
    endUndo();
    const body = await post({no, version: now ? Math.max(now.version, version) : version}, act, needsText ? {text: t("undo_reason")} : {});
    if (body) toast(act === "withdraw" ? t("undone_toast", {no: short(no)}) : t("act_undone", {no: short(no), state: gp.directory().states[body.state]}));
  }
  gp.on("tick", () => {
    if (!undo) return;
    const left = Math.ceil((undo.until - Date.now()) / 1000), button = document.getElementById("undo");
    if (left <= 0) endUndo();
    else if (button && button.firstChild) button.firstChild.textContent = t("undo", {n: left}) + " ";
  });
  gp.on("cases", (items) => { for (const item of items) if (undo && item.no === undo.no && item.version > undo.version && (undo.act !== "withdraw" || item.state === "accepted")) endUndo(); });
  gp.on("down", () => draw());
  gp.on("past", (on) => { if (on) { menu.close(); if (forms.isOpen()) forms.close(); refusal = null; } draw(); });

  /* ---- the pinned action ---- */
  function show(next) {
    const other = !wanted || next.no !== wanted.no;
    if (other && forms.isOpen()) forms.close();
    if (other || !next.shown || (wanted.shown && next.shown.version !== wanted.shown.version)) menu.close();
    if (other || (refusal && next.shown && wanted.shown && next.shown.version !== wanted.shown.version && !refusal.taken)) refusal = null;
    wanted = next;
    draw();
  }

  function primary() {
    const {shown, candidate, missing} = wanted;
    if (gp.past()) return {text: t("past_no_acts"), note: t("past_no_acts_why"), off: true};
    if (!shown) return {text: t("loading") + "…", off: true};
    if (gp.down()) return {text: t("dispatch_down"), note: t("dispatch_down_why"), off: true};
    const name = shown.patrol ? told.person(shown.patrol) : "", start = () => open(shown.next);
    switch (shown.next) {
      case "verify": return {text: t("verify_accept"), note: t("verify_accept_meta"), run: () => verifyAndAccept(shown)};
      case "accept": return {text: t("accept"), run: () => verifyAndAccept(shown)};
      case "dispatch":
        if (missing && missing.length) return {text: t("dispatch_missing", {names: missing.join(t("comma"))}), off: true};
        if (!candidate) return {text: t("dispatch_none"), off: true};
        return {text: t("dispatch_to", {name: candidate.name}), note: candidate.meta, run: () => dispatch(shown, candidate)};
      case "close": return {text: t("close_case"), note: t("close_meta"), run: start};
      case "withdraw": return {text: t("withdraw"), note: name && t("sent_to") + " " + name, run: start, second: true};
      case "handle": return {text: t("next_handle"), note: name && t("next_handle_meta", {name}), run: start, second: true};
      case null: return {text: Object.keys(shown.acts).length || shown.request ? shown.state_name : t("not_allowed"), off: true};
      default: return {text: t("next_" + shown.next), note: t("next_" + shown.next + "_meta"), run: start};
    }
  }

  function draw() {
    const box = document.getElementById("action-box"), panel = document.getElementById("action");
    if (!box || !panel) return;
    const there = !!(wanted && wanted.no), shown = there && wanted.shown;
    panel.hidden = !there;
    if (!there || forms.isOpen()) { panel.classList.remove("writes"); return; }
    panel.classList.toggle("writes", !!(shown && shown.next === "dispatch" && !gp.down() && !gp.past() && !refusal));
    const html = refusal && refusal.no === wanted.no ? refusalHtml() : buttonHtml(primary());
    if (box.dataset.html !== html) {
      const held = (document.activeElement || {}).id;
      box.innerHTML = html;
      box.dataset.html = html;
      if ((held === "more" || held === "go") && document.activeElement === document.body) (document.getElementById(held) || document.body).focus();
    }
    box.querySelectorAll("[data-do]").forEach((el) => { el.onclick = () => press(el.dataset.do); });
  }

  function buttonHtml(p) {
    const sending = !gp.past() && ((busy && busy.no === wanted.no) || settling()), more = !gp.past() && wanted.shown && menu.any(wanted.shown);
    const inside = sending ? esc(t("sending")) + "…" : `<b>${esc(p.text)}</b>${p.note ? `<span>${esc(p.note)}</span>` : ""}${p.run && !p.second ? "<kbd>↵</kbd>" : ""}`;
    return `<div class="go-row"><button type="button" id="go" class="go${p.second ? " second" : ""}" data-do="go" ${p.off || sending ? "disabled" : ""}>${inside}</button>` +
      (more ? `<button type="button" id="more" class="more" data-do="more" aria-haspopup="menu" aria-expanded="false" ${gp.down() ? "disabled" : ""}>${esc(t("more"))} <kbd>.</kbd></button>` : "") + "</div>";
  }

  function refusalHtml() {
    return `<div class="refusal" role="alert"><b>${esc(refusal.title)}</b><p>${esc(refusal.text)}</p>` +
      `<button type="button" class="plain" data-do="latest">${esc(t("see_latest"))} <kbd>↵</kbd></button></div>`;
  }

  function press(what) {
    if (what === "latest") { refusal = null; draw(); document.dispatchEvent(new CustomEvent("gridpost-refresh")); return; }
    if (what === "more") { more(); return; }
    const p = primary();
    if (!p.off && p.run && !busy && !settling()) p.run();
  }

  function more() {
    if (gp.past()) { notNow(); return; }
    if (!wanted || !wanted.shown || !document.getElementById("more") || menu.close()) return;
    menu.open(wanted.shown, (name) => open(name));
  }

  /* Enter: what the button would do; a refusal is acknowledged first. */
  function enter() { if (wanted && wanted.no) { if (refusal) press("latest"); else if (!primary().second) press("go"); } }

  function approve() {
    const {act, text, limit, until} = wanted.shown.request;
    open(act, Object.assign({}, text && {text}, limit && {limit}, until && {until}), true);
  }

  function instructions() { const el = document.getElementById("instructions"); return el ? el.value.trim() : ""; }
  function clearInstructions() { dash_clientside.set_props("instructions", {value: ""}); }

  function announce(text) { const el = document.getElementById("toasts"); if (el) el.setAttribute("aria-label", text); }
  function toast(text, kind) {
    const el = document.createElement("div");
    el.className = "toast " + (kind || "");
    el.textContent = text;
    document.getElementById("toasts").append(el);
    setTimeout(() => el.remove(), kind === "warn" ? 8000 : 4000);
  }

  return {show, enter, dispatch, open, approve, more, undoLast, toast, redraw: draw};
})();
