// What is found on a page, and the hypotheses that it is part of: hypotheses.py.

import { mean, median } from "../numbers.js";
import { isDigit } from "./decoding.js";

/** @typedef {import("./decoding.js").Instance} Instance */

/**
 * A digit or another written mark of a page.
 * @typedef {object} Found
 * @property {Uint8Array} image 28x28, white on black
 * @property {[number, number, number, number]} box x, y, width and height in pixels of the page
 * @property {number} digit 0 to 1, the probability that it is a digit and not another mark
 */

/** What is found in one view of a page. */
export class Hypothesis {
  /**
   * @param {number} down pixels of the view for each pixel of the page
   * @param {number} across the same across
   * @param {Instance[]} instances the digits and marks, in pixels of the view
   */
  constructor(down = 1, across = 1, instances = []) {
    this.down = down;
    this.across = across;
    this.instances = instances;
    const digits = instances.filter(isDigit);
    /** The instances that are rather digits than other marks; without a digit, the marks. */
    this.main = digits.length ? digits : instances;
  }

  /** Median size of the digits, or else of the other marks, in pixels of the view. */
  get size() {
    return median(this.main.map((each) => each.size));
  }

  /** Mean score of the digits, or else of the other marks, 0 to 1. */
  get clearness() {
    return mean(this.main.map((each) => each.score));
  }

  /** How much is seen: instances with a score above `even` count for it, others against it. */
  value(even) {
    return this.instances.reduce((sum, each) => sum + each.score - even, 0);
  }

  /** Keeps the instances that are chosen. */
  only(isChosen) {
    return new Hypothesis(this.down, this.across, this.instances.filter(isChosen));
  }

  /** Keeps the instances with at least this score. */
  withoutFaint(least) {
    return this.only((each) => each.score >= least);
  }
}
