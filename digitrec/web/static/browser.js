// The backend of the page that `digitrec web --export` writes: a worker of the browser reads the pictures. It is
// written as backend.js.

export const NOTE = "Pictures are read in this browser and are not sent anywhere.";

const waiting = new Map(); // the functions that take the answers, by the number of the request
let count = 0;
let failed = false;

const FAILURE = { error: "The reader cannot be loaded: use a browser of the last three years, or reload the page." };

const worker = new Worker(new URL("reader/worker.js", import.meta.url), { type: "module" });
worker.addEventListener("message", ({ data: { ready, id, answer } }) => {
  if (ready) {
    keepForOffline();
    return;
  }
  waiting.get(id)(answer);
  waiting.delete(id);
});
worker.addEventListener("error", () => {
  failed = true;
  for (const take of waiting.values()) take(FAILURE);
  waiting.clear();
});

// Browsers have service workers only for pages that are local or come over HTTPS. The files are kept after the reader
// has loaded its own, so that the first picture does not wait.
function keepForOffline() {
  navigator.serviceWorker?.register(new URL("service_worker.js", import.meta.url));
}

/**
 * Reads a picture.
 * @param {Blob} blob a picture file
 * @param {number | null} [threshold] confidence below which a digit is ?; null takes the classifier's
 * @returns {Promise<import("./reader/reader.js").Reading | {error: string}>}
 */
export function read(blob, threshold = null) {
  if (failed) return Promise.resolve(FAILURE);
  count += 1;
  const id = count;
  worker.postMessage({ id, blob, threshold });
  return new Promise((resolve) => waiting.set(id, resolve));
}
