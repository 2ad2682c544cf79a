// Brings the surface, the server and the result together: one picture is on its way at a time, the newest next.

import { Drawing } from "./draw.js";
import { Result } from "./result.js";

const MOST_BYTES = 8 * 2 ** 20; // what the server takes
const byId = (id) => document.getElementById(id);
const surface = byId("surface");
const picture = byId("picture");
const result = new Result();
const drawing = new Drawing(byId("canvas"), drawn);

let sheet = 0; // counts what was cleared away: an answer about an earlier sheet is not shown
let reading = 0; // what is on its way: pictures, and one drawing at most
let following = false; // the drawing
let changed = false; // the drawing, since it was sent

function drawn() {
  byId("hint").hidden = !drawing.empty;
  byId("undo").disabled = drawing.empty;
  changed = true;
  if (drawing.empty) {
    sheet += 1;
    result.clear();
  } else {
    readDrawing();
  }
}

// Reads the drawing as it grows: when the answer is there, what has been drawn since is sent.
async function readDrawing() {
  if (following) return;
  following = true;
  await whileBusy(async () => {
    while (changed && !drawing.empty) {
      changed = false;
      const [drawnOn, size] = [sheet, drawing.size];
      await read(await drawing.toBlob(), size, drawnOn);
    }
  });
  following = false;
}

async function whileBusy(work) {
  byId("text").setAttribute("aria-busy", String((reading += 1) > 0));
  await work();
  byId("text").setAttribute("aria-busy", String((reading -= 1) > 0));
}

// Sends a picture and shows the answer, unless the picture has been cleared away by then.
async function read(blob, size, from) {
  let answer;
  try {
    const response = await fetch("/predict?images=1", { method: "POST", body: blob });
    answer = await response.json();
  } catch {
    answer = { error: "The server does not answer: is it still running?" };
  }
  if (from !== sheet) return;
  if (answer.error) result.problem(answer.error);
  else result.show(answer, size);
}

async function readPicture(file) {
  if (!file) return;
  removePicture();
  drawing.clear();
  const from = sheet;
  byId("hint").hidden = true;
  surface.classList.add("with-picture");
  picture.src = URL.createObjectURL(file);
  picture.hidden = false;
  result.clear("Reading …");
  if (file.size > MOST_BYTES) {
    result.problem("The picture has more than 8 MiB: shrink it.");
    return;
  }
  await whileBusy(async () => {
    // A kind that the browser cannot show, such as TIFF, is read all the same; then there are no boxes.
    const shown = await picture.decode().then(() => true, () => false);
    const size = shown ? [picture.naturalWidth, picture.naturalHeight] : [0, 0];
    await read(file, size, from);
    if (!shown && from === sheet) picture.hidden = true;
  });
}

function removePicture() {
  if (picture.src) URL.revokeObjectURL(picture.src);
  picture.removeAttribute("src");
  picture.hidden = true;
  surface.classList.remove("with-picture");
}

function clear() {
  removePicture();
  byId("file").value = "";
  drawing.clear();
}

byId("clear").addEventListener("click", clear);
byId("undo").addEventListener("click", () => drawing.undo());
byId("file").addEventListener("change", () => readPicture(byId("file").files[0]));

addEventListener("keydown", (event) => {
  if (event.target instanceof HTMLInputElement) return;
  const undo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey);
  if (undo && !drawing.empty) drawing.undo();
  else if (event.key === "Delete" || event.key === "Backspace") clear();
  else return;
  event.preventDefault();
});
addEventListener("paste", (event) => readPicture(event.clipboardData.files[0]));
addEventListener("dragover", (event) => {
  event.preventDefault();
  surface.classList.add("over");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) surface.classList.remove("over");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  surface.classList.remove("over");
  readPicture(event.dataTransfer.files[0]);
});
drawn();
