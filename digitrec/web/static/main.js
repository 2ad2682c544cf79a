// Connects the drawing, what reads it (backend.js) and the result. One drawing is read at a time; then the newest
// follows.

import * as backend from "./backend.js";
import { Drawing } from "./draw.js";
import { asCsv, asText, Collection } from "./labels.js";
import { Result } from "./result.js";

const byId = (id) => document.getElementById(id);
const surface = byId("surface");
const picture = byId("picture");
const result = new Result();
const drawing = new Drawing(byId("canvas"), drawn);
const collection = new Collection();

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
      await read(...(await drawing.toPicture()), size, drawnOn);
    }
  });
  following = false;
}

async function whileBusy(work) {
  byId("text").setAttribute("aria-busy", String((pending += 1) > 0));
  try {
    await work();
  } catch {
    result.problem("The picture cannot be read by this page: reload it, or take a newer browser.");
  } finally {
    byId("text").setAttribute("aria-busy", String((pending -= 1) > 0));
  }
}

// Reads a picture whose upper left corner is at a place of the surface, and shows the answer, unless the picture has
// been cleared in the meantime.
async function read(blob, [left, top], size, from) {
  const answer = await backend.read(blob);
  if (from !== sheet) return;
  if (answer.error) {
    result.problem(answer.error);
    return;
  }
  for (const { box } of answer.digits) [box[0], box[1]] = [box[0] + left, box[1] + top];
  result.show(answer, size);
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
    await read(file, [0, 0], size, from);
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
for (const input of [byId("file"), byId("camera")]) {
  input.addEventListener("change", () => {
    const [file] = input.files;
    input.value = ""; // or choosing the same file again would be no change
    readPicture(file);
  });
}

addEventListener("keydown", (event) => {
  if (event.target instanceof HTMLInputElement) return;
  const undo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey);
  if (undo && !drawing.empty) drawing.undo();
  else if (event.key === "Delete" || event.key === "Backspace") clear();
  else if (/^[0-9]$/.test(event.key) && !event.ctrlKey && !event.metaKey && result.digits.length) {
    result.correct(event.key);
  }
  else return;
  event.preventDefault();
});
addEventListener("paste", (event) => give(event.clipboardData.files, "This is text: paste a picture."));
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
  give(event.dataTransfer.files, "This is a link or text: drop a picture file.");
});

function give([file, ...others], problem) {
  if (others.length) say(`The first of ${others.length + 1} files is read.`);
  if (file) readPicture(file);
  else result.problem(problem);
}

function say(sentence) {
  byId("said").textContent = sentence;
}

// Pages that come over plain HTTP from another machine have no clipboard.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied.");
  } catch {
    say("The browser does not allow this page to copy.");
  }
}

function keep() {
  const [kept, all] = [collection.keep(result.digits), result.digits.length];
  const left = all - kept ? ` ${all - kept} without a label: correct it first.` : "";
  say(`${kept} kept.${left}`);
  byId("download").disabled = !collection.count;
  byId("download").textContent = `Download ${collection.count} labelled`;
}

function download() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(collection.toZip());
  link.download = "digits.zip";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

byId("copy-text").addEventListener("click", () => copy(asText(result.digits)));
byId("copy-csv").addEventListener("click", () => copy(asCsv(result.digits)));
byId("keep").addEventListener("click", keep);
byId("download").addEventListener("click", download);
byId("note").textContent = backend.NOTE;
drawn();
