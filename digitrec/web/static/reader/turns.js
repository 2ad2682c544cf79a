// Pages that are turned by 90 or 180 degrees, found out by how confident the classifier is: turns.py.

import { mnist_image, turns as known } from "./constants.js";
import { mean } from "./numbers.js";

const { SIDE } = mnist_image;

/**
 * Turns the digits of a page by quarters where that makes them clearer.
 * @param {Uint8Array[]} images 28x28 each
 * @param {number[][]} probabilities of the images as they are
 * @param {(images: Uint8Array[]) => Promise<number[][]>} classify
 * @returns {Promise<[number[][], number]>} the probabilities of the best turn, and its quarters, counter-clockwise
 */
export async function mostUpright(images, probabilities, classify) {
  if (images.length < known.LEAST_DIGITS || clearness(probabilities) >= known.UPRIGHT) return [probabilities, 0];
  let [best, turns, least] = [probabilities, 0, clearness(probabilities) + known.GAIN];
  for (const quarters of [1, 2, 3]) {
    const other = await classify(images.map((image) => rot90(image, quarters)));
    if (clearness(other) > least) [best, turns, least] = [other, quarters, clearness(other)];
  }
  return [best, turns];
}

/**
 * Turns a 28x28 image by quarters, counter-clockwise.
 * @param {Uint8Array} image
 * @param {number} quarters
 * @returns {Uint8Array}
 */
export function rot90(image, quarters) {
  let turned = image;
  for (let turn = 0; turn < quarters; turn += 1) {
    const before = turned;
    turned = before.map((_, place) => before[(place % SIDE) * SIDE + SIDE - 1 - Math.floor(place / SIDE)]);
  }
  return turned;
}

function clearness(probabilities) {
  return mean(probabilities.map((row) => Math.max(...row)));
}
