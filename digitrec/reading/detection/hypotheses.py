"""What is found on a page: digits and marks, and the hypotheses that they are part of."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]

EVEN = 0.4
"""Clearness of a digit that counts neither for its hypothesis nor against it."""


@dataclass(frozen=True)
class Found:
    """A digit or mark of a page.

    image: uint8 (28, 28), white on black.
    box: x, y, width, height in pixels of the page.
    size: the longer of width and height.
    score: 0 to 1, how clearly the detector sees it.
    digit: 0 to 1, how clearly it is a digit and not another mark.
    probabilities: of 0 to 9.
    line, position: reading order, from 0.
    """

    image: Gray
    box: tuple[float, float, float, float]
    size: float
    score: float
    digit: float
    probabilities: tuple[float, ...] = ()
    line: int = 0
    position: int = 0

    @property
    def clearness(self) -> float:
        """Of a digit: the classifier's confidence times the root of the detector's score."""
        return max(self.probabilities) * math.sqrt(self.score)


@dataclass(frozen=True)
class Hypothesis:
    """What is found at one scale.

    scale: pixels of the view for each of the page.
    digits, marks: in any order.
    turns: by how many quarters the page must be turned, counter-clockwise, to be upright.
    """

    scale: float
    digits: tuple[Found, ...]
    marks: tuple[Found, ...]
    turns: int = 0

    @property
    def size(self) -> float:
        """Median size of the digits, in pixels of the view."""
        return float(np.median([each.size for each in self.digits])) * self.scale

    @property
    def clearness(self) -> float:
        """Mean clearness of the digits."""
        return float(np.mean([each.clearness for each in self.digits]))

    @property
    def value(self) -> float:
        """How much is read: digits that are clear count for it, others against it."""
        return sum(each.clearness - EVEN for each in self.digits)

    def solid(self, least: float) -> "Hypothesis":
        """Keep the digits and marks with more than this score."""
        digits, marks = (
            tuple(one for one in found if one.score > least) for found in (self.digits, self.marks)
        )
        return replace(self, digits=digits, marks=marks)
