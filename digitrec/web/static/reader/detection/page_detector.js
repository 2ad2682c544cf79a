// Finds the digits and marks of a gray page: page_detector.py.

import { page_detector as known, policy } from "../constants.js";
import { edgeOf, limitsOf, median, round } from "../numbers.js";
import { BICUBIC, BILINEAR, resize } from "../pictures/resize.js";
import { decode, isDigit } from "./decoding.js";
import { Hypothesis } from "./hypotheses.js";
import { mnistImage } from "./mnist_image.js";
import { mnistLike } from "./mnist_like.js";
import { beside } from "./other_sizes.js";
import { tightOne } from "./tight_cuts.js";

/** @typedef {import("../pictures/resize.js").Image} Image */

/**
 * A page at some scale, with an edge: rows above and below the page and columns beside it.
 * @typedef {{pixels: Image, edges: [number, number], down: number, across: number}} View
 */

/**
 * Finds what is written on a page.
 * @param {Image} page gray
 * @param {(view: View) => Promise<import("./decoding.js").Maps>} detect the network, without the edges
 * @returns {Promise<import("./hypotheses.js").Found[]>}
 */
export async function find(page, detect) {
  const like = mnistLike(page);
  if (like.length) return like;
  const [low, high] = limitsOf(page.data);
  if (high - low < policy.least_contrast) return tightOne(page);
  const scales = search(page);
  let next = scales.next();
  while (!next.done) {
    const seen = view(page, next.value);
    const instances = decode(await detect(seen)).filter(isClear);
    next = scales.next(new Hypothesis(seen.down, seen.across, instances));
  }
  const found = next.value.flatMap(foundIn);
  return found.length ? found : tightOne(page);
}

// Whether a digit or mark is clear enough to be kept.
const isClear = (each) => each.score >= (isDigit(each) ? policy.least_score : policy.least_mark_score);

// Yields the scales to look at, one after the other, and returns the hypotheses that are taken: that of the view
// which is chosen, and what coarser views show that is too large for it.
function* search(page) {
  const kept = [new Hypothesis()];
  let chosen = yield* choose(page, kept);
  const larger = [];
  for (const coarse of kept) {
    const isLarge = ({ size, score }) =>
      size * chosen.across > policy.largest * coarse.across && score > policy.enough;
    const solid = chosen.withoutFaint(policy.least_alone); // parts of large digits are faint
    larger.push(beside(coarse.only(isLarge), [solid, ...larger]));
    if (larger.at(-1).instances.length) chosen = solid;
  }
  return [chosen, ...larger];
}

// Returns the largest scale at which a view is not too large.
function mostOf(page) {
  let most = policy.most_enlargement;
  while (padded(page, most).reduce((a, b) => a * b) > policy.most_pixels) most *= policy.shrink;
  return most;
}

// Yields the scales to look at, and returns the hypothesis that is taken; keeps the others of use.
function* choose(page, kept) {
  const side = Math.sqrt(page.width * page.height);
  const [longer, shorter] = [Math.max(page.width, page.height), Math.min(page.width, page.height)];
  const most = mostOf(page);
  const mostPlanned = Math.min(most, Math.max(1, policy.least_finest / side));
  let plan = policy.sides.map((wanted) => Math.min(wanted / side, mostPlanned));
  if (longer > policy.narrow * shorter) plan = [policy.longest / longer, ...plan].sort((a, b) => a - b);
  let last = 0;
  while (plan.length) {
    const scale = Math.min(most, plan.shift());
    if (scale < last * policy.least_step) continue;
    const here = yield scale;
    last = scale;
    if (!here.instances.length) {
      kept.push(here);
    } else if (here.size < policy.small && scale * policy.least_step < most) {
      plan = [(scale * policy.ideal) / here.size, ...plan];
      if (here.clearness > policy.some) kept.push(here);
    } else if (here.clearness > policy.enough) {
      return here;
    } else if (scale <= mostPlanned) {
      kept.push(here); // in an enlarged view noise looks like strokes: it must be clear
    }
  }
  return best(kept.map((each) => each.withoutFaint(policy.least_alone)));
}

// Returns the first hypothesis that shows most.
function best(hypotheses) {
  const value = (each) => each.value(policy.even);
  return hypotheses.reduce((chosen, each) => (value(each) > value(chosen) ? each : chosen));
}

// Returns the height and width of a view with its edge.
function padded(page, scale) {
  return [page.height, page.width].map((side) => {
    const least = Math.max(policy.least_side, 4 * round((side * scale) / 4) + 2 * policy.edge);
    return known.MULTIPLE * Math.ceil(least / known.MULTIPLE);
  });
}

// Resizes a page, and puts the median of its edge round it until its sides suit the network.
function view(page, scale) {
  const [height, width] = [page.height, page.width].map((side) => Math.max(4, 4 * round((side * scale) / 4)));
  const small = resize(page, width, height, scale > 1 ? BICUBIC : BILINEAR, policy.reducing_gap);
  const [rows, columns] = padded(page, scale);
  const edges = [Math.floor((rows - height) / 2), Math.floor((columns - width) / 2)];
  const pixels = { width: width + 2 * edges[1], height: height + 2 * edges[0], channels: 1, data: null };
  pixels.data = new Uint8Array(pixels.width * pixels.height).fill(Math.trunc(median(edgeOf(small))));
  for (let row = 0; row < height; row += 1) {
    const line = small.data.subarray(row * width, (row + 1) * width);
    pixels.data.set(line, (row + edges[0]) * pixels.width + edges[1]);
  }
  return { pixels, edges, down: height / page.height, across: width / page.width };
}

// Brings the instances of a hypothesis to MNIST's form, and their boxes to pixels of the page.
function foundIn({ down, across, instances }) {
  return instances.map(({ mask, digit, box: [left, top, right, bottom] }) => ({
    image: mnistImage(mask, across, down),
    box: [left / across, top / down, (right - left) / across, (bottom - top) / down],
    digit,
  }));
}
