"""What was read on a rendered page: digits found, correct and refused, silent errors, false positives."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw

from scripts.lib.readers import ReadDigit, text_of
from scripts.lib.rendering import Rendering
from scripts.lib.scoring import CERTAIN, Score, score
from scripts.lib.strokes import Box

FOUND = 0.5
"""Intersection over union of two boxes, from which a digit counts as found."""

NEAR = (0.25, 4)
"""How far the center of a ``?`` may be outside of its sign's box: share of the longer side, or pixels."""


@dataclass(frozen=True)
class PageResult:
    """A page and what was read on it."""

    page: Rendering
    matched: list[ReadDigit | None]
    """What was read in place of each true digit; None if it was not found."""
    marked: list[bool]
    """Whether each written sign is read as ``?``."""
    false_positives: list[ReadDigit]
    score: Score

    def correct(self) -> list[bool]:
        """Return whether each true digit was found and read correctly."""
        return [
            digit is not None and digit.digit == str(label)
            for digit, label in zip(self.matched, self.page.labels, strict=True)
        ]

    def named(self) -> list[tuple[float, bool]]:
        """Return confidence, and whether it is correct, of each digit that was read by name."""
        found = [
            *zip(self.matched, self.correct(), strict=True),
            *((each, False) for each in self.false_positives),
        ]
        return [(digit.confidence, correct) for digit, correct in found if digit and digit.digit != "?"]

    def silent_errors(self) -> int:
        """Return how many named digits are wrong or invented with a high confidence."""
        return sum(sure >= CERTAIN and not correct for sure, correct in self.named())


def intersection_over_union(one: Box, other: Box) -> float:
    """Return the area in both of two boxes over the area in either, 0 to 1."""
    sides = [
        max(0, min(one[axis] + one[axis + 2], other[axis] + other[axis + 2]) - max(one[axis], other[axis]))
        for axis in (0, 1)
    ]
    common = math.prod(sides)
    return common / (one[2] * one[3] + other[2] * other[3] - common)


def match(page: Rendering, digits: Sequence[ReadDigit]) -> PageResult:
    """Assign each true digit what was read in its place, the pair with the largest overlap first.

    Each ``?`` that is left belongs to the written signs whose place it has; the rest are false positives.
    """
    pairs = sorted(
        (
            (intersection_over_union(box, digit.box), number, place)
            for number, box in enumerate(page.boxes)
            for place, digit in enumerate(digits)
        ),
        reverse=True,
    )
    taken: dict[int, int] = {}
    for share, number, place in pairs:
        if share >= FOUND and number not in taken and place not in taken.values():
            taken[number] = place
    matched = [digits[taken[number]] if number in taken else None for number in range(len(page.boxes))]
    rest = [digit for place, digit in enumerate(digits) if place not in taken.values()]
    doubts = [digit for digit in rest if digit.digit == "?"]
    marked = [any(_lies_on(digit, mark) for digit in doubts) for mark in page.marks]
    signs = [digit for digit in doubts if any(_lies_on(digit, mark) for mark in page.marks)]
    text, confidences = text_of(digits)
    scored = score(page.text, text, confidences, signs=True)
    return PageResult(page, matched, marked, [digit for digit in rest if digit not in signs], scored)


def _lies_on(digit: ReadDigit, mark: Box) -> bool:
    """Return whether the center of what was read is in the place of a sign."""
    free = max(NEAR[0] * max(mark[2:]), NEAR[1])
    return all(
        mark[axis] - free <= digit.box[axis] + digit.box[axis + 2] / 2 <= mark[axis] + mark[axis + 2] + free
        for axis in (0, 1)
    )


def read_pages(
    readers: dict[str, Callable[[Image.Image], list[ReadDigit]]],
    pages: Iterable[Rendering],
    keep: bool = False,
) -> dict[str, list[PageResult]]:
    """Read each page by each reader; pictures are dropped unless ``keep``, since a report has gigabytes."""
    empty = Image.new("L", (1, 1))
    results: dict[str, list[PageResult]] = {name: [] for name in readers}
    for page in pages:
        kept = page if keep else replace(page, picture=empty)
        for name, read in readers.items():
            results[name].append(match(kept, read(page.picture)))
    return results


def error_sheet(results: Sequence[PageResult], path: str, side: int = 400) -> None:
    """Draw the pages with errors: missed digits in red, misread ones in orange, false positives in blue.

    Signs that are not read as ``?`` are purple.
    """
    wrong = [
        result for result in results if result.false_positives or not all([*result.correct(), *result.marked])
    ]
    columns = 5
    sheet = Image.new("RGB", (columns * side, max(1, -(-len(wrong) // columns)) * side), (90, 90, 160))
    for number, result in enumerate(wrong):
        sheet.paste(_marked_page(result, side - 4), (number % columns * side, number // columns * side))
    sheet.save(path)


def _marked_page(result: PageResult, side: int) -> Image.Image:
    """Return a page with its errors marked, its longer side resized to ``side`` pixels."""
    page = result.page.picture.convert("RGBA")
    page = Image.alpha_composite(Image.new("RGBA", page.size, (128, 200, 128)), page).convert("RGB")
    scale = side / max(page.size)
    page = page.resize((max(1, round(page.width * scale)), max(1, round(page.height * scale))))
    draw = ImageDraw.Draw(page)

    def mark(box: Box, color: str, text: str) -> None:
        x, y, width, height = (round(length * scale) for length in box)
        draw.rectangle((x, y, x + width, y + height), outline=color, width=2)
        draw.text((x, y), text, fill=color, font_size=14)

    for box, label, digit, correct in zip(
        result.page.boxes, result.page.labels, result.matched, result.correct(), strict=True
    ):
        if digit is None:
            mark(box, "red", f"{label} missed")
        elif not correct:
            mark(digit.box, "darkorange", f"{label} read {digit.digit} {digit.confidence:.2f}")
    for box, seen in zip(result.page.marks, result.marked, strict=True):
        if not seen:
            mark(box, "purple", "")
    for digit in result.false_positives:
        mark(digit.box, "blue", f"{digit.digit} {digit.confidence:.2f}")
    return page
