"""Pictures cut so tightly around a 1 that it reaches their edges, where it looks like a border."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from digitrec.reading.detection.hypotheses import Found, Gray
from digitrec.reading.detection.mnist_image import mnist_image

TALL = 2.5
"""Height of such a picture, at least, in widths."""

CONTRAST = 60
"""Gray levels between stroke and background; with less the whole picture is the stroke, if it is dark."""

DARK = 100
"""Gray level of such a stroke, at most."""

SURE = 0.9
"""Least probability of a 1."""


def tight_one(page: Gray, classify: Callable[[Gray], NDArray[np.float32]]) -> Found | None:
    """Take a tall picture as a whole for a 1; None where it does not look like one.

    Args:
        page: uint8 (height, width), on which nothing was found.
        classify: takes images uint8 (n, 28, 28) to probabilities (n, 10).
    """
    height, width = page.shape
    low, high = int(page.min()), int(page.max())
    if height < TALL * width or (high - low < CONTRAST and low > DARK):
        return None
    if high - low < CONTRAST:
        masks = [np.ones(page.shape, np.float32)]
    else:
        dark = (page < (low + high) / 2).astype(np.float32)
        masks = [dark, 1 - dark]
    images = np.stack([mnist_image(mask) for mask in masks])
    rows = classify(images)
    best = int(rows[:, 1].argmax())
    if rows[best, 1] < SURE:
        return None
    box = 0.0, 0.0, float(width), float(height)
    return Found(images[best], box, float(height), 1.0, 1.0, tuple(rows[best].tolist()))
