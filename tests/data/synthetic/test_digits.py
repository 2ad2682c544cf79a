"""Synthetic digits: their number, classes and seed, and that they look like their labels."""

import pytest
import torch

from digitrec.data.synthetic.digits import SyntheticDigits
from digitrec.data.synthetic.skeletons import digit_skeletons, letter_skeletons

NONE = torch.zeros(0, 28, 28, dtype=torch.uint8), torch.zeros(0, dtype=torch.int64)


@pytest.mark.parametrize("count", [10, 57, 200])
def test_synthetic_digits_are_appended_evenly_per_class(count):
    images = torch.randint(0, 256, (7, 28, 28), dtype=torch.uint8)
    labels = torch.arange(7)
    more, names = SyntheticDigits(count)(images, labels)
    assert torch.equal(more[:7], images)
    assert torch.equal(names[:7], labels)
    assert len(more) == len(names) == 7 + count
    each = names[7:].bincount(minlength=10)
    assert each.max() - each.min() <= 1
    assert more.dtype == torch.uint8
    assert names.dtype == torch.int64


def test_seed_decides_the_digits():
    first, again, other = (SyntheticDigits(50, seed=seed)(*NONE)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(("count", "jitter"), [(9, 0.04), (100, -0.1), (100, 1.0), (100, float("nan"))])
def test_impossible_values_are_refused(count, jitter):
    with pytest.raises(ValueError, match="must be at least"):
        SyntheticDigits(count, jitter)


def test_nearest_neighbor_classifies_synthetic_digits():
    images, labels = SyntheticDigits(2000, seed=0)(*NONE)
    others, theirs = SyntheticDigits(500, seed=1)(*NONE)
    nearest = torch.cdist(others.flatten(1).float(), images.flatten(1).float()).argmin(1)
    assert (labels[nearest] == theirs).double().mean() > 0.9


def test_skeletons_stay_in_their_box_and_have_strokes_of_two_points():
    for skeleton in (*(one for styles in digit_skeletons().values() for one in styles), *letter_skeletons()):
        for stroke in skeleton:
            assert len(stroke) >= 2
            assert all(0 <= x <= 1 and 0 <= y <= 1.05 for x, y in stroke)
