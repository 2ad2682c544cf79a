// Reading order: which digits and marks are on a line, and in which order: lines.py.

import { lines as known } from "../constants.js";
import { mean } from "../numbers.js";

/** @typedef {[number, number, number, number]} Box x, y, width and height */

/**
 * Puts digits and marks into reading order.
 * @param {Box[]} boxes in any order
 * @param {number} turns by how many quarters the page must be turned, counter-clockwise, to be upright
 * @returns {number[][]} lines from top to bottom, each with the numbers of its boxes from left to right
 */
export function inLines(boxes, turns = 0) {
  const upright = boxes.map((box) => turned(box, turns));
  const order = upright.map((_, number) => number).sort((a, b) => upright[a][0] - upright[b][0]);
  const lines = [];
  const lasts = []; // of each line the last box that is not small: beside a point no line can be told
  for (const number of order) {
    const box = upright[number];
    let [closest, chosen] = [known.SHARED, -1];
    lasts.forEach((last, line) => {
      const common = commonHeight(last, box);
      if (common > closest) [closest, chosen] = [common, line];
    });
    if (chosen < 0) {
      lines.push([number]);
      lasts.push(box);
    } else {
      lines[chosen].push(number);
      if (box[3] >= lasts[chosen][3] * known.SMALL) lasts[chosen] = box;
    }
  }
  const middle = (line) => mean(line.map((number) => upright[number][1] + upright[number][3] / 2));
  return lines.sort((a, b) => middle(a) - middle(b));
}

// Turns a box by quarters, counter-clockwise around the page's upper left corner.
function turned(box, turns) {
  for (let turn = 0; turn < turns; turn += 1) {
    const [x, y, width, height] = box;
    box = [y, -(x + width), height, width];
  }
  return box;
}

// Returns the share of the lower one's height that two boxes have in common. A small box is raised by its height:
// a comma hangs below its line.
function commonHeight(one, other) {
  const [lower, higher] = one[3] <= other[3] ? [one, other] : [other, one];
  let [top, height] = [lower[1], lower[3]];
  if (height < higher[3] * known.SMALL) [top, height] = [top - height, 2 * height];
  const bottom = Math.min(lower[1] + lower[3], higher[1] + higher[3]);
  return (bottom - Math.max(top, higher[1])) / Math.max(1e-6, height);
}
