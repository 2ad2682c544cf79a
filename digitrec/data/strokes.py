"""Strokes of a pen to 28x28 images, in the place and size that MNIST gives its digits. For training only."""

import torch
from torch import Tensor

from digitrec.models.geometry import affine_maps, distort
from digitrec.models.normalization import BOX, SIDE

Stroke = tuple[tuple[float, float], ...]
"""Points x, y, in 0..1 from the upper left, that a smooth curve goes through; two make a straight line."""

Skeleton = tuple[Stroke, ...]
"""The strokes of a digit or a letter; where two share a point they are joined, at a corner."""

_PLACES = 16  # that the pen is set down at between two points of a curve, at least; of a line, twice as many


def draw(skeleton: Skeleton, count: int, jitter: float, random: torch.Generator) -> Tensor:
    """Draw a skeleton so many times, each in another hand, in the size and place of MNIST's digits.

    A hand has its own width (0.45 to 1 of the skeleton's), slant (up to a quarter), middle and pen (a radius
    of 0.6 to 1.9 pixels), each drawn evenly.

    Args:
        skeleton: what is drawn.
        count: how many times.
        jitter: standard deviation of a point's displacement, as a share of the height.
        random: the generator.

    Returns:
        uint8 (count, 28, 28), white on black.
    """
    points = list(dict.fromkeys(point for stroke in skeleton for point in stroke))  # a corner moves as one
    curves = torch.cat(
        [_curve([points.index(point) for point in stroke], len(points)) for stroke in skeleton]
    )

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, generator=random)

    x, y = torch.tensor(points).expand(count, -1, -1).unbind(2)
    # Where the middle lies, a loop's share of the height, say, differs from hand to hand.
    x = x + uniform(-0.2, 0.2) * torch.sin(torch.pi * x) / torch.pi
    y = y + uniform(-0.4, 0.4) * torch.sin(torch.pi * y) / torch.pi
    x = x * uniform(0.45, 1.0)
    slant = uniform(-0.25, 0.25)
    hand = torch.stack([x + slant * (0.5 - y), y], dim=2)
    hand = hand + jitter * torch.randn(hand.shape, generator=random)
    low, high = hand.amin(1, keepdim=True), hand.amax(1, keepdim=True)
    size = (high - low).amax(2, keepdim=True)
    pen = uniform(0.6, 1.9).unsqueeze(2)
    places = curves @ ((hand - (low + high) / 2) / size * 18)
    return centred((255 * (pen + 0.5 - distance_to(places))).clamp(0, 255)).round().to(torch.uint8)


def _curve(stroke: list[int], count: int) -> Tensor:
    """The matrix (places, count) from all points to places along a stroke through some of them.

    A Catmull-Rom spline: between two points a cubic whose slope at each is that from its predecessor to its
    successor (Catmull and Rom, "A Class of Local Interpolating Splines", 1974). At an end the point itself is
    its neighbour; a stroke that ends where it begins goes round smoothly.
    """
    closed = stroke[0] == stroke[-1]
    ends = ([stroke[-2]], [stroke[1]]) if closed else ([stroke[0]], [stroke[-1]])
    knots = torch.eye(count)[[*ends[0], *stroke, *ends[1]]]
    along = torch.linspace(0, len(stroke) - 1, _PLACES * max(2, len(stroke) - 1))
    segment = along.long().clamp(max=len(stroke) - 2)
    t = (along - segment).unsqueeze(1)
    before, start, end, after = (knots[segment + step] for step in range(4))
    return 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )


def distance_to(points: Tensor) -> Tensor:
    """Distance of each pixel to the nearest of (count, n, 2) points x, y from the centre: (count, 28, 28)."""
    centre = torch.arange(SIDE) - (SIDE - 1) / 2
    y, x = torch.meshgrid(centre, centre, indexing="ij")
    pixels = torch.stack([x, y], dim=2).view(1, -1, 2)
    few_at_a_time = torch.split(points, 32)
    nearest = [torch.cdist(pixels.expand(len(part), -1, -1), part).amin(2) for part in few_at_a_time]
    return torch.cat(nearest).view(-1, SIDE, SIDE)


def moved(images: Tensor, shift: Tensor) -> Tensor:
    """Shift each of float (batch, 28, 28) by (batch, 2) pixels to the right and down."""
    still = torch.zeros(len(images))
    maps = affine_maps(still, torch.ones(len(images), 2), still, shift)
    return distort(images, maps, torch.zeros(len(images), 2, 2, 2))


def centred(images: Tensor) -> Tensor:
    """Give float (batch, 28, 28) the place and size of MNIST's digits.

    The longest side becomes 20 pixels, the centre of mass the frame's centre; what is empty stays so.
    """
    places = torch.arange(SIDE) - (SIDE - 1) / 2
    ink = images > 64
    extent = torch.stack([_span(ink.any(1)), _span(ink.any(2))]).amax(0).clamp(min=1)
    scale = (BOX / extent).unsqueeze(1).expand(-1, 2)
    still, nowhere = torch.zeros(len(images)), torch.zeros(len(images), 2)
    weights = images.sum((1, 2)).clamp(min=1)
    mass = torch.stack([images.sum(1) @ places / weights, images.sum(2) @ places / weights], dim=1)
    # The map scales about the frame's centre, so the centre of mass is scaled before it is moved there.
    maps = affine_maps(still, scale, still, nowhere - mass * scale)
    return distort(images, maps, torch.zeros(len(images), 2, 2, 2))


def _span(occupied: Tensor) -> Tensor:
    """Pixels from the first to the last that is True, (batch, 28) to (batch,); 0 where none is."""
    numbers = torch.arange(1, SIDE + 1)
    last = (occupied * numbers).amax(1)
    first = (occupied * numbers.flip(0)).amax(1)
    return (last + first - SIDE).clamp(min=0)
