// Writing of another size on the same page, which the view that is taken does not show: other_sizes.py.

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
