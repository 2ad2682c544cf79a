"""What is printed goes, what is written stays: on masks made by hand."""

import numpy as np
import pytest

from digitrec.reading.segmentation.rulings import without_lines as without_lines_of
from tests.reading.segmentation.masks_by_hand import STROKE, page, seven

pytestmark = pytest.mark.long


def without_lines(mask, stroke, contrast=None):
    """Where no contrast is given, all ink is as dark."""
    return without_lines_of(mask, stroke, mask.astype(np.float32) if contrast is None else contrast)


@pytest.mark.parametrize("turned", [False, True])
def test_a_ruling_across_the_page_goes_and_the_digit_on_it_stays(turned):
    digit = seven(page())
    lined = digit.copy()
    lined[220:223] = True
    lined[80:83] = True
    found = without_lines(lined.T if turned else lined, STROKE)
    np.testing.assert_array_equal(found, digit.T if turned else digit)


def test_the_lines_of_an_empty_sheet_that_end_before_the_pages_edge_go():
    lined = page(240, 300)
    lined[50:54, 20:280] = lined[150:154, 20:280] = True
    assert not without_lines(lined, 4).any()
    ones = page(240, 300)
    ones[20:220, 100:110] = ones[20:220, 180:190] = True
    np.testing.assert_array_equal(without_lines(ones, 10), ones)


def test_squares_of_which_the_page_shows_one_row_go_also_where_the_pen_is_wide():
    digit = page(370, 816)
    digit[60:160, 560:572] = digit[60:72, 500:572] = True
    lined = digit.copy()
    lined[175:180] = True
    lined[:, 100:105] = True
    contrast = np.where(digit, 0.4, 0.2).astype(np.float32) * lined
    np.testing.assert_array_equal(without_lines(lined, 10, contrast), digit)


def test_a_ruling_through_a_digit_takes_no_more_than_its_own_pixels():
    digit = seven(page())
    lined = digit.copy()
    lined[150:153] = True
    found = without_lines(lined, STROKE)
    assert not found[150:153, :150].any()
    assert (found & digit).sum() > 0.95 * digit.sum()
    assert (found & ~digit).sum() < 30


def test_the_strokes_of_a_7_and_of_a_1_are_no_rulings():
    written = seven(page())
    written[100:200, 60 : 60 + STROKE] = True
    np.testing.assert_array_equal(without_lines(written, STROKE), written)


def test_a_1_alone_is_no_ruling():
    written = page(120, 120)
    written[10:110, 56:64] = True
    np.testing.assert_array_equal(without_lines(written, STROKE), written)


@pytest.mark.parametrize("turned", [False, True])
def test_the_1_of_each_row_of_a_table_make_no_ruling(turned):
    written = page(280, 560)
    for row in range(8, 280, 54):
        for column in (20, 200, 380):
            written[row : row + 38, column : column + 10] = True
            written[row : row + 10, column + 50 : column + 120] = True
    found = without_lines(written.T if turned else written, 8)
    np.testing.assert_array_equal(found, written.T if turned else written)


def test_a_page_without_lines_is_handed_back_as_it_is():
    blank = page()
    assert without_lines(blank, STROKE) is blank


def test_rulings_much_thinner_than_the_pen_go_also_where_the_digit_is_nearly_as_wide_as_the_page():
    mask = page(300, 300)
    mask[20:280, 140:160] = mask[20:40, 110:160] = True
    written = mask.copy()
    mask[100:103] = mask[200:203] = True
    np.testing.assert_array_equal(without_lines(mask, 20), written)


def squared(pitch=30, level=0.25):
    """A page of pale squares, as mask and contrast."""
    contrast = np.zeros((300, 400), np.float32)
    contrast[10::pitch] = contrast[:, 10::pitch] = level
    return contrast > 0, contrast


def test_a_stroke_along_a_pale_ruling_stays():
    mask, contrast = squared()
    written = page()
    written[97:105, 120:200] = written[100:180, 192:200] = True
    contrast[written] = 0.8
    np.testing.assert_array_equal(without_lines(mask | written, STROKE, contrast), written)


def test_the_piece_of_a_pale_ruling_that_runs_into_a_stroke_goes():
    mask, contrast = squared()
    written = page()
    for row in range(100, 180):  # a slanted stroke along which a line is hidden
        left = 128 + (row - 100) // 20
        written[row, left : left + STROKE] = True
    contrast[written] = 0.8
    found = without_lines(mask | written, STROKE, contrast)
    assert (found & ~written).sum() < 0.02 * written.sum()
    assert (found & written).sum() > 0.98 * written.sum()


def test_a_1_on_squared_paper_is_no_line_of_it():
    mask, contrast = squared()
    written = page()
    written[106:154, 205:211] = True
    contrast[written] = 0.8
    found = without_lines(mask | written, STROKE, contrast)
    np.testing.assert_array_equal(found, written)
