"""Ink on pages of a few pixels: found whole, at the edge, too, in the page's own grey levels."""

import numpy as np
import pytest
from PIL import Image
from strokes import stroke_digits

from digitrec.segment import find_digits
from digitrec.small import find_small_ink

DIGITS = stroke_digits()


def shrunk(digit, side):
    """A digit that fills a page of so many pixels from edge to edge, white on black."""
    rows, columns = np.nonzero(digit)
    cut = digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return np.asarray(Image.fromarray(cut).resize((side, side), Image.Resampling.BOX))


@pytest.mark.parametrize("side", [12, 16, 28])
@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize("inverted", [False, True])
def test_a_digit_that_fills_a_small_page_is_one_digit_to_its_edges(side, digit, inverted):
    page = shrunk(DIGITS[digit], side)
    (crop,) = find_digits(255 - page if inverted else page)
    assert max(crop.box[:2]) <= 1
    assert min(crop.box[2:]) >= side - 2


def test_contrast_is_the_pages_own_grey_and_enlarged():
    page = np.full((10, 12), 200, np.uint8)
    page[3:7, 5] = 20
    page[3:7, 6] = 110
    ink = find_small_ink(page, 5)
    assert ink.contrast.shape == ink.mask.shape == (50, 60)
    assert ink.contrast[25, 27] == pytest.approx(1, abs=0.1)
    assert 0.3 < ink.contrast[25, 32] < 0.7
    assert ink.mask[17:33, 26:29].all()
    assert not ink.mask[:, :18].any()


def test_small_pages_with_nothing_or_noise_alone_have_no_ink():
    noise = np.random.default_rng(0).normal(200, 4, (16, 16)).astype(np.uint8)
    for page in (np.zeros((8, 8), np.uint8), np.full((28, 28), 255, np.uint8), noise):
        assert not find_small_ink(page, 7).mask.any()


def test_a_small_digit_in_a_corner_of_28_pixels_is_brought_to_mnists_size():
    page = np.zeros((28, 28), np.uint8)
    page[2:14, 1:13] = shrunk(DIGITS[5], 12)
    (crop,) = find_digits(page)
    rows, columns = np.nonzero(crop.image)
    assert np.ptp(rows) + 1 == 20 or np.ptp(columns) + 1 == 20
