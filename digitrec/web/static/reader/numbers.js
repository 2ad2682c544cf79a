// Arithmetic of Python and NumPy that JavaScript does differently or does not have.

/**
 * Rounds to the nearest integer, halves to the even one.
 * @param {number} value
 * @returns {number}
 */
export function round(value) {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/**
 * @param {ArrayLike<number>} values at least one
 * @returns {number}
 */
export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * @param {number[]} values
 * @returns {number}
 */
export function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * @param {ArrayLike<number>} values
 * @returns {[number, number]} the lowest and the highest
 */
export function limitsOf(values) {
  let [low, high] = [Infinity, -Infinity];
  for (let place = 0; place < values.length; place += 1) {
    if (values[place] < low) low = values[place];
    if (values[place] > high) high = values[place];
  }
  return [low, high];
}

/**
 * The values at the four edges of an image, those at the corners twice.
 * @param {{width: number, height: number, data: Uint8Array}} image gray
 * @returns {number[]}
 */
export function edgeOf({ width, height, data }) {
  const values = [...data.subarray(0, width), ...data.subarray((height - 1) * width)];
  for (let row = 0; row < height; row += 1) values.push(data[row * width], data[(row + 1) * width - 1]);
  return values;
}
