/* What I did, on its way to the centre. Every act goes through here, with network or without: it is written down with its
   request_id first and sent then, one after the other in the order they were done. An answer that is lost means sending
   again, which the centre knows by the request_id. A refusal is told and the rest goes on; when the task itself is gone,
   what waited for it goes too. */
"use strict";

F.queue = (function () {
  const PAUSES = [2000, 4000, 8000, 15000, 30000], PATIENCE = 20000;
  const GONE = ["wrong_patrol", "no_such_case"];
  let rows = [];
  let sending = false, tries = 0, timer = 0;
  const ready = F.store.rows().then((kept) => { rows = kept.concat(rows); F.tell("queue"); send(); });

  /* Write an act down and send it. `row`: {no, dispatch, act, title, text, picture}. */
  async function push(row) {
    await ready;
    const whole = Object.assign({request: F.newRequest(), at: new Date(F.now()).toISOString(), image: ""}, row);
    whole.id = await F.store.add(whole);
    rows.push(whole);
    F.tell("queue");
    send();
  }

  async function send() {
    await ready;
    if (sending || !rows.length) return;
    sending = true;
    clearTimeout(timer);
    F.tell("queue");
    let later = false;
    while (rows.length && !later) later = (await one(rows[0])) === "later";
    sending = false;
    tries = later ? tries + 1 : 0;
    if (later) timer = setTimeout(send, PAUSES[Math.min(tries, PAUSES.length) - 1]);
    F.tell("queue");
  }

  async function one(row) {
    if (row.picture && !row.image) {
      const sent = await post("/api/v1/media", row.picture, row.picture.type || "image/jpeg");
      if (sent.later) return "later";
      if (sent.ok) row.image = sent.body.url; else F.tell("photo-refused", {row, body: sent.body});
      row.picture = null;                          // the centre has it, or does not want it
      await F.store.update(row);
    }
    const path = "/api/v1/field/" + encodeURIComponent(row.no) + "/" + row.act;
    const said = {dispatch: row.dispatch, text: row.text || "", image: row.image, request_id: row.request, at: row.at};
    const answer = await post(path, JSON.stringify(said), "application/json");
    if (answer.later) return "later";
    if (answer.ok) F.tell("sent", {row, body: answer.body});    // first the new state, then the row: no flicker between
    await drop(answer.ok ? [row] : refused(row, answer));
    return "done";
  }

  /* The rows that a refusal ends: this one, and when the task is gone all that belong to it. */
  function refused(row, answer) {
    const gone = GONE.includes(answer.body.error);
    const ended = gone ? rows.filter((each) => each.dispatch === row.dispatch) : [row];
    F.tell("refused", {row, gone, ended, body: answer.body, status: answer.status});
    return ended;
  }

  async function drop(ended) {
    rows = rows.filter((each) => !ended.includes(each));
    for (const each of ended) await F.store.remove(each.id);
    F.tell("queue");
  }

  /* `later`: nobody answered, or not our server, or it cannot just now. */
  async function post(path, body, type) {
    try {
      const answer = await fetch(path, {method: "POST", body, headers: {"Content-Type": type}, signal: F.patience(PATIENCE)});
      if (answer.status === 401) { F.tell("signed-out"); return {later: true}; }
      if (answer.status >= 500 || answer.status === 408 || answer.status === 429) return {later: true};
      return {ok: answer.ok, status: answer.status, body: await answer.json()};
    } catch (why) { return {later: true, why}; }
  }

  /* The task as it will be when everything has been sent. */
  function ahead(task) {
    const found = Object.assign({}, task, {steps: Object.assign({}, task.steps), waits: []});
    for (const row of rows.filter((each) => each.dispatch === task.dispatch)) {
      const act = F.acts[row.act];
      if (act && act.before.includes(found.state)) {
        if (found.part) found.part = row.act === "finish" ? "done" : "on_scene";
        else found.state = act.after;
        found.steps[row.act] = Date.parse(row.at);
      }
      found.waits.push(row.act);
    }
    return found;
  }

  addEventListener("online", () => { tries = 0; send(); });
  return {push, send, ahead, rows: () => rows, sending: () => sending, ready};
})();
