"""Page: an upright grey picture of a size to work on, made of the strips of a large one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
from PIL import Image

from digitrec.reading import tones

MAX_PIXELS = 4_000_000
"""A page has at most so many; a larger picture is shrunk to them by averaging."""

_STRIP_PIXELS = 1_000_000  # of the picture that are converted at once

Cut = Callable[[int], Iterator[Image.Image]]
"""Cuts a picture from top to bottom into strips of as many rows as asked for; the last may be lower."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings EXIF's orientations upright."""


@dataclass(frozen=True)
class Page:
    """An upright picture in grey.

    Attributes:
        pixels: (height, width) uint8, 0 black to 255 white, at most 4 million.
        scale: picture pixels per page pixel, at least 1: what is at x on the page is at
            x * scale in the picture.
        size: width and height of the upright picture in its own pixels.
    """

    pixels: npt.NDArray[np.uint8]
    scale: float
    size: tuple[int, int]


def make(
    cut: Cut, size: tuple[int, int], orientation: int = 1, full_size: tuple[int, int] | None = None
) -> Page:
    """Shrink a picture strip by strip, make it grey and turn it upright.

    Args:
        cut: makes the strips, of any mode.
        size: width and height of all strips together.
        orientation: EXIF's, 1 for upright to 8.
        full_size: width and height of the picture in its file, if it was not decoded at that size.
    """
    full_size = full_size or size
    small = _reduced(cut, size, max(1, int((size[0] * size[1] / MAX_PIXELS) ** 0.5)))
    shrink = (small.width * small.height / MAX_PIXELS) ** 0.5
    if shrink > 1:
        small = small.resize(
            (max(1, int(small.width / shrink)), max(1, int(small.height / shrink))), Image.Resampling.BILINEAR
        )
    upright = Image.fromarray(tones.grey(small))
    if orientation in _TURNS:
        upright = upright.transpose(_TURNS[orientation])
    if 5 <= orientation <= 8:
        full_size = (full_size[1], full_size[0])
    return Page(np.array(upright), max(full_size) / max(upright.size), full_size)


def _reduced(cut: Cut, size: tuple[int, int], factor: int) -> Image.Image:
    rows = factor * max(1, _STRIP_PIXELS // (size[0] * factor))
    parts = (tones.plain(strip).reduce(factor) for strip in cut(rows))
    first = next(parts)
    whole = Image.new(first.mode, (-(-size[0] // factor), -(-size[1] // factor)))
    top = 0
    for part in chain([first], parts):
        whole.paste(part, (0, top))
        top += part.height
    return whole
