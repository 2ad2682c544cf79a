"""Pages that are turned by 90 or 180 degrees, found out by how confident the classifier is."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LEAST_DIGITS = 3
"""Fewer digits do not say how a page is turned: 6 and 9 are the same."""

UPRIGHT = 0.85
"""Mean confidence from which on a page is taken to be upright."""

GAIN = 0.12
"""By how much a turn must raise the mean confidence."""


def most_upright(
    images: Array, probabilities: Array, classify: Callable[[Array], Array]
) -> tuple[Array, int]:
    """Turn the digits of a page by quarters where that makes them clearer.

    Args:
        images: (n, 28, 28), of one page.
        probabilities: (n, 10), of the images as they are.
        classify: takes images to probabilities.

    Returns:
        The probabilities of the best turn, and the quarters by which it turns, counter-clockwise.
    """
    if len(images) < LEAST_DIGITS or _clearness(probabilities) >= UPRIGHT:
        return probabilities, 0
    best, turns, least = probabilities, 0, _clearness(probabilities) + GAIN
    for quarters in (1, 2, 3):
        other = classify(np.ascontiguousarray(np.rot90(images, quarters, (1, 2))))
        if _clearness(other) > least:
            best, turns, least = other, quarters, _clearness(other)
    return best, turns


def _clearness(probabilities: Array) -> float:
    return float(probabilities.max(1).mean())
