"""How well detected boxes fit the true ones."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""

MATCH = 0.5
"""Least intersection over union of a detected and a true box that are the same digit."""


def overlaps(true: Sequence[Box], found: Sequence[Box]) -> NDArray[np.float64]:
    """Return the intersection over union of each true box with each found one, (true, found)."""
    one, other = np.array(true, float).reshape(-1, 1, 4), np.array(found, float).reshape(1, -1, 4)
    low, high = np.maximum(one[..., :2], other[..., :2]), np.minimum(one[..., 2:], other[..., 2:])
    common = np.clip(high - low, 0, None).prod(-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).prod(-1) for boxes in (one, other)]
    shares: NDArray[np.float64] = common / np.maximum(areas[0] + areas[1] - common, 1e-9)
    return shares


def match(true: Sequence[Box], found: Sequence[Box], least: float = MATCH) -> dict[int, int]:
    """Pair true and found boxes, each at most once, the best pair first.

    Returns:
        The found box of each true one that has one, by number.
    """
    shares = overlaps(true, found)
    pairs: dict[int, int] = {}
    for place in np.argsort(-shares, axis=None, kind="stable").tolist():
        one, other = divmod(place, max(1, shares.shape[1]))
        if shares[one, other] < least:
            break
        if one not in pairs and other not in pairs.values():
            pairs[one] = other
    return pairs
