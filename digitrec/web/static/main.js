// Connects the drawing, what reads it (backend.js) and the result. One drawing is read at a time; then the newest
// follows.

import * as backend from "./backend.js";
import { Drawing } from "./draw.js";
import { Result } from "./result.js";

const byId = (id) => document.getElementById(id);
const surface = byId("surface");
const picture = byId("picture");
const result = new Result();
const drawing = new Drawing(byId("canvas"), drawn);

let sheet = 0; // counts the cleared drawings; answers about earlier ones are not shown
let pending = 0; // requests: pictures, and at most one drawing
let following = false; // whether the drawing is being read
let changed = false; // whether the drawing has changed since it was sent

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

// Reads the drawing while it grows: after each answer the current drawing is sent, if it has changed.
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
  byId("text").setAttribute("aria-busy", String((pending += 1) > 0));
  await work();
  byId("text").setAttribute("aria-busy", String((pending -= 1) > 0));
}

// Reads a picture and shows the answer, unless the picture has been cleared in the meantime.
async function read(blob, size, from) {
  const answer = await backend.read(blob);
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
  await whileBusy(async () => {
    // Formats that the browser cannot show, such as TIFF, are read as well, but without boxes.
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
  drawing.clear();
}

byId("clear").addEventListener("click", clear);
byId("undo").addEventListener("click", () => drawing.undo());
byId("file").addEventListener("change", () => {
  const [file] = byId("file").files;
  byId("file").value = ""; // or choosing the same file again would be no change
  readPicture(file);
});

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
  const [file] = event.dataTransfer.files;
  if (file) {
    readPicture(file);
  } else {
    clear();
    result.problem("This is a link or text: drop a picture file.");
  }
});
byId("note").textContent = backend.NOTE;
drawn();
