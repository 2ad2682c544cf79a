"""Pictures that are a digit of MNIST already."""

import math

import numpy as np
from PIL import Image

from digitrec.models.pretrained import BOX, SIDE
from digitrec.reading.detection.hypotheses import Found, Gray

LONGEST = BOX - 2, BOX + 2
"""Pixels of the longest side, least and most."""

ASTRAY = 2.0
"""Pixels that the center of mass may lie beside the middle."""

STROKE = 1.2, 4.6
"""Pixels: least and greatest mean width of a stroke."""

PLAIN = 0.9
"""Share of the pixels at the edge that are black or white."""

BRIGHT = 128
"""Gray level of the brightest pixel, at least."""

FOREGROUND = 63
"""Gray level above which a pixel is of the digit: darker ones may remain of a JPEG file or an average."""

FINE = 5
"""The stroke is measured at this many times the resolution."""


def mnist_like(page: Gray) -> list[Found]:
    """Take a 28x28 picture that is a digit as MNIST has it for that digit; find nothing in any other picture.

    Its edge is plain, its longest side is 20 pixels or so, its center of mass is in the middle, and its
    strokes are as wide as MNIST's. It is then read as it is.
    """
    if page.shape != (SIDE, SIDE):
        return []
    edge = np.concatenate([page[0], page[-1], page[1:-1, 0], page[1:-1, -1]])
    image = 255 - page if np.median(edge) > 127 else page
    if np.quantile(np.minimum(edge, 255 - edge), PLAIN) > 0 or image.max() < BRIGHT:
        return []
    foreground = image > FOREGROUND
    rows, columns = np.flatnonzero(foreground.any(1)), np.flatnonzero(foreground.any(0))
    longest = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    places, mass = np.arange(SIDE) - (SIDE - 1) / 2, image.astype(float)
    astray = max(abs(float(mass.sum(axis) @ places)) for axis in (0, 1)) / mass.sum()
    if astray > ASTRAY or not LONGEST[0] <= longest <= LONGEST[1]:
        return []
    if not STROKE[0] < stroke_width(image) < STROKE[1]:
        return []
    box = float(columns[0]), float(rows[0]), float(np.ptp(columns) + 1), float(np.ptp(rows) + 1)
    return [Found(image, box)]


def stroke_width(image: Gray) -> float:
    """Measure the mean width of a 28x28 digit's strokes, in pixels: twice the area by the outline."""
    large = (
        np.asarray(Image.fromarray(image).resize((FINE * SIDE, FINE * SIDE), Image.Resampling.BICUBIC)) > 127
    )
    steps = np.count_nonzero(large[1:] != large[:-1]) + np.count_nonzero(large[:, 1:] != large[:, :-1])
    outline = steps * math.pi / 4  # of a curve in all directions
    return 2 * np.count_nonzero(large) / max(1.0, outline) / FINE
