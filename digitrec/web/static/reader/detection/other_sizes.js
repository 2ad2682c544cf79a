// Writing of another size on the same page, which the view that is taken does not show: other_sizes.py.

import { other_sizes as known } from "../constants.js";

/** @typedef {import("./hypotheses.js").Hypothesis} Hypothesis */
/** @typedef {[number, number, number, number]} Box left, top, right, bottom */

// Returns the boxes of the instances, in pixels of the page.
const pageBoxes = ({ down, across, instances }) =>
  instances.map(({ box: [left, top, right, bottom] }) => [left / across, top / down, right / across, bottom / down]);

// Whether the middle of a box lies in another one.
function inside(inner, outer) {
  const [x, y] = [(inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2];
  return outer[0] <= x && x <= outer[2] && outer[1] <= y && y <= outer[3];
}

/**
 * Keeps the instances that lie beside those of other views: neither has its middle in the other's box.
 * @param {Hypothesis} hypothesis
 * @param {Hypothesis[]} others
 * @returns {Hypothesis}
 */
export function beside(hypothesis, others) {
  const theirs = others.flatMap(pageBoxes);
  const apart = pageBoxes(hypothesis).map((mine) => !theirs.some((box) => inside(mine, box) || inside(box, mine)));
  return hypothesis.only((_, number) => apart[number]);
}

/**
 * Says whether there are strokes outside of the boxes of a view: steps as large as those of the digits.
 * @param {import("../pictures/resize.js").Image} image the view without its edge
 * @param {Box[]} boxes of its instances
 * @returns {boolean}
 */
export function moreIsWritten({ width, height, data }, boxes) {
  const covered = new Uint8Array(width * height);
  for (const [left, top, right, bottom] of boxes) {
    for (let row = Math.max(0, top - 1); row < Math.min(height, bottom + 2); row += 1) {
      covered.fill(1, row * width + Math.max(0, left - 1), row * width + Math.min(width, right + 2));
    }
  }
  const steps = [[], []];
  for (let place = 0; place < data.length; place += 1) {
    const across = place % width ? Math.abs(data[place] - data[place - 1]) : 0;
    const down = place >= width ? Math.abs(data[place] - data[place - width]) : 0;
    steps[covered[place]].push(Math.max(across, down));
  }
  const least = known.STROKE * quantile(steps[1], known.STRONG);
  return steps[0].filter((step) => step >= least).length >= known.STEPS;
}

// Returns a quantile of numbers, interpolated between two of them.
function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  const place = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return low + (high - low) * (place - Math.floor(place));
}
