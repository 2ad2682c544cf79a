"""Images that are no digits, made of digits and random strokes: what a classifier learns to doubt.

For training only, after Hendrycks et al., "Deep Anomaly Detection with Outlier Exposure" (2019).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from digitrec.data.skeletons import LETTERS
from digitrec.data.strokes import centred, distance_to, draw, moved
from digitrec.models.normalization import SIDE

JITTER = 0.04  # of the points of a letter, as a share of its height
UPRIGHT_ONLY = (2, 3, 4, 5, 6, 7, 9)  # no digits any more after a quarter turn


class OutlierImages:
    """Makes images without a digit, in a digit's place and size.

    In ten there are one of two digits run into one, one digit after a quarter turn, three letters, two of a
    few strokes between the points of a grid, two scribbles of many strokes, and one blot. None is drawn with
    a font. Some look like a digit by chance.

    Args:
        count: How many are made, at least 10.
        seed: Of the random numbers, which come from a generator of their own.

    Raises:
        ValueError: count is below 10.
    """

    def __init__(self, count: int = 40_000, seed: int = 0) -> None:
        if count < 10:
            raise ValueError(f"count must be at least 10, not {count}.")
        self._count = count
        self._seed = seed

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return uint8 (count, 28, 28) in random order, the same for the same digits.

        Args:
            images: uint8 (N, 28, 28), digits.
            labels: int64 (N,).
        """
        random = torch.Generator().manual_seed(self._seed)
        kinds = [overlaid, turned, letters, letters, letters, glyphs, glyphs, scribbles, scribbles, blots]
        sizes = [(self._count + index) // len(kinds) for index in range(len(kinds))]
        made = [kind(images, labels, size, random) for kind, size in zip(kinds, sizes, strict=True)]
        order = torch.randperm(self._count, generator=random)
        return centred(torch.cat(made))[order].round().to(torch.uint8)


def overlaid(images: Tensor, labels: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Write a digit over the edge of another, so that they run into one, float (count, 28, 28)."""
    first, second = torch.randint(len(images), (2, count), generator=random)
    away = torch.rand(count, 2, generator=random) * torch.tensor([4, 8]) + torch.tensor([8, -4])
    aside = torch.where(torch.rand(count, 1, generator=random) < 0.8, away, away.flip(1))
    # Each goes half the way: what is moved out of the frame is cut.
    return torch.maximum(moved(images[first].float(), aside / 2), moved(images[second].float(), -aside / 2))


def turned(images: Tensor, labels: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Turn digits by a quarter, one way or the other, float (count, 28, 28)."""
    upright = torch.isin(labels, torch.tensor(UPRIGHT_ONLY)).nonzero().squeeze(1)
    chosen = images[upright[torch.randint(len(upright), (count,), generator=random)]].float().mT
    left = torch.rand(count, 1, 1, generator=random) < 0.5
    return torch.where(left, chosen.flip(1), chosen.flip(2))


def letters(images: Tensor, labels: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Draw letters that no digit looks like from their skeletons, float (count, 28, 28)."""
    sizes = [(count + index) // len(LETTERS) for index in range(len(LETTERS))]
    drawn = [draw(skeleton, size, JITTER, random) for skeleton, size in zip(LETTERS, sizes, strict=True)]
    return torch.cat(drawn).float()


def glyphs(images: Tensor, labels: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Draw two to five strokes between the points of a grid, as letters have them."""
    return _strokes(count, random, most=5, least=2)


def scribbles(images: Tensor, labels: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Draw six to fourteen strokes, each from where one before it ended."""
    return _strokes(count, random, most=14, least=6)


def blots(images: Tensor, labels: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Fill a shape with an uneven edge, float (count, 28, 28)."""
    centre = torch.arange(SIDE) - (SIDE - 1) / 2
    radius = centre.square().add(centre.square().unsqueeze(1)).sqrt()
    uneven = F.interpolate(torch.randn(count, 1, 6, 6, generator=random), size=SIDE, mode="bicubic").squeeze(
        1
    )
    reach = 4 + 7 * torch.rand(count, 1, 1, generator=random)
    return (255 * (reach + 3 * uneven - radius)).clamp(0, 255)


def _strokes(count: int, random: torch.Generator, least: int, most: int) -> Tensor:
    """Draw lines and arcs between the points of a 3 by 3 grid, each from where one before it ended.

    Args:
        count: How many images.
        random: The generator.
        least: Strokes in an image at the least.
        most: Strokes at the most.

    Returns:
        Float (count, 28, 28), 0 to 255.
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
    strokes = torch.randint(least, most + 1, (count, 1), generator=random)
    drawn = (torch.arange(most) < strokes).view(count, most, 1, 1)
    radius = 1 + torch.rand(count, 1, 1, generator=random)
    distance = distance_to(torch.where(drawn, curve, 1000.0).flatten(1, 2))
    return (255 * (radius + 0.5 - distance)).clamp(0, 255)
