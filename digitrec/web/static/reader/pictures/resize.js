// Pillow's Image.reduce and Image.resize with the same rounding, so that a page looks the same to the networks.

/**
 * An image. The values of a pixel follow each other: 1 of gray, 3 of RGB or 4 of RGBA.
 * @typedef {{width: number, height: number, channels: number, data: Uint8Array | Float32Array}} Image
 */

/** @typedef {{support: number, weight: (x: number) => number}} Filter */

/** @type {Filter} */
export const BILINEAR = { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) };

/** @type {Filter} The cubic of Keys (1981) with a = -0.5, as in Pillow. */
export const BICUBIC = { support: 2, weight: (x) => cubic(Math.abs(x)) };

const BITS = 22; // Pillow's precision of a weight for bytes

function cubic(x) {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

/**
 * Averages blocks of pixels; blocks at the right and lower edge may be smaller.
 * @param {Image} image of bytes
 * @param {number} across width of a block
 * @param {number} down height of a block
 * @returns {Image}
 */
export function reduce({ width, height, channels, data }, across, down = across) {
  if (across === 1 && down === 1) return { width, height, channels, data };
  const [columns, rows] = [Math.ceil(width / across), Math.ceil(height / down)];
  const result = new Uint8Array(columns * rows * channels);
  const sums = new Uint32Array(columns * channels);
  for (let row = 0; row < rows; row += 1) {
    const [top, bottom] = [row * down, Math.min(height, (row + 1) * down)];
    sums.fill(0);
    for (let y = top; y < bottom; y += 1) {
      for (let column = 0, from = y * width * channels; column < columns; column += 1) {
        const end = (y * width + Math.min(width, (column + 1) * across)) * channels;
        for (; from < end; from += channels) {
          for (let c = 0; c < channels; c += 1) sums[column * channels + c] += data[from + c];
        }
      }
    }
    for (let column = 0; column < columns; column += 1) {
      const count = (Math.min(width, (column + 1) * across) - column * across) * (bottom - top);
      const multiplier = Math.floor(2 ** 24 / count); // a division in fixed point
      for (let c = column * channels; c < (column + 1) * channels; c += 1) {
        result[row * columns * channels + c] = ((sums[c] + (count >> 1)) * multiplier) >>> 24;
      }
    }
  }
  return { width: columns, height: rows, channels, data: result };
}

/**
 * Resizes an image with a filter that is widened where the image becomes smaller.
 * @param {Image} image
 * @param {number} width
 * @param {number} height
 * @param {Filter} filter
 * @param {number} [gap] the image is first averaged down to this many times the new size, at least
 * @returns {Image}
 */
export function resize(image, width, height, filter, gap = Infinity) {
  if (image.width === width && image.height === height) return image;
  const across = Math.max(1, Math.trunc(image.width / width / gap));
  const down = Math.max(1, Math.trunc(image.height / height / gap));
  const [right, bottom] = [image.width / across, image.height / down]; // the last block may be smaller
  return resampleRows(resampleColumns(reduce(image, across, down), width, right, filter), height, bottom, filter);
}

function resampleColumns(image, width, right, filter) {
  if (image.width === width && right === width) return image;
  const { height, channels } = image;
  return { width, height, channels, data: resample(image, [height, image.width, channels], width, right, filter) };
}

function resampleRows(image, height, bottom, filter) {
  if (image.height === height && bottom === height) return image;
  const { width, channels } = image;
  return { width, height, channels, data: resample(image, [1, image.height, width * channels], height, bottom, filter) };
}

// Resamples the second axis of an array of three from 0..extent to a size.
function resample({ data }, [outer, length, inner], size, extent, filter) {
  const bytes = data instanceof Uint8Array;
  const result = new data.constructor(outer * size * inner);
  const sums = new Float64Array(inner);
  const weights = weightsOf(length, size, extent, filter, bytes);
  for (let o = 0; o < outer; o += 1) {
    for (let place = 0; place < size; place += 1) {
      const { first, values } = weights[place];
      sums.fill(bytes ? 2 ** (BITS - 1) : 0);
      for (let k = 0; k < values.length; k += 1) {
        const [from, weight] = [(o * length + first + k) * inner, values[k]];
        for (let i = 0; i < inner; i += 1) sums[i] += data[from + i] * weight;
      }
      const to = (o * size + place) * inner;
      for (let i = 0; i < inner; i += 1) {
        result[to + i] = bytes ? Math.min(255, Math.max(0, sums[i] >> BITS)) : sums[i];
      }
    }
  }
  return result;
}

// The weights of the values that each new value is made of, from the first one.
function weightsOf(length, size, extent, filter, bytes) {
  const scale = extent / size;
  const wider = Math.max(1, scale);
  const support = filter.support * wider;
  return Array.from({ length: size }, (_, place) => {
    const center = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const last = Math.min(length, Math.trunc(center + support + 0.5));
    const values = Array.from({ length: last - first }, (_, k) => filter.weight((k + first - center + 0.5) / wider));
    const total = values.reduce((sum, value) => sum + value, 0) || 1;
    return { first, values: values.map((value) => (bytes ? fixed(value / total) : value / total)) };
  });
}

function fixed(value) {
  return Math.trunc(value * 2 ** BITS + (value < 0 ? -0.5 : 0.5));
}
