/* The keys of /dispatch, and the order in which Esc takes things away. Off while a text field has the focus. */
"use strict";

window.gridpostKeys = (function () {
  const gp = window.gridpost, t = gp.t;
  const HELP = [["J K", "move"], ["1–4", "pick"], ["↵", "go"], [".", "more"], ["S", "suspend"], ["R", "return"], ["E", "extend"], ["M", "merge"], ["W", "whistle"], ["D", "body"],
    ["U", "undo"], ["F", "find"], ["/", "search"], ["[ ]", "tab"], ["Esc", "clear"], ["?", "all"]];
  const ACTS = {s: "suspend", r: "return", e: "extend", m: "merge", w: "whistle"};

  /* `page`: {choose(i), turn(), find(), clear()}. */
  function start(page) {
    const acts = window.gridpostActs, queue = window.gridpostQueue;
    const run = {j: () => queue.move(1), k: () => queue.move(-1), ArrowDown: () => queue.move(1), ArrowUp: () => queue.move(-1), u: acts.undoLast, f: page.find, d: page.turn, "?": help,
      "/": () => document.getElementById("search").focus(), "[": () => queue.step(-1), "]": () => queue.step(1), ".": acts.more, Enter: acts.enter};
    for (const [key, name] of Object.entries(ACTS)) run[key] = () => acts.open(name);
    document.addEventListener("keydown", (event) => {
      const on = (css) => event.target.closest && event.target.closest(css);
      const typing = on("input:not([type=checkbox]), textarea, select, [contenteditable], .act-form, .menu");
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape") { escape(typing, page); return; }
      if (typing) return;
      if (/^[1-4]$/.test(event.key)) { page.choose(+event.key - 1); event.preventDefault(); return; }
      const wanted = event.key === "Enter" && on("button, a, summary, [role=option]") ? null : run[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!wanted) return;
      event.preventDefault();
      wanted();
    });
  }

  /* What lies on top goes first: an open panel, a form, then the field one writes in with its text, the filters, the selection. */
  function escape(typing, page) {
    const dialog = document.getElementById("keys-help"), panel = document.querySelector(".map-controls .layers");
    if (dialog.open) { dialog.close(); return; }
    if (panel && panel.open) { panel.open = false; return; }
    if (window.gridpostMenu.close()) return;
    if (window.gridpostForms.isOpen() && (!typing || typing.closest(".act-form"))) { window.gridpostForms.close(); return; }
    if (typing) {
      if (typing.id === "search") dash_clientside.set_props("search", {value: ""});
      typing.blur();
      return;
    }
    if (window.gridpostQueue.narrowed()) window.gridpostQueue.unfilter();
    else page.clear();
  }

  function help() {
    const dialog = document.getElementById("keys-help");
    if (dialog.open) { dialog.close(); return; }
    dialog.innerHTML = `<h2>${gp.esc(t("keys_title"))}</h2><dl>` + HELP.map(([k, name]) => `<dt>${k.split(" ").map((one) => `<kbd>${one}</kbd>`).join(" ")}</dt><dd>${gp.esc(t("keys_" + name))}</dd>`).join("") + `</dl><p>${gp.esc(t("keys_off"))}</p>`;
    dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
    dialog.showModal();
  }

  return {start, help};
})();
