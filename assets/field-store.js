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
    return (await opened) ? run("queue", "readonly", (s) => s.getAll()) : [...memory.queue.values()];
  }
  async function add(row) {
    if (await opened) return run("queue", "readwrite", (s) => s.add(row));
    row.id = memory.next++;
    memory.queue.set(row.id, row);
    return row.id;
  }
  async function update(row) {
    if (await opened) await run("queue", "readwrite", (s) => s.put(row)); else memory.queue.set(row.id, row);
  }
  async function remove(id) {
    if (await opened) await run("queue", "readwrite", (s) => s.delete(id)); else memory.queue.delete(id);
  }
  async function picture(no) {
    return ((await opened) ? await run("pictures", "readonly", (s) => s.get(no)) : memory.pictures.get(no)) || null;
  }
  async function keepPicture(no, blob) {
    if (await opened) await run("pictures", "readwrite", (s) => (blob ? s.put(blob, no) : s.delete(no)));
    else if (blob) memory.pictures.set(no, blob);
    else memory.pictures.delete(no);
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

  /* Whoever signs out leaves nothing of the tasks on the phone; what is still to be sent stays. */
  async function forget() {
    const mine = Object.keys(localStorage).filter((name) => name.startsWith(F.key("")));
    for (const name of mine) if (!name.endsWith("/share")) localStorage.removeItem(name);
    if (window.caches) for (const name of await caches.keys()) if (name.startsWith("gridpost-field")) await caches.delete(name);
  }

  return {rows, add, update, remove, picture, keepPicture, read, write, draft, keepDraft, forget, durable: () => durable};
})();
