"""Output of ``predict`` for pictures: text lines, CSV rows, annotated copies and sheets of crops."""

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
    """Write the readings of pictures into a run folder.

    Args:
        folder: the run folder; it exists.
        file: the CSV file.
        annotated: whether to write a copy of each picture with boxes into ``annotated/``, and sheets of the
            inputs of the network as ``crops-1.png``, ``crops-2.png`` and so on.
    """

    def __init__(self, folder: Path, file: IO[str], annotated: bool) -> None:
        self._folder = folder
        self._rows = csv.writer(file)
        self._rows.writerow(COLUMNS)
        self._annotated = annotated
        self._names: set[str] = set()
        self._sheets = 0
        self._crops: list[Digit] = []

    def write(self, path: Path, page: Page, reading: Reading) -> str:
        """Write the reading of a picture and return it as a line of text."""
        for digit in reading.digits:
            columns = path, digit.line, digit.position, *digit.box, digit.digit
            self._rows.writerow([*columns, *(f"{p:.6f}" for p in (digit.confidence, *digit.probabilities))])
        if self._annotated:
            self._annotate(path, page, reading)
        if not reading.digits:
            return f"{printable(str(path))}: no digit found"
        text = reading.text.replace("\n", " / ")
        return f"{printable(str(path))}: {text}  ({reading.confidence:.0%})"

    def close(self) -> None:
        """Write the last sheet of crops."""
        if self._crops:
            self._write_sheet(self._crops)

    def _annotate(self, path: Path, page: Page, reading: Reading) -> None:
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
        folder = self._folder / "annotated"
        folder.mkdir(exist_ok=True)
        annotate(page.pixels, boxes, [d.digit for d in reading.digits]).save(folder / f"{name}.png")
        self._crops += reading.digits
        while len(self._crops) >= SHEET:
            self._write_sheet(self._crops[:SHEET])
            del self._crops[:SHEET]

    def _write_sheet(self, digits: Sequence[Digit]) -> None:
        self._sheets += 1
        labels = [f"{digit.digit}  {digit.confidence:.0%}" for digit in digits]
        sheet = contact_sheet([digit.image for digit in digits], labels)
        sheet.save(self._folder / f"crops-{self._sheets}.png")
