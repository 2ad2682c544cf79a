"""What is printed round digits: boxes, the cells of a table, circles."""

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from digitrec.reading.segmentation.masks import DARKER, Box, Mask, box_size, closed_mask, holds_disc, pieces


def without_frames(mask: Mask, contrast: NDArray[np.float32]) -> Mask:
    """Take away what goes round something of some size: a printed box, a table's cells, a circle.

    A gap of a few pixels, where a line is too pale, is no way out of it. A stroke that runs
    into it and is much darker stays.

    Args:
        mask: bool (height, width), ink.
        contrast: float32 of the same shape, 0 ground to 1 ink.
    """
    labels, boxes = pieces(mask)
    largest = max(map(box_size, boxes.values()), default=0)
    big = [(number, box) for number, box in boxes.items() if box_size(box) > 0.02 * largest]
    edges = np.array([[side for at in box for side in (at.start, -at.stop)] for _, box in big])
    rest = mask.copy()
    for (number, box), outer in zip(big, edges, strict=True):
        inner = [big[index] for index in np.flatnonzero((edges > outer).all(axis=1))]
        inner = [
            (other, at) for other, at in inner if not holds_disc(labels[at] == other, 0.5 * box_size(at))
        ]
        if inner and _goes_round(labels, number, box, inner):
            frame = labels[box] == number
            rest[box] &= ~(frame & (contrast[box] < DARKER * np.quantile(contrast[box][frame], 0.8)))
    return rest


def _goes_round(labels: NDArray[np.int32], number: int, box: Box, inner: list[tuple[int, Box]]) -> bool:
    """Whether a piece of ink has holes, and ink in them at least a third as high as the hole is."""
    part = labels[box] == number
    gap = max(3, round(0.04 * min(part.shape))) | 1
    part = closed_mask(np.pad(part, gap), gap, gap)[gap:-gap, gap:-gap]
    holes, _ = ndi.label(ndi.binary_fill_holes(part) & ~part)
    places = ndi.find_objects(holes)
    for other, at in inner:
        y, x = at[0].start - box[0].start, at[1].start - box[1].start
        within = holes[y : y + at[0].stop - at[0].start, x : x + at[1].stop - at[1].start][
            labels[at] == other
        ]
        hole = int(np.bincount(within).argmax()) if within.size else 0
        if hole and at[0].stop - at[0].start > 0.3 * (places[hole - 1][0].stop - places[hole - 1][0].start):
            return True
    return False
