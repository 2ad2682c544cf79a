"""Output for pictures: text lines, CSV rows, annotated copies and sheets of crops."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from digitrec.reading.annotate import annotate, contact_sheet
from digitrec.reading.pictures.files import printable
from digitrec.reading.pictures.page import Page
from digitrec.reading.results import Digit, Reading

COLUMNS = ["picture", "line", "position", "x", "y", "width", "height", "digit", "confidence"]
COLUMNS += [f"p{digit}" for digit in range(10)]

SHEET = 160
"""Maximum number of digits on one sheet of crops."""


class PictureOutput:
    """Write the readings of pictures.

    Args:
        file: the CSV file; None writes none.
        copies: the folder for a copy of each picture with boxes; None writes none.
        sheets: the folder for sheets of the inputs of the network, ``crops-1.png``, ``crops-2.png`` and so
            on, where copies are written; None writes none.
    """

    def __init__(self, file: IO[str] | None, copies: Path | None = None, sheets: Path | None = None) -> None:
        self._rows = csv.writer(file) if file else None
        if self._rows:
            self._rows.writerow(COLUMNS)
        self._copies = copies
        self._sheets = sheets if copies else None
        self._names: set[str] = set()
        self._written = 0
        self._crops: list[Digit] = []

    def write(self, path: Path, page: Page, reading: Reading) -> str:
        """Write the reading of a picture and return it as a line of text."""
        if self._rows:
            self._rows.writerows(_row(path, digit) for digit in reading.digits)
        if self._copies:
            self._annotate(self._copies, path, page, reading)
        if not reading.digits:
            return f"{printable(str(path))}: no digit found"
        text = reading.text.replace("\n", " / ")
        return f"{printable(str(path))}: {text}  ({reading.confidence:.0%})"

    def close(self) -> None:
        """Write the last sheet of crops."""
        if self._crops:
            self._write_sheet(self._crops)

    def _annotate(self, folder: Path, path: Path, page: Page, reading: Reading) -> None:
        scale, found = page.scale, [digit.box for digit in reading.digits]
        boxes = [(x / scale, y / scale, width / scale, height / scale) for x, y, width, height in found]
        stem, suffix = (
            path.stem[:60],
            path.suffix[:10],
        )  # the full name may be too long for a file with a further suffix
        name, number = f"{stem}{suffix}", 1
        while name in self._names:  # a picture in another folder has the same name
            number += 1
            name = f"{stem}-{number}{suffix}"
        self._names.add(name)
        folder.mkdir(parents=True, exist_ok=True)
        annotate(page.pixels, boxes, [d.digit for d in reading.digits]).save(folder / f"{name}.png")
        self._crops += reading.digits if self._sheets else ()
        while len(self._crops) >= SHEET:
            self._write_sheet(self._crops[:SHEET])
            del self._crops[:SHEET]

    def _write_sheet(self, digits: Sequence[Digit]) -> None:
        assert self._sheets
        self._written += 1
        labels = [f"{digit.digit}  {digit.confidence:.0%}" for digit in digits]
        sheet = contact_sheet([digit.image for digit in digits], labels)
        sheet.save(self._sheets / f"crops-{self._written}.png")


def _row(path: Path, digit: Digit) -> list[object]:
    probabilities = (f"{p:.6f}" for p in (digit.confidence, *digit.probabilities))
    return [path, digit.line, digit.position, *digit.box, digit.digit, *probabilities]
