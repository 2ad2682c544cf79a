"""Small images and parameters for tests of geometry and distortion."""

import torch
from torch import Tensor

from digitrec.models.geometry import affine_maps


def maps_of(
    rotation: float = 0.0,
    scale: tuple[float, float] = (1.0, 1.0),
    shear: float = 0.0,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Tensor:
    """Return the map of one digit, (1, 2, 3)."""
    return affine_maps(*(torch.tensor([value]) for value in (rotation, scale, shear, shift)))


def no_displacement(points: int = 5) -> Tensor:
    return torch.zeros(1, 2, points, points)


def noise(batch: int = 1) -> Tensor:
    """Return uint8 images of noise up to the edge."""
    return torch.randint(
        0, 256, (batch, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


def dot(row: int, column: int) -> Tensor:
    image = torch.zeros(1, 28, 28)
    image[0, row, column] = 200.0
    return image
