// Keeps the page's files, so that it works without a connection. `digitrec web --export` writes the constants VERSION
// and FILES above this line. A new version is used after all tabs of the page have been closed.

const NAME = `digitrec ${registration.scope} ${VERSION}`;

addEventListener("install", (event) => event.waitUntil(keep()));
addEventListener("activate", (event) => event.waitUntil(removeOlder()));
addEventListener("fetch", (event) => event.respondWith(answer(event.request)));

async function keep() {
  const cache = await caches.open(NAME);
  await cache.addAll(FILES.map((file) => new Request(file, { cache: "no-cache" })));
}

async function removeOlder() {
  const names = await caches.keys();
  const older = names.filter((name) => name.startsWith(`digitrec ${registration.scope} `) && name !== NAME);
  await Promise.all(older.map((name) => caches.delete(name)));
}

async function answer(request) {
  const cache = await caches.open(NAME);
  return (await cache.match(request, { ignoreSearch: true })) ?? fetch(request);
}
