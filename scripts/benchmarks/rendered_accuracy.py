"""Accuracy on rendered pages, and false positives on pages without digits: ``benchmark rendered``.

The report in docs/results/pictures.md is of MNIST's test images. Development uses ``--seed``, which renders
held-out training images: the test set is never used for model selection.
"""

import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from digitrec.models.checkpoints import PRETRAINED, read_checkpoint
from scripts.lib.docs import PICTURES, markdown_table, write_section
from scripts.lib.mnist import mnist_test_set
from scripts.lib.rendering import Rendering
from scripts.lib.rendering.scenes import empty_pages, rendered_set
from scripts.lib.strokes import Box
from scripts.ship import held_out

if TYPE_CHECKING:
    from digitrec.reading.reader import Reader
    from digitrec.reading.results import Digit

SEEDS = range(2026, 2031)
"""Seeds of the reported sets of pages; development uses others."""

EMPTY = 20
"""Pages without digits in each set."""

FOUND = 0.5
"""Intersection over union of two boxes, from which a digit counts as found."""


@dataclass(frozen=True)
class PageResult:
    """A page and what was read on it."""

    page: Rendering
    matched: list["Digit | None"]
    """What was read in place of each true digit; None if it was not found."""
    false_positives: list["Digit"]

    def correct(self) -> list[bool]:
        """Return whether each true digit was found and read correctly."""
        return [
            digit is not None and digit.digit == str(label)
            for digit, label in zip(self.matched, self.page.labels, strict=True)
        ]


def intersection_over_union(one: Box, other: Box) -> float:
    """Return the area in both of two boxes over the area in either, 0 to 1."""
    sides = [
        max(0, min(one[axis] + one[axis + 2], other[axis] + other[axis + 2]) - max(one[axis], other[axis]))
        for axis in (0, 1)
    ]
    common = math.prod(sides)
    return common / (one[2] * one[3] + other[2] * other[3] - common)


def match(page: Rendering, digits: Sequence["Digit"]) -> PageResult:
    """Assign each true digit what was read in its place, the pair with the largest overlap first."""
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
    false_positives = [digit for place, digit in enumerate(digits) if place not in taken.values()]
    return PageResult(page, matched, false_positives)


def read_pages(reader: "Reader", pages: Iterable[Rendering], keep: bool = False) -> list[PageResult]:
    """Read each page; its picture is dropped unless ``keep``, since those of a report take gigabytes."""
    empty = Image.new("L", (1, 1))
    return [
        match(page if keep else replace(page, picture=empty), reader.read(page.picture).digits)
        for page in pages
    ]


def spread(sets: Sequence[Sequence[PageResult]]) -> str:
    """Return the accuracy in each of two or more sets of pages, their mean and standard deviation."""
    correct = ([each for result in results for each in result.correct()] for results in sets)
    shares = [100 * sum(of_set) / len(of_set) for of_set in correct]
    listed = ", ".join(f"{share:.1f}" for share in shares)
    return (
        f"Read correctly in the {len(sets)} sets: {listed} %; "
        f"mean {np.mean(shares):.2f}, standard deviation {np.std(shares, ddof=1):.2f}."
    )


def table(pages: Sequence[PageResult], empty: Sequence[PageResult]) -> str:
    """Return accuracy by kind of page, and the false positives on empty pages, as Markdown."""
    kinds: dict[str, list[PageResult]] = defaultdict(list)
    for result in pages:
        kinds[result.page.kind].append(result)
    header = ["page", "pages", "digits", "found", "read correctly", "refused", "false positives"]
    rows = [header, *(_row(kind, kinds[kind]) for kind in sorted(kinds)), _row("**all**", pages)]
    false_positives = [digit for result in empty for digit in result.false_positives]
    named = sum(digit.digit != "?" for digit in false_positives)
    return (
        f"{markdown_table(rows, right=range(1, len(header)))}\n\n"
        f"False positives on {len(empty)} blank, lined and squared pages without digits: "
        f"{len(false_positives)}, of which {named} not refused."
    )


def _row(name: str, results: Sequence[PageResult]) -> list[str]:
    matched = [digit for result in results for digit in result.matched]
    counts = (
        sum(digit is not None for digit in matched),
        sum(correct for result in results for correct in result.correct()),
        sum(digit is not None and digit.digit == "?" for digit in matched),
    )
    return [
        name,
        str(len(results)),
        str(len(matched)),
        *(f"{count / len(matched):.1%}" for count in counts),
        str(sum(len(result.false_positives) for result in results)),
    ]


def error_sheet(results: Sequence[PageResult], path: Path, side: int = 400) -> None:
    """Draw the pages with errors: missed digits in red, misread ones in orange, false positives in blue."""
    wrong = [result for result in results if result.false_positives or not all(result.correct())]
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
    for digit in result.false_positives:
        mark(digit.box, "blue", f"{digit.digit} {digit.confidence:.2f}")
    return page


def rendered(
    digits: int = 500,
    seed: int | None = None,
    weights: Path | None = None,
    errors: Path | None = None,
) -> None:
    """Measure on rendered pages, print a table and write the report into docs/results/pictures.md.

    Args:
        digits: how many are rendered in a set.
        seed: None renders the report: MNIST's test images, a set for each of SEEDS. A seed renders one set of
            the images that the weights were not trained on; the docs are not changed.
        weights: a checkpoint; None takes the pretrained weights.
        errors: path of a picture of the errors.
    """
    from digitrec.reading.reader import Reader

    reader = Reader.from_checkpoint(weights) if weights else Reader.pretrained()
    images, labels = mnist_test_set() if seed is None else held_out(read_checkpoint(weights or PRETRAINED))
    sets, empty = [], []
    for number in SEEDS if seed is None else [seed]:
        pages = rendered_set(images.numpy(), labels.tolist(), digits, number)
        sets.append(read_pages(reader, pages, keep=errors is not None))
        empty += read_pages(reader, empty_pages(EMPTY, number), keep=errors is not None)
    results = [result for of_set in sets for result in of_set]
    text = table(results, empty) + (f"\n\n{spread(sets)}" if len(sets) > 1 else "")
    print(text)
    if errors:
        error_sheet([*results, *empty], errors)
    if seed is None and weights is None:
        write_section("benchmark rendered", text, PICTURES)
    else:
        print(
            f"{PICTURES} is unchanged: it is about the pretrained weights and test images.",
            file=sys.stderr,
        )
