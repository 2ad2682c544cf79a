// Page: an upright gray picture, made from a larger one band by band: pictures/page.py.

import { files, pages } from "../constants.js";
import { toGray } from "./grayscale.js";
import { BILINEAR, reduce, resize } from "./resize.js";

/** @typedef {import("./resize.js").Image} Image */

/**
 * pixels: gray, of at most MAX_PIXELS; scale: picture pixels per page pixel, at least 1.
 * @typedef {{pixels: Image, scale: number}} Page
 */

/**
 * Shrinks a picture to at most MAX_PIXELS, band by band, so that no second copy of many pixels is made.
 * @param {(top: number, rows: number) => Uint8Array} band RGBA of some rows of the picture
 * @param {number} width of the picture
 * @param {number} height of the picture
 * @param {boolean} isJpeg whether Pillow decodes it at a half, a quarter or an eighth of its size if it is large
 * @returns {Image} RGBA
 */
export function shrink(band, width, height, isJpeg) {
  const pixels = width * height;
  const drafted = isJpeg ? Math.max(1, ...[2, 4, 8].filter((by) => pixels / by ** 2 >= files.DRAFT_PIXELS)) : 1;
  const small = reduced(band, width, height, Math.max(drafted, Math.trunc(Math.sqrt(pixels / drafted ** 2 / pages.MAX_PIXELS))));
  const factor = Math.sqrt((small.width * small.height) / pages.MAX_PIXELS);
  if (factor <= 1) return small;
  const [across, down] = [small.width, small.height].map((side) => Math.max(1, Math.trunc(side / factor)));
  return keepingAlpha(small, (image) => resize(image, across, down, BILINEAR));
}

/**
 * Makes a page of a shrunk picture.
 * @param {Image} small RGBA
 * @param {number} width of the picture
 * @param {number} height of the picture
 * @returns {Page}
 */
export function make(small, width, height) {
  const pixels = toGray(small);
  return { pixels, scale: Math.max(width, height) / Math.max(pixels.width, pixels.height) };
}

function reduced(band, width, height, factor) {
  const [columns, lines] = [Math.ceil(width / factor), Math.ceil(height / factor)];
  const data = new Uint8Array(4 * columns * lines);
  const rows = factor * Math.max(1, Math.floor(pages.BAND_PIXELS / (width * factor)));
  for (let top = 0; top < height; top += rows) {
    const some = Math.min(rows, height - top);
    const image = { width, height: some, channels: 4, data: band(top, some) };
    const part = factor === 1 ? image : keepingAlpha(image, (each) => reduce(each, factor));
    data.set(part.data, (4 * columns * top) / factor);
  }
  return { width: columns, height: lines, channels: 4, data };
}

// Changes an RGBA image while its colors are multiplied by its alpha, as Pillow does; opaque ones stay as they are.
function keepingAlpha(image, change) {
  let opaque = true;
  for (let place = 3; opaque && place < image.data.length; place += 4) opaque = image.data[place] === 255;
  if (opaque) return change(image);
  const changed = change({ ...image, data: colors(image.data, (value, alpha) => byAlpha(value * alpha + 128)) });
  const divide = (value, alpha) => (alpha ? Math.min(255, Math.trunc((255 * value) / alpha)) : value);
  return { ...changed, data: colors(changed.data, divide) };
}

function byAlpha(value) {
  return (value + (value >> 8)) >> 8; // by 255, as Pillow divides
}

function colors(data, change) {
  return data.map((value, place) => (place % 4 === 3 ? value : change(value, data[place - (place % 4) + 3])));
}
