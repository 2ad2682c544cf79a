"""The center line of a stroke: thinning after Zhang and Suen, "A Fast Parallel Algorithm" (1984)."""

import functools

import numpy as np
from numpy.typing import NDArray

_AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))  # clockwise from above


def thin(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Thin a foreground mask to lines of one pixel that keep its connectivity.

    Args:
        mask: bool (height, width).

    Returns:
        bool of the same shape, a part of the mask.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    result = np.zeros_like(mask)
    if not len(rows):
        return result
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    padded = np.pad(mask[box], 1).astype(np.uint8)
    inner = padded[1:-1, 1:-1]
    height, width = inner.shape
    neighbours = [padded[1 + y : 1 + y + height, 1 + x : 1 + x + width] for y, x in _AROUND]
    changed = True
    while changed:
        changed = False
        for table in _tables():
            code = neighbours[0].copy()
            for bit, neighbour in enumerate(neighbours[1:], 1):
                code |= neighbour << bit
            removed = table[code] & (inner != 0)
            if removed.any():
                inner[removed] = 0
                changed = True
    result[box] = inner != 0
    return result


@functools.cache
def _tables() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each of the two passes, whether a pixel with these eight neighbours may go."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1 != 0
    count = bits.sum(1)
    turns = (~bits & np.roll(bits, -1, 1)).sum(1)
    plain = (count >= 2) & (count <= 6) & (turns == 1)
    north, east, south, west = bits[:, 0], bits[:, 2], bits[:, 4], bits[:, 6]
    return (
        plain & ~(north & east & south) & ~(east & south & west),
        plain & ~(north & east & west) & ~(north & south & west),
    )
