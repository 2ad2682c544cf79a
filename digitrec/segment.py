"""A grey page's digits, each as MNIST has them, in reading order."""

import math
from dataclasses import dataclass

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from PIL import Image

from digitrec.crop import bounds, crop_digit
from digitrec.images import SIDE
from digitrec.ink import Grey, find_ink, stroke_width
from digitrec.rulings import EIGHT, Mask

LEAST_SIDE = 112
"""A page of shorter sides is enlarged: a stroke of one grey pixel is then still a stroke after the threshold."""

LEAST_SIZE = 4
"""Pixels of a page that a piece of ink has at least in one direction."""

MOST_TOUCHING = 8
"""Digits that one piece of ink may be cut into; what is wider than these is no row of digits."""


@dataclass(frozen=True)
class Crop:
    """A digit found on a page.

    image: uint8 (28, 28), white ink on black ground, as MNIST has it.
    box: x, y, width, height on the page, in its pixels.
    line, position: reading order, both from 0.
    pieces: where it may be several digits that touch, these, with boxes of their own; else empty.
    """

    image: NDArray[np.uint8]
    box: tuple[int, int, int, int]
    line: int
    position: int
    pieces: tuple["Crop", ...] = ()


@dataclass(frozen=True, eq=False)
class Part:
    """Ink that is one digit, or a part of one: its rows and columns on the page, and its pixels among them."""

    top: int
    left: int
    mask: Mask

    @property
    def bottom(self) -> int:
        return self.top + self.mask.shape[0]

    @property
    def right(self) -> int:
        return self.left + self.mask.shape[1]

    @property
    def size(self) -> int:
        return max(self.mask.shape)


def find_digits(page: Grey) -> list[Crop]:
    """Find the digits of a page.

    Args:
        page: uint8 (height, width), 0 black to 255 white, dark ink on a light ground or the reverse.

    Returns:
        The digits in reading order; an empty list for an empty page.
    """
    if page.shape == (SIDE, SIDE) and (image := _as_it_is(page)) is not None:
        rows, columns = bounds(image > 0)
        box = columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start
        return [Crop(image, box, 0, 0)]
    factor = math.ceil(LEAST_SIDE / min(page.shape)) if min(page.shape) < LEAST_SIDE else 1
    if factor > 1:
        size = page.shape[1] * factor, page.shape[0] * factor
        page = np.asarray(Image.fromarray(page).resize(size, Image.Resampling.BICUBIC))
    ink = find_ink(page)

    def crop(part: Part, line: int, position: int) -> Crop:
        where = np.s_[part.top : part.bottom, part.left : part.right]
        image = crop_digit(ink.contrast[where], part.mask, ink.threshold)
        sides = part.left, part.top, part.mask.shape[1], part.mask.shape[0]
        pieces = tuple(crop(piece, line, position) for piece in _cut(part))
        x, y, width, height = (round(side / factor) for side in sides)
        return Crop(image, (x, y, max(1, width), max(1, height)), line, position, pieces)

    lines = _lines(_joined(_parts(ink.mask, ink.contrast)))
    return [
        crop(part, line, position) for line, parts in enumerate(lines) for position, part in enumerate(parts)
    ]


def _as_it_is(page: Grey) -> Grey | None:
    """A 28x28 picture that is a digit as MNIST has it already, white on black; None for any other."""
    edge = np.concatenate([page[0], page[-1], page[1:-1, 0], page[1:-1, -1]])
    image = 255 - page if np.median(edge) > 127 else page
    if np.quantile(np.minimum(edge, 255 - edge), 0.9) > 0 or image.max() < 128:
        return None
    rows, columns = bounds(image > 0)
    longest = max(rows.stop - rows.start, columns.stop - columns.start)
    astray = np.abs(np.array(ndi.center_of_mass(image)) - (SIDE - 1) / 2)
    if astray.max() > 2 or not 18 <= longest <= 22:
        return None
    large = np.asarray(Image.fromarray(image).resize((5 * SIDE, 5 * SIDE), Image.Resampling.BICUBIC))
    return image if 1.4 < stroke_width(large > 127) / 5 < 4.6 else None


def _parts(mask: Mask, contrast: NDArray[np.float32]) -> list[Part]:
    """The connected pieces of ink, without specks."""
    labels, _ = ndi.label(mask, EIGHT)
    areas = np.bincount(labels.ravel())
    parts = [
        Part(box[0].start, box[1].start, labels[box] == number)
        for number, box in enumerate(ndi.find_objects(labels), start=1)
        if areas[number] >= max(3, 0.005 * areas[1:].max())
    ]
    parts = [part for part in parts if not _is_margin(part, mask.shape) and not _is_shade(part, contrast)]
    scale = _scale(parts)
    return [part for part in parts if part.size > max(0.08 * scale, LEAST_SIZE)]


def _is_margin(part: Part, page: tuple[int, ...]) -> bool:
    """Whether a piece is what a picture's edge cuts off, of a table or the next line; not where it fills the page."""
    at_edge = part.top == 0 or part.left == 0 or part.bottom == page[0] or part.right == page[1]
    height, width = part.mask.shape
    return at_edge and height * width < 0.1 * page[0] * page[1]


def _is_shade(part: Part, contrast: NDArray[np.float32]) -> bool:
    """Whether a piece is as pale and as solid as the corner of a shadow is, and no stroke."""
    where = np.s_[part.top : part.bottom, part.left : part.right]
    if contrast[where][part.mask].mean() > 0.5:
        return False
    depth = ndi.distance_transform_edt(np.pad(part.mask, 1)).max()
    return bool(2 * depth > 0.42 * part.size)


def _scale(parts: list[Part]) -> float:
    """The size of a digit on this page: half of the ink is in pieces of at least this size."""
    if not parts:
        return 0.0
    sizes = np.array([part.size for part in parts])
    order = np.argsort(sizes)
    ink = np.cumsum(np.array([part.mask.sum() for part in parts])[order])
    return float(sizes[order][np.searchsorted(ink, ink[-1] / 2)])


def _joined(parts: list[Part]) -> list[Part]:
    """The pieces put together that belong to one digit, and what is too small for one left out."""
    scale = _scale(parts)
    parts = sorted(parts, key=lambda part: part.size)
    position = 0
    while position < len(parts):
        piece = parts[position]
        others = [other for other in parts[position + 1 :] if _belong_together(piece, other, scale)]
        if others:
            nearest = min(others, key=lambda other: sum(_gaps(piece, other)))
            parts[position] = _union(piece, nearest)
            parts.remove(nearest)
            parts.sort(key=lambda part: part.size)
            position = 0
        else:
            position += 1
    return [part for part in parts if part.size > max(0.3 * scale, 2 * LEAST_SIZE)]


def _gaps(one: Part, other: Part) -> tuple[int, int]:
    """How far two pieces' boxes are apart sideways and in height; 0 where they overlap."""
    sideways = max(one.left, other.left) - min(one.right, other.right)
    upright = max(one.top, other.top) - min(one.bottom, other.bottom)
    return max(0, sideways), max(0, upright)


def _belong_together(piece: Part, other: Part, scale: float) -> bool:
    """Whether a piece and one of at least its size are parts of one digit, as a 5 and its bar are."""
    sideways, upright = _gaps(piece, other)
    overlap = min(piece.right, other.right) - max(piece.left, other.left)
    above_each_other = overlap > 0.4 * min(piece.mask.shape[1], other.mask.shape[1])
    height = max(piece.bottom, other.bottom) - min(piece.top, other.top)
    if above_each_other and upright < 0.15 * scale and height < 1.6 * scale:
        return True
    gap = max(sideways, upright)
    flat = piece.mask.shape[0] < 0.35 * scale  # no digit lies flat
    return (piece.size < 0.45 * scale and gap < 0.1 * scale) or (flat and gap < 0.2 * scale)


def _union(one: Part, other: Part) -> Part:
    top, left = min(one.top, other.top), min(one.left, other.left)
    bottom, right = max(one.bottom, other.bottom), max(one.right, other.right)
    mask = np.zeros((bottom - top, right - left), bool)
    for part in (one, other):
        mask[part.top - top : part.bottom - top, part.left - left : part.right - left] |= part.mask
    return Part(top, left, mask)


def _cut(part: Part) -> list[Part]:
    """The digits of a piece that is wide for one: cut where the least ink is in the way; else none."""
    height, width = part.mask.shape
    count = max(2, round(width / (0.75 * height)))
    if width < 1.2 * height or count > MOST_TOUCHING:
        return []
    cuts = [_seam(part.mask, number * width / count, 0.3 * width / count) for number in range(1, count)]
    columns = np.arange(width)
    pieces: list[Part] = []
    for left, right in zip([np.full(height, -1), *cuts], [*cuts, np.full(height, width)], strict=True):
        mask = part.mask & (columns > left[:, None]) & (columns <= right[:, None])
        if not mask.any():
            return []
        labels, _ = ndi.label(mask, EIGHT)
        areas = np.bincount(labels.ravel())
        mask &= (areas > 0.1 * areas[1:].max())[labels]
        box = bounds(mask)
        pieces.append(Part(part.top + box[0].start, part.left + box[1].start, mask[box]))
    return pieces


def _seam(mask: Mask, middle: float, reach: float) -> NDArray[np.intp]:
    """The column, for each row, of the way from top to bottom near a column that crosses the least ink."""
    height, width = mask.shape
    first, last = max(0, int(middle - reach)), min(width, int(middle + reach) + 1)
    astray = np.abs(np.arange(first, last) - middle) / (reach + 1)
    cost = mask[:, first:last] + 0.05 * astray
    total = cost.copy()
    for row in range(1, height):
        before = np.pad(total[row - 1], 1, constant_values=np.inf)
        total[row] += np.minimum(np.minimum(before[:-2], before[2:]) + 0.01, before[1:-1])
    seam = np.empty(height, np.intp)
    seam[-1] = np.argmin(total[-1])
    for row in range(height - 2, -1, -1):
        near = slice(max(0, seam[row + 1] - 1), seam[row + 1] + 2)
        seam[row] = near.start + np.argmin(total[row, near])
    return seam + first


def _lines(parts: list[Part]) -> list[list[Part]]:
    """The lines from top to bottom, each from left to right; a line may rise or fall."""
    lines: list[list[Part]] = []
    for part in sorted(parts, key=lambda part: part.left):
        overlaps = [_shared_height(part, line[-1]) for line in lines]
        if overlaps and max(overlaps) > 0.4:
            lines[int(np.argmax(overlaps))].append(part)
        else:
            lines.append([part])
    return sorted(lines, key=lambda line: float(np.mean([part.top + part.bottom for part in line])))


def _shared_height(one: Part, other: Part) -> float:
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared / min(one.mask.shape[0], other.mask.shape[0])
