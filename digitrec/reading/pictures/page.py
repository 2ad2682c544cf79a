"""Page: an upright gray picture of at most 4 megapixels, made from a larger one band by band."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
from PIL import Image

from digitrec.reading.pictures import grayscale

MAX_PIXELS = 4_000_000
"""Pixels of a page; a larger picture is shrunk to so many by averaging."""

BAND_PIXELS = 1_000_000
"""Pixels of a picture that are converted at once."""

Bands = Callable[[int], Iterator[Image.Image]]
"""Yields a picture from top to bottom in bands of a given number of rows; the last may have fewer."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The transposition that turns a picture of each EXIF orientation upright."""


@dataclass(frozen=True)
class Page:
    """An upright gray picture.

    Attributes:
        pixels: (height, width) uint8, 0 black to 255 white, at most 4 million.
        scale: picture pixels per page pixel, at least 1: x on the page is x * scale in the picture.
        size: width and height of the upright picture in its own pixels.
    """

    pixels: npt.NDArray[np.uint8]
    scale: float
    size: tuple[int, int]


def shrink(bands: Bands, size: tuple[int, int]) -> Image.Image:
    """Shrink a picture to at most MAX_PIXELS, band by band.

    Args:
        bands: of the picture, in any mode.
        size: width and height of the picture.

    Returns:
        An image of mode L, RGB, RGBA or F.
    """
    small = _reduced(bands, size, max(1, int((size[0] * size[1] / MAX_PIXELS) ** 0.5)))
    factor = (small.width * small.height / MAX_PIXELS) ** 0.5
    if factor <= 1:
        return small
    smaller = max(1, int(small.width / factor)), max(1, int(small.height / factor))
    return small.resize(smaller, Image.Resampling.BILINEAR)


def make(small: Image.Image, size: tuple[int, int], orientation: int = 1) -> Page:
    """Make a page of a shrunk picture: gray and upright.

    Args:
        small: as ``shrink`` returns it.
        size: width and height of the picture in its file.
        orientation: of EXIF, 1 for upright to 8.
    """
    upright = Image.fromarray(grayscale.to_gray(small))
    if orientation in _TURNS:
        upright = upright.transpose(_TURNS[orientation])
    if 5 <= orientation <= 8:
        size = (size[1], size[0])
    return Page(np.array(upright), max(size) / max(upright.size), size)


def _reduced(bands: Bands, size: tuple[int, int], factor: int) -> Image.Image:
    rows = factor * max(1, BAND_PIXELS // (size[0] * factor))
    parts = (grayscale.plain(band).reduce(factor) for band in bands(rows))
    first = next(parts)
    whole = Image.new(first.mode, (-(-size[0] // factor), -(-size[1] // factor)))
    top = 0
    for part in chain([first], parts):
        whole.paste(part, (0, top))
        top += part.height
    return whole
