// The detector and the classifier, run by ONNX Runtime on one thread.

import * as ort from "../onnxruntime/ort.js";
import { decoding, recognizer } from "./constants.js";
import { cut } from "./detection/decoding.js";

const { CHUNK, SIDE } = recognizer;

/** Loads a network from a file beside the page. */
async function session(name) {
  const response = await fetch(new URL(`../${name}`, import.meta.url));
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return ort.InferenceSession.create(await response.arrayBuffer(), { executionProviders: ["wasm"] });
}

export class Networks {
  #detector;
  #classifier;

  constructor(detector, classifier) {
    this.#detector = detector;
    this.#classifier = classifier;
  }

  /** @returns {Promise<Networks>} */
  static async load() {
    ort.env.wasm.numThreads = 1;
    // The names end in .js because not every web server knows that .mjs is JavaScript.
    ort.env.wasm.wasmPaths = {
      mjs: new URL("../onnxruntime/ort-wasm.js", import.meta.url).href,
      wasm: new URL("../onnxruntime/ort-wasm.wasm", import.meta.url).href,
    };
    return new Networks(await session("detector.onnx"), await session("digits.onnx"));
  }

  /**
   * Runs the detector.
   * @param {import("./detection/page_detector.js").View} view
   * @returns {Promise<import("./detection/decoding.js").Maps>} the maps of the page, without the edges
   */
  async detect({ pixels: { width, height, data }, edges }) {
    const found = await this.#detector.run({ pages: new ort.Tensor("uint8", data, [1, 1, height, width]) });
    const map = (name, plane = 0) => {
      const [, , rows, columns] = found[name].dims;
      const all = found[name].data.subarray(plane * rows * columns, (plane + 1) * rows * columns);
      const [down, across] = edges.map((edge) => (rows === height ? edge : edge / decoding.STRIDE));
      const inner = { left: across, top: down, right: columns - across - 1, bottom: rows - down - 1 };
      return cut({ width: columns, height: rows, data: all }, inner);
    };
    return {
      foreground: map("foreground"),
      centers: map("centers"),
      down: map("offsets", 0),
      across: map("offsets", 1),
      sizes: map("sizes"),
      kinds: map("kinds"),
    };
  }

  /**
   * Runs the classifier.
   * @param {Uint8Array[]} images 28x28 each
   * @returns {Promise<number[][]>} ten probabilities of each
   */
  async classify(images) {
    const rows = [];
    for (let first = 0; first < images.length; first += CHUNK) {
      const some = images.slice(first, first + CHUNK);
      const pixels = new Uint8Array(some.length * SIDE * SIDE);
      some.forEach((image, number) => pixels.set(image, number * SIDE * SIDE));
      const input = new ort.Tensor("uint8", pixels, [some.length, SIDE, SIDE]);
      const { probabilities } = await this.#classifier.run({ pixels: input });
      some.forEach((_, number) => rows.push(Array.from(probabilities.data.subarray(10 * number, 10 * number + 10))));
    }
    return rows;
  }
}
