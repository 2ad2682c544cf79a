"""What goes round a digit goes, the digit stays: on masks made by hand."""

import numpy as np
import pytest

from digitrec.reading.segmentation.frames import without_frames as without_frames_of
from tests.reading.segmentation.masks_by_hand import STROKE, page, seven

pytestmark = pytest.mark.long


def without_frames(mask, contrast=None):
    """Where no contrast is given, all ink is as dark."""
    return without_frames_of(mask, mask.astype(np.float32) if contrast is None else contrast)


def ring(mask, top, left, size, width=3):
    box = np.ones((size, size), bool)
    box[width:-width, width:-width] = False
    mask[top : top + size, left : left + size] |= box
    return mask


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


def test_a_box_with_a_gap_goes_as_well():
    digit = seven(page())
    framed = ring(digit.copy(), 80, 140, 150)
    framed[150:155, 140:143] = False
    np.testing.assert_array_equal(without_frames(framed), digit)


def test_a_speck_in_the_loop_of_an_8_makes_no_frame_of_it():
    eight = ring(ring(page(), 50, 150, 80, STROKE), 122, 150, 80, STROKE)
    y, x = np.mgrid[:300, :400]
    eight |= np.hypot(y - 162, x - 190) < 12
    np.testing.assert_array_equal(without_frames(eight), eight)


def test_a_stroke_that_runs_into_a_paler_frame_stays():
    digit = seven(page())
    digit[220:224, 120:160] = True  # across the frame's left side
    framed = ring(digit.copy(), 80, 140, 150)
    contrast = np.where(digit, 0.9, np.where(framed, 0.3, 0)).astype(np.float32)
    np.testing.assert_array_equal(without_frames(framed, contrast), digit)


def test_a_long_low_frame_takes_no_more_memory_than_a_square_one(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "digitrec.reading.segmentation.frames.closed_mask", lambda mask, *_: seen.append(mask.size) or mask
    )
    mask = page(40, 20_000)
    mask[[2, 37], 5:-5] = mask[2:38, [5, -6]] = mask[10:30, 500:1000] = True
    without_frames(mask)
    assert 0 < max(seen) < 2 * mask.size
