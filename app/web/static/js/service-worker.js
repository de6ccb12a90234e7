// Lets the page for recording open without a connection. It keeps that page, empty, and its files: nothing else, and
// nothing of anybody. NAME and KEPT are put in front of it by whoever serves it.
const PAGE = "/record";
const PAGES = /^\/(record|stories\/[^/]+\/record)$/;
const PATIENCE_MS = 10_000;

async function keepPage() {
  const page = await fetch(PAGE, { cache: "no-store" });
  if (page.ok) await (await caches.open(NAME)).put(PAGE, page);
}

async function keepAll() {
  await (await caches.open(NAME)).addAll(KEPT);
  await keepPage();
  await self.skipWaiting();
}

async function dropOlder() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== NAME).map((name) => caches.delete(name)));
  await self.clients.claim();
}

/** What the service answers; what is kept, if it does not answer. */
async function answer(request, path) {
  const given = fetch(request);
  const late = new Promise((_, tooLate) => setTimeout(tooLate, PATIENCE_MS));
  try {
    return await Promise.race([given, late]);
  } catch {
    const kept = await caches.match(path, { cacheName: NAME });
    return kept ?? given;
  }
}

self.addEventListener("install", (event) => event.waitUntil(keepAll()));
self.addEventListener("activate", (event) => event.waitUntil(dropOlder()));
self.addEventListener("message", (event) => event.waitUntil(keepPage()));
self.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== self.location.origin) return;
  if (event.request.mode === "navigate" && PAGES.test(pathname)) {
    event.respondWith(answer(event.request, PAGE));
  } else if (KEPT.includes(pathname)) {
    event.respondWith(answer(event.request, pathname));
  }
});
