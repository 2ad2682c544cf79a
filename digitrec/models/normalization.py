"""The 28x28 digit: its constants, and the function from pixels to the input of a network.

Training data and crops of pictures both pass through ``normalize``, so they cannot differ.
"""

import torch
from torch import Tensor

from digitrec.models.pretrained import BOX, SIDE

__all__ = ["BACKGROUND", "BOX", "MEAN", "SIDE", "STD", "normalize"]

MEAN, STD = 0.1307, 0.3081
"""Mean and standard deviation of the pixels of the 60,000 training images, scaled to 0..1."""

BACKGROUND = torch.tensor(-MEAN / STD)
"""The value of a black pixel after ``normalize``; a scalar tensor, which works with any device."""


def normalize(pixels: Tensor) -> Tensor:
    """Scale pixels to 0..1 and standardize them with the mean and standard deviation of MNIST.

    Args:
        pixels: (..., 28, 28), bright digits on black; uint8 or float in 0..255, on any device.

    Returns:
        float32 of the same shape and on the same device, about -0.42 (background) to 2.82 (digit).
    """
    return torch.add(BACKGROUND, pixels.float(), alpha=1 / (255 * STD))  # one pass over the pixels
