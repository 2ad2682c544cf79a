"""MLP: the fully connected network of the published recipe."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from digitrec.models.geometry import deskew
from digitrec.models.normalization import BACKGROUND, SIDE

PIXELS = SIDE * SIDE
"""Pixels of a digit image."""


class MLP(nn.Module):
    """Fully connected network with ReLU and a LogSoftmax output; 109,386 parameters by default.

    Args:
        hidden: widths of the hidden layers, each at least 1; an empty tuple is softmax regression.
        deskew: whether digits are brought to an upright slant first, in training and afterwards; see
            ``geometry.deskew``.

    Raises:
        ValueError: a width is smaller than 1.
    """

    returns_log_probabilities = True

    def __init__(self, hidden: tuple[int, ...] = (128, 64), deskew: bool = False) -> None:
        super().__init__()
        if hidden is None or any(width < 1 for width in hidden):  # None: null in a config
            raise ValueError(f"hidden must be a list of widths of at least 1, as in [128, 64], not {hidden}")
        self.hidden, self.deskew = tuple(hidden), deskew
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in pairwise((PIXELS, *hidden)):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        layers.append(nn.Linear((PIXELS, *hidden)[-1], 10))
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """Log-probabilities (batch, 10) of normalized images (batch, 28, 28)."""
        if self.deskew:
            images = deskew(images - BACKGROUND) + BACKGROUND
        # In float32 also where the layers run in bfloat16: its 8 bits would not sum to one.
        return F.log_softmax(self.layers(images), dim=1, dtype=torch.float32)
