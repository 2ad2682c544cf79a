"""Ink on pages of a few pixels: found whole, at the edge, too, in the page's own grey levels."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from digitrec.reading.reader import Reader
from digitrec.reading.segmentation.segment import find_digits
from digitrec.reading.segmentation.small import find_small_inks, is_small
from scripts.lib.strokes import stroke_digits

pytestmark = pytest.mark.long


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
    (crop,) = (crop for crop in find_digits(255 - page if inverted else page) if crop.way == 0)
    assert max(crop.box[:2]) <= 1
    assert min(crop.box[2:]) >= side - 2


def test_contrast_is_the_pages_own_grey_and_enlarged():
    page = np.full((10, 12), 200, np.uint8)
    page[3:7, 5] = 20
    page[3:7, 6] = 110
    (ink,) = find_small_inks(page, 5)
    assert ink.contrast.shape == ink.mask.shape == (50, 60)
    assert ink.contrast[25, 27] == pytest.approx(1, abs=0.1)
    assert 0.3 < ink.contrast[25, 32] < 0.7
    assert ink.mask[17:33, 26:29].all()
    assert not ink.mask[:, :18].any()


def test_small_pages_with_nothing_or_noise_alone_have_no_ink():
    noise = np.random.default_rng(0).normal(200, 4, (16, 16)).astype(np.uint8)
    for page in (np.zeros((8, 8), np.uint8), np.full((28, 28), 255, np.uint8), noise):
        assert not any(ink.mask.any() for ink in find_small_inks(page, 7))


def test_a_small_digit_in_a_corner_of_28_pixels_is_brought_to_mnists_size():
    page = np.zeros((28, 28), np.uint8)
    page[2:14, 1:13] = shrunk(DIGITS[5], 12)
    (crop,) = find_digits(page)
    rows, columns = np.nonzero(crop.image)
    assert np.ptp(rows) + 1 == 20 or np.ptp(columns) + 1 == 20


def bold(digit, side=28):
    """A digit that fills a page of so many pixels and is drawn so boldly that it has most of them."""
    return shrunk(np.asarray(Image.fromarray(digit).filter(ImageFilter.MaxFilter(5))), side)


@pytest.fixture(scope="module")
def reader():
    return Reader.pretrained()


@pytest.mark.parametrize("digit", [2, 3, 5])
@pytest.mark.parametrize("inverted", [False, True])
def test_a_bold_digit_without_a_margin_is_read_though_most_of_the_page_is_ink(digit, inverted, reader):
    page = bold(DIGITS[digit])
    assert page.mean() > 127
    assert reader.read(255 - page if inverted else page).text == str(digit)


def test_a_page_is_seen_both_ways_only_where_a_sign_speaks_for_each():
    plain = np.pad(shrunk(DIGITS[3], 20), 10)
    assert is_small(plain)
    assert not is_small(np.pad(plain, ((0, 0), (0, 1))))
    assert len(list(find_small_inks(plain, 4))) == 1
    assert len(list(find_small_inks(bold(DIGITS[3]), 4))) == 2
    assert len(list(find_small_inks(np.pad(bold(DIGITS[3]), 3), 4))) == 1  # ground goes all round


def test_an_empty_cell_with_its_frame_is_no_0(reader):
    cell = np.zeros((30, 24), np.uint8)
    cell[2:-2, 2:-2] = 255
    assert "0" not in reader.read(cell).text
