"""What ``predict`` says and writes of the user's pictures: lines, rows, annotated copies, sheets of crops."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from digitrec.reading.annotate import annotate, contact_sheet
from digitrec.reading.files import printable
from digitrec.reading.page import Page
from digitrec.reading.results import Digit, Reading

COLUMNS = ["picture", "line", "position", "x", "y", "width", "height", "digit", "confidence"]
COLUMNS += [f"p{digit}" for digit in range(10)]

SHEET = 160
"""Digits on one sheet of crops."""


class PictureOutput:
    """Writes what pictures read into a run folder.

    Args:
        folder: the run folder, which is there.
        file: where the rows go.
        annotated: write a copy of each picture with its digits boxed into ``annotated/``, and the digits as
            the network saw them into ``crops-1.png`` and on.
    """

    def __init__(self, folder: Path, file: IO[str], annotated: bool) -> None:
        self._folder = folder
        self._rows = csv.writer(file)
        self._rows.writerow(COLUMNS)
        self._annotated = annotated
        self._names: set[str] = set()
        self._sheets = 0
        self._seen: list[Digit] = []

    def write(self, path: Path, page: Page, reading: Reading) -> str:
        """Write what was read in a picture, and return it as a line of text."""
        for digit in reading.digits:
            place = path, digit.line, digit.position, *digit.box, digit.digit
            self._rows.writerow([*place, *(f"{p:.6f}" for p in (digit.confidence, *digit.probabilities))])
        if self._annotated:
            self._annotate(path, page, reading)
        if not reading.digits:
            return f"{printable(str(path))}: no digit found"
        text = reading.text.replace("\n", " / ")
        return f"{printable(str(path))}: {text}  ({reading.confidence:.0%})"

    def close(self) -> None:
        """Write the last sheet."""
        if self._seen:
            self._write_sheet(self._seen)

    def _annotate(self, path: Path, page: Page, reading: Reading) -> None:
        places = [digit.box for digit in reading.digits]
        boxes = [(x / page.scale, y / page.scale, w / page.scale, h / page.scale) for x, y, w, h in places]
        stem, suffix = path.stem[:60], path.suffix[:10]  # the file's own may be too long
        name, number = f"{stem}{suffix}", 1
        while name in self._names:  # of the same name in another folder
            number += 1
            name = f"{stem}-{number}{suffix}"
        self._names.add(name)
        folder = self._folder / "annotated"
        folder.mkdir(exist_ok=True)
        annotate(page.pixels, boxes, [d.digit for d in reading.digits]).save(folder / f"{name}.png")
        self._seen += reading.digits
        while len(self._seen) >= SHEET:
            self._write_sheet(self._seen[:SHEET])
            del self._seen[:SHEET]

    def _write_sheet(self, digits: Sequence[Digit]) -> None:
        self._sheets += 1
        labels = [f"{digit.digit}  {digit.confidence:.0%}" for digit in digits]
        sheet = contact_sheet([digit.image for digit in digits], labels)
        sheet.save(self._folder / f"crops-{self._sheets}.png")
