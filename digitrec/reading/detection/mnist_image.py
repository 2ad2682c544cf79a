"""A digit's foreground as a 28x28 image, as MNIST has it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitrec.models.pretrained import BOX, SIDE
from digitrec.reading.detection.decoding import Map

LEAST, MOST = 0.1, 0.6
"""Foreground probabilities that become black and white. They are low, since a stroke that lies on a rule is
faint: with 0.35 and 1.0 the foot of a 2 was lost, and it was read as 7."""

FINE = 4
"""The digit is first resized to this many times its final resolution, where its edges are made sharp."""


def mnist_image(mask: Map, pixels_across: float = 1.0, pixels_down: float = 1.0) -> NDArray[np.uint8]:
    """Bring a digit to MNIST's form: longest side 20 pixels, center of mass in the middle of 28x28.

    Args:
        mask: float32 (height, width), foreground probabilities, 0 outside the digit.
        pixels_across: how many pixels of the mask a pixel of the page has, across.
        pixels_down: the same down.

    Returns:
        uint8 (28, 28), white on black.
    """
    height, width = mask.shape[0] / pixels_down, mask.shape[1] / pixels_across
    scale = BOX / max(height, width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    stretched = np.clip((mask - LEAST) / (MOST - LEAST), 0, 1).astype(np.float32)
    large = Image.fromarray(stretched).resize((FINE * columns, FINE * rows), Image.Resampling.BICUBIC)
    sharp = np.clip((np.asarray(large) - 0.5) * 2 + 0.5, 0, 1)
    digit = sharp.reshape(rows, FINE, columns, FINE).mean((1, 3))
    frame = np.zeros((SIDE, SIDE), np.float32)
    total = float(digit.sum())
    row = float(digit.sum(1) @ np.arange(rows)) / total if total else (rows - 1) / 2
    column = float(digit.sum(0) @ np.arange(columns)) / total if total else (columns - 1) / 2
    top = min(max(round((SIDE - 1) / 2 - row), 0), SIDE - rows)
    left = min(max(round((SIDE - 1) / 2 - column), 0), SIDE - columns)
    frame[top : top + rows, left : left + columns] = digit
    return (frame * 255).round().astype(np.uint8)
