/* The plan (派遣方案): who should go where, for all cases that wait, best for all of them together. The server works it
   out; whoever agrees sends each by an act of its own, with the version that the plan saw, one after the other. A case
   that somebody else took meanwhile is told in its row and stops nothing. */
"use strict";

window.gridpostPlan = (function () {
  const gp = window.gridpost, e = gp.esc, t = gp.t;
  let plan = null, at = 0, sending = false;
  const box = () => document.getElementById("plan-dialog");
  const zh = () => gp.lang() === "zh";
  const title = (item) => (zh() ? item.title : item.title_en || item.title);
  const short = (no) => no.split("-").pop();
  const km = (metres) => (metres < 950 ? t("plan_m", {n: Math.round(metres / 10) * 10}) : t("plan_km", {n: (metres / 1000).toFixed(1)}));

  async function ask() {
    if (gp.down() || gp.past() || sending) return;
    plan = null;
    box().innerHTML = `<h2>${e(t("plan_title"))}</h2><p>${e(t("plan_wait"))}</p>`;
    if (!box().open) box().showModal();
    try {
      const answer = await fetch("/api/v1/plan"), body = await answer.json();
      if (!answer.ok) throw new Error(zh() ? body.message_zh : body.message_en);
      plan = body;
      at = gp.now();
      draw();
    } catch (error) {
      box().innerHTML = `<h2>${e(t("plan_title"))}</h2><p role="alert">${e(t("plan_failed"))} ${e(error.message)}</p>${buttons("")}`;
      wire();
    }
  }

  const buttons = (first) => `<div class="plan-end">${first}<button type="button" class="plain" id="plan-close">${e(t("plan_close"))}</button></div>`;

  function row(item, i) {
    const one = item.case, name = zh() ? item.patrol_name : item.patrol_name_en || item.patrol_name;
    return `<tr data-i="${i}"><td><input type="checkbox" id="plan-${i}" checked aria-label="${e(t("plan_take", {no: short(one.no)}))}"></td>
      <td><label for="plan-${i}"><i class="glyph p${one.priority}"></i><b>${e(title(one))}</b><span class="t3">${e(short(one.no))}</span></label></td>
      <td>${e(name)} <span class="t3">${e(item.patrol)}</span></td>
      <td class="n">${e(t("plan_minutes", {n: Math.round(item.minutes)}))}</td><td class="n t2">${e((item.by_road ? "" : t("plan_about")) + km(item.metres))}</td><td class="plan-said" aria-live="polite"></td></tr>`;
  }

  function draw() {
    const sends = plan.items.map(row).join(""), left = plan.left.map((each) => `<li><i class="glyph p${each.case.priority}"></i>${e(title(each.case))} <span class="t3">${e(short(each.case.no))}</span><i>${e(zh() ? each.reason_zh : each.reason_en)}</i></li>`).join("");
    const table = sends && `<div class="plan-rows"><table><thead><tr><th></th><th>${e(t("plan_case"))}</th><th>${e(t("plan_who"))}</th><th class="n">${e(t("plan_arrives"))}</th><th class="n">${e(t("plan_way"))}</th><th></th></tr></thead><tbody>${sends}</tbody></table></div>`;
    box().innerHTML = `<h2>${e(t("plan_title"))}</h2><p class="t2">${e(t(plan.items.length ? "plan_text" : "plan_nothing", {n: plan.items.length, left: plan.left.length}))}</p>${table}
      ${left && `<h3>${e(t("plan_left", {n: plan.left.length}))}</h3><ul class="plan-left">${left}</ul>`}
      ${buttons(sends && '<button type="button" class="go" id="plan-send"></button>')}`;
    wire();
    count();
  }

  function wire() {
    const send = document.getElementById("plan-send");
    document.getElementById("plan-close").onclick = close;
    box().onchange = count;
    if (send) { send.onclick = sendAll; send.focus(); }
  }

  const chosen = () => [...box().querySelectorAll("tr[data-i]:not(.done)")].filter((tr) => tr.querySelector("input").checked);
  function count() {
    const send = document.getElementById("plan-send"), n = chosen().length;
    if (send && !sending) { send.textContent = t("plan_send", {n}); send.disabled = n === 0; }
  }

  async function sendAll() {
    if (sending) return;
    sending = true;
    const rows = chosen(), send = document.getElementById("plan-send");
    send.disabled = true;
    for (let done = 0; done < rows.length; done++) {
      send.textContent = t("plan_sending", {done: done + 1, n: rows.length});
      await sendOne(rows[done]);
    }
    sending = false;
    count();
  }

  async function sendOne(tr) {
    const item = plan.items[Number(tr.dataset.i)], said = tr.querySelector(".plan-said");
    tr.querySelector("input").disabled = true;
    let ok = false, why = "";
    try {
      const answer = await fetch("/api/v1/cases/" + encodeURIComponent(item.case.no) + "/dispatch", {
        method: "POST", headers: {"Content-Type": "application/json"},
        body: JSON.stringify({version: item.case.version, patrol: item.patrol, request_id: `plan-${at}-${item.case.version}`}),
      });
      const body = await answer.json();
      ok = answer.ok;
      why = ok ? "" : zh() ? body.message_zh : body.message_en;
    } catch (error) {
      why = t("plan_failed");
      tr.querySelector("input").disabled = false;      // not answered: the same request again does nothing twice
    }
    tr.classList.toggle("done", ok || !!why && tr.querySelector("input").disabled);
    tr.classList.toggle("refused", !ok);
    said.textContent = ok ? t("plan_sent") : why;
  }

  function close() { if (!sending) box().close(); }

  gp.on("start", (page) => {
    if (page !== "dispatch") return;
    document.addEventListener("click", (event) => { if (event.target.closest("#plan")) ask(); });
    document.addEventListener("cancel", (event) => { if (sending && event.target === box()) event.preventDefault(); }, true);
  });
  return {ask};
})();
