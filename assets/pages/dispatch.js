/* /dispatch in the browser: the queue from the feed, the selection, the map's clicks and the keys. What a case looks
   like inside is asked from the server by writing the store `selection` (one callback); what is done to it is in
   acts.js. The rows live in AG Grid by transactions, so a changed case redraws one row. */
"use strict";

(function () {
  const gp = window.gridpost, map = window.gridpostMap, acts = window.gridpostActs, t = gp.t;
  const WAITING = ["reported", "verified", "accepted"], FREE = "free", REFRESH = 10000, WIDTHS = {priority: 46, state: 118, due: 150}, NEVER = 8e15;   // a stopped clock sorts last
  const filters = {module: [], board: [], district: [], text: ""};
  let tab = "mine", rows = new Map(), selected = null, candidates = [], chosen = 0, asked = 0, pending = false, shownVersion = 0;

  const api = window.dash_clientside = window.dash_clientside || {};
  api.gridpost = Object.assign(api.gridpost || {}, {startDispatch, caseShown, narrow, layers});

  function startDispatch() {
    gp.start("dispatch");
    ["reset", "cases"].forEach((kind) => gp.on(kind, changed));
    gp.on("tick", () => { if (pending) redraw(); else counts(); refreshCandidates(); });
    gp.on("notices", notices);
    gp.on("down", (down) => { if (selected) acts.redraw(); });
    map.start("map", {on: {case: select, patrol: patrolClicked, device: () => undefined, ground: () => undefined, name: tip}});
    document.addEventListener("keydown", keys);
    document.addEventListener("gridpost-refresh", () => ask());
    document.querySelectorAll("[data-tab]").forEach((el) => { el.onclick = () => open(el.dataset.tab); });
    document.getElementById("keys-open").onclick = help;
    document.getElementById("map-plus").onclick = () => map.map.zoomIn();
    document.getElementById("map-minus").onclick = () => map.map.zoomOut();
    document.getElementById("map-fit").onclick = () => map.fitAll(400);
    document.getElementById("case-body").addEventListener("click", (event) => {
      const card = event.target.closest("[data-candidate]");
      if (card) choose(+card.dataset.candidate);
    });
    whenGrid(redraw);
    return Date.now();
  }

  /* ---- the queue ---- */
  function grid() {
    try { return dash_ag_grid.getApi("queue"); } catch (error) { return null; }   // not mounted yet: it throws
  }
  function whenGrid(then) {
    const wait = setInterval(() => {
      const it = grid();
      if (!it) return;
      clearInterval(wait);
      const em = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
      if (em !== 1) { it.setGridOption("rowHeight", 47 * em); it.setGridOption("headerHeight", 30 * em); it.applyColumnState({state: Object.entries(WIDTHS).map(([colId, width]) => ({colId, width: width * em}))}); }
      it.addEventListener("rowClicked", (event) => select(event.data.no));
      it.addEventListener("modelUpdated", paintSelected);
      then();
    }, 40);
  }

  function changed(items) {
    pending = true;
    requestAnimationFrame(() => { if (pending) redraw(); });
    const mine = selected && gp.state().cases[selected];
    if (selected && mine && mine.version !== shownVersion) ask();
    if (selected && !mine && Array.isArray(items) && items.some((item) => item.no === selected)) ask();
  }

  function row(item) {
    const d = gp.directory(), clock = gp.urgentClock(item), grid = d.grids[item.grid] || {};
    const device = d.devices[item.device], matter = d.matters[item.matter] || {};
    const who = (d.patrols[item.patrol] || {}).name;
    return {no: item.no, version: item.version, priority: item.priority, title: (matter.name || item.category || item.matter) + (device ? " · " + device.name : ""),
      short: item.no.split("-").pop(), where: grid.name || (item.lon == null ? t("no_place") : t("no_grid")), state: item.state,
      said: who && !WAITING.includes(item.state) ? (d.states[item.state] || "") + " " + who : d.states[item.state] || item.state,
      waiting: WAITING.includes(item.state) || item.state === "handled", due: clock ? clock.due : NEVER, start: clock ? clock.start : 0, clock: clock ? clock.name : ""};
  }

  function supervised(item, now) {
    return (item.clocks || []).some((c) => (c.done === null || c.done === undefined) && c.due - now <= 0.1 * (c.due - c.start));
  }

  const belongs = {
    mine: (item, now) => WAITING.includes(item.state) || item.state === "handled" || supervised(item, now),
    waiting: (item) => WAITING.includes(item.state),
    open: () => true,
    supervised,
  };

  function matches(item) {
    const d = gp.directory(), matter = d.matters[item.matter] || {}, grid = d.grids[item.grid] || {};
    if (filters.module.length && !filters.module.includes(matter.module)) return false;
    if (filters.board.length && !filters.board.includes(matter.board)) return false;
    if (filters.district.length && !filters.district.includes(grid.district)) return false;
    if (!filters.text) return true;
    const device = d.devices[item.device] || {}, who = d.patrols[item.patrol] || {};
    return [item.no, matter.name, grid.name, grid.short, device.name, item.device, who.name].join(" ").toLowerCase().includes(filters.text);
  }

  function redraw() {
    const it = grid();
    if (!it) return;
    pending = false;
    const now = gp.now(), next = new Map();
    for (const item of Object.values(gp.state().cases)) if (belongs[tab](item, now) && matches(item)) next.set(item.no, row(item));
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
    const empty = document.getElementById("queue-empty"), narrowed = filters.text || filters.module.length || filters.board.length || filters.district.length;
    empty.hidden = rows.size > 0 || !gp.link().heard;
    empty.textContent = t(narrowed ? "empty_found" : "empty_" + tab);
    document.getElementById("shown-count").textContent = t("count_shown", {n: rows.size});
    paintSelected();
  }

  function counts() {
    const now = gp.now(), all = Object.values(gp.state().cases);
    for (const name of Object.keys(belongs)) {
      const el = document.getElementById("count-" + name), n = gp.link().heard ? String(all.filter((item) => belongs[name](item, now)).length) : "–";
      if (el && el.textContent !== n) el.textContent = n;
    }
  }

  function open(name) {
    tab = name;
    document.querySelectorAll("[data-tab]").forEach((el) => {
      el.classList.toggle("on", el.dataset.tab === tab);
      el.setAttribute("aria-selected", String(el.dataset.tab === tab));
    });
    redraw();
  }

  function narrow(module, board, district, text) {
    Object.assign(filters, {module: module || [], board: board || [], district: district || [], text: (text || "").trim().toLowerCase()});
    Object.entries({module, board, district}).forEach(([name, values]) =>   // a pill and a placeholder do not fit side by side
      dash_clientside.set_props("filter-" + name, {placeholder: values && values.length ? "" : t("all_" + name + "s")}));
    redraw();
    return Date.now();
  }

  function layers(values) {
    const on = new Set(values);
    if (!map.map) return null;
    map.show("live-trail", on.has("trails"));
    map.show("live-devices", on.has("devices"));
    map.show("grid-name", on.has("labels"));
    Plotly.restyle(map.gd, {visible: on.has("heat")}, [0]);
    return values;
  }

  /* ---- the selection ---- */
  function select(no) {
    if (no === selected) return;
    selected = no;
    candidates = [];
    chosen = 0;
    const item = gp.state().cases[no];
    map.select({case: no, grid: item ? item.grid : null, patrol: item ? item.patrol || null : null, candidates: [], chosen: 0});
    paintSelected();
    ask();
    tellActs();
  }

  function clear() {
    selected = null;
    candidates = [];
    map.select({case: null, grid: null, patrol: null, candidates: []});
    dash_clientside.set_props("selection", {data: null});
    paintSelected();
    tellActs();
  }

  function ask() {
    if (!selected) return;
    const item = gp.state().cases[selected];
    asked = Date.now();
    shownVersion = item ? item.version : shownVersion;
    dash_clientside.set_props("selection", {data: {no: selected, version: item ? item.version : null, asked}});
  }

  /* Candidates move: their ranking is asked again while it is looked at, and told with its age. */
  function refreshCandidates() {
    const item = selected && gp.state().cases[selected];
    if (item && WAITING.includes(item.state) && !gp.down() && !document.hidden && Date.now() - asked > REFRESH) ask();
  }

  function caseShown() {
    requestAnimationFrame(() => {
      const cards = [...document.querySelectorAll("#case-body [data-candidate]")], kept = (candidates[chosen] || {}).id;
      candidates = cards.map((el) => ({id: el.dataset.patrol, name: el.dataset.name, km: el.dataset.km, minutes: el.dataset.minutes, post: el.dataset.post,
        label: t("minutes_away", {name: el.dataset.name, n: el.dataset.minutes})}));
      chosen = Math.max(0, candidates.findIndex((one) => one.id === kept));
      const item = gp.state().cases[selected];
      map.select({candidates: item && WAITING.includes(item.state) ? candidates : [], chosen, grid: item ? item.grid : null, patrol: item ? item.patrol || null : null});
      choose(chosen);
      document.querySelectorAll("#case-body [data-due]").forEach((el) => gp.drawClock(el));
    });
    return Date.now();
  }

  function choose(i) {
    if (i >= candidates.length && i > 0) return;
    chosen = i;
    document.querySelectorAll("#case-body [data-candidate]").forEach((el, at) => {
      el.classList.toggle("on", at === i);
      el.setAttribute("aria-checked", String(at === i));
    });
    document.querySelectorAll("#case-body [data-why]").forEach((el, at) => { el.hidden = at !== i; });
    fixes(candidates[i], i);
    map.select({chosen});
    tellActs();
  }

  /* Person and post come with the act of dispatching: they are the chosen candidate's; every other fix is the server's. */
  function fixes(one, i) {
    const said = one ? {person: one.name + " (" + (i + 1) + ")", post: one.post} : {};
    document.querySelectorAll("#case-body [data-fix]").forEach((cell) => {
      const text = (cell.classList.contains("with") && said[cell.dataset.fix]) || cell.dataset.value, span = cell.querySelector("span");
      if (span.textContent !== text) { span.textContent = text; span.title = text; }
    });
  }

  function tellActs() {
    const item = selected ? gp.state().cases[selected] : null;
    const missing = [...document.querySelectorAll("#case-body .six .missing em")].map((el) => el.textContent);
    acts.show({item, candidate: candidates[chosen] || null, acts: !!(gp.directory().who || {}).acts, missing});
  }

  function paintSelected() {
    document.querySelectorAll("#queue .ag-row").forEach((el) => {
      const on = el.getAttribute("row-id") === selected;
      el.classList.toggle("picked", on);
      el.setAttribute("aria-selected", String(on));
    });
  }

  function move(step) {
    const it = grid(), order = [];
    it.forEachNodeAfterFilterAndSort((node) => order.push(node.data.no));
    if (!order.length) return;
    const at = order.indexOf(selected), to = order[Math.max(0, Math.min(order.length - 1, at < 0 ? 0 : at + step))];
    select(to);
    it.ensureNodeVisible(it.getRowNode(to));
  }

  /* ---- the map ---- */
  /* A free patrol and an accepted case: dispatched at once, with 8 s to undo. Anybody else is only told about. */
  function patrolClicked(id) {
    const patrol = gp.state().patrols[id], known = gp.directory().patrols[id], name = (known || {}).name || id;
    const item = selected && gp.state().cases[selected], state = map.shownState(patrol, gp.now());
    map.select({patrol: id});
    if (!known || patrol.registered === false) return acts.toast(t("unregistered_selected", {name}));
    if (state === "off") return acts.toast(t("off_selected", {name}));
    if (patrol.case) return acts.toast(t("busy_selected", {name, no: patrol.case.split("-").pop()}));
    if (state === "lost") return acts.toast(t("lost_selected", {name}), "warn");
    if (!(gp.directory().who || {}).acts) return acts.toast(t("not_allowed"));
    if (gp.down()) return acts.toast(t("dispatch_down"), "warn");
    if (!item) return acts.toast(t("first_pick"));
    const no = item.no.split("-").pop();
    if (item.state === "reported" || item.state === "verified") return acts.toast(t("first_accept", {no}), "warn");
    if (item.state !== "accepted") return acts.toast(t("cannot_send_now", {no, state: gp.directory().states[item.state]}));
    if (state === FREE) return acts.dispatch(item, {id, name});
    return undefined;
  }

  function tip(kind, id) {
    const d = gp.directory(), now = gp.now(), e = gp.esc;
    if (kind === "patrol") {
      const p = gp.state().patrols[id], known = d.patrols[id] || {name: id};
      const on = p.case ? " · " + t("on_case", {no: p.case.split("-").pop()}) : "";
      return `<b>${e(known.name)}</b> <span>${e(d.squads[known.squad] || t("unregistered"))}</span><br>${e(t(map.shownState(p, now)) + on)} · ${e(t("last_fix", {age: gp.age(now - p.at)}))}`;
    }
    if (kind === "case") {
      const each = row(gp.state().cases[id]);
      return `<b>${e(each.title)}</b><br><span>${e(each.short + " · " + each.where + " · " + each.said)}</span>`;
    }
    const device = d.devices[id] || {}, live = gp.state().devices[id] || {};
    const value = live.value !== undefined && live.value !== null ? " · " + live.value + " " + (live.unit || "") : "";
    return `<b>${e(id)}</b> ${e(device.name)}<br><span>${e(t(live.state === "offline" ? "offline" : device.kind) + value)}${live.at ? " · " + e(gp.age(now - live.at)) : ""}</span>`;
  }

  function findSelected() {
    const item = selected && gp.state().cases[selected];
    if (item && item.lon !== null) map.find(item.lon, item.lat);
  }

  function notices(items) { for (const item of items) acts.toast(gp.lang() === "zh" ? item.text_zh : item.text_en, item.kind === "warning" ? "warn" : ""); }

  /* ---- keys ---- */
  function keys(event) {
    const typing = event.target.closest && event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
    if (event.key === "Escape") return escape(typing);
    if (typing) return undefined;
    const onButton = event.target.closest && event.target.closest("button, a, summary, [role=option]");
    const run = {j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1), u: acts.undoLast, f: findSelected, "?": help,
      "/": () => document.getElementById("search").focus(), "[": () => step(-1), "]": () => step(1), Enter: onButton ? null : acts.enter}[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (/^[1-4]$/.test(event.key)) { choose(+event.key - 1); event.preventDefault(); return undefined; }
    if (!run) return undefined;
    event.preventDefault();
    return run();
  }

  function step(by) {
    const names = Object.keys(belongs);
    open(names[(names.indexOf(tab) + by + names.length) % names.length]);
  }

  /* What lies on top goes first: an open panel, then the field one writes in with its text, the filters, the selection. */
  function escape(typing) {
    const dialog = document.getElementById("keys-help"), panel = document.querySelector(".map-controls .layers");
    if (dialog.open) { dialog.close(); return; }
    if (panel && panel.open) { panel.open = false; return; }
    if (typing) {
      if (typing.id === "search") dash_clientside.set_props("search", {value: ""});
      typing.blur();
      return;
    }
    const narrowed = filters.text || filters.module.length || filters.board.length || filters.district.length;
    if (narrowed) {
      dash_clientside.set_props("search", {value: ""});
      ["module", "board", "district"].forEach((name) => dash_clientside.set_props("filter-" + name, {value: []}));
      narrow([], [], [], "");
    } else clear();
  }

  function help() {
    const dialog = document.getElementById("keys-help");
    if (dialog.open) { dialog.close(); return; }
    const lines = [["J K", "move"], ["1–4", "pick"], ["↵", "go"], ["U", "undo"], ["F", "find"], ["/", "search"], ["[ ]", "tab"], ["Esc", "clear"], ["?", "all"]];
    dialog.innerHTML = `<h2>${gp.esc(t("keys_title"))}</h2><dl>` + lines.map(([k, name]) => `<dt>${k.split(" ").map((one) => `<kbd>${one}</kbd>`).join(" ")}</dt><dd>${gp.esc(t("keys_" + name))}</dd>`).join("") + `</dl><p>${gp.esc(t("keys_off"))}</p>`;
    dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
    dialog.showModal();
  }
})();
