"""Drawing strokes into 28x28 images, with the position and size of MNIST's digits. For training only."""

import torch
from torch import Tensor

from digitrec.data.synthetic.skeletons import Skeleton
from digitrec.models.geometry import affine_maps, distort
from digitrec.models.normalization import BOX, SIDE

FOREGROUND = 64
"""Pixels brighter than this are part of a stroke, 0 to 255."""

SAMPLES = 16
"""Samples of a curve between two of its points; of a straight line there are twice as many."""


def draw(skeleton: Skeleton, count: int, jitter: float, random: torch.Generator) -> Tensor:
    """Draw a skeleton several times, each in another hand, with the size and position of MNIST's digits.

    Each hand has its own width (0.45 to 1 of the skeleton's), slant (up to 0.25), middle and pen (a radius of
    0.6 to 1.9 pixels), all uniformly distributed.

    Args:
        skeleton: the strokes.
        count: number of images.
        jitter: standard deviation of the displacement of a point, as a share of the height.
        random: the generator.

    Returns:
        uint8 (count, 28, 28), white on black.
    """
    points = list(dict.fromkeys(point for stroke in skeleton for point in stroke))  # a corner moves as one
    curves = torch.cat(
        [spline_matrix([points.index(point) for point in stroke], len(points)) for stroke in skeleton]
    )

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, generator=random)

    x, y = torch.tensor(points).expand(count, -1, -1).unbind(2)
    # The position of the middle differs from hand to hand: the share of a loop in the height, for example.
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
    return center((255 * (pen + 0.5 - distance_to(places))).clamp(0, 255)).round().to(torch.uint8)


def spline_matrix(stroke: list[int], count: int) -> Tensor:
    """Return the matrix (samples, count) from all points to samples along a stroke through some of them.

    The stroke is a Catmull-Rom spline (Catmull and Rom, "A Class of Local Interpolating Splines", 1974):
    between two points it is a cubic, whose slope at each point is the slope between its two neighbors. An end
    point is its own neighbor; a stroke that ends where it begins is closed smoothly.
    """
    closed = stroke[0] == stroke[-1]
    ends = ([stroke[-2]], [stroke[1]]) if closed else ([stroke[0]], [stroke[-1]])
    knots = torch.eye(count)[[*ends[0], *stroke, *ends[1]]]
    along = torch.linspace(0, len(stroke) - 1, SAMPLES * max(2, len(stroke) - 1))
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
    """Return the distance of each pixel to the nearest point, (count, 28, 28).

    Args:
        points: (count, n, 2), x and y from the center of the frame, in pixels.
    """
    center = torch.arange(SIDE) - (SIDE - 1) / 2
    y, x = torch.meshgrid(center, center, indexing="ij")
    pixels = torch.stack([x, y], dim=2).view(1, -1, 2)
    few_at_a_time = torch.split(points, 32)
    nearest = [torch.cdist(pixels.expand(len(part), -1, -1), part).amin(2) for part in few_at_a_time]
    return torch.cat(nearest).view(-1, SIDE, SIDE)


def shifted(images: Tensor, shift: Tensor) -> Tensor:
    """Shift each of float (batch, 28, 28) by (batch, 2) pixels to the right and down."""
    still = torch.zeros(len(images))
    maps = affine_maps(still, torch.ones(len(images), 2), still, shift)
    return distort(images, maps, torch.zeros(len(images), 2, 2, 2))


def center(images: Tensor) -> Tensor:
    """Give float (batch, 28, 28) the size and position of MNIST's digits.

    The longest side becomes 20 pixels, the center of mass the center of the frame. Empty images stay empty.
    """
    places = torch.arange(SIDE) - (SIDE - 1) / 2
    foreground = images > FOREGROUND
    extent = torch.stack([_span(foreground.any(1)), _span(foreground.any(2))]).amax(0).clamp(min=1)
    scale = (BOX / extent).unsqueeze(1).expand(-1, 2)
    still, nowhere = torch.zeros(len(images)), torch.zeros(len(images), 2)
    weights = images.sum((1, 2)).clamp(min=1)
    mass = torch.stack([images.sum(1) @ places / weights, images.sum(2) @ places / weights], dim=1)
    # The map scales about the center of the frame, so the center of mass is scaled before it is moved there.
    maps = affine_maps(still, scale, still, nowhere - mass * scale)
    return distort(images, maps, torch.zeros(len(images), 2, 2, 2))


def _span(occupied: Tensor) -> Tensor:
    """Count the pixels from the first to the last that is True, (batch, 28) to (batch,); 0 if none is."""
    numbers = torch.arange(1, SIDE + 1)
    last = (occupied * numbers).amax(1)
    first = (occupied * numbers.flip(0)).amax(1)
    return (last + first - SIDE).clamp(min=0)
