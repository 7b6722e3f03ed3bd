/* The fields of the forms of acts: each makes its part of the form and reads what was given. What an act needs comes from
   the server with the case (`views/acts.py`); here is only what each kind of field looks like. A field is
   {label, html, ready(el), read(el), write(el, value)}: `read` gives what the API takes, null while it is missing. */
"use strict";

window.gridpostFields = (function () {
  const gp = window.gridpost, t = gp.t, e = gp.esc;
  const chips = (list) => `<span class="chips">${list.map(([value, said]) => `<button type="button" class="chip" data-value="${e(value)}">${e(said)}</button>`).join("")}</span>`;
  const each = (el, css, run) => el.querySelectorAll(css).forEach(run);
  const box = (el, css) => el.querySelector(css);

  /* What the text is for depends on the act: a result, a reason, or a note. */
  function text(spec) {
    const label = t(spec.name === "handle" || spec.name === "finish" ? "form_result" : "form_reason");
    return {
      label, html: (spec.usual.length ? chips(spec.usual.map((one) => [one, one])) : "") + `<textarea name="text" rows="2" maxlength="1000" aria-label="${e(label)}"></textarea>`,
      ready(el) {
        each(el, ".chip", (chip) => { chip.onclick = () => { const area = box(el, "textarea"); area.value = area.value.trim() ? area.value.trim() + (gp.lang() === "zh" ? "；" : "; ") + chip.dataset.value : chip.dataset.value; area.focus(); }; });
      },
      read: (el) => box(el, "textarea").value.trim() || null,
      write: (el, value) => { box(el, "textarea").value = value; },
    };
  }

  function limit(spec, shown) {
    const units = shown.units.map(([value, said]) => `<option value="${e(value)}">${e(said)}</option>`).join("");
    return {
      label: t("form_limit"),
      html: chips(shown.limits) + `<span class="pair"><input type="number" name="amount" min="1" max="999" inputmode="numeric" aria-label="${e(t("form_amount"))}"><select aria-label="${e(t("form_unit"))}">${units}</select></span>`,
      ready(el) { each(el, ".chip", (chip) => { chip.onclick = () => { this.write(el, chip.dataset.value); box(el, "input").focus(); }; }); },
      read(el) {
        const n = box(el, "input").value, [unit, kind] = box(el, "select").value.split(" ");
        return n ? n + unit + " " + kind : null;
      },
      write(el, value) {
        const [amount, kind] = value.split(" ");
        box(el, "input").value = parseInt(amount, 10) || "";
        box(el, "select").value = amount.slice(-1) + " " + kind;
        each(el, ".chip", (chip) => chip.classList.toggle("on", chip.dataset.value === value));
      },
    };
  }

  /* A time of the site's zone, whatever zone this machine is in: "2026-11-23T09:00" -> with the offset of the zone. */
  function instant(local) {
    const asked = Date.parse(local + "Z");
    let at = asked;
    for (let i = 0; i < 2; i += 1) at += asked - Date.parse(wall(at) + "Z");
    return new Date(at).toISOString();
  }
  function wall(ms) {
    const parts = new Intl.DateTimeFormat("sv-SE", {timeZone: gp.zone(), dateStyle: "short", timeStyle: "short"}).format(ms);
    return parts.replace(" ", "T");
  }
  const morning = (days) => wall(gp.now() + days * 86400000).slice(0, 10) + " 09:00";

  /* A text and not a date control: browsers show those in their own language, not in that of the page. */
  function until() {
    const offers = [["", t("form_until_none")], [morning(1), t("form_until_tomorrow")], ...[3, 7].map((n) => [morning(n), t("form_until_days", {n})])];
    return {
      label: t("form_until"), optional: true,
      html: chips(offers) + `<input type="text" name="until" placeholder="${e(t("form_until_form"))}" aria-label="${e(t("form_until"))}">`,
      ready(el) { each(el, ".chip", (chip) => { chip.onclick = () => { this.write(el, chip.dataset.value); box(el, "input").focus(); }; }); },
      read(el) {
        const said = box(el, "input").value.trim(), form = /^(\d{4}-\d\d-\d\d)[ T](\d\d?:\d\d)$/.exec(said);
        if (!said) return null;
        return form ? instant(form[1] + "T" + form[2].padStart(5, "0")) : {bad: t("form_until_bad", {said})};
      },
      draft: (el) => box(el, "input").value,
      write(el, value) { box(el, "input").value = value; each(el, ".chip", (chip) => chip.classList.toggle("on", chip.dataset.value === value)); },
    };
  }

  function score() {
    const star = (n) => `<label><input type="radio" name="score" value="${n}" aria-label="${e(t("form_stars", {n}))}"><span aria-hidden="true">★</span></label>`;
    return {
      label: t("form_score"), html: `<span class="stars" role="radiogroup" aria-label="${e(t("form_score"))}">${[1, 2, 3, 4, 5].map(star).join("")}</span><b class="said"></b>`,
      ready(el) { each(el, "input", (one) => { one.onchange = () => light(el); }); },
      read: (el) => { const on = box(el, "input:checked"); return on ? +on.value : null; },
      write(el, value) { const one = box(el, `input[value="${value}"]`); if (one) one.checked = true; light(el); },
    };
    function light(el) {
      const n = +(box(el, "input:checked") || {}).value || 0;
      each(el, "label", (label, i) => label.classList.toggle("lit", i < n));
      box(el, ".said").textContent = n ? t("form_stars", {n}) : "";
    }
  }

  function matter(spec, shown) {
    const d = gp.directory(), groups = {};
    for (const [key, one] of Object.entries(d.matters)) (groups[one.board] = groups[one.board] || []).push([key, one.name]);
    const options = Object.entries(groups).map(([board, list]) => `<optgroup label="${e(d.boards[board] || board)}">` +
      list.map(([key, name]) => `<option value="${e(key)}">${e(name)}</option>`).join("") + "</optgroup>").join("");
    return {
      label: t("form_matter"), html: `<select name="matter" aria-label="${e(t("form_matter"))}">${options}</select>`,
      ready(el) { box(el, "select").value = shown.matter; },
      read: (el) => box(el, "select").value || null,
      write: (el, value) => { box(el, "select").value = value; },
    };
  }

  /* Many rows to choose from, with a field to narrow them; what is chosen stays in sight. */
  const find = (label) => `<input type="text" class="find" placeholder="${e(label)}" aria-label="${e(label)}">`;
  function narrow(el) {
    box(el, ".find").oninput = (event) => {
      const asked = event.target.value.trim().toLowerCase();
      each(el, ".options label", (row) => { row.hidden = !!asked && !row.textContent.toLowerCase().includes(asked) && !row.querySelector("input").checked; });
    };
  }
  const row = (kind, name, value, said, under, on) => `<label><input type="${kind}" name="${name}" value="${e(value)}" ${on ? "checked" : ""}><span>${e(said)}${under ? ` <small>${e(under)}</small>` : ""}</span></label>`;

  function departments(spec, shown) {
    const d = gp.directory().departments, called = new Set(shown.called.map((one) => one.department));
    const free = Object.keys(d).filter((code) => !called.has(code)), helpers = new Set(shown.helpers);
    free.sort((a, b) => helpers.has(b) - helpers.has(a));
    const chosen = free.some((code) => helpers.has(code));
    return {
      label: t("form_departments"), note: chosen ? t("form_helpers") : "",
      html: (free.length > 12 ? find(t("form_departments_find")) : "") + `<div class="options two">${free.map((code) => row("checkbox", "departments", code, d[code], helpers.has(code) ? t("is_helper") : "", helpers.has(code))).join("")}</div>`,
      ready(el) { if (box(el, ".find")) narrow(el); },
      read: (el) => { const on = [...el.querySelectorAll("input[type=checkbox]:checked")].map((one) => one.value); return on.length ? on : null; },
      write: (el, value) => each(el, "input[type=checkbox]", (one) => { one.checked = value.includes(one.value); }),
    };
  }

  function department(spec, shown) {
    const d = gp.directory().departments, fits = {check_in: ["called"]}[spec.name] || ["called", "on_scene"];
    const own = shown.called.filter((one) => fits.includes(one.state));
    return {
      label: t("form_department"),
      html: `<div class="options two">${own.map((one) => row("radio", "department", one.department, d[one.department] || one.department, t("task_" + one.state), own.length === 1)).join("")}</div>`,
      ready() {}, read: (el) => (box(el, "input:checked") || {}).value || null,
      write: (el, value) => { const one = box(el, `input[value="${CSS.escape(value)}"]`); if (one) one.checked = true; },
    };
  }

  /* Open cases, those of the same matter first, then by distance: what is likely the same thing stands on top. */
  function into(spec, shown) {
    const d = gp.directory(), here = shown.lon === null ? null : [shown.lon, shown.lat];
    const far = (item) => (here && item.lon !== null && item.lon !== undefined ? window.gridpostMap.metres(here, [item.lon, item.lat]) : 1e9);
    const others = Object.values(gp.state().cases).filter((item) => item.no !== shown.no).map((item) => ({item, away: far(item), same: item.matter === shown.matter}));
    others.sort((a, b) => b.same - a.same || a.away - b.away);
    const under = ({item, away, same}) => [same ? t("same_matter") : "", away < 1e9 ? (away < 1000 ? t("metres_off", {n: Math.round(away)}) : t("km_off", {n: (away / 1000).toFixed(1)})) : "",
      (d.grids[item.grid] || {}).name, d.states[item.state], gp.age(gp.now() - item.received)].filter(Boolean).join(" · ");
    const said = ({item}) => item.no.split("-").pop() + " " + ((d.matters[item.matter] || {}).name || item.category);
    return {
      label: t("form_into"), note: others.length ? "" : t("form_into_none"),
      html: (others.length > 4 ? find(t("form_into_find")) : "") + `<div class="options">${others.slice(0, 100).map((one) => row("radio", "into", one.item.no, said(one), under(one), false)).join("")}</div>`,
      ready(el) { if (box(el, ".find")) narrow(el); },
      read: (el) => (box(el, "input[type=radio]:checked") || {}).value || null,
      write: (el, value) => { const one = box(el, `input[value="${CSS.escape(value)}"]`); if (one) one.checked = true; },
    };
  }

  function event(spec, shown) {
    const rows = shown.joined.map((one) => row("radio", "event", one.id, gp.hhmmss(one.at) + " " + one.by, one.text, shown.joined.length === 1));
    return {
      label: t("form_event"), note: t("form_event_note"), html: `<div class="options">${rows.join("")}</div>`,
      ready() {}, read: (el) => (box(el, "input:checked") || {}).value || null,
      write: (el, value) => { const one = box(el, `input[value="${CSS.escape(value)}"]`); if (one) one.checked = true; },
    };
  }

  function proof() {
    return {
      label: t("field_photo"), html: `<input type="file" name="proof" accept="image/*" aria-label="${e(t("field_photo"))}">`,
      ready() {}, read: (el) => box(el, "input").files[0] || null, write() {}, draft: () => undefined,
    };
  }

  return {text, limit, until, score, matter, departments, department, into, event, proof, place: (...given) => window.gridpostPlace.field(...given)};
})();
