"""Synthetic digits for training: MNIST was written by Americans, and people elsewhere write otherwise.

Elsewhere a 1 has an upstroke, or a base as in print, a 7 has a bar and a 9 a curl; a 4 may be closed and a 0
square.
"""

import torch
from torch import Tensor

from digitrec.data.synthetic.skeletons import digit_skeletons
from digitrec.data.synthetic.strokes import draw


class SyntheticDigits:
    """Adds digits that are drawn from skeletons to the training digits.

    Args:
        count: number of digits to add, at least 10; each digit equally often, up to one.
        jitter: standard deviation of the displacement of a point, as a share of the digit's height, 0 to 1.
        seed: of the random numbers, which come from a generator of their own.

    Raises:
        ValueError: count is below 10, or jitter is out of its range.
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
        """Return the digits followed by the synthetic ones, which are the same for the same seed.

        Args:
            images: uint8 (N, 28, 28), digits.
            labels: int64 (N,).
        """
        random = torch.Generator().manual_seed(self._seed)
        all_images, all_labels = [images], [labels]
        for digit, skeletons in digit_skeletons().items():
            of_digit = (self._count + digit) // 10
            for number, skeleton in enumerate(skeletons):
                count = (of_digit + number) // len(skeletons)
                all_images.append(draw(skeleton, count, self._jitter, random))
                all_labels.append(labels.new_full((count,), digit))
        return torch.cat(all_images), torch.cat(all_labels)
