/* Opens the phone page where there is no network: the page, its files, the maps and pictures of the tasks, as they were
   last seen. Where there is a network it is always asked first, so nothing old is ever shown by mistake. Tasks and acts
   are not kept here: the page does that itself. */
"use strict";

const KEPT = "gridpost-field-1", PATIENCE = 6000;

const keeps = (url) => url.origin === location.origin &&
  (url.pathname === "/field" || url.pathname.startsWith("/assets/") || url.pathname.startsWith("/media/") || url.pathname.endsWith("/map.svg"));

/* The page is one, whatever language its address asks for. */
const name = (request) => { const url = new URL(request.url); return url.pathname === "/field" ? url.origin + "/field" : request.url; };

async function answer(request) {
  const cache = await caches.open(KEPT);
  try {
    const control = new AbortController(), timer = setTimeout(() => control.abort(), PATIENCE);
    const fresh = await fetch(request, {signal: control.signal});
    clearTimeout(timer);
    if (fresh.ok && !fresh.redirected && fresh.type === "basic") await cache.put(name(request), fresh.clone());
    return fresh;
  } catch (why) {
    const kept = await cache.match(name(request));
    if (kept) return kept;
    throw why;
  }
}

/* The files of the page are kept at once: the first page was loaded before this worker was there. */
addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil((async () => {
    const cache = await caches.open(KEPT), page = await fetch("/field");
    if (!page.ok || page.redirected) return;
    await cache.put("/field", page.clone());
    const files = [...(await page.text()).matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((found) => found[1]);
    await cache.addAll(files);
  })());
});
addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const old of await caches.keys()) if (old.startsWith("gridpost-field") && old !== KEPT) await caches.delete(old);
  await clients.claim();
})()));
addEventListener("fetch", (event) => {
  if (event.request.method === "GET" && keeps(new URL(event.request.url))) event.respondWith(answer(event.request));
});
