"""Out-of-distribution images for training, made of digits and random strokes.

A classifier learns from them to have low confidence in anything that is not a digit: Hendrycks et al.,
"Deep Anomaly Detection with Outlier Exposure" (2019).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from digitrec.data.synthetic.skeletons import letter_skeletons
from digitrec.data.synthetic.strokes import center, distance_to, draw, shifted
from digitrec.models.normalization import SIDE

JITTER = 0.04
"""Standard deviation of the displacement of a letter's points, as a share of its height."""

UPRIGHT_ONLY = (2, 3, 4, 5, 6, 7, 9)
"""Digits that are no digits after a rotation by 90 degrees."""


class OutlierImages:
    """Makes images without a digit, with the size and position of a digit.

    Of eleven images one shows two overlapping digits, one a digit rotated by 90 degrees, three a letter, two
    a few strokes between the points of a grid, two a scribble of many strokes, one a blot, and one noise.
    None is drawn with a font. Some look like a digit by chance.

    Args:
        count: number of images, at least 11.
        seed: of the random numbers, which come from a generator of their own.

    Raises:
        ValueError: count is below 11.
    """

    def __init__(self, count: int = 40_000, seed: int = 0) -> None:
        if count < 11:
            raise ValueError(f"count must be at least 11, not {count}.")
        self._count = count
        self._seed = seed

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return uint8 (count, 28, 28) in random order, the same for the same digits.

        Args:
            images: uint8 (N, 28, 28), digits.
            labels: int64 (N,).
        """
        random = torch.Generator().manual_seed(self._seed)
        kinds = [overlapping, rotated, *[letters] * 3, *[glyphs] * 2, *[scribbles] * 2, blots, noise]
        sizes = [(self._count + index) // len(kinds) for index in range(len(kinds))]
        made = [kind(images, labels, size, random) for kind, size in zip(kinds, sizes, strict=True)]
        order = torch.randperm(self._count, generator=random)
        return center(torch.cat(made))[order].round().to(torch.uint8)


def overlapping(images: Tensor, labels: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Write a digit over the edge of another, float (count, 28, 28)."""
    first, second = torch.randint(len(images), (2, count), generator=random)
    away = torch.rand(count, 2, generator=random) * torch.tensor([4, 8]) + torch.tensor([8, -4])
    aside = torch.where(torch.rand(count, 1, generator=random) < 0.8, away, away.flip(1))
    # Each is shifted by half the distance: what leaves the frame is cut off.
    return torch.maximum(
        shifted(images[first].float(), aside / 2), shifted(images[second].float(), -aside / 2)
    )


def rotated(images: Tensor, labels: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Rotate digits by 90 degrees in one direction or the other, float (count, 28, 28)."""
    upright = torch.isin(labels, torch.tensor(UPRIGHT_ONLY)).nonzero().squeeze(1)
    chosen = images[upright[torch.randint(len(upright), (count,), generator=random)]].float().mT
    left = torch.rand(count, 1, 1, generator=random) < 0.5
    return torch.where(left, chosen.flip(1), chosen.flip(2))


def letters(images: Tensor, labels: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Draw letters that no digit looks like from their skeletons, float (count, 28, 28)."""
    skeletons = letter_skeletons()
    sizes = [(count + index) // len(skeletons) for index in range(len(skeletons))]
    drawn = [draw(skeleton, size, JITTER, random) for skeleton, size in zip(skeletons, sizes, strict=True)]
    return torch.cat(drawn).float()


def glyphs(images: Tensor, labels: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Draw two to five strokes between the points of a grid, similar to letters."""
    return _strokes(count, random, fewest=2, most=5)


def scribbles(images: Tensor, labels: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Draw six to fourteen strokes, each starting at the end of an earlier one."""
    return _strokes(count, random, fewest=6, most=14)


def blots(images: Tensor, labels: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Fill a shape with an uneven edge, float (count, 28, 28)."""
    center = torch.arange(SIDE) - (SIDE - 1) / 2
    radius = center.square().add(center.square().unsqueeze(1)).sqrt()
    uneven = F.interpolate(torch.randn(count, 1, 6, 6, generator=random), size=SIDE, mode="bicubic").squeeze(
        1
    )
    reach = 4 + 7 * torch.rand(count, 1, 1, generator=random)
    return (255 * (reach + 3 * uneven - radius)).clamp(0, 255)


def noise(images: Tensor, labels: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Make noise of grains of one to four pixels, from sparse to dense, float (count, 28, 28)."""
    made = []
    for grain, share in zip((1, 2, 4), ((count + 2) // 3, (count + 1) // 3, count // 3), strict=True):
        grains = torch.rand(share, 1, SIDE // grain, SIDE // grain, generator=random)
        fields = F.interpolate(grains, size=SIDE, mode="bilinear").squeeze(1)
        least = 0.8 * torch.rand(share, 1, 1, generator=random)
        made.append(255 * ((fields - least) / (1 - least)).clamp(0, 1))
    return torch.cat(made)


def _strokes(count: int, random: torch.Generator, fewest: int, most: int) -> Tensor:
    """Draw lines and arcs between the points of a 3 by 3 grid, each starting at the end of an earlier one.

    Args:
        count: number of images.
        random: the generator.
        fewest: smallest number of strokes in an image.
        most: largest number of strokes.

    Returns:
        float (count, 28, 28), 0 to 255.
    """
    grid = torch.randint(3, (count, most + 1, 2), generator=random).float() - 1
    corners = grid * torch.tensor([7.0, 9.0]) + torch.randn(count, most + 1, 2, generator=random)
    starts = (torch.rand(count, most, generator=random) * torch.arange(1, most + 1)).long()
    begin = corners.gather(1, starts.unsqueeze(2).expand(-1, -1, 2))
    end = corners[:, 1:]
    aside = (end - begin).flip(2) * torch.tensor([1.0, -1.0])
    bulge = torch.tensor([0.0, 0.0, -1.0, 1.0])[torch.randint(4, (count, most, 1), generator=random)]
    middle = (begin + end) / 2 + aside * bulge
    along = torch.linspace(0, 1, 28).view(28, 1)  # less than a pixel apart
    curve = (
        begin.unsqueeze(2) * (1 - along) ** 2
        + middle.unsqueeze(2) * (2 * along * (1 - along))
        + end.unsqueeze(2) * along**2
    )
    strokes = torch.randint(fewest, most + 1, (count, 1), generator=random)
    drawn = (torch.arange(most) < strokes).view(count, most, 1, 1)
    radius = 1 + torch.rand(count, 1, 1, generator=random)
    distance = distance_to(torch.where(drawn, curve, 1000.0).flatten(1, 2))
    return (255 * (radius + 0.5 - distance)).clamp(0, 255)
