"""Ways of writing digits that MNIST hardly has, made of its own digits: more to train on.

MNIST's writers were Americans. Elsewhere a 1 has an upstroke, or a base as in print, a 7 a bar, and a 9 a
curl.
"""

import torch
from torch import Tensor

from digitrec.images import SIDE
from digitrec.outliers import centred


class RareStyles:
    """Adds digits in other styles to the training digits.

    A 6 turned by half is a 9 with a curl, and a 9 is a 6 with a straight back. A 1 gets an upstroke, a base,
    or both; a 7 a bar across its stem.

    Args:
        share: of the digits 1, 6, 7 and 9 that are added once more in another style, above 0 and up to 1.
        seed: of the random numbers, which come from a generator of their own.

    Raises:
        ValueError: share is not above 0 and up to 1.
    """

    def __init__(self, share: float = 0.5, seed: int = 0) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"share must be above 0 and up to 1, not {share}.")
        self._share = share
        self._seed = seed

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the digits with the others behind them, the same for the same digits.

        Args:
            images: uint8 (N, 28, 28), digits.
            labels: int64 (N,).
        """
        random = torch.Generator().manual_seed(self._seed)

        def some(digit: int) -> Tensor:
            of_these = images[labels == digit]
            return of_these[
                torch.randperm(len(of_these), generator=random)[: round(self._share * len(of_these))]
            ]

        ones = some(1)
        upstroke, base = torch.rand(2, len(ones), generator=random) < 0.7
        ones = torch.where((upstroke | ~base).view(-1, 1, 1), with_upstroke(ones, random), ones)
        ones = torch.where(base.view(-1, 1, 1), with_base(ones, random), ones)
        added = {9: some(6).flip(1, 2), 6: some(9).flip(1, 2), 1: ones, 7: with_bar(some(7), random)}
        made = [centred(digits.float()).round().to(torch.uint8) for digits in added.values()]
        names = [labels.new_full((len(digits),), digit) for digit, digits in added.items()]
        return torch.cat([images, *made]), torch.cat([labels, *names])


def with_upstroke(ones: Tensor, random: torch.Generator) -> Tensor:
    """Draw a stroke from the top of each 1, uint8 (batch, 28, 28), down to the left."""
    top = _end(ones)
    reach = _uniform(ones, random, 3, 8), _uniform(ones, random, 2, 8)
    return _with_stroke(ones, top, top + torch.stack([-reach[0], reach[1]], dim=1), random)


def with_base(ones: Tensor, random: torch.Generator) -> Tensor:
    """Draw a nearly level stroke through the lower end of each 1, uint8 (batch, 28, 28)."""
    bottom = _end(ones.flip(1))
    bottom[:, 1] = SIDE - 1 - bottom[:, 1]
    left, right, rise = (_uniform(ones, random, *limits) for limits in ((2, 6), (2, 7), (-1, 1)))
    return _with_stroke(
        ones,
        bottom + torch.stack([-left, rise], dim=1),
        bottom + torch.stack([right, -rise], dim=1),
        random,
    )


def with_bar(sevens: Tensor, random: torch.Generator) -> Tensor:
    """Draw a nearly level stroke across the stem of each 7, uint8 (batch, 28, 28), at half its height."""
    ink = sevens.float()
    rows = torch.arange(SIDE).view(1, SIDE, 1)
    low = torch.where(ink > 64, rows, -1).amax((1, 2))
    high = torch.where(ink > 64, rows, SIDE).amin((1, 2))
    middle = ((low + high) / 2 + _uniform(sevens, random, -1, 2)).round().clamp(0, SIDE - 1)
    row = ink[torch.arange(len(ink)), middle.long()]
    x = (row * torch.arange(SIDE)).sum(1) / row.sum(1).clamp(min=1)
    centre = torch.stack([x, middle], dim=1)
    half, rise = _uniform(sevens, random, 3, 5), _uniform(sevens, random, -1, 1)
    away = torch.stack([half, -rise], dim=1)
    return _with_stroke(sevens, centre - away, centre + away, random)


def _end(digits: Tensor) -> Tensor:
    """Where the topmost ink is, float (batch, 2): x and y."""
    inked = digits > 128
    top = inked.any(2).float().argmax(1)
    row = digits[torch.arange(len(digits)), top].float()
    return torch.stack([(row * torch.arange(SIDE)).sum(1) / row.sum(1).clamp(min=1), top.float()], dim=1)


def _uniform(digits: Tensor, random: torch.Generator, low: float, high: float) -> Tensor:
    return low + (high - low) * torch.rand(len(digits), generator=random)


def _with_stroke(digits: Tensor, begin: Tensor, end: Tensor, random: torch.Generator) -> Tensor:
    """Draw a straight stroke from one place to another, each float (batch, 2), of 1.5 to 3 pixels."""
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    places = torch.stack([x, y], dim=2).float()
    along = (end - begin).view(-1, 1, 1, 2)
    offset = places - begin.view(-1, 1, 1, 2)
    share = ((offset * along).sum(3) / along.square().sum(3).clamp(min=1e-6)).clamp(0, 1)
    distance = (offset - share.unsqueeze(3) * along).square().sum(3).sqrt()
    half = _uniform(digits, random, 0.75, 1.5).view(-1, 1, 1)
    stroke = (255 * (half + 0.5 - distance).clamp(0, 1)).to(torch.uint8)
    return torch.maximum(digits, stroke)
