"""Digits drawn from skeletons, to train on: MNIST's writers were Americans, and others write otherwise.

Elsewhere a 1 has an upstroke, or a base as in print, a 7 a bar, a 9 a curl; a 4 may be closed, a 0 square.
"""

import torch
from torch import Tensor

from digitrec.data.skeletons import DIGITS
from digitrec.data.strokes import draw


class SyntheticDigits:
    """Adds digits drawn from skeletons to the training digits.

    Args:
        count: how many are added, at least 10; of each digit as many, up to one.
        jitter: standard deviation of a point's displacement, as a share of the digit's height.
        seed: of the random numbers, which come from a generator of their own.

    Raises:
        ValueError: count is below 10, or jitter is negative.
    """

    def __init__(self, count: int = 20_000, jitter: float = 0.04, seed: int = 0) -> None:
        if count < 10:
            raise ValueError(f"count must be at least 10, not {count}.")
        if not 0 <= jitter < 1:
            raise ValueError(f"jitter must be at least 0 and below 1, not {jitter}.")
        self._count = count
        self._jitter = jitter
        self._seed = seed

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the digits with the drawn ones behind them, which are the same for the same seed.

        Args:
            images: uint8 (N, 28, 28), digits.
            labels: int64 (N,).
        """
        random = torch.Generator().manual_seed(self._seed)
        made, names = [images], [labels]
        for digit, ways in DIGITS.items():
            of_digit = (self._count + digit) // len(DIGITS)
            for number, skeleton in enumerate(ways):
                count = (of_digit + number) // len(ways)
                made.append(draw(skeleton, count, self._jitter, random))
                names.append(labels.new_full((count,), digit))
        return torch.cat(made), torch.cat(names)
