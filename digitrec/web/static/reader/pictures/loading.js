// Loads a picture file as a page, or refuses it in one sentence: pictures/loading.py with the browser's decoders.

import { files } from "../constants.js";
import { make, shrink } from "./page.js";

/** A picture cannot be read; the message is for the user. */
export class PictureError extends Error {}

/**
 * @param {Blob} blob a picture file
 * @returns {Promise<import("./page.js").Page>}
 */
export async function load(blob) {
  if (!blob.size) throw new PictureError("The picture is empty: copy it again.");
  const picture = await decode(blob);
  try {
    const { width, height } = picture;
    refuseSize(width, height);
    return make(shrink(bandsOf(picture), width, height, await isJpeg(blob)), width, height);
  } finally {
    picture.close();
  }
}

async function decode(blob) {
  try {
    // Upright, and with the values that are in the file: color profiles are ignored, as Pillow ignores them.
    return await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new PictureError(
      "The picture is not a picture in a supported format, or it is damaged: save it as PNG or JPEG.",
    );
  }
}

function refuseSize(width, height) {
  const megapixels = files.MAX_PIXELS / 1e6;
  if (width * height > files.MAX_PIXELS) {
    throw new PictureError(
      `The picture (${width} x ${height} pixels) is too large: shrink it to at most ${megapixels} megapixels.`,
    );
  }
}

async function isJpeg(blob) {
  const [first, second] = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  return first === 0xff && second === 0xd8;
}

// Returns a function that copies some rows of a decoded picture as RGBA.
function bandsOf(picture) {
  let canvas = null;
  return (top, rows) => {
    if (canvas?.height !== rows) canvas = new OffscreenCanvas(picture.width, rows);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.globalCompositeOperation = "copy"; // also where the picture is transparent
    context.drawImage(picture, 0, -top);
    return new Uint8Array(context.getImageData(0, 0, picture.width, rows).data.buffer);
  };
}
