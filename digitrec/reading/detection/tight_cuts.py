"""Pictures cut so tightly around a 1 that it reaches their edges, where it looks like a border."""

import numpy as np

from digitrec.reading.detection.hypotheses import Found, Gray
from digitrec.reading.detection.mnist_image import mnist_image

TALL = 2.5
"""Height of such a picture, at least, in widths."""

CONTRAST = 60
"""Gray levels between stroke and background; with less the whole picture is the stroke, if it is dark."""

DARK = 100
"""Gray level of such a stroke, at most."""

REACH = 0.9
"""Share of the rows that the stroke is in, at least."""

MARGIN = 0.3
"""Margin to its left and right, at most, in widths of the picture."""

RUNS = 1.1
"""Mean number of separate parts of the stroke in a row, at most."""

DIGIT = 0.8
"""Probability that is given to such a stroke of being a digit."""


def tight_one(page: Gray) -> list[Found]:
    """Take a tall picture as a whole for one digit; the classifier decides whether it is a 1.

    The stroke is what the middle of the picture belongs to, the dark or the light part of it.

    Args:
        page: uint8 (height, width), on which nothing was found.

    Returns:
        The digit; nothing where the picture is not tall, or has no bar that nearly fills it.
    """
    height, width = page.shape
    low, high = int(page.min()), int(page.max())
    plain = high - low < CONTRAST
    if height < TALL * width or (plain and low > DARK):
        return []
    dark = page < (low + high) / 2
    middle = dark[height // 3 : height - height // 3, width // 3 : width - width // 3].mean()
    stroke = np.ones(page.shape, bool) if plain else dark if middle >= 0.5 else ~dark
    starts = np.diff(stroke.astype(np.int8), axis=1, prepend=0) > 0
    is_bar = stroke.any(1).mean() >= REACH and starts.sum() <= RUNS * height
    near = 1 + int(MARGIN * width)
    if not is_bar or not stroke[:, :near].any() or not stroke[:, -near:].any():
        return []
    box = 0.0, 0.0, float(width), float(height)
    return [Found(mnist_image(stroke.astype(np.float32)), box, digit=DIGIT)]
