"""How many of the digits on rendered pages are found and read, and how many are invented on empty ones.

benchmark.py rendered writes the figures for MNIST's test images into docs/pictures.md. While the reader is
worked on, held-out training images and other seeds take their place: the test images choose nothing.
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
from torch import Tensor

from digitrec.data.datamodule import MNISTDataModule
from digitrec.models.checkpoints import PRETRAINED, read_checkpoint
from scripts.lib.docs import write_section
from scripts.lib.rendering import Rendering
from scripts.lib.rendering.scenes import empty_pages, rendered_set
from scripts.lib.strokes import Box
from scripts.ship import held_out

if TYPE_CHECKING:
    from digitrec.reading.reader import Reader
    from digitrec.reading.results import Digit

DOCS = Path("docs/pictures.md")
SEEDS = range(2026, 2031)
"""Of the sets of pages that are reported; others while the reader is worked on."""

EMPTY = 20
FOUND = 0.5
"""A digit is found if its box and the reader's have this share in common, of what either covers."""


@dataclass(frozen=True)
class Sheet:
    """A page with what was read of it: for each true digit what stands in its place, and what is nowhere."""

    page: Rendering
    matched: list["Digit | None"]
    invented: list["Digit"]

    def right(self) -> list[bool]:
        """Whether each true digit was found and read."""
        return [
            digit is not None and digit.digit == str(label)
            for digit, label in zip(self.matched, self.page.labels, strict=True)
        ]


def shared(one: Box, other: Box) -> float:
    """The area that two boxes have in common, as a share of what either covers."""
    sides = [
        max(0, min(one[axis] + one[axis + 2], other[axis] + other[axis + 2]) - max(one[axis], other[axis]))
        for axis in (0, 1)
    ]
    common = math.prod(sides)
    return common / (one[2] * one[3] + other[2] * other[3] - common)


def match(page: Rendering, digits: Sequence["Digit"]) -> Sheet:
    """Give each true digit what was read in its place; the closest pair comes first, each is taken once."""
    pairs = sorted(
        (
            (shared(box, digit.box), number, place)
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
    invented = [digit for place, digit in enumerate(digits) if place not in taken.values()]
    return Sheet(page, matched, invented)


def read_pages(reader: "Reader", pages: Iterable[Rendering], keep: bool = False) -> list[Sheet]:
    """Read each page; its picture is kept or, since those of a report take gigabytes, let go of."""
    nothing = Image.new("L", (1, 1))
    return [
        match(page if keep else replace(page, picture=nothing), reader.read(page.picture).digits)
        for page in pages
    ]


def spread(sets: Sequence[Sequence[Sheet]]) -> str:
    """The share found and read in each of two or more sets of pages, their mean and standard deviation."""
    rights = ([right for sheet in written for right in sheet.right()] for written in sets)
    shares = [100 * sum(right) / len(right) for right in rights]
    listed = ", ".join(f"{share:.1f}" for share in shares)
    return (
        f"Found and read in the {len(sets)} sets: {listed} %; "
        f"mean {np.mean(shares):.2f}, standard deviation {np.std(shares, ddof=1):.2f}."
    )


def table(written: Sequence[Sheet], empty: Sequence[Sheet]) -> str:
    """The shares found and read by the kind of page, and what was invented, as Markdown."""
    kinds: dict[str, list[Sheet]] = defaultdict(list)
    for sheet in written:
        kinds[sheet.page.kind].append(sheet)
    lines = [
        "| page | pages | digits | found | found and read | refused | besides them |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(_row(kind, sheets) for kind, sheets in sorted(kinds.items())),
        _row("**all**", written),
        "",
        f"On {len(empty)} empty, lined and squared pages {sum(len(sheet.invented) for sheet in empty)} "
        f"pieces were taken for digits, {_named(empty)} of them by name and not `?`.",
    ]
    return "\n".join(lines)


def _row(name: str, sheets: Sequence[Sheet]) -> str:
    found = [digit for sheet in sheets for digit in sheet.matched]
    right = [right for sheet in sheets for right in sheet.right()]
    shares = (
        sum(digit is not None for digit in found),
        sum(right),
        sum(digit is not None and digit.digit == "?" for digit in found),
    )
    besides = sum(len(sheet.invented) for sheet in sheets)
    cells = [
        str(len(sheets)),
        str(len(found)),
        *(f"{share / len(found):.1%}" for share in shares),
        str(besides),
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _named(sheets: Sequence[Sheet]) -> int:
    return sum(digit.digit != "?" for sheet in sheets for digit in sheet.invented)


def error_sheet(sheets: Sequence[Sheet], path: Path, side: int = 400) -> None:
    """Draw the pages with mistakes: missed digits in red, misread in orange, invented in blue."""
    wrong = [sheet for sheet in sheets if sheet.invented or not all(sheet.right())]
    columns = 5
    picture = Image.new("RGB", (columns * side, max(1, -(-len(wrong) // columns)) * side), (90, 90, 160))
    for number, sheet in enumerate(wrong):
        page = sheet.page.picture.convert("RGBA")
        page = Image.alpha_composite(Image.new("RGBA", page.size, (128, 200, 128)), page).convert("RGB")
        scale = (side - 4) / max(page.size)
        page = page.resize([max(1, round(length * scale)) for length in page.size])  # type: ignore[arg-type]
        draw = ImageDraw.Draw(page)

        def frame(
            box: Box, colour: str, said: str, draw: ImageDraw.ImageDraw = draw, by: float = scale
        ) -> None:
            x, y, width, height = (round(length * by) for length in box)
            draw.rectangle((x, y, x + width, y + height), outline=colour, width=2)
            draw.text((x, y), said, fill=colour, font_size=14)

        for box, label, digit, right in zip(
            sheet.page.boxes, sheet.page.labels, sheet.matched, sheet.right(), strict=True
        ):
            if digit is None:
                frame(box, "red", f"{label} missed")
            elif not right:
                frame(digit.box, "darkorange", f"{label} read {digit.digit} {digit.confidence:.2f}")
        for digit in sheet.invented:
            frame(digit.box, "blue", f"{digit.digit} {digit.confidence:.2f}")
        picture.paste(page, (number % columns * side, number // columns * side))
    picture.save(path)


def _test_images() -> tuple[Tensor, Tensor]:
    """MNIST's test images (10000, 28, 28) and their labels."""
    data = MNISTDataModule()
    data.prepare_data()
    data.setup("test")
    return data.test_set.images, data.test_set.targets


def rendered(
    digits: int = 500,
    seed: int | None = None,
    weights: Path | None = None,
    errors: Path | None = None,
) -> None:
    """Measure on rendered pages; print, and write the report into docs/pictures.md.

    Args:
        digits: how many are rendered in a set.
        seed: of the pages. With none, those of the report: MNIST's test images, a set for each of SEEDS. With
            one, a set of the images that the weights were not trained on, and the docs are left as they are.
        weights: a checkpoint in place of the weights that ship.
        errors: a picture of the mistakes.
    """
    from digitrec.reading.reader import Reader

    reader = Reader.from_checkpoint(weights) if weights else Reader.pretrained()
    images, labels = _test_images() if seed is None else held_out(read_checkpoint(weights or PRETRAINED))
    sets, empty = [], []
    for number in SEEDS if seed is None else [seed]:
        pages = rendered_set(images.numpy(), labels.tolist(), digits, number)
        sets.append(read_pages(reader, pages, keep=errors is not None))
        empty += read_pages(reader, empty_pages(EMPTY, number), keep=errors is not None)
    written = [sheet for sheets in sets for sheet in sheets]
    text = table(written, empty) + (f"\n\n{spread(sets)}" if len(sets) > 1 else "")
    print(text)
    if errors:
        error_sheet([*written, *empty], errors)
    if seed is None and weights is None:
        write_section("benchmark rendered", text, DOCS)
    else:
        print(
            f"{DOCS} is left as it is: it holds the test images and the weights that ship.", file=sys.stderr
        )
