// The drawing: strokes of mouse, pen or finger, kept as points. They are shown in the colors of the page and sent
// in black on white.

import { grayPng } from "./png.js";

const PEN = 7; // CSS pixels

// The margin around what is drawn: this share of its height, and so many pixels. A digit then has the size that the
// detector looks for first, so that a drawing takes a third of the time of the whole sheet.
const MARGIN = 0.2;
const LEAST_MARGIN = 8;

export class Drawing {
  #canvas;
  #strokes = [];
  #pointer = null;
  #changed;

  // changed() is called for each new point and when strokes are removed.
  constructor(canvas, changed) {
    this.#canvas = canvas;
    this.#changed = changed;
    canvas.addEventListener("pointerdown", (event) => this.#start(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => this.#end(event));
    }
    new ResizeObserver(() => this.#show()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#show());
  }

  get empty() {
    return this.#strokes.length === 0;
  }

  clear() {
    this.#strokes = [];
    this.#pointer = null;
    this.#show();
    this.#changed();
  }

  undo() {
    this.#strokes.pop();
    this.#pointer = null;
    this.#show();
    this.#changed();
  }

  get size() {
    return [Math.max(1, this.#canvas.clientWidth), Math.max(1, this.#canvas.clientHeight)];
  }

  // What is drawn, as a gray PNG file, black on white, and the place of its upper left corner: [blob, [x, y]].
  async toPicture() {
    const [left, top, right, bottom] = this.#extent();
    const margin = PEN / 2 + LEAST_MARGIN + MARGIN * Math.max(bottom - top, (right - left) / 4);
    const corner = [Math.floor(left - margin), Math.floor(top - margin)];
    const sheet = document.createElement("canvas");
    [sheet.width, sheet.height] = [Math.ceil(right + margin) - corner[0], Math.ceil(bottom + margin) - corner[1]];
    const context = sheet.getContext("2d", { willReadFrequently: true }); // the pixels are not on the GPU
    context.fillStyle = "white";
    context.fillRect(0, 0, sheet.width, sheet.height);
    context.translate(-corner[0], -corner[1]);
    this.#paint(context, "black");
    return [await grayPng(context.getImageData(0, 0, sheet.width, sheet.height)), corner];
  }

  #extent() {
    const [xs, ys] = [0, 1].map((axis) => this.#strokes.flat().map((point) => point[axis]));
    const most = (values) => values.reduce((one, other) => Math.max(one, other));
    const least = (values) => values.reduce((one, other) => Math.min(one, other));
    return [least(xs), least(ys), most(xs), most(ys)];
  }

  #start(event) {
    if (this.#pointer !== null || event.button !== 0) return; // one finger, or the first mouse button
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#strokes.push([this.#place(event)]);
    this.#show();
    this.#changed();
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const between = event.getCoalescedEvents?.() ?? [];
    for (const each of between.length ? between : [event]) this.#strokes.at(-1).push(this.#place(each));
    this.#show();
    this.#changed();
  }

  #end(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.#changed();
  }

  #place(event) {
    const edge = this.#canvas.getBoundingClientRect();
    return [event.clientX - edge.left, event.clientY - edge.top];
  }

  #show() {
    const canvas = this.#canvas;
    const pixelRatio = devicePixelRatio || 1;
    const [width, height] = this.size.map((side) => Math.round(side * pixelRatio));
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d");
    context.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
    context.clearRect(0, 0, ...this.size);
    this.#paint(context, getComputedStyle(canvas).color);
  }

  #paint(context, color) {
    context.strokeStyle = color;
    context.lineWidth = PEN;
    context.lineCap = context.lineJoin = "round";
    for (const [first, ...points] of this.#strokes) {
      context.beginPath();
      context.moveTo(...first);
      let last = first;
      for (const point of points) {
        // Curves between the middles of the segments, so that there are no corners at the points.
        context.quadraticCurveTo(...last, (last[0] + point[0]) / 2, (last[1] + point[1]) / 2);
        last = point;
      }
      context.lineTo(...last);
      context.stroke();
    }
  }
}
