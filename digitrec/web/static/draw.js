// The surface: strokes of mouse, pen or finger, kept as points, drawn in the page's colours and, to be read,
// in black on white at the surface's own size.

const PEN = 7; // CSS pixels

export class Drawing {
  #canvas;
  #strokes = [];
  #pointer = null;
  #changed;

  // changed() is called at each point and when strokes go.
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

  // What is read: a PNG file, black on white.
  toBlob() {
    const sheet = document.createElement("canvas");
    [sheet.width, sheet.height] = this.size;
    const context = sheet.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, sheet.width, sheet.height);
    this.#paint(context, "black");
    return new Promise((resolve) => sheet.toBlob(resolve, "image/png"));
  }

  #start(event) {
    if (this.#pointer !== null || event.button !== 0) return; // one finger, the first button
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
    const fineness = devicePixelRatio || 1;
    const [width, height] = this.size.map((side) => Math.round(side * fineness));
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d");
    context.setTransform(fineness, 0, 0, fineness, 0, 0);
    context.clearRect(0, 0, ...this.size);
    this.#paint(context, getComputedStyle(canvas).color);
  }

  #paint(context, colour) {
    context.strokeStyle = colour;
    context.lineWidth = PEN;
    context.lineCap = context.lineJoin = "round";
    for (const [first, ...points] of this.#strokes) {
      context.beginPath();
      context.moveTo(...first);
      let last = first;
      for (const point of points) {
        // From the middle of one piece to the middle of the next: no corners where the pointer was asked.
        context.quadraticCurveTo(...last, (last[0] + point[0]) / 2, (last[1] + point[1]) / 2);
        last = point;
      }
      context.lineTo(...last);
      context.stroke();
    }
  }
}
