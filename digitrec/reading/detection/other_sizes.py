"""Writing of another size on the same page, which the view that is taken does not show."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from digitrec.reading.detection.hypotheses import Hypothesis

Boxes = NDArray[np.float64]
"""Left, top, right and bottom: (n, 4)."""


def _page_boxes(hypothesis: Hypothesis) -> Boxes:
    """Return left, top, right and bottom of the instances, in pixels of the page."""
    boxes = np.array([each.box for each in hypothesis.instances], float).reshape(-1, 4)
    return boxes / (2 * (hypothesis.across, hypothesis.down))


def beside(hypothesis: Hypothesis, others: Sequence[Hypothesis]) -> Hypothesis:
    """Keep the instances that lie beside those of other views: neither has its middle in the other's box."""
    mine, theirs = _page_boxes(hypothesis), np.concatenate([_page_boxes(each) for each in others])
    together = _inside(mine, theirs) | _inside(theirs, mine).T
    return hypothesis.only([not any(row) for row in together.tolist()])


def _inside(inner: Boxes, outer: Boxes) -> NDArray[np.bool_]:
    """Return (inner, outer): whether the middle of the one lies in the other."""
    middles = (inner[:, None, :2] + inner[:, None, 2:]) / 2
    inside: NDArray[np.bool_] = np.all((outer[:, :2] <= middles) & (middles <= outer[:, 2:]), axis=2)
    return inside
