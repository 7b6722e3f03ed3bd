/* The small form of an act, in the inspector where the button was: what the act needs, the usual reasons to click, one
   button. Enter sends, Esc closes; what was typed is kept when the server refuses, when the case changes under it and
   when it is closed by mistake. It lives outside of what the server draws, so a refresh never takes the focus away. */
"use strict";

window.gridpostForms = (function () {
  const gp = window.gridpost, t = gp.t, e = gp.esc, fields = window.gridpostFields;
  const drafts = new Map();      // case/act -> {field: value}
  let open = null;               // {key, el, parts: [{name, field, el}], send, back}

  /* `wish`: {shown, name, spec, preset, note, send(values), closed()}. */
  function start(wish) {
    close();
    const {shown, name, spec} = wish, key = shown.no + "/" + name + (spec.ask ? "/ask" : "");
    const el = document.createElement("form");
    el.className = "act-form";
    el.setAttribute("aria-label", spec.label);
    el.noValidate = true;
    el.innerHTML = `<h3>${e(spec.label)}<span>${e(wish.note || "")}</span><button type="button" class="quiet" data-close aria-label="${e(t("close"))}">✕</button></h3>` +
      `<div class="fields"></div><div class="form-error" role="alert" hidden></div>` +
      `<div class="form-end"><button type="submit" class="go">${button(spec)}</button><button type="button" class="plain" data-close>${e(t("cancel"))} <kbd>Esc</kbd></button></div>`;
    const parts = [...spec.needs, ...spec.more].map((field) => part(field, Object.assign({name}, spec), shown, spec.more.includes(field)));
    parts.forEach((one) => el.querySelector(".fields").append(one.el));
    open = {key, el, parts, wish, back: document.activeElement};
    const given = Object.assign({}, wish.preset, drafts.get(key));
    for (const one of parts) { one.field.ready(one.el); if (given[one.name] !== undefined && given[one.name] !== null) one.field.write(one.el, given[one.name]); }
    el.querySelectorAll("[data-close]").forEach((one) => { one.onclick = () => close(); });
    el.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
    el.addEventListener("keydown", enter);
    return el;
  }

  const button = (spec) => `<b>${e(spec.label)}</b><kbd>↵</kbd>`;

  function part(name, spec, shown, optional) {
    const field = fields[name](spec, shown), el = document.createElement("div");
    el.className = "field " + name;
    el.setAttribute("role", "group");
    el.setAttribute("aria-label", field.label);
    el.innerHTML = `<span class="label">${e(optional && name === "text" ? t("form_note") : field.label)}${field.note ? `<small>${e(field.note)}</small>` : ""}</span>${field.html}`;
    return {name, field, el, optional: optional || !!field.optional};
  }

  /* Enter sends, from a text too (Shift+Enter is a new line); a button or a list keeps its own Enter. */
  function enter(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.target.closest("button, select")) return;
    event.preventDefault();
    submit();
  }

  function submit() {
    if (!open || open.el.classList.contains("busy")) return;
    const values = {}, missing = [];
    for (const one of open.parts) {
      const value = one.field.read(one.el);
      if (value && value.bad) { refused(value.bad); focus(one.el); return; }
      if (value === null) { if (!one.optional) missing.push(one); } else if (one.name === "place") Object.assign(values, value);
      else values[one.name] = value;
    }
    if (missing.length) {
      refused(t("form_missing", {names: missing.map((one) => one.field.label).join(t("comma"))}));
      focus(missing[0].el);
      return;
    }
    refused("");
    open.wish.send(values);
  }

  function focus(el) {
    const first = el.querySelector("textarea") || el.querySelector("input:checked") || el.querySelector("input, select");
    if (first) first.focus();
  }

  function focusFirst() { if (open) focus(open.parts.length ? open.parts[0].el : open.el); }

  /* Told in words above the button; nothing that was typed is touched. */
  function refused(text) {
    if (!open) return;
    const at = open.el.querySelector(".form-error");
    at.hidden = !text;
    at.textContent = text;
  }

  function busy(on) {
    if (!open) return;
    open.el.classList.toggle("busy", on);
    const send = open.el.querySelector(".go");
    send.disabled = on;
    send.innerHTML = on ? e(t("sending")) + "…" : button(open.wish.spec);
  }

  /* `sent`: it was done, so nothing needs to be kept. */
  function close(sent) {
    if (!open) return;
    const was = open;
    open = null;
    if (sent) drafts.delete(was.key);
    else drafts.set(was.key, Object.fromEntries(was.parts.map((one) => [one.name, (one.field.draft || one.field.read)(one.el)])));
    was.parts.forEach((one) => { if (one.field.done) one.field.done(); });
    const inside = was.el.contains(document.activeElement);
    was.el.remove();
    was.wish.closed();
    if (inside && was.back && was.back !== document.body) (was.back.isConnected ? was.back : document.getElementById("more") || document.body).focus();
  }

  return {start, close, refused, busy, focusFirst, isOpen: () => !!open, element: () => (open ? open.el : null), of: () => (open ? open.wish.shown.no : null)};
})();
