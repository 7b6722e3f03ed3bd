/* What the phone keeps while there is no network: the acts to be sent, in order, each with its picture (IndexedDB); what
   was typed and the last tasks that were seen (localStorage, which is there at once when a key is pressed). All of it
   under the name of the account. A browser that refuses to keep anything still works as long as the page is open. */
"use strict";

F.store = (function () {
  const VERSION = 1;
  const memory = {queue: new Map(), pictures: new Map(), next: 1};
  let durable = true;
  const opened = open();

  function open() {
    return new Promise((done) => {
      const lost = (why) => { durable = false; F.tell("no-store", why); done(null); };
      let asked;
      try { asked = indexedDB.open("gridpost-field-" + F.who.account, VERSION); } catch (why) { lost(why); return; }
      asked.onupgradeneeded = () => {
        asked.result.createObjectStore("queue", {keyPath: "id", autoIncrement: true});
        asked.result.createObjectStore("pictures");
      };
      asked.onsuccess = () => done(asked.result);
      asked.onerror = () => lost(asked.error);
      asked.onblocked = () => lost("blocked");
    });
  }

  /* Runs one request on a store and gives its result when it is on disk. */
  async function run(name, mode, ask) {
    const db = await opened;
    return new Promise((done, failed) => {
      const deal = db.transaction(name, mode, {durability: "strict"}), request = ask(deal.objectStore(name));
      deal.oncomplete = () => done(request.result);
      deal.onerror = deal.onabort = () => failed(deal.error);
    });
  }

  async function rows() {
    if (!(await opened)) return [...memory.queue.values()];
    try { return await run("queue", "readonly", (s) => s.getAll()); } catch (why) { durable = false; F.tell("no-store", why); return []; }
  }
  /* Does it on disk; when the phone has no room or no such thing, what `otherwise` does, in memory. */
  async function kept(name, ask, otherwise) {
    if (await opened) {
      try { return await run(name, "readwrite", ask); } catch (why) { durable = false; F.tell("no-store", why); }
    }
    return otherwise();
  }
  const add = (row) => kept("queue", (s) => s.add(row), () => {
    row.id = "m" + memory.next++;              // never a number, as on disk
    memory.queue.set(row.id, row);
    return row.id;
  });
  const update = (row) => kept("queue", (s) => s.put(row), () => memory.queue.set(row.id, row));
  async function remove(id) {
    memory.queue.delete(id);
    await kept("queue", (s) => s.delete(id), () => null);
  }
  async function picture(no) {
    return memory.pictures.get(no) || ((await opened) && await run("pictures", "readonly", (s) => s.get(no))) || null;
  }
  async function keepPicture(no, blob) {
    memory.pictures.delete(no);
    await kept("pictures", (s) => (blob ? s.put(blob, no) : s.delete(no)), () => blob && memory.pictures.set(no, blob));
  }

  function read(name, otherwise) {
    try { return JSON.parse(localStorage.getItem(F.key(name))) || otherwise; } catch (broken) { return otherwise; }
  }
  function write(name, value) {
    try {
      if (value === null) localStorage.removeItem(F.key(name)); else localStorage.setItem(F.key(name), JSON.stringify(value));
    } catch (full) { durable = false; F.tell("no-store", full); }
  }

  /* The text that is being typed about a case: it survives a withdrawal and a new dispatch of the same case. */
  const draft = (no) => read("draft/" + no, {});
  const keepDraft = (no, words) => write("draft/" + no, words && Object.values(words).some(Boolean) ? words : null);

  /* The tasks of whoever had this phone before are none of mine. */
  Object.keys(localStorage).filter((name) => /^gridpost-field\/.*\/seen$/.test(name) && name !== F.key("seen"))
    .forEach((name) => localStorage.removeItem(name));

  /* Whoever signs out leaves nothing of the tasks on the phone; what is still to be sent stays. */
  async function forget() {
    const mine = Object.keys(localStorage).filter((name) => name.startsWith(F.key("")));
    for (const name of mine) if (!name.endsWith("/share")) localStorage.removeItem(name);
    if (window.caches) for (const name of await caches.keys()) if (name.startsWith("gridpost-field")) await caches.delete(name);
  }

  return {rows, add, update, remove, picture, keepPicture, read, write, draft, keepDraft, forget, durable: () => durable};
})();
