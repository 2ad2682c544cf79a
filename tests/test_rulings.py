"""What is printed goes, what is written stays: on masks made by hand."""

import numpy as np
import pytest

from digitrec import rulings
from digitrec.rulings import closed_mask, pieces, without_frames, without_lines

STROKE = 8


def page(height=300, width=400):
    return np.zeros((height, width), bool)


def seven(mask, top=100, left=180, size=100):
    """A 7 with its bar, of strokes as wide as STROKE."""
    mask[top : top + STROKE, left : left + size // 2] = True
    for row in range(size):
        x = left + size // 2 - STROKE - row // 4
        mask[top + row, x : x + STROKE] = True
    return mask


def ring(mask, top, left, size, width=3):
    box = np.ones((size, size), bool)
    box[width:-width, width:-width] = False
    mask[top : top + size, left : left + size] |= box
    return mask


@pytest.mark.parametrize("turned", [False, True])
def test_a_ruling_across_the_page_goes_and_the_digit_on_it_stays(turned):
    digit = seven(page())
    lined = digit.copy()
    lined[220:223] = True
    lined[80:83] = True
    found = without_lines(lined.T if turned else lined, STROKE)
    np.testing.assert_array_equal(found, digit.T if turned else digit)


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


def test_a_page_without_lines_is_handed_back_as_it_is():
    blank = page()
    assert without_lines(blank, STROKE) is blank


def test_a_box_and_a_circle_round_a_digit_go():
    digit = seven(page())
    framed = ring(digit.copy(), 80, 140, 150)
    np.testing.assert_array_equal(without_frames(framed), digit)
    y, x = np.mgrid[:300, :400]
    distance = np.hypot(y - 150, x - 200)
    np.testing.assert_array_equal(without_frames(digit | ((distance > 90) & (distance < 95))), digit)


def test_a_0_with_a_dot_in_it_is_no_frame():
    dotted = ring(page(), 80, 140, 100, STROKE)
    dotted[125:135, 185:195] = True
    np.testing.assert_array_equal(without_frames(dotted), dotted)


def test_frames_in_frames_go_all():
    digit = seven(page())
    framed = ring(ring(digit.copy(), 80, 140, 150), 60, 120, 190)
    np.testing.assert_array_equal(without_frames(framed), digit)


def test_pieces_are_numbered_with_their_boxes():
    mask = page(20, 30)
    mask[2:5, 3:9] = mask[10:12, 20:21] = True
    labels, boxes = pieces(mask)
    assert boxes == {1: np.s_[2:5, 3:9], 2: np.s_[10:12, 20:21]}
    assert (labels > 0).tolist() == mask.tolist()
    assert pieces(page())[1] == {}


def test_of_too_many_pieces_the_largest_are_looked_at(monkeypatch):
    monkeypatch.setattr(rulings, "MOST_PIECES", 2)
    mask = page(20, 60)
    mask[5, 5] = mask[5:9, 10:14] = mask[5:7, 20:22] = mask[5:10, 30:34] = True
    labels, boxes = pieces(mask)
    assert list(boxes.values()) == [np.s_[5:9, 10:14], np.s_[5:10, 30:34]]
    assert (labels > 0).sum() == 16 + 20


def test_pieces_whose_boxes_cover_the_page_many_times_are_left_out():
    y, x = np.mgrid[:200, :200]
    boxes = pieces((x + y) % 4 < 2)[1]  # a hundred slanted lines, 16 pages together
    areas = [(rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in boxes.values()]
    assert 0 < len(areas) < 100
    assert sum(areas) <= rulings.MOST_OVERLAP * 200 * 200


def test_a_closing_fills_gaps_smaller_than_its_size():
    mask = page(9, 60)
    mask[4, 10:20] = mask[4, 24:30] = mask[4, 36:50] = True
    closed = closed_mask(mask, 1, 5)
    assert closed[4, 10:30].all()
    assert not closed[4, 30:36].any()
    assert closed.sum() == mask.sum() + 4


def test_rulings_much_thinner_than_the_pen_go_also_where_the_digit_is_nearly_as_wide_as_the_page():
    mask = page(300, 300)
    mask[20:280, 140:160] = mask[20:40, 110:160] = True
    written = mask.copy()
    mask[100:103] = mask[200:203] = True
    np.testing.assert_array_equal(without_lines(mask, 20), written)
