/* The phone page of an officer: which tasks there are, what a tap does, what is told. The centre is asked every five
   seconds while the page is seen, and at once when it is seen again or the network is back. */
"use strict";

(function () {
  const {t, esc, named} = F, V = F.view;
  const EVERY = 5000, PATIENCE = 8000, TOAST = 4000, SHIFT = 12 * 3600 * 1000;
  const page = {live: false, signedOut: false, heard: 0, onDuty: true};
  const tasks = new Map();        // dispatch -> the task as the centre last said
  const ended = new Set();        // dispatches that I handled or declined myself
  const touched = new Map();      // dispatch -> when an answer to an act came: an older list says nothing about it
  const arrived = new Set();      // dispatches that a fix has arrived at
  const notices = [];
  let done = [], current = "", timer = 0, first = true, dutySet = 0;
  const $ = (id) => document.getElementById(id);

  /* ---- what the centre says ---- */
  async function poll() {
    clearTimeout(timer);
    if (document.hidden) return;
    const asked = Date.now();
    try {
      const answer = await fetch("/api/v1/field/tasks", {cache: "no-store", signal: F.patience(PATIENCE)});
      if (answer.status === 401) signedOut();
      else if (answer.status === 403) location.assign("/");
      else if (!answer.ok) throw new Error(answer.status);
      else hear(await answer.json(), asked);
    } catch (why) { page.live = false; }
    draw();
    clearTimeout(timer);
    timer = setTimeout(poll, EVERY);
  }

  function signedOut() { page.signedOut = true; page.live = false; }

  function hear(body, asked) {
    F.clock(body.now, asked, Date.now());
    page.live = true;
    page.signedOut = false;
    const known = body.now - page.heard < SHIFT;          // of what was seen longer ago nobody can say how it ended
    page.heard = body.now;
    done = body.done;
    if (dutySet < asked) page.onDuty = body.on_duty;
    const listed = new Set();
    for (const item of body.items) { listed.add(item.dispatch); take(item); }
    for (const [dispatch, task] of tasks) if (!listed.has(dispatch) && (touched.get(dispatch) || 0) < asked) missing(dispatch, task, known);
    F.store.write("seen", {items: [...tasks.values()], done, heard: page.heard});
    first = false;
    F.queue.send();
  }

  function take(item) {
    const known = tasks.get(item.dispatch);
    if (ended.has(item.dispatch) || (known && known.version > item.version)) return;
    tasks.set(item.dispatch, item);
    if (known) { placed(known, item); return; }
    if (navigator.vibrate && navigator.userActivation && navigator.userActivation.hasBeenActive) navigator.vibrate([200, 100, 200]);
    if (!first) toast(t("field_new", {title: named(item, "title")}));
  }

  /* The centre too takes who stands at the case for arrived: two fixes in a row are enough. It is told here. */
  function placed(known, item) {
    if (item.part || item.state !== "on_scene" || known.state === "on_scene" || arrived.has(item.dispatch)) return;
    arrived.add(item.dispatch);
    notices.unshift({kind: "good", title: t("field_arrived_rule"), text: named(item, "title")});
  }

  /* A task that is not listed any more was withdrawn, unless I ended it; what still waits to be sent will hear why. */
  function missing(dispatch, task, known) {
    tasks.delete(dispatch);
    const waits = F.queue.rows().some((row) => row.dispatch === dispatch);
    if (!known || ended.has(dispatch) || waits || done.some((item) => item.no === task.no)) return;
    notices.unshift({kind: "warn", title: t("field_withdrawn", {title: named(task, "title")}), text: t("field_withdrawn_text"), wrote: (F.store.draft(task.no).text || "").trim()});
  }

  F.on("sent", ({row, body}) => {
    touched.set(row.dispatch, Date.now());
    if (F.forms.ends(row.act) || row.act === "decline") ended.add(row.dispatch);
    if (body.task && !ended.has(row.dispatch)) tasks.set(row.dispatch, body.task); else tasks.delete(row.dispatch);
    if (ended.has(row.dispatch)) { toast("✓ " + t("act_" + row.act) + " · " + named(row, "title")); poll(); }
  });

  F.on("refused", ({row, gone, ended: rows, body, status}) => {
    const wrote = rows.map((each) => each.text).filter(Boolean).join(" ");
    const acts = rows.map((each) => t("act_" + each.act)).join(t("comma"));
    const why = (F.lang() === "zh" ? body.message_zh : body.message_en) || t("field_failed", {status});
    if (gone) tasks.delete(row.dispatch);
    notices.unshift(gone
      ? {kind: "warn", title: t("field_withdrawn", {title: named(row, "title")}), text: t("field_withdrawn_acts", {acts}), wrote}
      : {kind: "warn", title: t("field_refused", {act: acts}), text: why, wrote});
    const result = rows.find((each) => F.forms.ends(each.act));
    if (result && !F.store.draft(row.no).text) F.store.keepDraft(row.no, {text: result.text});
    poll();
  });
  F.on("photo-refused", ({body}) => notices.unshift({kind: "warn", title: t("field_photo_refused"), text: F.lang() === "zh" ? body.message_zh : body.message_en}));

  /* ---- what I do ---- */
  function push(task, act, more) {
    if (act === "arrive") arrived.add(task.dispatch);
    return F.queue.push(Object.assign({no: task.no, dispatch: task.dispatch, act, title: task.title, title_en: task.title_en}, more));
  }

  async function act(task, name) {
    if (!F.forms.ends(name)) { push(task, name); return; }
    const said = await F.forms.collect(form(task), task);
    if (!said) return;
    await push(task, name, said);
    await F.forms.clear(task.no);
  }

  function skip(task, name) {
    if (F.forms.ends(name)) { F.forms.ask(task.no); form(task).scrollIntoView({block: "center"}); return; }
    F.forms.confirm(t("field_skip", {act: t("act_" + name)}), t("field_skip_note"), t("act_" + name), () => push(task, name));
  }

  /* On the way and there, by the phone's own position: that is an arrival. Who has not set out yet is only told. */
  F.on("place", () => {
    for (const each of tasks.values()) {
      const task = F.queue.ahead(each), mine = F.place.to(task);
      if (!mine || !mine.there || arrived.has(task.dispatch) || V.next(task) !== "arrive") continue;
      push(task, "arrive", {text: t("field_arrived_text", {m: Math.round(mine.m), a: Math.round(F.place.here().accuracy)})});
      notices.unshift({kind: "good", title: t("field_arrived", {far: F.far(mine.m)}), text: named(task, "title")});
    }
    draw();
  });

  /* On duty or off it: said at once or not at all, since a wish that arrives an hour later helps nobody. */
  async function duty(on) {
    const was = page.onDuty;
    page.onDuty = on;
    dutySet = Infinity;
    draw();
    try {
      const answer = await fetch("/api/v1/field/duty", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({on}), signal: F.patience(PATIENCE)});
      if (!answer.ok) throw new Error(answer.status);
    } catch (why) { page.onDuty = was; toast(t("field_duty_failed")); }
    dutySet = Date.now() + 1000;       // the list of tasks hears of it within a second
    draw();
  }

  async function leave() {
    const out = async () => { await F.store.forget(); $("leave").submit(); }, n = F.queue.rows().length;
    if (n) F.forms.confirm(t("sign_out"), t("field_leave", {n}), t("field_leave_anyway"), out); else await out();
  }

  document.addEventListener("click", (event) => {
    const el = event.target.closest("[data-do]");
    if (!el) return;
    const card = el.closest("article"), known = tasks.get(card ? card.dataset.dispatch : current), task = known && F.queue.ahead(known);
    switch (el.dataset.do) {
      case "lang": F.speak(F.lang() === "zh" ? "en" : "zh"); break;
      case "duty": duty(el.checked); break;
      case "share": F.place.set(el.checked); break;
      case "dismiss": notices.splice(+el.dataset.n, 1); draw(); break;
      case "open": current = card.dataset.dispatch; draw(); break;
      case "act": if (task) act(task, el.dataset.act); break;
      case "skip": if (task) skip(task, el.dataset.act); break;
      case "decline": if (task) F.forms.decline(task, async (text) => { await push(task, "decline", {text}); await F.forms.clear(task.no); }); break;
      case "enlarge": F.forms.enlarge(el.dataset.src); break;
      case "leave": leave(); break;
    }
  });

  /* ---- what is seen ---- */
  const form = (task) => document.querySelector(`article[data-dispatch="${CSS.escape(task.dispatch)}"] .form`);

  function draw() {
    const shown = [...tasks.values()].map(F.queue.ahead).filter((task) => V.next(task) !== undefined);
    if (!shown.some((task) => task.dispatch === current)) current = shown.length ? shown[0].dispatch : "";
    V.put($("top"), V.top(page));
    V.put($("share"), V.share(page));
    V.put($("strips"), V.strips(page));
    V.put($("notices"), V.notices(notices));
    V.put($("none"), shown.length || first && !page.heard ? "" : V.nothing());
    cards(shown);
    V.put($("done"), V.done(done));
    V.put($("foot"), `<form id="leave" method="post" action="/sign-out"></form><button type="button" data-do="leave">${esc(t("sign_out"))}</button>`);
    const task = shown.find((each) => each.dispatch === current);
    $("bar").hidden = !task;
    V.put($("bar"), task ? V.bar(task) : "");
    document.title = (shown.length ? `(${shown.length}) ` : "") + t("field_title") + " · " + t("product");
    V.tick(document);
  }

  function cards(shown) {
    const box = $("tasks"), known = new Map([...box.children].map((el) => [el.dataset.dispatch, el]));
    shown.forEach((task, n) => {
      const el = known.get(task.dispatch) || card(task);
      known.delete(task.dispatch);
      if (box.children[n] !== el) box.insertBefore(el, box.children[n] || null);
      const open = task.dispatch === current, part = (name) => el.querySelector("." + name);
      el.classList.toggle("folded", !open);
      V.put(part("head"), V.head(task));
      V.put(part("clocks"), V.clocks(task));
      V.put(part("place"), V.place(task));
      if (!open) return;
      V.put(part("map"), V.map(task));
      part("map").hidden = !part("map").drawn;
      V.put(part("near"), near(task));
      V.put(part("said"), V.said(task));
      V.put(part("steps"), V.steps(task));
      F.forms.result(part("form"), task);
    });
    for (const gone of known.values()) gone.remove();
  }

  function card(task) {
    const el = document.createElement("article");
    el.dataset.dispatch = task.dispatch;
    el.dataset.no = task.no;
    el.innerHTML = `<div class="head" data-do="open"></div><div class="clocks"></div><div class="steps"></div><div class="form" hidden></div>` +
      `<div class="near" role="status"></div><div class="place"></div><div class="map" role="img"></div><div class="said"></div>`;
    return el;
  }

  function near(task) {
    const mine = F.place.to(task);
    const act = mine && mine.there && {acknowledge: "arrive", depart: "arrive", check_in: "check_in"}[V.next(task)];
    return act ? esc(t("field_near", {far: F.far(mine.m), act: t("act_" + act)})) : "";
  }

  function toast(text) {
    const el = document.createElement("p");
    el.textContent = text;
    $("toasts").append(el);
    setTimeout(() => el.remove(), TOAST);
  }

  /* ---- the start ---- */
  F.on("toast", toast);
  F.on("signed-out", () => { signedOut(); draw(); });
  for (const what of ["queue", "draw", "map", "lang", "no-store"]) F.on(what, draw);
  F.on("lang", () => document.querySelectorAll(".map").forEach((el) => el.setAttribute("aria-label", t("field_map"))));
  addEventListener("visibilitychange", poll);
  addEventListener("online", poll);
  addEventListener("offline", () => { page.live = false; draw(); });
  setInterval(() => V.tick(document), 1000);

  $("main").innerHTML = ["share", "strips", "notices", "none", "tasks", "done", "foot"].map((id) => `<section id="${id}"></section>`).join("");
  const seen = F.store.read("seen", null);
  if (seen) { seen.items.forEach((item) => tasks.set(item.dispatch, item)); done = seen.done; page.heard = seen.heard; }
  F.queue.ready.then(() => { draw(); poll(); F.place.look(); });
  if (navigator.serviceWorker) navigator.serviceWorker.register("/field-worker.js", {scope: "/field"}).catch((why) => console.info("no service worker:", why.message));
})();
