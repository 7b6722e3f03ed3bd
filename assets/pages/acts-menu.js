/* The menu 更多: every other act that is possible now, in the groups that the server sent. One column a group, arrows
   move, a letter of the keyboard works without opening it, Esc closes. */
"use strict";

window.gridpostMenu = (function () {
  const gp = window.gridpost, e = gp.esc, t = gp.t;
  let el = null, back = null;

  function html(shown) {
    const item = (name) => {
      const one = shown.acts[name], form = one.ask || one.needs.length || one.more.length;
      return `<button type="button" role="menuitem" tabindex="-1" data-act="${e(name)}"><span>${e(one.label)}${form ? "…" : ""}</span>${one.key ? `<kbd>${e(one.key)}</kbd>` : ""}</button>`;
    };
    return groups(shown).map((group) => `<div role="group" aria-label="${e(group.name)}"><h4 aria-hidden="true">${e(group.name)}</h4>${group.acts.map(item).join("")}</div>`).join("");
  }

  /* The next step has its own button: it is not said twice. */
  function groups(shown) {
    return shown.groups.map((group) => ({name: group.name, acts: group.acts.filter((name) => name !== shown.next)})).filter((group) => group.acts.length);
  }

  function open(shown, choose) {
    close();
    el = document.createElement("div");
    el.className = "menu";
    el.setAttribute("role", "menu");
    el.setAttribute("aria-label", t("more_all"));
    el.innerHTML = html(shown);
    el.dataset.groups = el.children.length;
    back = document.activeElement;
    el.addEventListener("click", (event) => {
      const chosen = event.target.closest("[data-act]");
      if (chosen) { close(); choose(chosen.dataset.act); }
    });
    el.addEventListener("keydown", move);
    document.getElementById("action").prepend(el);
    document.addEventListener("pointerdown", outside, true);
    said(true);
    el.querySelector("button").focus();
  }

  function outside(event) { if (el && !el.contains(event.target) && !event.target.closest("#more")) close(); }
  function said(on) { const more = document.getElementById("more"); if (more) more.setAttribute("aria-expanded", String(on)); }

  function close() {
    if (!el) return false;
    const inside = el.contains(document.activeElement);
    el.remove();
    el = null;
    document.removeEventListener("pointerdown", outside, true);
    said(false);
    const to = back && back.isConnected && back !== document.body ? back : document.getElementById("more");
    if (inside && to) to.focus();
    return true;
  }

  function move(event) {
    const items = [...el.querySelectorAll("button")], at = items.indexOf(document.activeElement), column = document.activeElement.closest("[role=group]");
    const columns = [...el.children], next = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    const to = {ArrowDown: items[(at + 1) % items.length], ArrowUp: items[(at - 1 + items.length) % items.length], Home: items[0], End: items[items.length - 1]}[event.key]
      || (next && columns[(columns.indexOf(column) + next + columns.length) % columns.length].querySelector("button"));
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    to.focus();
  }

  return {open, close, isOpen: () => !!el, any: (shown) => groups(shown).length > 0};
})();
