"""Writing of another size on the same page, which the view that is taken does not show."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from digitrec.reading.detection.hypotheses import Gray, Hypothesis

Boxes = NDArray[np.float64]

STRONG = 0.9
"""Quantile of the steps of gray levels in the boxes of digits that counts as their contrast."""

STROKE = 0.3
"""Step of gray levels, as a share of this contrast, from which on there is a stroke."""

STEPS = 8
"""So many such steps outside of the boxes are more than specks."""


def page_boxes(hypothesis: Hypothesis) -> Boxes:
    """Return left, top, right and bottom of the instances, in pixels of the page: (n, 4)."""
    boxes = np.array([each.box for each in hypothesis.instances], float).reshape(-1, 4)
    return boxes / (2 * (hypothesis.across, hypothesis.down))


def beside(hypothesis: Hypothesis, others: Sequence[Hypothesis]) -> Hypothesis:
    """Keep the instances that lie beside those of other views: neither has its middle in the other's box."""
    mine, theirs = page_boxes(hypothesis), np.concatenate([page_boxes(each) for each in others])
    together = _inside(mine, theirs) | _inside(theirs, mine).T
    return hypothesis.only([not any(row) for row in together.tolist()])


def _inside(inner: Boxes, outer: Boxes) -> NDArray[np.bool_]:
    """Return (inner, outer): whether the middle of the one lies in the other."""
    middles = (inner[:, None, :2] + inner[:, None, 2:]) / 2
    inside: NDArray[np.bool_] = np.all((outer[:, :2] <= middles) & (middles <= outer[:, 2:]), axis=2)
    return inside


def more_is_written(pixels: Gray, boxes: Sequence[tuple[int, int, int, int]]) -> bool:
    """Say whether there are strokes outside of the boxes of a view: steps as large as those of the digits.

    Args:
        pixels: uint8 (height, width), of the view without its edge.
        boxes: left, top, right and bottom of its instances.
    """
    gray = pixels.astype(np.int16)
    steps = np.zeros(gray.shape, np.int16)
    steps[:, 1:] = np.abs(gray[:, 1:] - gray[:, :-1])
    steps[1:] = np.maximum(steps[1:], np.abs(gray[1:] - gray[:-1]))
    outside = np.ones(gray.shape, bool)
    for left, top, right, bottom in boxes:
        outside[max(0, top - 1) : bottom + 2, max(0, left - 1) : right + 2] = False
    return int((steps[outside] >= STROKE * np.quantile(steps[~outside], STRONG)).sum()) >= STEPS
