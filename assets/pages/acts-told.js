/* A refusal of the server in words: who was faster, what, when, which version; where the patrol is; what is missing. The
   server says it in both languages; here ids become the names that this screen shows. */
"use strict";

window.gridpostTold = (function () {
  const gp = window.gridpost, t = gp.t;
  const short = (no) => no.split("-").pop();
  const person = (id) => (gp.directory().patrols[id] || {}).name || gp.directory().departments[id] || id;
  const spaced = (name) => (/[\x21-\x7e]$/.test(name) ? name + " " : name);   // Latin beside Chinese

  /* What I sent a moment ago and what the server says was done are the same: it is done, by me. */
  function mine(act, more, d) {
    return d.error === "case_taken" && act === "dispatch" && d.act === "dispatch" && d.patrol === (more.patrol || more.department) && d.by === (gp.directory().who || {}).name;
  }

  function inWords(item, act, more, d, answer) {
    const title = t(act === "dispatch" ? "not_sent" : "not_done"), zh = gp.lang() === "zh", colon = zh ? "：" : ": ";
    const words = zh ? d.message_zh : d.message_en;
    if (d.error === "case_taken") {
      const what = d.act === "dispatch" && d.patrol ? t("taken_sent", {name: person(d.patrol)}) : t("act_" + d.act);
      const at = gp.hhmmss(typeof d.at === "number" ? d.at : Date.parse(d.at));
      return {no: item.no, taken: true, title: title + colon + t("taken", {by: zh ? spaced(by(d.by)) : by(d.by)}),
        text: t("taken_text", {at, act: what, seen: d.seen === undefined ? item.version : d.seen, now: d.version})};
    }
    if (d.error === "patrol_busy") return {no: item.no, title: title + colon + t("busy", {name: person(d.patrol || more.patrol), no: short(d.case || "")}), text: t("busy_text")};
    if (words) return {no: item.no, title, text: named(words, d)};
    if (answer && answer.status === 403) return {no: item.no, title, text: t("forbidden_text")};
    return {no: item.no, title, text: t("failed_text", {why: d.message || (answer && answer.status) || d.error || "—"})};
  }

  /* The server's sentences name departments by their codes; which ones, it says beside. */
  function named(words, d) {
    const known = gp.directory().departments;
    return [...(d.departments || []), d.department].filter((code) => code && known[code]).reduce((text, code) => text.replace(code, known[code]), words);
  }

  /* A patrol's or a source's name; an account that is called like its role, by the role. */
  function by(id) {
    const d = gp.directory(), role = t("role_" + id), known = d.patrols[id] || d.sources[id] || {};
    return known.name || (role !== "role_" + id ? role : id);
  }

  return {mine, inWords, person, by};
})();
