// Conversion of colors and transparency to 8-bit gray that keeps the strokes visible: pictures/grayscale.py.

import { gray as policy } from "../constants.js";
import { median, round } from "../numbers.js";
import { reduce } from "./resize.js";

/** @typedef {import("./resize.js").Image} Image */

/**
 * Converts an RGBA image to gray levels.
 * @param {Image} image
 * @returns {Image}
 */
export function toGray(image) {
  const color = overBackground(image);
  return hasColors(color) ? clearestChannel(color) : channel(color, 0);
}

function hasColors({ data }) {
  for (let at = 0; at < data.length; at += 3) {
    if (data[at] !== data[at + 1] || data[at] !== data[at + 2]) return true;
  }
  return false;
}

// Pastes an image onto a background of one color: its own if it has one, otherwise black or white.
function overBackground({ width, height, data }) {
  const alpha = new Uint8Array(width * height);
  const color = { width, height, channels: 3, data: new Uint8Array(3 * alpha.length) };
  let [least, most] = [255, 0];
  for (let place = 0; place < alpha.length; place += 1) {
    alpha[place] = data[4 * place + 3];
    if (alpha[place] < least) least = alpha[place];
    if (alpha[place] > most) most = alpha[place];
    for (let c = 0; c < 3; c += 1) color.data[3 * place + c] = data[4 * place + c];
  }
  if (most === 0) color.data.fill(255);
  if (most === 0 || least === 255) return color;
  const background = backgroundOf(color, alpha, Math.min(policy.opaque, most));
  for (let place = 0; place < alpha.length; place += 1) {
    for (let c = 0; c < 3; c += 1) {
      const blend = color.data[3 * place + c] * alpha[place] + background[c] * (255 - alpha[place]) + 128;
      color.data[3 * place + c] = (blend + (blend >> 8)) >> 8; // by 255, as Pillow divides
    }
  }
  return color;
}

function backgroundOf(color, alpha, least) {
  const { width, height } = color;
  const visible = alpha.map((value) => Number(value >= least));
  const seen = (row, column) =>
    row < 0 || row >= height || column < 0 || column >= width || visible[row * width + column];
  const [everywhere, edge] = [[], []];
  for (let place = 0; place < visible.length; place += 1) {
    if (!visible[place]) continue;
    const [row, column] = [Math.floor(place / width), place % width];
    everywhere.push(place);
    const inner = seen(row - 1, column) && seen(row + 1, column) && seen(row, column - 1) && seen(row, column + 1);
    if (!inner) edge.push(place);
  }
  const outline = edge.length ? edge : everywhere; // nothing is transparent, or everything is equally
  const light = luminance(color).data;
  const level = Math.trunc(median(outline.map((place) => light[place])));
  const apart = outline.length < policy.short * everywhere.length ? policy.apart_short : policy.apart;
  const share = (places) => places.filter((place) => Math.abs(light[place] - level) > apart).length / places.length;
  if (share(outline) < policy.most_apart && share(everywhere) > policy.least_written) {
    return [0, 1, 2].map((c) => Math.trunc(median(outline.map((place) => color.data[3 * place + c]))));
  }
  let [sum, weight] = [0, 0];
  alpha.forEach((value, place) => {
    sum += value * light[place];
    weight += value;
  });
  return sum / weight > 127.5 ? [0, 0, 0] : [255, 255, 255];
}

function luminance({ width, height, data }) {
  const result = new Uint8Array(width * height);
  for (let place = 0, at = 0; place < result.length; place += 1, at += 3) {
    // Pillow's conversion to L, in fixed point.
    result[place] = (19595 * data[at] + 38470 * data[at + 1] + 7471 * data[at + 2] + 0x8000) >> 16;
  }
  return { width, height, channels: 1, data: result };
}

function channel({ width, height, data }, number) {
  const values = new Uint8Array(width * height);
  for (let place = 0; place < values.length; place += 1) values[place] = data[3 * place + number];
  return { width, height, channels: 1, data: values };
}

// Returns the luminance of an RGB image, or the channel with much more contrast than the luminance.
function clearestChannel(image) {
  const factor = round(Math.sqrt((image.width * image.height) / policy.contrast_pixels));
  const small = reduce(image, Math.max(1, factor));
  const around = boxBlur(small, policy.around * Math.max(small.width, small.height));
  const measured = contrast(luminance(small), luminance(around));
  const contrasts = [0, 1, 2].map((number) => contrast(channel(small, number), channel(around, number)));
  const highest = Math.max(...contrasts);
  if (measured < policy.enough && highest > Math.max(policy.least_channel, policy.least_ratio * measured)) {
    return channel(image, contrasts.indexOf(highest));
  }
  return luminance(image);
}

// The difference of two gray images that only the rest of least_share exceeds.
function contrast(image, around) {
  const counts = new Float64Array(256);
  image.data.forEach((value, place) => (counts[Math.abs(value - around.data[place])] += 1));
  let [sum, difference] = [counts[0], 0];
  while (sum < policy.least_share * image.data.length) sum += counts[(difference += 1)];
  return difference;
}

// Pillow's ImageFilter.BoxBlur: a mean over 2 * radius + 1 pixels across, then down; the edges are continued.
function boxBlur(image, radius) {
  const { width, height, channels, data } = image;
  const result = new Uint8Array(data.length);
  const row = width * channels;
  for (let line = 0; line < height * channels; line += 1) {
    blurLine(data, result, Math.floor(line / channels) * row + (line % channels), channels, width, radius);
  }
  const across = result.slice();
  for (let line = 0; line < row; line += 1) blurLine(across, result, line, row, height, radius);
  return { width, height, channels, data: result };
}

function blurLine(from, to, start, step, length, radius) {
  const whole = Math.trunc(radius);
  const weight = Math.trunc(2 ** 24 / Math.fround(2 * radius + 1));
  const edgeWeight = Math.trunc((2 ** 24 - (2 * whole + 1) * weight) / 2);
  const at = (place) => from[start + step * Math.min(length - 1, Math.max(0, place))];
  let sum = 0;
  for (let place = -whole - 1; place < whole; place += 1) sum += at(place);
  for (let place = 0; place < length; place += 1) {
    sum += at(place + whole) - at(place - whole - 1);
    const far = at(place - whole - 1) + at(place + whole + 1);
    to[start + step * place] = Math.floor((sum * weight + far * edgeWeight + 2 ** 23) / 2 ** 24);
  }
}
