// From the detector's maps to instances: peaks are centers, and each foreground pixel votes for one: decoding.py.

import { decoding, limits } from "../constants.js";
import { round } from "../numbers.js";

const { STRIDE } = decoding;

/** @typedef {{width: number, height: number, data: Float32Array}} FloatMap */

/**
 * The detector's output for one page; all but the foreground have half of each side.
 * @typedef {object} Maps
 * @property {FloatMap} foreground probabilities of what is written
 * @property {FloatMap} centers probabilities of the center of a digit or mark
 * @property {FloatMap} down pixels down to the center that a cell belongs to
 * @property {FloatMap} across the same to the right
 * @property {FloatMap} sizes in pixels
 * @property {FloatMap} kinds probabilities of belonging to a digit and not to another mark
 */

/**
 * A digit or mark, in the pixels of the map it was found on.
 * @typedef {object} Instance
 * @property {[number, number, number, number]} box left, top, right, bottom
 * @property {FloatMap} mask the foreground inside the box, without what belongs to others
 * @property {number} size the size that the detector gives it
 * @property {number} score 0 to 1, of its center and its foreground together
 * @property {number} digit 0 to 1, how much it is a digit and not another mark
 */

/**
 * Says whether an instance is rather a digit than another mark.
 * @param {Instance} instance
 */
export const isDigit = (instance) => instance.digit >= 0.5;

/**
 * Finds the instances of a page, those with the clearest centers first.
 * @param {Maps} maps
 * @returns {Instance[]}
 */
export function decode(maps) {
  const centers = peaks(maps);
  if (!centers.length) return [];
  const owners = vote(maps, centers);
  return windows(owners, maps.sizes.width)
    .map((window) => instance(maps, owners, centers[window.number], window))
    .filter((found) => found !== null);
}

// Returns the cells of the centers, the clearest first; of two too close ones the clearer stays.
function peaks({ centers, sizes }) {
  const { width, height, data } = centers;
  const found = [];
  const least = Math.fround(limits.peak);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const heat = data[row * width + column];
      if (heat > least && heat >= maximum(centers, row, column)) {
        found.push({ row, column, heat, size: sizes.data[row * width + column] });
      }
    }
  }
  found.sort((a, b) => b.heat - a.heat);
  const kept = [];
  for (const each of found) {
    const isApart = kept.every((other) => {
      const away = Math.hypot(other.row - each.row, other.column - each.column) * STRIDE;
      return away > limits.apart * Math.min(other.size, each.size);
    });
    if (isApart) kept.push(each);
  }
  return kept;
}

// Returns the largest of the 3 by 3 around a cell.
function maximum({ width, height, data }, row, column) {
  let largest = -Infinity;
  for (let y = Math.max(0, row - 1); y <= Math.min(height - 1, row + 1); y += 1) {
    for (let x = Math.max(0, column - 1); x <= Math.min(width - 1, column + 1); x += 1) {
      largest = Math.max(largest, data[y * width + x]);
    }
  }
  return largest;
}

// Returns the number of the center that each cell belongs to; -1 for none.
function vote(maps, centers) {
  const { width, height } = maps.sizes;
  const nearest = nearestCenters(maps, centers);
  const owners = new Int32Array(width * height).fill(-1);
  const least = Math.fround(limits.foreground);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      if (!(coarse(maps.foreground, row, column) > least)) continue;
      const cell = row * width + column;
      const toRow = row + round(maps.down.data[cell] / STRIDE);
      const toColumn = column + round(maps.across.data[cell] / STRIDE);
      const isInside = toRow >= 0 && toRow < height && toColumn >= 0 && toColumn < width;
      if (isInside) owners[cell] = nearest[toRow * width + toColumn];
    }
  }
  return owners;
}

// Returns the largest foreground probability in a cell.
function coarse({ width, data }, row, column) {
  let largest = 0;
  for (let y = row * STRIDE; y < (row + 1) * STRIDE; y += 1) {
    for (let x = column * STRIDE; x < (column + 1) * STRIDE; x += 1) largest = Math.max(largest, data[y * width + x]);
  }
  return largest;
}

// Returns each cell's center, the nearest as a share of its size and within reach; -1 for none.
function nearestCenters({ sizes: { width, height } }, centers) {
  const nearest = new Int32Array(width * height).fill(-1);
  const least = new Float32Array(width * height).fill(limits.reach);
  centers.forEach((center, number) => {
    const size = center.size / STRIDE;
    const reach = Math.trunc(limits.reach * size) + 1;
    for (let row = Math.max(0, center.row - reach); row <= Math.min(height - 1, center.row + reach); row += 1) {
      const right = Math.min(width - 1, center.column + reach);
      for (let column = Math.max(0, center.column - reach); column <= right; column += 1) {
        const away = Math.fround(Math.hypot(row - center.row, column - center.column) / size);
        if (away >= least[row * width + column]) continue;
        least[row * width + column] = away;
        nearest[row * width + column] = number;
      }
    }
  });
  return nearest;
}

// Returns the center's number and the extent, in cells, of each instance.
function windows(owners, width) {
  const found = new Map();
  owners.forEach((number, cell) => {
    if (number < 0) return;
    const [row, column] = [Math.floor(cell / width), cell % width];
    if (!found.has(number)) found.set(number, { number, top: row, bottom: row, left: column, right: column });
    const window = found.get(number);
    window.bottom = row; // cells come row by row
    window.left = Math.min(window.left, column);
    window.right = Math.max(window.right, column);
  });
  return [...found.values()].sort((a, b) => a.number - b.number);
}

// Measures an instance; null where too little of it is there.
function instance(maps, owners, center, window) {
  const { width } = maps.sizes;
  const [left, top] = [window.left * STRIDE, window.top * STRIDE];
  const columns = (window.right - window.left + 1) * STRIDE;
  const rows = (window.bottom - window.top + 1) * STRIDE;
  const foreground = new Float32Array(rows * columns);
  const solid = { count: 0, sum: 0, left: Infinity, right: -1, top: Infinity, bottom: -1 };
  const kinds = { count: 0, sum: 0 };
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const cell = (window.top + Math.floor(row / STRIDE)) * width + window.left + Math.floor(column / STRIDE);
      if (owners[cell] !== window.number) continue;
      kinds.count += 1; // each cell as often as it has pixels
      kinds.sum += maps.kinds.data[cell];
      const value = maps.foreground.data[(top + row) * maps.foreground.width + left + column];
      foreground[row * columns + column] = value;
      if (!(value > Math.fround(limits.solid))) continue;
      solid.count += 1;
      solid.sum += value;
      solid.left = Math.min(solid.left, column);
      solid.right = Math.max(solid.right, column);
      solid.top = Math.min(solid.top, row);
      solid.bottom = row;
    }
  }
  if (solid.count < limits.pixels) return null;
  const mask = cut({ width: columns, height: rows, data: foreground }, solid);
  const found = {
    box: [left + solid.left, top + solid.top, left + solid.right + 1, top + solid.bottom + 1],
    mask,
    size: center.size,
    score: center.heat * (solid.sum / solid.count),
    digit: kinds.sum / kinds.count,
  };
  const least = isDigit(found) ? limits.least_extent : limits.least_mark_extent;
  return Math.max(mask.width, mask.height) >= least * center.size ? found : null;
}

/**
 * Cuts a part out of a map.
 * @param {FloatMap} map
 * @param {{left: number, top: number, right: number, bottom: number}} part with its last column and row
 * @returns {FloatMap}
 */
export function cut(map, { left, top, right, bottom }) {
  const [width, height] = [right - left + 1, bottom - top + 1];
  const data = new Float32Array(width * height);
  for (let row = 0; row < height; row += 1) {
    const from = (top + row) * map.width + left;
    data.set(map.data.subarray(from, from + width), row * width);
  }
  return { width, height, data };
}
