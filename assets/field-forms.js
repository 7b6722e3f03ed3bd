/* What is typed and photographed: the result of a task and the reason of a refusal. It is kept with every key, so that
   neither a lost network nor a phone in the pocket loses it. A picture is made small before it goes anywhere: 1,600 px
   JPEG, which also takes the camera's own notes (time, place) out of it. */
"use strict";

F.forms = (function () {
  const {t, esc} = F;
  const LONGEST = 1600, MOST = 1900000, REASONS = 5, QUICK = 4;
  const asked = new Set();       // cases whose form was opened before they stood on scene
  const shown = {};              // no -> object URL of the picture

  const ends = (act) => act === "handle" || act === "finish";
  const open = (task) => ends(F.view.next(task)) || (asked.has(task.no) && F.view.next(task) !== undefined);
  function ask(no) { asked.add(no); F.tell("draw"); }

  /* The form in the card of a task; made once, so that no redraw takes the cursor away. */
  function result(el, task) {
    el.hidden = !open(task);
    if (el.hidden || el.dataset.lang === F.lang()) return;
    el.dataset.lang = F.lang();
    const quick = Array.from({length: QUICK}, (_, n) => t("field_quick_" + (n + 1)));
    el.innerHTML = `<label for="text-${esc(task.no)}">${esc(t("field_result"))}</label>` +
      `<div class="quick">${quick.map((each) => `<button type="button" data-do="quick">${esc(each)}</button>`).join("")}</div>` +
      `<textarea id="text-${esc(task.no)}" rows="3" maxlength="2000" placeholder="${esc(t("field_result_hint"))}"></textarea>` +
      `<p class="missing" role="alert" hidden></p>` +
      `<div class="photo"><label class="button second"><input type="file" accept="image/*" capture="environment">${esc(t("field_photo"))}</label>` +
      `<label class="button second"><input type="file" accept="image/*">${esc(t("field_album"))}</label>` +
      `<span class="taken" hidden><img alt=""><button type="button" data-do="no-photo" aria-label="${esc(t("field_photo_remove"))}">✕</button></span></div>` +
      `<p class="kept" hidden>✓ ${esc(t("field_kept"))}</p>`;
    const area = el.querySelector("textarea");
    area.value = F.store.draft(task.no).text || "";
    area.oninput = () => write(el, task.no, area.value);
    el.querySelectorAll("[data-do=quick]").forEach((button) => {
      button.onclick = () => { area.value = (area.value.trim() ? area.value.trim() + (F.lang() === "zh" ? "，" : ". ") : "") + button.textContent; area.oninput(); };
    });
    el.querySelectorAll("input[type=file]").forEach((input) => { input.onchange = () => { take(el, task.no, input.files[0]); input.value = ""; }; });
    el.querySelector("[data-do=no-photo]").onclick = () => keep(el, task.no, null);
    el.querySelector(".kept").hidden = !area.value;
    F.store.picture(task.no).then((blob) => preview(el, task.no, blob));
  }

  function write(el, no, text) {
    F.store.keepDraft(no, Object.assign(F.store.draft(no), {text}));
    el.querySelector(".missing").hidden = true;
    el.querySelector(".kept").hidden = !text.trim();
  }

  async function take(el, no, file) {
    if (!file) return;
    let blob = null;
    try { blob = await shrink(file); } catch (why) { F.tell("toast", t("field_photo_bad")); return; }
    await keep(el, no, blob);
  }

  async function keep(el, no, blob) { await F.store.keepPicture(no, blob); preview(el, no, blob); }

  function preview(el, no, blob) {
    if (shown[no]) URL.revokeObjectURL(shown[no]);
    shown[no] = blob ? URL.createObjectURL(blob) : "";
    const box = el.querySelector(".taken");
    box.hidden = !blob;
    if (blob) el.querySelector(".missing").hidden = true;
    if (blob) box.querySelector("img").src = shown[no]; else box.querySelector("img").removeAttribute("src");
    el.classList.toggle("has-photo", !!blob);
  }

  /* A file from the camera as a JPEG of at most 1,600 px, upright, small enough for the centre. */
  async function shrink(file) {
    const picture = await createImageBitmap(file, {imageOrientation: "from-image"}).catch(() => createImageBitmap(file));
    const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    for (const quality of [0.85, 0.7, 0.5]) {
      const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
      if (blob && blob.size <= MOST) return blob;
    }
    throw new Error("too large");
  }

  /* What is in the form, or nothing after saying what is missing. */
  async function collect(el, task) {
    const text = (F.store.draft(task.no).text || "").trim(), picture = await F.store.picture(task.no);
    const proof = task.proof && !task.part;
    if (text && (picture || !proof)) return {text, picture};
    const missing = el.querySelector(".missing");
    missing.textContent = t(text ? "field_proof_missing" : "field_result_missing");
    missing.hidden = false;
    if (!text) el.querySelector("textarea").focus();
    el.scrollIntoView({block: "center"});
    return null;
  }

  async function clear(no) {
    asked.delete(no);
    F.store.keepDraft(no, null);
    await F.store.keepPicture(no, null);
  }

  /* ---- sheets: the one question that stands before everything else ---- */
  function sheet(html) {
    const dialog = document.createElement("dialog");
    dialog.innerHTML = `<form method="dialog">${html}</form>`;
    document.body.append(dialog);
    dialog.addEventListener("close", () => dialog.remove());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.showModal();
    return dialog;
  }
  const buttons = (go, kind) => `<div class="go"><button type="submit" class="second" value="">${esc(t("field_cancel"))}</button><button type="button" class="first ${kind || ""}" data-go>${esc(go)}</button></div>`;

  function confirm(title, text, go, done) {
    const dialog = sheet(`<h2>${esc(title)}</h2><p>${esc(text)}</p>${buttons(go)}`);
    dialog.querySelector("[data-go]").onclick = () => { dialog.close(); done(); };
  }

  function decline(task, done) {
    const draft = F.store.draft(task.no);
    const rows = Array.from({length: REASONS}, (_, n) => n + 1).map((n) => `<label class="reason"><input type="radio" name="reason" value="${n}" ${draft.reason === n ? "checked" : ""}><span>${esc(t("field_reason_" + n))}</span></label>`);
    const dialog = sheet(`<h2>${esc(t("field_decline_title"))}</h2>${rows.join("")}<textarea rows="2" maxlength="500" placeholder="${esc(t("field_reason_more"))}"></textarea>` +
      `<p class="missing" role="alert" hidden>${esc(t("field_reason_missing"))}</p>${buttons(t("field_decline_send"), "bad")}`);
    const area = dialog.querySelector("textarea"), chosen = () => { const one = dialog.querySelector("input:checked"); return one ? +one.value : 0; };
    area.value = draft.more || "";
    dialog.oninput = () => F.store.keepDraft(task.no, Object.assign(F.store.draft(task.no), {reason: chosen(), more: area.value}));
    dialog.querySelector("[data-go]").onclick = () => {
      const text = [chosen() ? t("field_reason_" + chosen()) : "", area.value.trim()].filter(Boolean).join(F.lang() === "zh" ? "：" : ": ");
      if (!text) { dialog.querySelector(".missing").hidden = false; return; }
      dialog.close();
      done(text);
    };
  }

  function enlarge(src) { const dialog = sheet(`<button class="full" value="" aria-label="${esc(t("close"))}"><img src="${esc(src)}" alt=""></button>`); dialog.className = "picture"; }

  return {open, ask, ends, result, collect, clear, confirm, decline, enlarge};
})();
