import numpy as np
import pytest
from scipy import ndimage

from scripts.lib.strokes import Strokes, draw, stroke_digits, trace

pytestmark = pytest.mark.scripts

DIGITS = stroke_digits()


def components_and_holes(digit):
    """Trace a digit, draw it large with a thin pen, and count connected components and holes."""
    strokes = trace(digit)
    points = 20 + 200 * (strokes.points - strokes.points.min(axis=0))
    layer = np.zeros((260, 260), np.uint8)
    draw(Strokes(points, np.full(len(points), 4.0), strokes.joints), layer, 0, np.random.default_rng(0))
    parts = ndimage.label(layer > 0, np.ones((3, 3)))[1]
    return parts, ndimage.label(layer == 0)[1] - 1


def test_loops_that_only_the_grey_levels_show_stay_open():
    eight = DIGITS[8].astype(float)
    fused = np.maximum(eight, 0.55 * 255 * ndimage.binary_fill_holes(eight > 127)).astype(np.uint8)
    assert (fused > 0.45 * 255)[10, 14]  # one level would fill it
    assert components_and_holes(fused) == components_and_holes(DIGITS[8]) == (1, 2)


def test_a_stroke_that_grows_pale_is_traced_to_its_end_and_a_speck_is_not():
    one = np.zeros((28, 28), np.uint8)
    one[4:24, 13:16] = np.linspace(255, 100, 20)[:, None]
    strokes = trace(one)
    whole = trace(np.where(one > 0, 255, 0).astype(np.uint8))
    assert np.ptp(strokes.points[:, 1]) == pytest.approx(1)
    assert len(strokes.points) > 0.9 * len(whole.points)
    speckled = one.copy()
    speckled[5:7, 3:5] = 80
    assert len(trace(speckled).points) == len(strokes.points)


def test_a_digit_without_ink_is_refused():
    with pytest.raises(ValueError, match="no ink"):
        trace(np.zeros((28, 28), np.uint8))
