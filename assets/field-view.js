/* What is seen of a task: text in, HTML out, drawn again only where it changed, so that nothing jumps under a thumb. What
   is typed lives in field-forms.js. Times that run are elements with data-due, counted once a second. */
"use strict";

F.view = (function () {
  const {t, esc, named} = F;
  const CHAIN = ["acknowledge", "depart", "arrive", "handle"], PART = ["check_in", "finish"];
  const maps = {};        // no/lang/reach -> the SVG, "" while it is asked for
  const reaches = {};     // no -> the reach of the map that is shown

  function put(el, html) { if (el && el.drawn !== html) { el.innerHTML = html; el.drawn = html; } }

  const chain = (task) => (task.part ? PART : CHAIN);
  const fits = (task, act) => !!F.acts[act] && F.acts[act].before.includes(task.state);
  /* The step that comes next, or nothing when all are done. */
  function next(task) {
    if (task.part) return {called: "check_in", on_scene: "finish"}[task.part];
    const at = {dispatched: 0, acknowledged: 1, on_the_way: 2, on_scene: 3}[task.state];
    return at === undefined ? undefined : CHAIN[at];
  }

  /* ---- the frame ---- */
  function top(state) {
    const link = state.signedOut ? "off" : state.live ? "on" : "off";
    const who = esc(named(F.who, "name")), other = F.lang() === "zh" ? "EN" : "中";
    const sub = [F.who.id, named(F.who, "team")].filter((each) => each && each !== named(F.who, "name")).map(esc).join(" · ");
    return `<i class="logo"></i><div class="who"><b>${who}</b><span>${sub}</span></div>` +
      `<span class="link ${link}"><i></i>${esc(t(state.live ? "field_live" : "field_offline"))}</span>` +
      `<button type="button" class="lang" data-do="lang" lang="${other === "EN" ? "en" : "zh-CN"}" aria-label="${esc(t("language"))}: ${other}">${other}</button>`;
  }

  /* Two switches and one line of words about them. A department has no duty of its own. */
  function share(state) {
    const one = (name, word, on) => `<label class="share"><b>${esc(t(word))}</b><input type="checkbox" role="switch" data-do="${name}" ${on ? "checked" : ""}></label>`;
    const duty = F.who.positioned ? one("duty", "field_duty", state.onDuty) : "";
    const off = F.who.positioned && !state.onDuty ? `<b>${esc(t("field_duty_off"))}</b> ` : "";
    return `<div class="switches">${duty}${one("share", F.who.positioned ? "field_share" : "field_use_place", F.place.on())}` +
      `<small>${off}<span data-share>${esc(F.place.words())}</span></small></div>`;
  }

  function strips(state) {
    const rows = F.queue.rows(), parts = [];
    if (state.signedOut) parts.push(`<div class="strip warn" role="alert"><b>${esc(t("field_signed_out"))}</b><p>${esc(t("field_signed_out_note"))}</p><a class="button first" href="/sign-in?next=/field">${esc(t("field_sign_in"))}</a></div>`);
    else if (!state.live) parts.push(`<div class="strip warn" role="status"><b>${esc(t("field_offline"))}</b><p>${esc(t("field_offline_note"))}</p>${old(state.heard)}</div>`);
    if (!F.store.durable()) parts.push(`<div class="strip warn"><p>${esc(t("field_no_store"))}</p></div>`);
    if (rows.length) {
      const list = rows.map((row) => `<li>${esc(t("act_" + row.act))} <span>${esc(named(row, "title"))} · ${F.hhmm(Date.parse(row.at))}</span></li>`).join("");
      parts.push(`<div class="strip" id="pending"><b>${esc(t("field_pending", {n: rows.length}))}</b><ol>${list}</ol></div>`);
    }
    return parts.join("");
  }

  /* How old the picture is, once that matters. */
  const old = (heard) => (heard && F.now() - heard > 60000 ? `<p>${esc(t("field_seen", {age: F.ageWords(F.now() - heard)}))}</p>` : "");

  function notices(list) {
    return list.map((each, n) => `<div class="notice ${each.kind}" role="alert"><b>${esc(each.title)}</b>` +
      `${each.text ? `<p>${esc(each.text)}</p>` : ""}${each.wrote ? `<p class="wrote">${esc(t("field_you_wrote", {text: each.wrote}))}</p>` : ""}` +
      `<button type="button" data-do="dismiss" data-n="${n}">${esc(t("field_ok"))}</button></div>`).join("");
  }

  function nothing() {
    return `<div class="none"><b>${esc(t("field_none"))}</b><p>${esc(t("field_none_note"))}</p></div>`;
  }

  function done(list) {
    if (!list.length) return "";
    const rows = list.map((item) => `<li><i class="glyph p${item.priority}"></i><span>${esc(named(item, "title"))}<small>${esc(item.no)}</small></span><em>${esc(t("state_" + item.state))}<small>${F.hhmm(item.at)}</small></em></li>`);
    return `<h2>${esc(t("field_done_today"))}</h2><ul>${rows.join("")}</ul>`;
  }

  /* ---- one task ---- */
  function head(task) {
    return `<i class="glyph p${task.priority}"></i><div><h2>${esc(named(task, "title"))}</h2>` +
      `<p>${esc(t("p" + task.priority))} · ${esc(t(task.part ? "field_part_" + task.part : "state_" + task.state))} · ${esc(task.no)}</p></div>`;
  }

  function clocks(task) {
    const open = task.clocks.filter((clock) => clock.done === null || clock.done === undefined);
    open.sort((a, b) => a.due - b.due);
    return open.slice(0, 2).map((clock) => {
      const still = clock.paused ? ` data-paused="${clock.paused}"` : "";
      return `<div class="clock" data-due="${clock.due}" data-start="${clock.start}" data-p="${task.priority}" data-name="${esc(clock.name)}"${still}>` +
        `<em></em><b>--:--</b><small>${esc(t("field_due", {time: F.dayTime(clock.due)}))}</small><i></i></div>`;
    }).join("");
  }

  /* Once a second: how much is left, how tight it is. */
  function tick(root) {
    const now = F.now();
    root.querySelectorAll("[data-due]").forEach((el) => {
      const {due, start, p, name, paused} = el.dataset, left = +due - (paused ? +paused : now);
      const part = left / Math.max(1, due - start);
      const level = part < 0 || (p === "1" && part <= 0.1) ? "act" : part <= 0.3 ? "near" : "calm";
      if (el.dataset.level !== level) el.dataset.level = level;
      const [label, number, , bar] = el.children, clock = t("field_clock_" + name);
      const said = paused ? clock + " · " + t("field_still") : t(left < 0 ? "field_over" : "field_left", {name: clock});
      if (label.textContent !== said) label.textContent = said;
      const text = F.remaining(left);
      if (number.textContent !== text) number.textContent = text;
      bar.style.width = Math.max(0, Math.min(100, 100 * part)).toFixed(1) + "%";
    });
    const words = root.querySelector("[data-share]");
    if (words && words.textContent !== F.place.words()) words.textContent = F.place.words();
  }

  function place(task) {
    const address = named(task, "place"), grid = named(task, "grid");
    const lines = `<b>${esc(address || grid || t("field_no_place"))}</b>${address && grid ? `<span>${esc(grid)}</span>` : ""}`;
    const mine = F.place.to(task);
    const way = mine ? `<span class="way"><svg viewBox="-12 -12 24 24" style="transform:rotate(${Math.round(mine.degrees)}deg)"><path d="M0-10 7 9 0 5-7 9Z"/></svg>` +
      `${esc(t("field_way", {far: F.far(mine.m), way: F.compass(mine.degrees)}))}</span>` : "";
    return `<p>${lines}</p>${way}`;
  }

  /* The map: the server's sketch of the surroundings, the case in the middle, me where I am or at the edge towards me. */
  function map(task) {
    if (task.lon === null || task.lon === undefined) return "";
    const mine = F.place.to(task), before = reaches[task.no] || 300;
    const reach = reaches[task.no] = !mine || mine.m < 240 ? 300 : mine.m > 300 ? 1200 : before;
    const svg = sketch(task.no, reach);
    if (!svg) return "";
    const tall = reach * 0.56, unit = reach / 179;
    return svg + `<svg class="over" viewBox="${-reach} ${-tall} ${2 * reach} ${2 * tall}">${mine ? me(task, reach, tall, unit) : ""}</svg><i class="glyph pin p${task.priority}"></i>`;
  }

  function me(task, reach, tall, unit) {
    const [x, y] = F.apart(task, F.place.here()), edge = Math.min(1, (reach - 12 * unit) / Math.abs(x), (tall - 12 * unit) / Math.abs(y));
    const at = `${(x * edge).toFixed(0)} ${(y * edge).toFixed(0)}`, [cx, cy] = at.split(" ");
    const ring = edge === 1 ? `<circle class="acc" cx="${cx}" cy="${cy}" r="${Math.min(F.place.here().accuracy, reach).toFixed(0)}"/>` : "";
    return `${ring}<path class="to" d="M${at}L0 0" stroke-width="${2 * unit}" stroke-dasharray="${5 * unit} ${5 * unit}"/>` +
      `<circle class="${edge === 1 ? "me" : "me out"}" cx="${cx}" cy="${cy}" r="${7 * unit}" stroke-width="${3 * unit}"/>`;
  }

  function sketch(no, reach) {
    const name = [no, F.lang(), reach].join("/");
    if (maps[name] === undefined) {
      maps[name] = "";
      fetch(`/api/v1/field/${encodeURIComponent(no)}/map.svg?lang=${F.lang()}&reach=${reach}`)
        .then((answer) => (answer.ok ? answer.text() : ""))
        .then((svg) => { maps[name] = svg; F.tell("map"); }, () => { setTimeout(() => { delete maps[name]; F.tell("map"); }, 10000); });
    }
    return maps[name];
  }

  function said(task) {
    const parts = [];
    if (task.instructions) parts.push(`<div><em>${esc(t("field_instructions"))}</em><p>${esc(task.instructions)}</p></div>`);
    if (task.text) parts.push(`<div><em>${esc(t("field_said"))}</em><p>${esc(task.text)}</p></div>`);
    if (task.image) parts.push(`<button type="button" class="thumb" data-do="enlarge" data-src="${esc(task.image)}" aria-label="${esc(t("field_picture"))}"><img src="${esc(task.image)}" alt="" onerror="this.parentNode.hidden=true"></button>`);
    return parts.join("");
  }

  /* The steps in their order: done with its time, the next, and those after it, which may be tapped when somebody forgot. */
  function steps(task) {
    const coming = next(task), all = chain(task), at = all.indexOf(coming);
    return all.map((act, n) => {
      const passed = coming === undefined || n < at, waits = task.waits.includes(act), when = task.steps[act];
      const kind = passed ? (waits ? "waits" : when ? "done" : "skipped") : n === at ? "now" : "ahead";
      const under = waits ? t("field_waits") : when ? F.hhmm(when) : "";
      const inside = `<i></i><span>${esc(t("act_" + act))}</span><small>${esc(under)}</small>`;
      const free = n > at && !passed && fits(task, act);
      return free ? `<button type="button" class="${kind}" data-do="skip" data-act="${act}">${inside}</button>` : `<div class="${kind}"${n === at ? ' aria-current="step"' : ""}>${inside}</div>`;
    }).join("");
  }

  function bar(task) {
    const act = next(task);
    if (!act) return "";
    const decline = !task.part && fits(task, "decline") ? `<button type="button" class="second" data-do="decline">${esc(t("act_decline"))}</button>` : "";
    const wanted = F.forms.open(task) && act !== "finish" ? "handle" : act;
    const mine = F.place.to(task), here = wanted === "arrive" && mine && mine.there;
    return `${decline}<button type="button" class="first${here ? " here" : ""}" data-do="act" data-act="${wanted}">${esc(t("act_" + wanted))}</button>`;
  }

  return {put, next, chain, fits, top, share, strips, notices, nothing, done, head, clocks, tick, place, map, said, steps, bar};
})();
