/* /dispatch in the browser: the selection, the map's clicks, notices. What a case looks like inside, and what can be done
   to it, is asked from the server by writing the store `selection` (one callback); the rows are in dispatch-queue.js, what
   is done to a case in acts.js. */
"use strict";

(function () {
  const gp = window.gridpost, map = window.gridpostMap, acts = window.gridpostActs, queue = window.gridpostQueue, t = gp.t;
  const FREE = "free", REFRESH = 10000;
  let selected = null, shown = null, shownText = "", asked = 0, seen = "";
  let side = "patrol", candidates = [], bodies = [], chosen = 0, body = 0;

  const api = window.dash_clientside = window.dash_clientside || {};
  api.gridpost = Object.assign(api.gridpost || {}, {startDispatch, caseShown, layers, narrow(...given) { queue.narrow(...given); return Date.now(); }});

  function startDispatch() {
    gp.start("dispatch");
    ["reset", "cases"].forEach((kind) => gp.on(kind, changed));
    gp.on("past", ask);
    gp.on("tick", refreshCandidates);
    gp.on("notice", notices);
    const unless = (run) => (id) => (window.gridpostPlace.picking() ? undefined : run(id));
    map.start("map", {on: {case: unless(select), patrol: unless(patrolClicked), device: () => undefined, ground: () => undefined, name: tip}});
    queue.start(select);
    window.gridpostKeys.start({choose, turn: () => turn(side === "patrol" ? "department" : "patrol"), find: findSelected, clear});
    document.addEventListener("gridpost-refresh", ask);
    document.getElementById("keys-open").onclick = window.gridpostKeys.help;
    document.getElementById("map-plus").onclick = () => map.zoom(1);
    document.getElementById("map-minus").onclick = () => map.zoom(-1);
    document.getElementById("map-fit").onclick = () => map.fitAll(400);
    document.getElementById("case-body").addEventListener("click", clicked);
    document.getElementById("case-body").addEventListener("change", (event) => { if (event.target.id === "other-body") choose(other(event.target)); });
    return Date.now();
  }

  function clicked(event) {
    const on = (css) => event.target.closest(css), card = on("[data-candidate], [data-body]"), doing = on("[data-open]"), to = on("[data-to]"), go = on("[data-go]");
    if (card) choose(card.dataset.candidate === undefined ? bodies.findIndex((one) => one.body === card.dataset.body) : +card.dataset.candidate);
    else if (to) turn(to.dataset.to);
    else if (go) select(go.dataset.go);
    else if (doing && doing.dataset.approve) acts.approve();
    else if (doing) acts.open(doing.dataset.open, doing.dataset.department ? {department: doing.dataset.department} : {});
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
  const item = () => (selected ? gp.state().cases[selected] : null);

  /* The server's document about the selected case, as it stands in the inspector; null until it is there. */
  function doc() {
    const parts = document.getElementById("case-parts");
    if (!parts || parts.dataset.no !== selected) return null;
    if (shownText !== parts.dataset.acts) { shownText = parts.dataset.acts; shown = JSON.parse(shownText); }
    return shown;
  }

  function changed(items) {
    const now = item(), gone = Array.isArray(items) && items.some((one) => one.no === selected) && !now;
    if (selected && (gone || (gp.past() ? mark(now) !== seen : now && mark(now) !== seen))) ask();
    if (selected) tellActs();
  }

  function select(no) {
    if (no === selected) return;
    selected = no;
    candidates = [];
    bodies = [];
    chosen = body = 0;
    side = "patrol";
    const now = item();
    map.select({case: no, grid: now ? now.grid : null, patrol: now ? now.patrol || null : null, candidates: [], chosen: 0});
    queue.paint(no);
    ask();
    tellActs();
  }

  function clear() {
    selected = null;
    candidates = [];
    map.select({case: null, grid: null, patrol: null, candidates: []});
    dash_clientside.set_props("selection", {data: null});
    queue.paint(null);
    tellActs();
  }

  function ask() {
    if (!selected) return;
    const now = item();
    asked = Math.max(asked + 1, Date.now());   // also the name of the question: the answer carries it
    seen = mark(now);
    const at = gp.past() ? {at: new Date(gp.now()).toISOString()} : {};   // the case as it was then
    dash_clientside.set_props("selection", {data: {no: selected, version: now ? now.version : null, asked, ...at}});
  }

  const mark = (now) => (now ? now.version + "/" + now.updated : "");

  /* Candidates move: their ranking is asked again while it is looked at, and told with its age. */
  function refreshCandidates() {
    const now = item();
    if (now && queue.waiting(now) && !gp.past() && !gp.down() && !document.hidden && Date.now() - asked > REFRESH) ask();
  }

  /* The answer is here, but may not be drawn yet: React draws when it can, on a busy machine some frames later. So what
     stands in the document is read when it carries the stamp of this answer; a newer answer ends the waiting. */
  let awaiting = null;
  function caseShown(drawn) {
    const stamp = ((drawn || {}).props || {})["data-asked"];
    const stands = () => (document.getElementById("case-parts") || {dataset: {}}).dataset.asked === stamp;
    if (awaiting) awaiting.disconnect();
    awaiting = new MutationObserver(() => {
      if (!stands()) return;
      awaiting.disconnect();
      readCase();
    });
    if (stands()) readCase();
    else awaiting.observe(document.body, {childList: true, subtree: true, attributes: true, attributeFilter: ["data-asked"]});
    return Date.now();
  }

  function readCase() {
    const now = doc(), all = (css) => [...document.querySelectorAll("#case-body " + css)];
    const kept = (candidates[chosen] || {}).id, body_ = (bodies[body] || {}).body;
    candidates = all("[data-candidate]").map(({dataset: d}) => ({id: d.patrol, name: d.name, post: d.post, label: t("minutes_away", {name: d.name, n: d.minutes}), meta: t("dispatch_meta", {km: d.km, n: d.minutes})}));
    bodies = all("[data-body]").map(({dataset: d}) => sendable(d.body, d.name, d.liaison, d.post));
    chosen = Math.max(0, candidates.findIndex((one) => one.id === kept));
    body = Math.max(0, bodies.findIndex((one) => one.body === body_));
    if (body_ && (bodies[body] || {}).body !== body_) { const list = document.getElementById("other-body"); if (list) { list.value = body_; body = other(list); } }
    if (now) map.select({candidates: [], grid: now.grid, patrol: now.patrol || null});
    turn(side);
    all("[data-due]").forEach((el) => gp.drawClock(el));
  }

  /* A department that can be sent; without a liaison the person of the six fixes is missing, and the server says so. */
  const sendable = (code, name, liaison, post) => ({body: code, name, person: liaison, post, meta: liaison ? t("dispatch_body_meta", {name: liaison}) : t("dispatch_body_meta_none")});

  /* One that is no card, from the list: it stands behind the cards. */
  function other(list) {
    const option = list.selectedOptions[0], cards = document.querySelectorAll("#case-body [data-body]").length;
    bodies.length = cards;
    if (!list.value) return 0;
    bodies.push(sendable(list.value, option.textContent, option.dataset.liaison, option.dataset.post));
    return cards;
  }

  /* Patrols or departments: who shall go. */
  function turn(to) {
    side = document.querySelector("#case-body [data-to]") ? to : "patrol";
    document.querySelectorAll("#case-body [data-side]").forEach((el) => { el.hidden = el.dataset.side !== side; });
    document.querySelectorAll("#case-body [data-to]").forEach((el) => { el.classList.toggle("on", el.dataset.to === side); el.setAttribute("aria-pressed", String(el.dataset.to === side)); });
    const now = item();
    map.select({candidates: side === "patrol" && now && queue.waiting(now) ? candidates : []});
    choose(side === "patrol" ? chosen : body);
  }

  function choose(i) {
    const list = side === "patrol" ? candidates : bodies;
    if (i < 0 || (i >= list.length && i > 0)) return;
    if (side === "patrol") chosen = i; else body = i;
    document.querySelectorAll(side === "patrol" ? "#case-body [data-candidate]" : "#case-body [data-body]").forEach((el, at) => {
      el.classList.toggle("on", at === i);
      el.setAttribute("aria-checked", String(at === i));
    });
    const more = document.getElementById("other-body");
    if (more && side === "department" && bodies[i] && more.value !== bodies[i].body) more.value = "";
    document.querySelectorAll("#case-body [data-why]").forEach((el, at) => { el.hidden = at !== chosen; });
    fixes(list[i], i);
    map.select({chosen});
    tellActs();
  }

  /* Person and post come with the act of dispatching: they are those of whoever is chosen; every other fix is the server's. */
  function fixes(one, i) {
    const said = !one ? {} : one.body ? {person: one.person || t("missing"), post: one.post || t("missing")} : {person: one.name + " (" + (i + 1) + ")", post: one.post};
    document.querySelectorAll("#case-body [data-fix]").forEach((cell) => {
      const text = (cell.classList.contains("with") && said[cell.dataset.fix]) || cell.dataset.value, span = cell.querySelector("span");
      if (span.textContent !== text) { span.textContent = text; span.title = text; }
    });
  }

  function tellActs() {
    const now = item(), missing = [...document.querySelectorAll("#case-body .six .missing em")].map((el) => el.textContent);
    acts.show({no: selected, shown: doc(), version: now ? now.version : 0, candidate: (side === "patrol" ? candidates[chosen] : bodies[body]) || null, missing});
  }

  /* ---- the map ---- */
  /* "GP-20261122-0042" -> "0042"; a partner's case, whose patrol is lent, keeps its site: "松浦镇 0042". */
  function ofCase(no) {
    const at = no.lastIndexOf("/"), site = no.slice(0, Math.max(0, at));
    return (site && ((gp.directory().partners || {})[site] || site) + " ") + no.split("-").pop();
  }

  /* A free patrol and an accepted case: dispatched at once, with 8 s to undo. Anybody else is only told about. */
  function patrolClicked(id) {
    const patrol = gp.state().patrols[id], known = gp.directory().patrols[id], name = (known || {}).name || id;
    const state = map.shownState(patrol, gp.now()), now = doc();
    map.select({patrol: id});
    if (!known || patrol.registered === false) return acts.toast(t("unregistered_selected", {name}));
    if (state === "off") return acts.toast(t("off_selected", {name}));
    if (patrol.case) return acts.toast(t("busy_selected", {name, no: ofCase(patrol.case)}));
    if (state === "lost") return acts.toast(t("lost_selected", {name}), "warn");
    if (!(gp.directory().who || {}).acts) return acts.toast(t("not_allowed"));
    if (gp.down()) return acts.toast(t("dispatch_down"), "warn");
    if (!now) return acts.toast(t(selected ? "loading" : "first_pick"));
    const no = now.no.split("-").pop();
    if (now.next === "verify" || now.next === "accept") return acts.toast(t("first_accept", {no}), "warn");
    if (now.next !== "dispatch") return acts.toast(t("cannot_send_now", {no, state: now.state_name}));
    if (state === FREE) return acts.dispatch(now, {id, name});
    return undefined;
  }

  function tip(kind, id) {
    const d = gp.directory(), now = gp.now(), e = gp.esc;
    if (kind === "patrol") {
      const p = gp.state().patrols[id], known = d.patrols[id] || {name: id};
      const on = p.case ? " · " + t("on_case", {no: ofCase(p.case)}) : "";
      return `<b>${e(known.name)}</b> <span>${e(d.squads[known.squad] || t("unregistered"))}</span><br>${e(t(map.shownState(p, now)) + on)} · ${e(t("last_fix", {age: gp.age(now - p.at)}))}`;
    }
    if (kind === "case") {
      const each = queue.row(gp.state().cases[id]);
      return `<b>${e(each.title)}</b><br><span>${e(each.short + " · " + each.where + " · " + each.said)}</span>`;
    }
    const device = d.devices[id] || {}, live = gp.state().devices[id] || {};
    const value = live.value !== undefined && live.value !== null ? " · " + live.value + " " + (live.unit || "") : "";
    return `<b>${e(id)}</b> ${e(device.name)}<br><span>${e(t(live.state === "offline" ? "offline" : device.kind) + value)}${live.at ? " · " + e(gp.age(now - live.at)) : ""}</span>`;
  }

  function findSelected() {
    const now = doc();
    if (now && now.lon !== null) map.find(now.lon, now.lat);
  }

  /* ---- notices ---- */
  /* Reminders are calm: the row is marked, one sentence is shown (many at once are counted); the halfway mark of a case
     that somebody is on is for them and shows in its row only. Nobody answering is said for longer. */
  function notices(items) {
    const names = gp.directory().departments || {}, spoken = (one) => (gp.lang() === "zh" ? one.text_zh : one.text_en);
    const said = (one) => (one.of && names[one.of] ? spoken(one).replace(one.of, names[one.of]) : spoken(one));
    const ours = (one, on) => !!on && (one.level > 0 || !(on.patrol || on.department));
    const reminders = items.filter((one) => one.kind === "reminder"), up = reminders.filter((one) => ours(one, gp.state().cases[one.case]));
    for (const one of reminders) queue.mark(one.case, "reminder", t("clock_" + one.clock) + " " + one.percent + "%");
    if (up.length > 2) acts.toast(t("reminders_many", {n: new Set(up.map((one) => one.case)).size}));
    else up.forEach((one) => acts.toast(said(one)));
    for (const one of items) {
      if (one.kind === "reminder") continue;
      if (one.kind === "no_answer") queue.mark(one.case, "no_answer", "");
      acts.toast(said(one), one.kind === "warning" || one.kind === "no_answer" ? "warn" : "");
    }
  }
})();
