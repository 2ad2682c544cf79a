// Pictures that are a digit of MNIST already: mnist_like.py.

import { mnist_like as known } from "../constants.js";
import { limitsOf, median } from "../numbers.js";
import { BICUBIC, resize } from "../pictures/resize.js";

const { ASTRAY, BRIGHT, FINE, FOREGROUND, LONGEST, PLAIN, SIDE, STROKE } = known;

/**
 * Takes a 28x28 picture that is a digit as MNIST has it for that digit; finds nothing in any other picture.
 * @param {import("../pictures/resize.js").Image} page gray
 * @returns {import("./hypotheses.js").Found[]}
 */
export function mnistLike(page) {
  if (page.width !== SIDE || page.height !== SIDE) return [];
  const isEdge = (place) => place < SIDE || place >= SIDE * (SIDE - 1) || place % SIDE === 0 || place % SIDE === SIDE - 1;
  const edge = page.data.filter((_, place) => isEdge(place));
  const image = median(edge) > 127 ? page.data.map((value) => 255 - value) : page.data;
  if (quantile(edge.map((value) => Math.min(value, 255 - value)), PLAIN) > 0 || limitsOf(image)[1] < BRIGHT) return [];
  const [rows, columns] = [[], []];
  let [mass, right, down] = [0, 0, 0];
  image.forEach((value, place) => {
    const [row, column] = [Math.floor(place / SIDE), place % SIDE];
    mass += value;
    down += value * (row - (SIDE - 1) / 2);
    right += value * (column - (SIDE - 1) / 2);
    if (value > FOREGROUND) {
      rows.push(row);
      columns.push(column);
    }
  });
  const [[top, bottom], [first, last]] = [limitsOf(rows), limitsOf(columns)];
  const longest = Math.max(bottom - top, last - first) + 1;
  const astray = Math.max(Math.abs(right), Math.abs(down)) / mass;
  if (astray > ASTRAY || longest < LONGEST[0] || longest > LONGEST[1]) return [];
  const width = strokeWidth(image);
  if (width <= STROKE[0] || width >= STROKE[1]) return [];
  return [{ image: Uint8Array.from(image), box: [first, top, last - first + 1, bottom - top + 1], digit: 1 }];
}

// Returns a quantile as NumPy does, interpolated between two values.
function quantile(values, share) {
  const sorted = values.slice().sort();
  const place = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return below + (above - below) * (place % 1);
}

// Measures the mean width of a 28x28 digit's strokes, in pixels: twice the area by the outline.
function strokeWidth(image) {
  const side = FINE * SIDE;
  const { data } = resize({ width: SIDE, height: SIDE, channels: 1, data: image }, side, side, BICUBIC);
  let [area, steps] = [0, 0];
  data.forEach((value, place) => {
    const isForeground = value > 127;
    area += Number(isForeground);
    if (place >= side && isForeground !== data[place - side] > 127) steps += 1;
    if (place % side && isForeground !== data[place - 1] > 127) steps += 1;
  });
  const outline = (steps * Math.PI) / 4; // of a curve in all directions
  return (2 * area) / Math.max(1, outline) / FINE;
}
