"""What is printed on the paper below the digits: rules that touch them, filled cells, text and numbers."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from scripts.lib.rendering.page import Drawing
from scripts.lib.strokes import rotation

RULES = ((40, 40, 45), (90, 90, 95), (60, 80, 140), (120, 60, 60))
"""Colors of printed rules and text."""

TINTS = ((255, 240, 170), (205, 230, 250), (210, 240, 210), (250, 215, 205), (222, 222, 222))
"""Colors of filled cells."""

TEXTS = (
    "Total",
    "No. 12",
    "Sum 2024",
    "Date 31.12.",
    "Name",
    "page 3 of 7",
    "Item 4",
    "1/34",
    "Amount",
    "kg",
)

Mask = np.ndarray


TOUCH, CROSS = (-0.03, 0.05), (0.14, 0.22)
"""How far a rule is above a digit's foot, or below its top, in digit heights. In between a thick rule would
hide the foot of a 2, so that nobody could tell it from a 7."""


def rules(least: float, most: float) -> Callable[[Drawing], None]:
    """Return a hook that draws a table whose rules touch or cross the digits.

    The width of a rule is ``least`` to ``most``, in digit heights.
    """

    def draw(drawing: Drawing) -> None:
        random, height = drawing.random, drawing.options.height
        width = max(1.0, height * random.uniform(least, most))
        deep = CROSS if random.random() < 0.5 else TOUCH
        color = RULES[random.integers(len(RULES))]
        for spans in _lines(drawing):
            top, bottom = spans[:, 0, 1].min(), spans[:, 1, 1].max()
            low = top + height * random.uniform(*deep) - width / 2
            high = bottom - height * random.uniform(*deep) + width / 2
            across = _columns(spans, height, width, random)
            for y in (low, high):
                _paste(drawing, _band(drawing, 1, y, width, (across[0], across[-1])), color)
            for x in across:
                _paste(drawing, _band(drawing, 0, x, width, (low, high)), color)

    return draw


def _columns(spans: np.ndarray, height: float, width: float, random: np.random.Generator) -> list[float]:
    """Return the places of the upright rules: before, after and in the middle between the digits.

    They come near to digits, and touch wide ones, but do not lie on a 1.
    """
    before, after = width / 2 + height * random.uniform(0.04, 0.15, 2)
    between = [(left[1, 0] + right[0, 0]) / 2 for left, right in itertools.pairwise(spans)]
    return [spans[0, 0, 0] - before, *between, spans[-1, 1, 0] + after]


def cells(drawing: Drawing) -> None:
    """Fill the cell of each line with a color, dots or hatching, and draw its border clear of the digits."""
    random, height = drawing.random, drawing.options.height
    for spans in _lines(drawing):
        gap = height * random.uniform(0.1, 0.3)
        (left, top), (right, bottom) = spans[:, 0].min(axis=0) - gap, spans[:, 1].max(axis=0) + gap
        inside = np.minimum(
            _band(drawing, 0, (left + right) / 2, right - left, (top, bottom)),
            _band(drawing, 1, (top + bottom) / 2, bottom - top, (left, right)),
        )
        pattern = str(random.choice(["color", "dots", "hatching"]))
        gray = int(random.integers(110, 185))
        tint = TINTS[random.integers(len(TINTS))] if pattern == "color" else (gray, gray, gray)
        share = _pattern(drawing, pattern)
        _paste(drawing, (inside * share).astype(np.uint8), tint)
        for axis, places, ends in ((0, (left, right), (top, bottom)), (1, (top, bottom), (left, right))):
            for place in places:
                _paste(drawing, _band(drawing, axis, place, max(1, 0.02 * height), ends), RULES[1])


def _pattern(drawing: Drawing, pattern: str) -> np.ndarray | float:
    """Return which share of each pixel a pattern covers, 0 to 1."""
    if pattern == "color":
        return 1.0
    pitch = max(4.0, drawing.options.height * drawing.random.uniform(0.07, 0.13))
    across, down = drawing.page
    if pattern == "hatching":
        away = np.abs((across + down) / np.sqrt(2) % pitch - pitch / 2)
        share = 0.09 * pitch + 0.5 - away
    else:
        away = np.hypot(across % pitch - pitch / 2, down % pitch - pitch / 2)
        share = 0.16 * pitch + 0.5 - away
    clipped: np.ndarray = share.clip(0, 1)
    return clipped


def text(drawing: Drawing) -> None:
    """Print text and numbers, smaller than the digits, above, below, before and after them."""
    random, height = drawing.random, drawing.options.height
    color = RULES[random.integers(len(RULES))]
    for number, spans in enumerate(_lines(drawing)):
        (left, top), (right, bottom) = spans[:, 0].min(axis=0), spans[:, 1].max(axis=0)
        size = max(8, round(height * random.uniform(0.25, 0.42)))
        places = [(right + 0.4 * height, bottom - size, False), (left - 0.4 * height, bottom - size, True)]
        if not number:
            places += [(left, top - 0.25 * height - 1.2 * size, False)]
        for x, y, ends in places:
            if random.random() < 0.75:
                _print(drawing, TEXTS[random.integers(len(TEXTS))], (x, y), size, color, ends)


def _print(
    drawing: Drawing,
    words: str,
    place: tuple[float, float],
    size: int,
    color: tuple[int, int, int],
    ends: bool,
) -> None:
    """Print words that start, or end, at a place of the page."""
    font = ImageFont.load_default(size)
    x, y = place
    if ends:
        x -= font.getlength(words)
    (x0, y0), tilt = (float(axis[0, 0]) for axis in drawing.page), drawing.options.tilt
    pixel = rotation(tilt) @ np.array([x - x0, y - y0])
    mask = Image.new("L", drawing.picture.size)
    ImageDraw.Draw(mask).text(tuple(pixel), words, fill=255, font=font)
    center = float(pixel[0]), float(pixel[1])
    drawing.picture.paste(color, mask=mask.rotate(-tilt, Image.Resampling.BICUBIC, center=center))


def _lines(drawing: Drawing) -> Iterator[np.ndarray]:
    """Yield the spans of each line, from left to right."""
    for line in dict.fromkeys(drawing.lines):
        yield drawing.spans[np.array(drawing.lines) == line]


def _band(drawing: Drawing, axis: int, place: float, width: float, ends: tuple[float, float]) -> Mask:
    """Return the coverage of a bar at a place along an axis of the page, from one end to another."""
    across, along = drawing.page[axis], drawing.page[1 - axis]
    share = (width / 2 + 0.5 - np.abs(across - place)).clip(0, 1)
    reach = (along - ends[0] + 0.5).clip(0, 1) * (ends[1] - along + 0.5).clip(0, 1)
    return np.asarray(255 * share * reach, np.uint8)


def _paste(drawing: Drawing, mask: Mask, color: tuple[int, int, int]) -> None:
    drawing.picture.paste(color, mask=Image.fromarray(mask))
