"""Random choices of a scene."""

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from digitrec.data.seeds import mix_seed

T = TypeVar("T")


class Dice:
    """A generator with the draws that scenes need; the key alone decides them.

    Args:
        key: any integers, such as seed, step, rank and number.
    """

    def __init__(self, *key: int) -> None:
        self.generator = np.random.Generator(np.random.SFC64(mix_seed(*key)))

    def chance(self, probability: float) -> bool:
        """Return True with that probability."""
        return self.generator.random() < probability

    def uniform(self, low: float, high: float) -> float:
        """Draw a number between two."""
        return low + (high - low) * self.generator.random()

    def log_uniform(self, low: float, high: float) -> float:
        """Draw a positive number between two, whose logarithm is uniform."""
        return low * math.exp(math.log(max(high, low) / low) * self.generator.random())

    def normal(self, spread: float, mean: float = 0.0) -> float:
        """Draw a normal number."""
        return mean + spread * float(self.generator.standard_normal())

    def below(self, count: int) -> int:
        """Draw an integer from 0 to count - 1."""
        return int(count * self.generator.random())

    def pick(self, choices: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """Pick one of several; with weights that need not sum to 1."""
        if weights is None:
            return choices[self.below(len(choices))]
        place = self.uniform(0, sum(weights))
        for choice, weight in zip(choices, weights, strict=True):
            place -= weight
            if place < 0:
                return choice
        return choices[-1]

    def noise(self, height: int, width: int) -> NDArray[np.float32]:
        """Draw standard normal numbers, float32 (height, width)."""
        return self.generator.standard_normal((height, width), np.float32)
