"""Masks of a page made by hand, for the tests of what is printed and what is written."""

import numpy as np

STROKE = 8
"""Width of a stroke in pixels."""


def page(height=300, width=400):
    return np.zeros((height, width), bool)


def seven(mask, top=100, left=180, size=100):
    """A 7 with its bar, of strokes as wide as STROKE."""
    mask[top : top + STROKE, left : left + size // 2] = True
    for row in range(size):
        x = left + size // 2 - STROKE - row // 4
        mask[top + row, x : x + STROKE] = True
    return mask
