"""A grey page's digits, each as MNIST has them, in reading order."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count, repeat

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from PIL import Image

from digitrec.models.normalization import SIDE
from digitrec.reading.crop import crop_digit
from digitrec.reading.segmentation.ink import Grey, Ink, find_inks, stroke_width
from digitrec.reading.segmentation.masks import bounds
from digitrec.reading.segmentation.parts import Part, find_parts, in_lines
from digitrec.reading.segmentation.small import find_closeups, find_small_inks, is_small
from digitrec.reading.segmentation.touching import cut

LEAST_SIDE = 240
"""A page of shorter sides is enlarged: rows of digits of 20 pixels keep their loops through the threshold."""

LEAST_SMALL_SIDE = 112
"""The same for a page of so few pixels that they are taken as they are: small.py."""

MOST_PIXELS = 1_000_000
"""A page is not enlarged beyond these: a narrow one may be very long."""


@dataclass(frozen=True)
class Crop:
    """A digit found on a page.

    image: uint8 (28, 28), white ink on black ground, as MNIST has it.
    box: x, y, width, height on the page, in its pixels.
    line, position: reading order, both from 0.
    pieces: where it may be several digits, these, with boxes of their own; else empty.
    loose: whether these do not touch: then one may be no digit.
    way: of seeing the page; 0 is the likeliest. Mostly there is one; of several a reader takes the one
        in which it reads best.
    """

    image: NDArray[np.uint8]
    box: tuple[int, int, int, int]
    line: int
    position: int
    pieces: tuple["Crop", ...] = ()
    loose: bool = False
    way: int = 0


def find_digits(page: Grey) -> list[Crop]:
    """Find the digits of a page.

    Args:
        page: uint8 (height, width), 0 black to 255 white, dark ink on a light ground or the reverse.

    Returns:
        The digits in reading order, those of each way to see the page after one another; an empty list for an
        empty page.
    """
    if page.shape == (SIDE, SIDE) and (image := _as_it_is(page)) is not None:
        rows, columns = bounds(image > 0)
        box = columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start
        return [Crop(image, box, 0, 0)]
    small = is_small(page)
    factor = _enlargement(page.shape, LEAST_SMALL_SIDE if small else LEAST_SIDE)
    inks = find_small_inks(page, factor) if small else find_inks(_enlarged(page, factor))
    ways = count()
    # By map, which lets go of one way's ink before the next is looked for.
    crops = list(chain.from_iterable(map(_crops, inks, repeat(page.shape), ways)))
    if crops and not small:  # on an empty page light and shadow may look like a digit from afar
        crops += chain.from_iterable(map(_crops, find_closeups(page), repeat(page.shape), ways))
    return crops


def _crops(ink: Ink, page: tuple[int, ...], way: int) -> list[Crop]:
    """The digits of a page of so many rows and columns, seen in one way at any size, in reading order."""
    down, along = (seen / own for seen, own in zip(ink.mask.shape, page, strict=True))

    def crop(part: Part, line: int, position: int, pieces: Sequence[Part] = ()) -> Crop:
        image = crop_digit(ink.contrast[part.where], part.mask, ink.threshold)
        x, y = round(part.left / along), round(part.top / down)
        width, height = round((part.right - part.left) / along), round((part.bottom - part.top) / down)
        box = x, y, max(1, min(width, page[1] - x)), max(1, min(height, page[0] - y))
        return Crop(
            image,
            box,
            line,
            position,
            tuple(crop(piece, line, position) for piece in pieces),
            bool(part.pieces),
            way,
        )

    lines = in_lines(find_parts(ink.mask, ink.contrast))
    return [
        crop(part, line, position, part.pieces or cut(part))
        for line, parts in enumerate(lines)
        for position, part in enumerate(parts)
    ]


def images_of(crops: Sequence[Crop]) -> NDArray[np.uint8]:
    """What the network has to see of a page: uint8 (n, 28, 28), each crop with its pieces behind it."""
    images = [each.image for crop in crops for each in (crop, *crop.pieces)]
    return np.stack(images) if images else np.zeros((0, 28, 28), np.uint8)


def _enlargement(page: tuple[int, ...], least: int) -> int:
    """The factor by which a page of so many rows and columns is enlarged to a least side, at least 1."""
    return max(1, min(math.ceil(least / min(page)), math.isqrt(MOST_PIXELS // math.prod(page))))


def _enlarged(page: Grey, factor: int) -> Grey:
    if factor == 1:
        return page
    size = page.shape[1] * factor, page.shape[0] * factor
    return np.asarray(Image.fromarray(page).resize(size, Image.Resampling.BICUBIC))


def _as_it_is(page: Grey) -> Grey | None:
    """A 28x28 picture that is a digit as MNIST has it already, white on black; None for any other."""
    edge = np.concatenate([page[0], page[-1], page[1:-1, 0], page[1:-1, -1]])
    image = 255 - page if np.median(edge) > 127 else page
    if np.quantile(np.minimum(edge, 255 - edge), 0.9) > 0 or image.max() < 128:
        return None
    rows, columns = bounds(image > 63)  # there may be the remains of a JPEG file, or of an average, about it
    longest = max(rows.stop - rows.start, columns.stop - columns.start)
    astray = np.abs(np.array(ndi.center_of_mass(image)) - (SIDE - 1) / 2)
    if astray.max() > 2 or not 18 <= longest <= 22:
        return None
    large = np.asarray(Image.fromarray(image).resize((5 * SIDE, 5 * SIDE), Image.Resampling.BICUBIC))
    return image if 1.4 < stroke_width(large > 127) / 5 < 4.6 else None
