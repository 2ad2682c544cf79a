"""Masks of a page: connected pieces, their boxes, gaps closed.

A mask is bool (height, width).
"""

import math

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from digitrec.reading.segmentation.extremes import greatest, least

Mask = NDArray[np.bool_]

EIGHT = np.ones((3, 3), bool)
"""Neighbours also across corners, for scipy.ndimage."""

MOST_PIECES = 1000
"""Pieces of ink that are looked at one by one, the largest; a dithered page has a hundred thousand."""

MOST_OVERLAP = 4
"""Times the area of the page that the boxes of these pieces may have together."""

DARKER = 1.6
"""Ink this many times as dark as a printed line or frame is no part of it."""

SHADE_DISC, SHADE_LEVEL = 0.38, 0.5
"""A shadow's corner holds a disc of this share of its longest side; its mean contrast is at most this."""

Box = tuple[slice, slice]


def pieces(mask: Mask) -> tuple[NDArray[np.int32], dict[int, Box]]:
    """Number the connected pieces of a mask, the largest of them.

    Returns:
        int32 (height, width), 0 where there is none, and the box of each number that is looked at.
    """
    labels, count = ndi.label(mask, EIGHT)
    if count > MOST_PIECES:
        areas = np.bincount(labels.ravel())
        areas[0] = 0
        kept = np.zeros(count + 1, bool)
        kept[np.argpartition(areas, -MOST_PIECES)[-MOST_PIECES:]] = True
        labels = np.where(kept, np.cumsum(kept), 0).astype(np.int32)[labels]
    boxes = dict(enumerate(ndi.find_objects(labels), start=1))
    room = MOST_OVERLAP * mask.size
    areas = np.bincount(labels.ravel())
    for number in sorted(boxes, key=lambda number: -areas[number]):
        area = math.prod(side.stop - side.start for side in boxes[number])
        if area > room:
            del boxes[number]
        else:
            room -= area
    return labels, boxes


def bounds(mask: Mask) -> tuple[slice, slice]:
    """The rows and columns of the smallest box round the pixels of a mask that has some."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def closed_mask(mask: Mask, height: int, width: int) -> Mask:
    """A mask without gaps smaller than an odd height or width, in time that does not depend on them.

    As in scipy.ndimage.binary_closing there is no ink beyond the edge.
    """
    return least(greatest(mask, (height, width), "zero"), (height, width), "zero")


def box_size(box: Box) -> int:
    """The longer side of a box in pixels."""
    return max(int(side.stop - side.start) for side in box)


def holds_disc(part: Mask, width: float) -> bool:
    """Whether a disc wider than this, in pixels, fits into a piece, as into a blot and no stroke."""
    if part.sum() < 0.5 * width**2:  # which is quicker to see
        return False
    return bool(2 * ndi.distance_transform_edt(np.pad(part, 1)).max() > width)
