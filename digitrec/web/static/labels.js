// Digits with their labels: as text, as CSV, and as a folder that `digitrec fit --data.extra_dir` trains on.

import { zip } from "./zip.js";

const COLUMNS = ["line", "position", "x", "y", "width", "height", "digit", "confidence"]; // as `digitrec read --csv`

/** The label of a digit: what it was corrected to, or else what was read. */
export function labelOf(digit) {
  return digit.label ?? digit.digit;
}

/** The labels as text, one line of the picture per line. */
export function asText(digits) {
  const lines = [];
  for (const digit of digits) lines[digit.line] = (lines[digit.line] ?? "") + labelOf(digit);
  return lines.join("\n");
}

/** The digits as a table with a header. */
export function asCsv(digits) {
  const rows = digits.map((digit) => [
    digit.line, digit.position, ...digit.box, labelOf(digit), digit.label ? 1 : digit.confidence,
  ]);
  return [COLUMNS, ...rows].map((row) => `${row.join(",")}\n`).join("");
}

/** The labelled digits that were kept since the page was opened. */
export class Collection {
  #kept = new Map(); // by the digit, so that one that is kept again counts once

  get count() {
    return this.#kept.size;
  }

  /** Keeps copies of digits; those without a label, ?, are left out. Returns how many were kept. */
  keep(digits) {
    const labelled = digits.filter((digit) => labelOf(digit) !== "?");
    for (const digit of labelled) this.#kept.set(digit, { label: labelOf(digit), image: digit.image });
    return labelled.length;
  }

  /** Packs the folder: a 28x28 PNG file for each digit, in a folder that is named by its label. */
  toZip() {
    return zip(
      [...this.#kept.values()].map(({ label, image }, number) => {
        const content = Uint8Array.from(atob(image.split(",")[1]), (sign) => sign.charCodeAt(0));
        return [`digits/${label}/${String(number + 1).padStart(4, "0")}.png`, content];
      }),
    );
  }
}
