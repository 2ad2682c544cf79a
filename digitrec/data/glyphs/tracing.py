"""Skeletons in somebody's hand: the points that a pen goes through."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from digitrec.data.synthetic.skeletons import Skeleton
from digitrec.data.synthetic.strokes import spline_matrix


def trace(
    skeleton: Skeleton, count: int, random: torch.Generator, digit_sized: bool, longest: float
) -> Iterator[list[NDArray[np.float32]]]:
    """Draw the strokes of a skeleton as so many hands would.

    Args:
        skeleton: the strokes, in a box of 0..1.
        count: how many hands.
        random: the generator.
        digit_sized: whether the result's longest side is ``longest`` and its box in the middle, as a digit's
            is; else the skeleton's box keeps its place, as a comma at the foot of a line does.
        longest: the length, in units, of the longest side, or of the skeleton's box.

    Yields:
        For each hand its strokes, float32 (points, 2): x, y in units from the frame's center.
    """
    points = list(dict.fromkeys(point for stroke in skeleton for point in stroke))
    curves = [
        spline_matrix([points.index(point) for point in stroke], len(points)).numpy() for stroke in skeleton
    ]
    plain = np.array(points, np.float32)

    def uniform(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=random))

    for _ in range(count):
        x, y = plain.T
        if digit_sized:  # where the middle lies, a loop's share of the height, differs from hand to hand
            x = x + uniform(-0.2, 0.2) * np.sin(np.pi * x) / np.pi
            y = y + uniform(-0.4, 0.4) * np.sin(np.pi * y) / np.pi
        x = (x - 0.5) * uniform(0.4, 1.0)
        hand = np.stack([x + uniform(-0.2, 0.25) * (0.5 - y), y - 0.5], axis=1)
        jitter = (0.04 if digit_sized else 0.02) * uniform(0.2, 1)
        hand = hand + jitter * torch.randn(hand.shape, generator=random).numpy()
        if digit_sized:
            low, high = hand.min(0), hand.max(0)
            hand = (hand - (low + high) / 2) / max(float((high - low).max()), 0.2)
        elif uniform(0, 1) < 0.5:
            hand = hand * uniform(0.7, 1.1)
        yield [(curve @ hand * longest).astype(np.float32) for curve in curves]
