// Pictures cut so tightly around a 1 that it reaches their edges, where it looks like a border: tight_cuts.py.

import { tight_cuts as known } from "../constants.js";
import { limitsOf } from "../numbers.js";
import { mnistImage } from "./mnist_image.js";

/**
 * Takes a tall picture as a whole for one digit; the classifier decides whether it is a 1.
 * @param {import("../pictures/resize.js").Image} page gray, on which nothing was found
 * @returns {import("./hypotheses.js").Found[]}
 */
export function tightOne(page) {
  const { width, height, data } = page;
  const [low, high] = limitsOf(data);
  const isPlain = high - low < known.CONTRAST;
  if (height < known.TALL * width || (isPlain && low > known.DARK)) return [];
  const isDark = (place) => data[place] < (low + high) / 2;
  const takesDark = shareInMiddle(width, height, isDark) >= 0.5;
  const stroke = Float32Array.from(data, (_, place) => Number(isPlain || isDark(place) === takesDark));
  const near = 1 + Math.trunc(known.MARGIN * width);
  let [rows, starts, isLeft, isRight] = [0, 0, false, false];
  for (let row = 0; row < height; row += 1) {
    const line = stroke.subarray(row * width, (row + 1) * width);
    rows += Number(line.includes(1));
    line.forEach((value, column) => (starts += Number(value > (column ? line[column - 1] : 0))));
    isLeft ||= line.subarray(0, near).includes(1);
    isRight ||= line.subarray(-near).includes(1);
  }
  const isBar = rows / height >= known.REACH && starts <= known.RUNS * height;
  if (!isBar || !isLeft || !isRight) return [];
  return [{ image: mnistImage({ width, height, data: stroke }), box: [0, 0, width, height], digit: known.DIGIT }];
}

function shareInMiddle(width, height, isDark) {
  const [edge, side] = [Math.floor(height / 3), Math.floor(width / 3)];
  let [count, dark] = [0, 0];
  for (let row = edge; row < height - edge; row += 1) {
    for (let column = side; column < width - side; column += 1) {
      count += 1;
      dark += Number(isDark(row * width + column));
    }
  }
  return dark / count;
}
