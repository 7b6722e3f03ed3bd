/* The queue of /dispatch: rows from the feed, four tabs of open cases and one of finished ones, filters, all of it kept
   in the address. The rows live in AG Grid by transactions, so a changed case redraws one row. */
"use strict";

window.gridpostQueue = (function () {
  const gp = window.gridpost, t = gp.t;
  const WAITING = ["reported", "verified", "accepted"], WIDTHS = {priority: 46, state: 140, due: 150}, NEVER = 8e15, NOTED = 60000, LOOK = 5000;   // a stopped clock sorts last
  const OVER = "closed,rated,rejected,merged", FILTERS = ["module", "board", "district"];
  const filters = {module: [], board: [], district: [], text: ""};
  const noted = new Map();       // case -> {until, kind}: a reminder marks its row for a minute, no answer until it moves on
  let tab = "mine", rows = new Map(), over = new Map(), pending = false, picked = null, choose = () => undefined, restored = false, asking = 0, asked = 0;

  function grid() {
    try { return dash_ag_grid.getApi("queue"); } catch (error) { return null; }   // not mounted yet: it throws
  }

  function start(select) {
    choose = select;
    restore();
    document.querySelectorAll("[data-tab]").forEach((el) => { el.onclick = () => open(el.dataset.tab); });
    const wait = setInterval(() => {
      const it = grid();
      if (!it) return;
      clearInterval(wait);
      const em = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
      if (em !== 1) { it.setGridOption("rowHeight", 47 * em); it.setGridOption("headerHeight", 30 * em); it.applyColumnState({state: Object.entries(WIDTHS).map(([colId, width]) => ({colId, width: width * em}))}); }
      it.addEventListener("rowClicked", (event) => choose(event.data.no));
      it.addEventListener("modelUpdated", () => paint(picked));
      redraw();
    }, 40);
    ["reset", "cases"].forEach((kind) => gp.on(kind, changed));
    gp.on("tick", () => { if (pending) redraw(); else counts(); });
  }

  function changed(items) {
    pending = true;
    requestAnimationFrame(() => { if (pending) redraw(); });
    if (tab === "over" && (!Array.isArray(items) || !gp.past() || Date.now() - asked > LOOK)) finished();
  }

  /* ---- rows ---- */
  function row(item) {
    const d = gp.directory(), clock = OVER.includes(item.state) ? null : gp.urgentClock(item), grid_ = d.grids[item.grid] || {};
    const device = d.devices[item.device], matter = d.matters[item.matter] || {};
    const who = (d.patrols[item.patrol] || {}).name || d.departments[item.department];
    const [flag, flagKind] = flagged(item);
    return {no: item.no, version: item.version, priority: item.priority, title: (matter.name || item.category || item.matter) + (device ? " · " + device.name : ""),
      short: item.no.split("-").pop(), where: grid_.name || (item.lon == null ? t("no_place") : t("no_grid")), flag, flagKind,
      state: [item.state, item.patrol || item.department, flag, flagKind].join(),   // a cell is drawn anew only when its value is another
      said: who && !WAITING.includes(item.state) ? (d.states[item.state] || "") + " " + who : d.states[item.state] || item.state,
      waiting: WAITING.includes(item.state) || item.state === "handled", due: clock ? clock.due : NEVER - item.updated, start: clock ? clock.start : 0, clock: clock ? clock.name : ""};
  }

  /* What a row says under its state: a decision that waits, nobody answered, who supervises, a reminder just now. */
  function flagged(item) {
    const note = noted.get(item.no), fresh = note && (note.kind === "no_answer" ? item.state === "dispatched" : note.until > Date.now());
    if (item.request) return [t("asked_row", {act: t("act_" + item.request.act)}), "asked"];
    if (fresh && note.kind === "no_answer") return [t("no_answer_row"), "warn"];
    if (item.level) return [t("level_row_" + item.level), "level" + item.level + (fresh ? " fresh" : "")];
    return fresh ? [note.text, "fresh"] : ["", ""];
  }

  function mark(no, kind, text) { noted.set(no, {kind, text, until: Date.now() + NOTED}); pending = true; }

  /* Supervised: a reminder has gone up to a named person, or a running clock is past or nearly past its limit. */
  function supervised(item, now) {
    return item.level > 0 || (item.clocks || []).some((c) => (c.done === null || c.done === undefined) && !c.paused && c.due - now <= 0.1 * (c.due - c.start));
  }

  const belongs = {
    mine: (item, now) => WAITING.includes(item.state) || item.state === "handled" || !!item.request || supervised(item, now),
    waiting: (item) => WAITING.includes(item.state),
    open: () => true,
    supervised,
    over: () => true,
  };
  const cases = () => (tab === "over" ? [...over.values()] : Object.values(gp.state().cases));

  function matches(item) {
    const d = gp.directory(), matter = d.matters[item.matter] || {}, grid_ = d.grids[item.grid] || {};
    if (filters.module.length && !filters.module.includes(matter.module)) return false;
    if (filters.board.length && !filters.board.includes(matter.board)) return false;
    if (filters.district.length && !filters.district.includes(grid_.district)) return false;
    if (!filters.text) return true;
    const device = d.devices[item.device] || {}, who = d.patrols[item.patrol] || {};
    return [item.no, matter.name, grid_.name, grid_.short, device.name, item.device, who.name, d.departments[item.department]].join(" ").toLowerCase().includes(filters.text);
  }

  function redraw() {
    const it = grid();
    if (!it) return;
    pending = false;
    const now = gp.now(), next = new Map();
    for (const item of cases()) if (belongs[tab](item, now) && matches(item)) next.set(item.no, row(item));
    const add = [], update = [], remove = [];
    for (const [no, each] of next) {
      const old = rows.get(no);
      if (!old) add.push(each);
      else if (JSON.stringify(old) !== JSON.stringify(each)) update.push(each);
    }
    for (const [no, each] of rows) if (!next.has(no)) remove.push(each);
    rows = next;
    if (add.length || update.length || remove.length) it.applyTransaction({add, update, remove});
    counts();
    const empty = document.getElementById("queue-empty");
    empty.hidden = rows.size > 0 || !gp.link().heard;
    empty.textContent = t(narrowed() ? "empty_found" : "empty_" + tab);
    document.getElementById("shown-count").textContent = t("count_shown", {n: rows.size});
    paint(picked);
  }

  function counts() {
    const now = gp.now(), all = Object.values(gp.state().cases);
    for (const name of Object.keys(belongs)) {
      const el = document.getElementById("count-" + name);
      if (!el) continue;
      const n = gp.link().heard ? String(all.filter((item) => belongs[name](item, now)).length) : "–";
      if (el.textContent !== n) el.textContent = n;
    }
  }

  /* Cases that are over are not in the feed: asked for when somebody looks, and again when one more is. */
  async function finished() {
    asked = Date.now();
    const then = gp.past() && "/api/v1/past/cases?at=" + new Date(gp.now()).toISOString();
    const mine = asking += 1, answer = await fetch(then || "/api/v1/cases?limit=300&state=" + OVER);
    if (!answer.ok || mine !== asking) return;
    over = new Map((await answer.json()).items.map((item) => [item.no, item]));
    redraw();
  }

  /* ---- tabs, filters, the address ---- */
  function open(name) {
    tab = name;
    document.querySelectorAll("[data-tab]").forEach((el) => {
      el.classList.toggle("on", el.dataset.tab === tab);
      el.setAttribute("aria-selected", String(el.dataset.tab === tab));
    });
    if (tab === "over") finished();
    redraw();
    remember();
  }

  function step(by) {
    const names = Object.keys(belongs);
    open(names[(names.indexOf(tab) + by + names.length) % names.length]);
  }

  const narrowed = () => !!(filters.text || FILTERS.some((name) => filters[name].length));

  function narrow(module, board, district, text) {
    Object.assign(filters, {module: module || [], board: board || [], district: district || [], text: (text || "").trim().toLowerCase()});
    Object.entries({module, board, district}).forEach(([name, values]) =>   // a pill and a placeholder do not fit side by side
      dash_clientside.set_props("filter-" + name, {placeholder: values && values.length ? "" : t("all_" + name + "s")}));
    redraw();
    remember();
  }

  function unfilter() {
    dash_clientside.set_props("search", {value: ""});
    FILTERS.forEach((name) => dash_clientside.set_props("filter-" + name, {value: []}));
    narrow([], [], [], "");
  }

  /* Tab, filters and case stand in the address, so that a reload, a bookmark or the other language shows the same. */
  function remember() {
    if (!restored) return;
    const said = new URLSearchParams();
    if (tab !== "mine") said.set("tab", tab);
    for (const name of FILTERS) if (filters[name].length) said.set(name, filters[name].join(","));
    if (filters.text) said.set("q", filters.text);
    if (picked) said.set("case", picked);
    const hash = said.toString() ? "#" + said : "";
    if (location.hash !== hash) history.replaceState(history.state, "", location.pathname + location.search + hash);
    document.querySelectorAll(".lang a").forEach((el) => { el.hash = hash; });
  }

  function restore() {
    const said = new URLSearchParams(location.hash.slice(1));
    for (const name of FILTERS) if (said.get(name)) dash_clientside.set_props("filter-" + name, {value: said.get(name).split(",")});
    if (said.get("q")) dash_clientside.set_props("search", {value: said.get("q")});
    restored = true;
    if (belongs[said.get("tab")]) open(said.get("tab"));
    if (said.get("case")) choose(said.get("case"));
  }

  /* ---- the selection ---- */
  function paint(no) {
    if (picked !== no) { picked = no; remember(); }
    document.querySelectorAll("#queue .ag-row").forEach((el) => {
      const on = el.getAttribute("row-id") === no;
      el.classList.toggle("picked", on);
      el.setAttribute("aria-selected", String(on));
    });
  }

  function move(by) {
    const it = grid(), order = [];
    it.forEachNodeAfterFilterAndSort((node) => order.push(node.data.no));
    if (!order.length) return;
    const at = order.indexOf(picked), to = order[Math.max(0, Math.min(order.length - 1, at < 0 ? 0 : at + by))];
    choose(to);
    it.ensureNodeVisible(it.getRowNode(to));
  }

  return {start, row, redraw, narrow, narrowed, unfilter, open, step, paint, move, mark, waiting: (item) => WAITING.includes(item.state), known: (no) => gp.state().cases[no] || over.get(no)};
})();
