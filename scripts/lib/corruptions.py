"""Eight corruptions of MNIST-C, reimplemented from their definitions, each for a whole test set at once.

Mu and Gilmer, "MNIST-C: A Robustness Benchmark for Computer Vision" (2019), at the severity of its published
test set. Each takes images, float (N, 28, 28), 0 to 255, and a random generator, and returns new images of
the same shape and range. The random numbers differ from those of MNIST-C, and so do the images.
"""

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from digitrec.models.geometry import distort
from digitrec.models.normalization import SIDE

Corruption = Callable[[Tensor, Generator], Tensor]


def shot_noise(images: Tensor, random: Generator) -> Tensor:
    """Replace each pixel by a Poisson count of photons; a white pixel sends 3 on average."""
    return (torch.poisson(images / 255 * 3, random) / 3).clamp(max=1) * 255


def impulse_noise(images: Tensor, random: Generator) -> Tensor:
    """Set each pixel to black or white with a probability of 0.17."""
    hit = torch.rand(images.shape, generator=random) < 0.17
    salt = torch.rand(images.shape, generator=random) < 0.5
    return torch.where(hit, 255.0 * salt, images)


def motion_blur(images: Tensor, random: Generator) -> Tensor:
    """Blur each image along a random direction, at most 45 degrees from horizontal.

    As ImageMagick's motion blur of radius 10 and sigma 3: a pixel is the mean of 21 pixels, itself and those
    to one side, weighted by half a Gaussian. Outside the image the edge is repeated.
    """
    angles = torch.deg2rad(torch.rand(len(images), generator=random) * 90 - 45)
    steps = torch.arange(21)
    weights = torch.exp(-(steps**2) / (2 * 3**2))
    weights /= weights.sum()
    rows = torch.arange(SIDE) + (steps[:, None] * angles.sin() - 0.5).ceil().long()[..., None]
    columns = torch.arange(SIDE) + (steps[:, None] * angles.cos() - 0.5).ceil().long()[..., None]
    rows, columns = rows.clamp(0, SIDE - 1), columns.clamp(0, SIDE - 1)
    index = torch.arange(len(images))[:, None, None]
    blurred = torch.zeros_like(images)
    for step, weight in enumerate(weights):
        blurred += weight * images[index, rows[step][:, :, None], columns[step][:, None, :]]
    return blurred


def shear(images: Tensor, random: Generator) -> Tensor:
    """Shear each image by 0.4 radians to one side or the other.

    A pixel dy below the center is sampled dy sin 0.4 to the side and at dy cos 0.4, as the affine transform
    of scikit-image did at that time; it made the image a little taller, too.
    """
    angle = 0.4 * signs(len(images), random)
    one, zero = torch.ones_like(angle), torch.zeros_like(angle)
    return warp(images, torch.stack([one, -angle.sin(), zero, zero, angle.cos(), zero], dim=1))


def scale(images: Tensor, random: Generator) -> Tensor:
    """Shrink each image to 0.7 of its size."""
    return warp(images, torch.tensor([1 / 0.7, 0, 0, 0, 1 / 0.7, 0]).expand(len(images), 6))


def rotate(images: Tensor, random: Generator) -> Tensor:
    """Rotate each image by 0.4 radians in one direction or the other."""
    return rotated(images, 0.4 * signs(len(images), random))


def translate(images: Tensor, random: Generator) -> Tensor:
    """Shift each image by 3 pixels along both axes, in one direction or the other."""
    shifts = 3 * torch.stack([signs(len(images), random), signs(len(images), random)], dim=1)
    return shifted(images, shifts)


def stripe(images: Tensor, random: Generator) -> Tensor:
    """Invert the 7 columns of pixels on the left and on the right."""
    striped = images.clone()
    striped[..., :7] = 255 - images[..., :7]
    striped[..., 21:] = 255 - images[..., 21:]
    return striped


CORRUPTIONS: tuple[Corruption, ...] = (
    shot_noise,
    impulse_noise,
    motion_blur,
    shear,
    scale,
    rotate,
    translate,
    stripe,
)


def shifted(images: Tensor, shifts: Tensor) -> Tensor:
    """Shift each image by its own shift (N, 2), in pixels to the right and down; the border is black."""
    maps = torch.eye(2, 3).repeat(len(images), 1, 1)
    maps[:, :, 2] = -shifts
    return warp(images, maps.flatten(1))


def rotated(images: Tensor, angles: Tensor) -> Tensor:
    """Rotate each image around its center by its own angle (N,), in radians counter-clockwise."""
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    return warp(images, torch.stack([cos, -sin, zero, sin, cos, zero], dim=1))


def warp(images: Tensor, maps: Tensor) -> Tensor:
    """Sample each pixel bilinearly where the map (N, 6) of its image leads, from the center, y down."""
    return distort(images, maps.view(-1, 2, 3), torch.zeros(len(images), 2, 2, 2))


def signs(count: int, random: Generator) -> Tensor:
    """Draw -1 or 1 with equal probability: float (count,)."""
    return torch.randint(0, 2, (count,), generator=random) * 2.0 - 1
