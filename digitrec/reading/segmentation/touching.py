"""Digits that touch: one piece of ink cut into several."""

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from digitrec.reading.segmentation.masks import EIGHT, Mask, bounds
from digitrec.reading.segmentation.parts import Part

MOST_TOUCHING = 8
"""Digits that one piece of ink may be cut into; what is wider than these is no row of digits."""


def cut(part: Part) -> tuple[Part, ...]:
    """The digits of a piece that is wide for one: cut where the least ink is in the way; else none."""
    height, width = part.mask.shape
    count = max(2, round(width / (0.75 * height)))
    if width < 1.2 * height or count > MOST_TOUCHING:
        return ()
    cuts = [_seam(part.mask, number * width / count, 0.3 * width / count) for number in range(1, count)]
    columns = np.arange(width)
    digits: list[Part] = []
    for left, right in zip([np.full(height, -1), *cuts], [*cuts, np.full(height, width)], strict=True):
        mask = part.mask & (columns > left[:, None]) & (columns <= right[:, None])
        if not mask.any():
            return ()
        labels, _ = ndi.label(mask, EIGHT)
        areas = np.bincount(labels.ravel())
        mask &= (areas > 0.1 * areas[1:].max())[labels]
        box = bounds(mask)
        digits.append(Part(part.top + box[0].start, part.left + box[1].start, mask[box]))
    return tuple(digits)


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
