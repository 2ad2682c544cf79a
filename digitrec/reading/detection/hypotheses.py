"""What is found on a page, and the hypotheses that it is part of: one for each scale that was looked at."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from digitrec.reading.detection.decoding import Instance

Gray = NDArray[np.uint8]

Box = tuple[float, float, float, float]
"""x, y, width and height."""


@dataclass(frozen=True)
class Found:
    """A digit or another written mark of a page.

    image: uint8 (28, 28), white on black.
    box: in pixels of the page.
    score: 0 to 1, how clearly the detector sees it.
    digit: 0 to 1, the probability that it is a digit and not another mark.
    """

    image: Gray
    box: Box
    score: float = 1.0
    digit: float = 1.0


@dataclass(frozen=True)
class Hypothesis:
    """What is found in one view of a page.

    down, across: pixels of the view for each pixel of the page.
    instances: the digits and marks, in pixels of the view.
    """

    down: float = 1.0
    across: float = 1.0
    instances: tuple[Instance, ...] = ()

    @property
    def _main(self) -> Sequence[Instance]:
        """The instances that are rather digits than other marks; without a digit, the marks."""
        return [each for each in self.instances if each.is_digit] or self.instances

    @property
    def size(self) -> float:
        """Median size of the digits, or else of the other marks, in pixels of the view."""
        return median(each.size for each in self._main)

    @property
    def clearness(self) -> float:
        """Mean score of the digits, or else of the other marks, 0 to 1."""
        return fmean(each.score for each in self._main)

    def value(self, even: float) -> float:
        """Return how much is seen: instances with a score above ``even`` count for it, others against it."""
        return sum(each.score - even for each in self.instances)

    def only(self, chosen: Sequence[bool]) -> "Hypothesis":
        """Keep the instances that are chosen."""
        return replace(self, instances=tuple(compress(self.instances, chosen)))

    def without_faint(self, least: float) -> "Hypothesis":
        """Keep the instances with at least this score."""
        return self.only([each.score >= least for each in self.instances])
