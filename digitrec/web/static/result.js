// The result: the text, a button for each digit, the bars of the selected one, and boxes on the picture.

import { asText, labelOf } from "./labels.js";

const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function element(name, className = "", text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

// Rounds probabilities to tenths of a percent that sum to exactly 100 %: the largest remainders are rounded up.
export function tenths(shares) {
  const total = shares.reduce((sum, share) => sum + share, 0) || 1;
  const exact = shares.map((share) => (1000 * share) / total);
  const whole = exact.map(Math.floor);
  const missing = 1000 - whole.reduce((sum, part) => sum + part, 0);
  const order = exact.map((_, index) => index).sort((a, b) => (exact[b] % 1) - (exact[a] % 1));
  for (const index of order.slice(0, missing)) whole[index] += 1;
  return whole;
}

// A confidence as text, rounded down and below 100 %.
function percent(confidence) {
  return `${Math.min(99.9, Math.floor(1000 * confidence) / 10).toFixed(1)}%`;
}

export class Result {
  #digits = [];
  #chosen = 0;

  constructor() {
    for (let digit = 0; digit < 10; digit += 1) {
      const row = element("li");
      const track = element("span", "track");
      track.append(element("span", "bar"));
      const label = element("button", "label", String(digit));
      label.type = "button";
      label.setAttribute("aria-label", `Correct it to ${digit}`);
      label.addEventListener("click", () => this.correct(String(digit)));
      row.append(label, track, element("span", "share"));
      byId("bars").append(row);
    }
    this.clear();
  }

  get digits() {
    return this.#digits;
  }

  // Shows an empty result.
  clear(message = "Nothing drawn yet.") {
    this.#digits = [];
    byId("text").replaceChildren();
    byId("text").className = "text";
    byId("confidence").textContent = message;
    byId("problem").hidden = true;
    byId("digits").hidden = true;
    byId("digits").replaceChildren();
    byId("boxes").replaceChildren();
    this.#detail(null);
    this.#enable();
  }

  problem(sentence) {
    this.clear("");
    byId("problem").textContent = sentence;
    byId("problem").hidden = false;
  }

  // reading: the answer of POST /predict; size: width and height of the picture.
  show(reading, size) {
    if (!reading.digits.length) {
      this.clear("No digit found.");
      return;
    }
    this.#digits = reading.digits;
    byId("problem").hidden = true;
    byId("confidence").textContent = this.#confidence(reading);
    this.#text();
    this.#list();
    this.#boxes(size);
    this.choose(this.#digits.length === 1 ? 0 : this.#leastConfident());
    this.#enable();
  }

  // Gives the chosen digit a label.
  correct(label) {
    this.#digits[this.#chosen].label = label;
    const focused = document.activeElement.parentElement === byId("digits");
    this.#text();
    this.#list();
    this.choose(this.#chosen);
    if (focused) byId("digits").children[this.#chosen].focus();
    byId("confidence").textContent = "Corrected. Keep it, and download what you have kept, to train with it.";
  }

  #text() {
    const text = asText(this.#digits);
    byId("text").className = text.length > 12 ? "text long" : "text";
    byId("text").replaceChildren(
      ...[...text].map((sign) => (sign === "?" ? element("span", "doubtful", sign) : sign)),
    );
  }

  // What needs a digit can be used only when there is one.
  #enable() {
    byId("said").textContent = "";
    const buttons = [...document.querySelectorAll(".bars .label"), ...["copy-text", "copy-csv", "keep"].map(byId)];
    for (const button of buttons) button.disabled = !this.#digits.length;
  }

  choose(index) {
    this.#chosen = index;
    [...byId("digits").children].forEach((button, place) => {
      button.setAttribute("aria-pressed", String(place === index));
    });
    [...byId("boxes").children].forEach((box, place) => box.classList.toggle("chosen", place === index));
    this.#detail(this.#digits[index]);
  }

  #leastConfident() {
    const confidences = this.#digits.map((digit) => digit.confidence);
    return confidences.indexOf(Math.min(...confidences));
  }

  #confidence(reading) {
    const lowest = percent(reading.confidence);
    if (this.#digits.some((digit) => digit.digit === "?")) {
      return `Confidence too low at ?: ${lowest}.`;
    }
    return this.#digits.length > 1 ? `Lowest confidence: ${lowest}.` : `Confidence: ${lowest}.`;
  }

  #list() {
    const several = this.#digits.length > 1;
    byId("digits").hidden = !several;
    byId("digits").replaceChildren(
      ...this.#digits.map((digit, index) => {
        const label = labelOf(digit);
        const button = element("button", label === "?" ? "doubtful" : "");
        const image = element("img");
        image.src = digit.image;
        image.alt = "";
        button.type = "button";
        button.append(image, element("b", "", label));
        const how = digit.label ? "corrected" : percent(digit.confidence);
        button.setAttribute("aria-label", `${label === "?" ? "unsure" : label}, ${how}`);
        button.addEventListener("click", () => this.choose(index));
        return button;
      }),
    );
  }

  #boxes([width, height]) {
    const longest = Math.max(width, height);
    byId("boxes").setAttribute("viewBox", `0 0 ${width} ${height}`);
    byId("boxes").replaceChildren(
      ...this.#digits.map((digit, index) => {
        const box = document.createElementNS(SVG, "rect");
        const [x, y, across, down] = digit.box;
        const margin = 0.008 * longest;
        const [width, height] = [across + 2 * margin, down + 2 * margin];
        const sides = { x: x - margin, y: y - margin, width, height, rx: margin };
        for (const [name, value] of Object.entries(sides)) box.setAttribute(name, value);
        if (digit.digit === "?") box.classList.add("doubtful");
        box.addEventListener("click", () => this.choose(index));
        return box;
      }),
    );
  }

  #detail(digit) {
    const shares = digit ? tenths(digit.probabilities) : null;
    const likeliest = digit ? shares.indexOf(Math.max(...shares)) : -1;
    byId("bars").classList.toggle("doubtful", digit?.digit === "?");
    [...byId("bars").children].forEach((row, index) => {
      row.classList.toggle("likeliest", index === likeliest);
      row.querySelector(".label").setAttribute("aria-pressed", String(digit?.label === String(index)));
      row.querySelector(".bar").style.setProperty("--share", shares ? shares[index] / 1000 : 0);
      row.querySelector(".share").textContent = shares ? `${(shares[index] / 10).toFixed(1)}%` : "";
    });
    byId("seen").hidden = !digit;
    byId("unseen").hidden = Boolean(digit);
    if (digit) {
      byId("seen").src = digit.image;
      byId("seen").alt = `The input of the network, recognized as ${digit.digit}${digit.label ? `, corrected to ${digit.label}` : ""}`;
    } else {
      byId("seen").removeAttribute("src");
    }
  }
}
