"""From the detector's maps to instances: peaks are centers, and each foreground pixel votes for one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from digitrec.models.pretrained import STRIDE

if TYPE_CHECKING:
    from digitrec.models.detector import Detection

Map = NDArray[np.float32]


@dataclass(frozen=True)
class DecodingLimits:
    """The numbers that decide what counts as an instance.

    peak: least probability of a center.
    foreground: probability from which on a pixel votes.
    apart: centers are at least this share of the smaller one's size apart.
    reach: a vote counts for a center that it misses by at most this share of the center's size.
    solid: probability from which on a pixel is in the box of its instance.
    pixels: least number of solid pixels of an instance.
    least_extent: least longest side of a digit's box, as a share of its size.
    least_mark_extent: the same for other marks: a point is smaller than the size that it is given.
    """

    peak: float = 0.2
    foreground: float = 0.3
    apart: float = 0.3
    reach: float = 0.45
    solid: float = 0.3
    pixels: int = 5
    least_extent: float = 0.35
    least_mark_extent: float = 0.15


@dataclass(frozen=True)
class Instance:
    """A digit or another written mark, in the pixels of the map it was found on.

    box: left, top, right, bottom.
    mask: float32, the foreground inside the box, without what belongs to others.
    size: the size that the detector gives it.
    score: 0 to 1, of its center and its foreground together.
    digit: 0 to 1, how much it is a digit and not another mark.
    """

    box: tuple[int, int, int, int]
    mask: Map
    size: float
    score: float
    digit: float

    @property
    def is_digit(self) -> bool:
        """Whether it is rather a digit than another mark."""
        return self.digit >= 0.5


@dataclass(frozen=True)
class Maps:
    """The detector's output for one page as probabilities and pixels; see Detection."""

    foreground: Map
    centers: Map
    offsets: Map
    sizes: Map
    kinds: Map

    @classmethod
    def of(cls, found: "Detection", number: int = 0, edges: tuple[int, int] = (0, 0)) -> "Maps":
        """Return the maps of one page of a batch, without edges; see ``without_edges``."""
        page = type(found)(*(part[number] for part in found)).in_pixels()
        return cls.without_edges([part.float().cpu().numpy() for part in page], edges)

    @classmethod
    def without_edges(cls, parts: Sequence[Map], edges: tuple[int, int]) -> "Maps":
        """Cut edges off the parts of a page's Detection in pixels: so many pixels above and beside the page.

        The edges are multiples of STRIDE.
        """
        whole = np.s_[edges[0] : -edges[0] or None, edges[1] : -edges[1] or None]
        inner = [edge // STRIDE for edge in edges]
        small = np.s_[..., inner[0] : -inner[0] or None, inner[1] : -inner[1] or None]
        foreground, centers, offsets, sizes, kinds = parts
        return cls(foreground[0][whole], centers[0][small], offsets[small], sizes[0][small], kinds[0][small])


def decode(maps: Maps, limits: DecodingLimits) -> list[Instance]:
    """Find the instances of a page.

    Args:
        maps: what the detector says, with even sides.
        limits: what counts.

    Returns:
        The instances, those with the clearest centers first.
    """
    rows, columns = _peaks(maps, limits)
    if not len(rows):
        return []
    owners = _vote(maps, rows, columns, limits)
    instances = (
        _instance(maps, owners, number, (int(rows[number]), int(columns[number])), window, limits)
        for number, window in _windows(owners)
    )
    return [instance for instance in instances if instance is not None]


def _peaks(maps: Maps, limits: DecodingLimits) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the centers, the clearest first; of two too close ones the clearer stays."""
    heat = maps.centers
    rows, columns = np.nonzero((heat > limits.peak) & (heat >= _maximum(heat)))
    order = np.argsort(-heat[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    sizes = maps.sizes[rows, columns]
    kept: list[int] = []
    for number in range(len(rows)):
        away = np.hypot(rows[kept] - rows[number], columns[kept] - columns[number]) * STRIDE
        if (away > limits.apart * np.minimum(sizes[kept], sizes[number])).all():
            kept.append(number)
    return rows[kept], columns[kept]


def _maximum(values: Map) -> Map:
    """Return the largest of the 3 by 3 around each cell."""
    height, width = values.shape
    padded = np.full((height + 2, width + 2), -np.inf, np.float32)  # np.pad takes four times as long
    padded[1:-1, 1:-1] = values
    across = np.maximum(np.maximum(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])
    result: Map = np.maximum(np.maximum(across[:-2], across[1:-1]), across[2:])
    return result


def _vote(
    maps: Maps, rows: NDArray[np.intp], columns: NDArray[np.intp], limits: DecodingLimits
) -> NDArray[np.int32]:
    """Return the center that each cell belongs to, counted from 0; -1 for none."""
    nearest = _nearest_centers(maps, rows, columns, limits)
    height, width = nearest.shape
    pixels = [
        maps.foreground[down::STRIDE, across::STRIDE] for down in range(STRIDE) for across in range(STRIDE)
    ]
    coarse = reduce(np.maximum, pixels)  # of each cell, in a tenth of the time of reshape(...).max((1, 3))
    from_row, from_column = np.nonzero(coarse > limits.foreground)
    to_row = from_row + np.rint(maps.offsets[0, from_row, from_column] / STRIDE).astype(np.intp)
    to_column = from_column + np.rint(maps.offsets[1, from_row, from_column] / STRIDE).astype(np.intp)
    inside = (to_row >= 0) & (to_row < height) & (to_column >= 0) & (to_column < width)
    owners = np.full(nearest.shape, -1, np.int32)
    owners[from_row[inside], from_column[inside]] = nearest[to_row[inside], to_column[inside]]
    return owners


def _nearest_centers(
    maps: Maps, rows: NDArray[np.intp], columns: NDArray[np.intp], limits: DecodingLimits
) -> NDArray[np.int32]:
    """Return each cell's center, the nearest as a share of its size and within reach; -1 for none."""
    height, width = maps.sizes.shape
    nearest = np.full((height, width), -1, np.int32)
    least = np.full((height, width), limits.reach, np.float32)
    for number, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        size = float(maps.sizes[row, column]) / STRIDE
        reach = int(limits.reach * size) + 1
        window = np.s_[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
        down = np.arange(max(0, row - reach), min(height, row + reach + 1), dtype=np.float32)[:, None] - row
        across = np.arange(max(0, column - reach), min(width, column + reach + 1), dtype=np.float32) - column
        away = np.sqrt(down * down + across * across) / np.float32(size)
        closer = away < least[window]
        least[window][closer] = away[closer]
        nearest[window][closer] = number
    return nearest


def _windows(owners: NDArray[np.int32]) -> list[tuple[int, tuple[slice, slice]]]:
    """Return the center's number and the extent, in cells, of each instance."""
    rows, columns = np.nonzero(owners >= 0)
    if not len(rows):
        return []
    numbers = owners[rows, columns]
    order = np.argsort(numbers, kind="stable")
    rows, columns, numbers = rows[order], columns[order], numbers[order]
    starts = np.flatnonzero(np.concatenate([[True], numbers[1:] != numbers[:-1]]))
    spans = [
        most(each, starts) for each in (rows, columns) for most in (np.minimum.reduceat, np.maximum.reduceat)
    ]
    return [
        (int(numbers[start]), np.s_[top : bottom + 1, left : right + 1])
        for start, top, bottom, left, right in zip(starts, *spans, strict=True)
    ]


def _instance(
    maps: Maps,
    owners: NDArray[np.int32],
    number: int,
    center: tuple[int, int],
    window: tuple[slice, slice],
    limits: DecodingLimits,
) -> Instance | None:
    """Measure an instance; None where too little of it is there."""
    top, left = (each.start * STRIDE for each in window)
    cells = owners[window] == number
    mine = cells.repeat(STRIDE, 0).repeat(STRIDE, 1)
    foreground = maps.foreground[top : top + mine.shape[0], left : left + mine.shape[1]] * mine
    solid = foreground > limits.solid
    count = int(solid.sum())
    if count < limits.pixels:
        return None
    rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
    size, digit = float(maps.sizes[center]), float(maps.kinds[window][cells].mean())
    box = left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1
    mask = foreground[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    clearness = float(maps.centers[center]) * float(foreground[solid].mean())
    found = Instance(box, mask, size, clearness, digit)
    least = limits.least_extent if found.is_digit else limits.least_mark_extent
    return found if max(mask.shape) >= least * size else None
