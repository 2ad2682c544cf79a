"""Ink on pages of a few pixels: found whole, at the edge, too, in the page's own grey levels."""

import numpy as np
import pytest
from PIL import Image
from strokes import stroke_digits

from digitrec.segment import find_digits
from digitrec.small import find_small_inks

DIGITS = stroke_digits()


def shrunk(digit, side):
    """A digit that fills a page of so many pixels from edge to edge, white on black."""
    rows, columns = np.nonzero(digit)
    cut = digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return np.asarray(Image.fromarray(cut).resize((side, side), Image.Resampling.BOX))


def likeliest(page):
    return [crop for crop in find_digits(page) if crop.way == 0]


@pytest.mark.parametrize("side", [12, 16, 28])
@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize("inverted", [False, True])
def test_a_digit_that_fills_a_small_page_is_one_digit_to_its_edges(side, digit, inverted):
    page = shrunk(DIGITS[digit], side)
    (crop,) = likeliest(255 - page if inverted else page)
    assert max(crop.box[:2]) <= 1
    assert min(crop.box[2:]) >= side - 2


def test_contrast_is_the_pages_own_grey_and_enlarged():
    page = np.full((10, 12), 200, np.uint8)
    page[3:7, 5] = 20
    page[3:7, 6] = 110
    ink = next(find_small_inks(page, 5))
    assert ink.contrast.shape == ink.mask.shape == (50, 60)
    assert ink.contrast[25, 27] == pytest.approx(1, abs=0.1)
    assert 0.3 < ink.contrast[25, 32] < 0.7
    assert ink.mask[17:33, 26:29].all()
    assert not ink.mask[:, :18].any()


def test_small_pages_with_nothing_or_noise_alone_have_no_ink():
    noise = np.random.default_rng(0).normal(200, 4, (16, 16)).astype(np.uint8)
    for page in (np.zeros((8, 8), np.uint8), np.full((28, 28), 255, np.uint8), noise):
        assert not next(find_small_inks(page, 7)).mask.any()


def test_a_small_digit_in_a_corner_of_28_pixels_is_brought_to_mnists_size():
    page = np.zeros((28, 28), np.uint8)
    page[2:14, 1:13] = shrunk(DIGITS[5], 12)
    (crop,) = likeliest(page)
    rows, columns = np.nonzero(crop.image)
    assert np.ptp(rows) + 1 == 20 or np.ptp(columns) + 1 == 20


def test_where_the_signs_of_light_and_dark_disagree_a_small_page_is_seen_both_ways():
    plain = shrunk(DIGITS[1], 16)
    bold = np.zeros((16, 16), np.uint8)
    bold[1:15, 2:14] = 200
    bold[4:6, 6:10] = bold[9:11, 6:10] = 0  # an 8 of which there is more than of its ground
    assert len(list(find_small_inks(plain, 7))) == 1
    one, other = find_small_inks(bold, 7)
    assert (one.mask ^ other.mask).mean() > 0.9
