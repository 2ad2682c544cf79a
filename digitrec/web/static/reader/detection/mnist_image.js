// A digit's foreground as a 28x28 image, as MNIST has it: mnist_image.py.

import { mnist_image as known } from "../constants.js";
import { round } from "../numbers.js";
import { BICUBIC, resize } from "../pictures/resize.js";

const { BOX, FINE, LEAST, MOST, SIDE } = known;

/**
 * Brings a digit to MNIST's form: longest side 20 pixels, center of mass in the middle of 28x28.
 * @param {import("./decoding.js").FloatMap} mask foreground probabilities, 0 outside the digit
 * @param {number} [pixelsAcross] how many pixels of the mask a pixel of the page has, across
 * @param {number} [pixelsDown] the same down
 * @returns {Uint8Array} white on black
 */
export function mnistImage(mask, pixelsAcross = 1, pixelsDown = 1) {
  const [height, width] = [mask.height / pixelsDown, mask.width / pixelsAcross];
  const scale = BOX / Math.max(height, width);
  const [rows, columns] = [Math.max(1, round(height * scale)), Math.max(1, round(width * scale))];
  const stretched = mask.data.map((value) => clip((value - LEAST) / (MOST - LEAST)));
  const large = resize({ ...mask, channels: 1, data: stretched }, FINE * columns, FINE * rows, BICUBIC);
  const digit = meanOfBlocks(large.data, rows, columns);
  const [row, column] = centerOfMass(digit, rows, columns);
  const top = Math.min(Math.max(round((SIDE - 1) / 2 - row), 0), SIDE - rows);
  const left = Math.min(Math.max(round((SIDE - 1) / 2 - column), 0), SIDE - columns);
  const image = new Uint8Array(SIDE * SIDE);
  digit.forEach((value, place) => {
    const at = (top + Math.floor(place / columns)) * SIDE + left + (place % columns);
    image[at] = round(Math.fround(value * 255));
  });
  return image;
}

function clip(value) {
  return Math.min(1, Math.max(0, value));
}

// Makes the edges sharp and averages the fine resolution down to the final one.
function meanOfBlocks(large, rows, columns) {
  const digit = new Float32Array(rows * columns);
  for (let row = 0; row < FINE * rows; row += 1) {
    for (let column = 0; column < FINE * columns; column += 1) {
      const sharp = clip((large[row * FINE * columns + column] - 0.5) * 2 + 0.5);
      digit[Math.floor(row / FINE) * columns + Math.floor(column / FINE)] += sharp / FINE ** 2;
    }
  }
  return digit;
}

function centerOfMass(digit, rows, columns) {
  let [total, row, column] = [0, 0, 0];
  digit.forEach((value, place) => {
    total += value;
    row += value * Math.floor(place / columns);
    column += value * (place % columns);
  });
  return total ? [row / total, column / total] : [(rows - 1) / 2, (columns - 1) / 2];
}
