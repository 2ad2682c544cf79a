"""The 28x28 digit: its constants, and the one function between its pixels and the network's input.

Training data and the user's pictures pass through here, so they cannot drift apart.
"""

import torch
from torch import Tensor

SIDE = 28
"""Height and width of a digit in pixels, as MNIST has it."""

BOX = 20
"""The longest side of a digit in its 28x28 image (LeCun et al. 1998)."""

MEAN, STD = 0.1307, 0.3081
"""Mean and standard deviation of the pixels of the 60,000 training images, black 0, white 1."""

GROUND = torch.tensor(-MEAN / STD)
"""What normalize makes of black; a tensor without dimensions, which goes with any device."""


def normalize(pixels: Tensor) -> Tensor:
    """Turn pixels into what the network takes: scaled to 0..1, standardized with MNIST's mean and spread.

    Args:
        pixels: (..., 28, 28), white ink on black ground; uint8 or float in 0..255, on any device.

    Returns:
        float32 of the same shape and on the same device, about -0.42 (ground) to 2.82 (ink).
    """
    return torch.add(GROUND, pixels.float(), alpha=1 / (255 * STD))  # one pass over the pixels
