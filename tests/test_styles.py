"""Other ways of writing a 1, 6, 7 and 9, made of digits drawn by code."""

import pytest
import torch
from strokes import stroke_digits

from digitrec.outliers import centred
from digitrec.styles import RareStyles, with_bar, with_base, with_upstroke

DIGITS = torch.from_numpy(stroke_digits())


def digits(count=200):
    labels = torch.arange(count) % 10
    return DIGITS[labels], labels


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def bar(left=13, right=16):
    """Upright strokes from row 4 to 23."""
    images = torch.zeros(50, 28, 28, dtype=torch.uint8)
    images[:, 4:24, left:right] = 255
    return images


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_share_of_the_1_6_7_and_9_comes_behind_all_digits(share):
    images, labels = digits()
    more, names = RareStyles(share)(images, labels)
    assert torch.equal(more[:200], images)
    assert torch.equal(names[:200], labels)
    some = round(20 * share)
    assert names[200:].bincount(minlength=10).tolist() == [0, some, 0, 0, 0, 0, some, some, 0, some]
    assert more.dtype == torch.uint8
    assert names.dtype == torch.int64


def test_the_same_seed_makes_the_same_digits_and_the_global_state_is_left_alone():
    before = torch.get_rng_state()
    first, again, other = (RareStyles(seed=seed)(*digits())[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_new_9_is_a_6_turned_by_half():
    images, labels = digits()
    more, names = RareStyles(1.0)(images, labels)
    turned = centred(DIGITS[6:7].flip(1, 2).float()).round()
    assert torch.equal(more[200:][names[200:] == 9][0].float(), turned[0])


def test_what_is_made_has_the_size_and_place_of_mnists_digits():
    made = RareStyles(1.0)(*digits())[0][200:].float()
    ink = made > 64
    sides = torch.stack([ink.any(1).sum(1), ink.any(2).sum(1)]).amax(0)
    assert ((sides - 20).abs() <= 2).all()
    places = torch.arange(28) - 13.5
    assert ((made.sum(1) @ places / made.sum((1, 2))).abs() < 2).all()


def test_an_upstroke_goes_down_to_the_left_of_the_top():
    made = with_upstroke(bar(), random())
    added = (made > 128) & (bar() <= 128)
    assert added[:, 4:14, :13].flatten(1).any(1).all()
    assert not added[:, 18:].any()
    assert not added[:, :, 18:].any()
    assert (made >= bar()).all()


def test_a_base_goes_to_both_sides_of_the_foot():
    made = with_base(bar(), random())
    added = (made > 128) & (bar() <= 128)
    assert added[:, 20:, :13].flatten(1).any(1).all()
    assert added[:, 20:, 16:].flatten(1).any(1).all()
    assert not added[:, :19].any()


def test_a_bar_crosses_the_stem_at_half_its_height():
    made = with_bar(bar(), random())
    added = (made > 128) & (bar() <= 128)
    assert added[:, 9:20, :13].flatten(1).any(1).all()
    assert added[:, 9:20, 16:].flatten(1).any(1).all()
    assert not added[:, :8].any()
    assert not added[:, 21:].any()


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match=rf"share must be above 0 and up to 1, not {share}\."):
        RareStyles(share)
