// Finds and recognizes the digits in a picture: reader.py, with the JSON of the server's API as its result.
//
// The modules of this folder are those of digitrec/reading/ with the same names and functions. Their numbers come
// from Python: constants.js is written by `digitrec web --export`.

import { reader as known, recognizer } from "./constants.js";
import { inLines } from "./detection/lines.js";
import { find } from "./detection/page_detector.js";
import { round } from "./numbers.js";
import { load } from "./pictures/loading.js";
import { mostUpright, rot90 } from "./turns.js";

const { SIDE } = known;

/**
 * One digit, as POST /predict returns it.
 * @typedef {object} Digit
 * @property {string} digit 0 to 9, or ?
 * @property {number} confidence
 * @property {number[]} probabilities of the digits 0 to 9
 * @property {[number, number, number, number]} box x, y, width and height in pixels of the picture
 * @property {number} line
 * @property {number} position in its line
 * @property {string} image the input of the network, as the data URL of a PNG file
 */

/** @typedef {{text: string, confidence: number, digits: Digit[]}} Reading */

/**
 * Reads one picture.
 * @param {Blob} blob a picture file
 * @param {import("./networks.js").Networks} networks
 * @param {number | null} threshold confidence below which a digit is ?; null takes the classifier's
 * @returns {Promise<Reading>}
 */
export async function read(blob, networks, threshold = null) {
  const page = await load(blob);
  const found = await find(page.pixels, (view) => networks.detect(view));
  const images = found.map((each) => each.image);
  const classify = (some) => networks.classify(some);
  const [probabilities, turns] = await mostUpright(images, await classify(images), classify);
  return assemble(page, found, probabilities, turns, threshold ?? recognizer.threshold);
}

async function assemble(page, found, probabilities, turns, threshold) {
  const digits = [];
  for (const [line, numbers] of inLines(found.map((each) => each.box), turns).entries()) {
    for (const [position, number] of numbers.entries()) {
      const [each, row] = [found[number], probabilities[number]];
      const most = Math.max(...row);
      const confidence = each.digit * most;
      const isNamed = confidence >= threshold && each.digit >= known.MARK;
      const [left, top, width, height] = each.box.map((side) => round(side * page.scale));
      digits.push({
        digit: isNamed ? String(row.indexOf(most)) : "?",
        confidence: rounded(confidence),
        probabilities: row.map(rounded),
        box: [left, top, Math.max(1, width), Math.max(1, height)],
        line,
        position,
        image: await pngUrl(rot90(each.image, turns)),
      });
    }
  }
  const lines = [];
  for (const { line, digit } of digits) lines[line] = (lines[line] ?? "") + digit;
  const confidences = digits.map((digit) => digit.confidence);
  return { text: lines.join("\n"), confidence: digits.length ? Math.min(...confidences) : 0, digits };
}

function rounded(probability) {
  return Math.round(probability * 1e6) / 1e6;
}

async function pngUrl(image) {
  const pixels = new ImageData(SIDE, SIDE);
  image.forEach((value, place) => pixels.data.set([value, value, value, 255], 4 * place));
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(pixels, 0, 0);
  const png = await canvas.convertToBlob({ type: "image/png" });
  return `data:image/png;base64,${btoa(String.fromCharCode(...new Uint8Array(await png.arrayBuffer())))}`;
}
