// The worker in which pictures are read, so that the page stays responsive. It answers {id, blob, threshold} with
// {id, answer}, where the answer is a reading or {error: a sentence}, and says {ready: true} when it can read.

import { Networks } from "./networks.js";
import { PictureError } from "./pictures/loading.js";
import { read } from "./reader.js";

const networks = Networks.load();
networks.then(() => postMessage({ ready: true }), () => null); // each answer reports an error

async function answer(blob, threshold) {
  let loaded;
  try {
    loaded = await networks;
  } catch {
    return { error: "The networks cannot be loaded: check the connection and reload the page." };
  }
  try {
    return await read(blob, loaded, threshold);
  } catch (error) {
    if (error instanceof PictureError) return { error: error.message };
    return { error: `The picture cannot be read (${error.message}): shrink it, or save it as PNG.` };
  }
}

let last = Promise.resolve(); // one picture is read at a time

addEventListener("message", ({ data: { id, blob, threshold } }) => {
  last = last.then(async () => postMessage({ id, answer: await answer(blob, threshold) }));
});
