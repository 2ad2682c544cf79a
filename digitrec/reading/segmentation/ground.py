"""What ink is on: the paper, the light on it, the table that it lies on, and which of both is the lighter.

Pages are float32 (height, width), 0 black to 255 white.
"""

import math
from typing import NamedTuple

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from digitrec.reading.segmentation.extremes import greatest, least
from digitrec.reading.segmentation.masks import EIGHT, Mask, bounds, closed_mask

Light = NDArray[np.float32]

SMALL = 150
"""The shorter side of a page, in pixels, at which it is looked at as a whole."""

TABLE = (0.4, 0.28, 0.48)
"""What is darker than one of these shares of the paper may be the table it lies on; the likeliest first."""

ALIKE = 0.04
"""Sheets whose areas differ by a smaller share than this are the same."""

STEP = 0.6
"""The share of the sheet's light that is left just beside it on the table, at most; a shadow leaves more."""

UNDECIDED = 0.08
"""How near to the middle of a page's range its median says nothing, as a share of the range."""

MARGIN = 0.95
"""The share of a page's edge that is ground where a digit has a margin all round."""


class Paper(NamedTuple):
    """A sheet that does not fill the page.

    box: its rows and columns on the page.
    mask: bool, its pixels in this box shrunk by some factor.
    """

    box: tuple[slice, slice]
    mask: Mask


def find_papers(light: Light) -> list[Paper]:
    """The sheets that may lie on something dark: light, solid, a good part of the page; the likeliest first.

    Mostly one or none. A shadow over a part of the sheet can be as dark as the table, so that several fit.
    """
    factor = shrink_factor(light)
    small = reduced(light, factor)
    brightest = float(np.quantile(small, 0.98))
    papers: list[Paper] = []
    areas: list[float] = []
    for share in TABLE:
        sheet = _sheet(small, share * brightest)
        if sheet is None or any(math.isclose(sheet.sum(), area, rel_tol=ALIKE) for area in areas):
            continue
        areas.append(float(sheet.sum()))
        rows, columns = bounds(sheet)
        inner = ndi.binary_erosion(np.pad(sheet, 1), EIGHT, iterations=2)[1:-1, 1:-1]
        box = (
            slice(rows.start * factor, rows.stop * factor),
            slice(columns.start * factor, columns.stop * factor),
        )
        papers.append(Paper(box, inner[rows, columns]))
    return papers


def _sheet(small: Light, darkest: float) -> Mask | None:
    """The largest piece that is lighter than the darkest paper, if it may be a sheet on a table."""
    bright = small > darkest
    labels, count = ndi.label(_opened(bright))
    if bright.mean() > 0.97 or not count:
        return None
    sheet = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    filled: Mask = ndi.binary_fill_holes(sheet)
    rows, columns = bounds(filled)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if filled.mean() < 0.15 or filled.sum() < 0.6 * height * width:
        return None
    # The table is in two corners at least, the digits of a tightly cropped row are not.
    if filled[[0, 0, -1, -1], [0, -1, 0, -1]].sum() > 2:
        return None
    # What is written on a sheet is narrow; the holes of a bold white 0 or 8 are not.
    pen = round(0.08 * min(height, width)) | 1
    if closed_mask(np.pad(sheet, pen), pen, pen).sum() < 0.85 * filled.sum():
        return None
    return filled if _ends_in_a_step(small, filled) else None


def _ends_in_a_step(small: Light, sheet: Mask) -> bool:
    """Whether most of a sheet's edge is as sharp as paper on a table has it, unlike where light fades."""
    beside = ndi.uniform_filter(sheet.astype(np.float32), 7)
    within = ndi.uniform_filter(np.where(sheet, small, 0), 7) / np.maximum(beside, 1e-6)
    without = ndi.uniform_filter(np.where(sheet, 0, small), 7) / np.maximum(1 - beside, 1e-6)
    edge = sheet & ~ndi.binary_erosion(sheet, EIGHT, border_value=True) & (beside < 0.85)
    return bool(edge.any() and np.quantile((without / np.maximum(within, 1))[edge], 0.75) < STEP)


def contrast_to_ground(light: Light, factor: int, size: int, dark: bool) -> Light:
    """How far each pixel is darker than the ground about it, 0 to 1.

    The ground is the page without what is dark and narrower than a size, in pixels of the page shrunk by a
    factor: a closing, which follows the hard edge of a shadow where an average would blur it.

    Args:
        light: the page, turned to its negative where ink is lighter than the ground.
        factor: by which the page is shrunk to find the ground.
        size: of the closing, in pixels of the shrunk page.
        dark: whether ink is darker on the page itself.
    """
    small = reduced(light, factor)
    cropped = _is_cropped(light)
    ground = _closed(small, max(3, size) | 1, cropped)
    if dark:
        # The corner of a shadow, too narrow for the closing, is ground as the shadow is from which it comes.
        narrow = _closed(small, max(3, round(0.45 * size)) | 1, cropped)
        for _ in range(-(-size // 3)):
            ground = np.maximum(narrow, least(ground, 7))
    if factor > 1:
        y, x = ((np.arange(side) + 0.5) / factor - 0.5 for side in light.shape)
        ground = _bilinear(ground, y, x)
    # Paper reflects a share of the light, so that in a shadow ink stands out by less. In the dark not all of
    # it is made up for, or the grain of a wooden table would stand out like ink.
    scale = np.maximum(ground, 0.65 * ground.max()) if dark else np.float32(255)
    contrast: Light = np.clip((ground - light) / np.maximum(scale, 1), 0, 1, dtype=np.float32)
    return contrast


def polarities(light: Light) -> tuple[bool, ...]:
    """Whether ink is darker than its ground, by two of three signs or one; then the other, if that may be.

    It may be on a small page where a sign belies the others, and where ground does not go all round.

    The ground is most of the page, and most of what is about strokes, and strokes are narrower than what lies
    between them. A dark table round the paper, a shadow over most of it, and a bold 8 with small loops each
    belie one of these. A small page is cropped so closely that its edge says more than what is about strokes.
    Where the page's median is near the middle of its range, as under a shadow over half of it, it says
    nothing, and the shadow's corner looks like a stroke: then what is about strokes decides alone.
    """
    small = reduced(light, shrink_factor(light))
    cropped = _is_cropped(light)
    middle = (float(small.min()) + float(small.max())) / 2
    most = float(np.median(small)) - middle
    if cropped:
        about = float(np.median(edge_of(small))) >= middle
    else:
        about = _dark_is_rare(small)
        if abs(most) < UNDECIDED * float(np.ptp(small)):
            return (about,)
    signs = most >= 0, about, _dark_is_narrow(small, cropped)
    dark = sum(signs) >= 2
    agreed = all(sign == dark for sign in signs)
    margin = float(((edge_of(small) >= middle) == dark).mean()) > MARGIN
    return (dark,) if agreed or margin or not cropped else (dark, not dark)


def _dark_is_rare(small: Light) -> bool:
    """Whether most is light of the places about which the page changes much, by the range there.

    In a shadow paper may be darker than the middle of the page's range, and lighter than what is about it.
    """
    size = max(3, min(small.shape) // 4) | 1
    darkest = least(small, size)
    ranges = greatest(small, size) - darkest
    changing = ranges > 0.3 * ranges.max()
    return float((small - darkest)[changing].sum()) >= 0.5 * float(ranges[changing].sum())


def _dark_is_narrow(small: Light, cropped: bool) -> bool:
    """Whether smaller closings fill the dark than openings the light, in the mean."""
    sizes = [size for size in (1, 3, 5, 9, 17, 33) if size <= max(3, min(small.shape) // 3)]
    noise = 0.1 * float(np.ptp(small))
    filled = np.array(
        [
            [float((np.maximum(_closed(page, size, cropped) - page - noise, 0) ** 2).sum()) for size in sizes]
            for page in (small, 255 - small)
        ]
    )
    if filled[:, -1].min() < 0.05 * filled[:, -1].max():  # nothing of the other is narrow at all
        return bool(filled[0, -1] > filled[1, -1])
    dark, light = np.diff(filled) @ sizes[1:] / np.maximum(filled[:, -1], 1e-9)
    return bool(dark < light)


def shrink_factor(light: Light) -> int:
    """By how much a page is shrunk, at least 1, to be looked at as a whole."""
    return max(1, round(int(min(light.shape)) / SMALL))


def reduced(light: Light, factor: int) -> Light:
    """The page shrunk by averaging."""
    height, width = light.shape
    rows, columns = -(-height // factor), -(-width // factor)
    padded = np.pad(light, ((0, rows * factor - height), (0, columns * factor - width)), mode="edge")
    small: Light = padded.reshape(rows, factor, columns, factor).mean(axis=(1, 3), dtype=np.float32)
    return small


def _is_cropped(light: Light) -> bool:
    """Whether a page is so small that it may be cropped closely: a stroke may lie along its edge."""
    return bool(min(light.shape) < SMALL / 2)


def _closed(light: Light, size: int, cropped: bool) -> Light:
    """Without what is dark and narrower than a size in pixels; beyond its edge a page goes on as there."""
    if cropped:
        padded = np.pad(light, size, constant_values=float(np.median(edge_of(light))))
    else:
        padded = np.pad(light, size, mode="edge")
    closed: Light = least(greatest(padded, size), size)
    return closed[size:-size, size:-size]


def edge_of(page: Light) -> Light:
    """The pixels along the four edges of a page, in one row."""
    edge: Light = np.concatenate([page[0], page[-1], page[:, 0], page[:, -1]])
    return edge


def _bilinear(image: Light, y: NDArray[np.float64], x: NDArray[np.float64]) -> Light:
    """The image at the crossings of the rows y and the columns x, given in its own pixels."""

    def along(image: Light, places: NDArray[np.float64]) -> Light:
        places = np.clip(places, 0, len(image) - 1)
        lower = np.minimum(places.astype(int), max(0, len(image) - 2))
        share = (places - lower).astype(np.float32)[:, None]
        between: Light = image[lower] * (1 - share) + image[np.minimum(lower + 1, len(image) - 1)] * share
        return between

    return along(along(image, y).T, x).T


def _opened(mask: Mask) -> Mask:
    opened: Mask = ndi.binary_opening(np.pad(mask, 2, mode="edge"), np.ones((3, 3), bool))
    return opened[2:-2, 2:-2]
