"""The 28x28 image of a digit: size, position and stroke width for any pen."""

import numpy as np
import pytest
import scipy.ndimage as ndi
from PIL import Image

from digitrec.reading.crop import STROKES, centered, crop_digit
from digitrec.reading.segmentation.ink import stroke_width
from digitrec.reading.segmentation.masks import bounds
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits

DIGITS = stroke_digits()


def drawn(digit, height=200, pen=0.08):
    """Return contrast and mask of a synthetic digit."""
    options = Options(height=height, pen=pen, ink=(0, 0, 0))
    grey = np.asarray(render(DIGITS[digit : digit + 1], options, 0).picture.convert("L"))
    contrast = ((255 - grey) / 255).astype(np.float32)
    mask = contrast > 0.5
    where = bounds(mask)
    return contrast[where], mask[where]


def crop(*args, **kwargs):
    return crop_digit(*drawn(*args, **kwargs), 0.5)


def pen(image):
    """Return the stroke width of a 28x28 image in its pixels."""
    large = Image.fromarray(image).resize((280, 280), Image.Resampling.BICUBIC)
    return stroke_width(np.asarray(large) > 127) / 10


@pytest.mark.parametrize("digit", range(10))
def test_the_longest_side_is_20_and_the_center_of_mass_in_the_middle(digit):
    image = crop(digit)
    rows, columns = bounds(image > 0)
    assert max(rows.stop - rows.start, columns.stop - columns.start) == 20
    places = np.arange(28) - 13.5
    center = image.sum(1) @ places / image.sum(), image.sum(0) @ places / image.sum()
    assert np.abs(center).max() <= 0.5
    assert image.max() == 255
    assert image.dtype == np.uint8


def test_the_aspect_ratio_is_kept():
    contrast = np.ones((180, 60), np.float32)
    contrast[20:-20, 20:-20] = 0
    rows, columns = bounds(crop_digit(contrast, contrast > 0, 0.5) > 0)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (20, 7)


@pytest.mark.parametrize("digit", [0, 2, 3, 5, 8])
@pytest.mark.parametrize(("height", "width"), [(60, 0.03), (200, 0.015), (600, 0.01), (60, 0.2), (600, 0.2)])
def test_very_thin_and_thick_strokes_get_a_width_as_in_mnist(digit, height, width):
    narrowest, widest = STROKES
    assert narrowest - 0.6 < pen(crop(digit, height, width)) < widest + 0.6


def test_a_stroke_width_as_in_mnist_is_kept():
    thin, thick = (pen(crop(3, 200, width)) for width in (0.11, 0.17))
    assert thin < thick - 0.5


@pytest.mark.parametrize("digit", range(10))
def test_the_size_does_not_matter(digit):
    small, large = (crop(digit, height, 0.12).astype(float) for height in (100, 600))
    shifts = [np.roll(small, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]  # centers are rounded
    assert min(np.abs(shift - large).mean() for shift in shifts) < 0.25 * large.mean()


def test_a_very_long_line_needs_little_memory():
    contrast = np.ones((6, 60_000), np.float32)
    image = crop_digit(contrast, contrast > 0, 0.5)
    rows, columns = bounds(image > 0)
    assert columns.stop - columns.start == 20
    assert rows.stop - rows.start <= 4


def test_a_single_pixel_becomes_a_square():
    assert crop_digit(np.ones((1, 1), np.float32), np.ones((1, 1), bool), 0.5).any()


def test_centered_shifts_by_whole_pixels_and_stays_inside():
    digit = np.zeros((20, 10), np.uint8)
    digit[:, :2] = 200
    frame = centered(digit)
    assert frame.sum() == digit.sum()
    assert bounds(frame > 0) == np.s_[4:24, 13:15]
    full = np.full((28, 28), 9, np.uint8)
    np.testing.assert_array_equal(centered(full), full)
    assert not centered(np.zeros((3, 3), np.uint8)).any()


def test_a_fading_stroke_is_kept_to_its_end():
    contrast = np.zeros((40, 30), np.float32)
    contrast[5:9, 5:25] = 0.8  # a T of 20 by 30 pixels
    contrast[5:35, 13:17] = np.linspace(0.8, 0.15, 30)[:, None]
    image = crop_digit(contrast, contrast > 0.1, threshold=0.4) > 127
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    assert len(rows) == 20
    assert 12 <= len(columns) <= 15


def test_the_blurred_holes_of_a_thick_8_open():
    y, x = np.mgrid[:40, :28]
    upper, lower = np.hypot(y - 11, x - 13.5), np.hypot(y - 28, x - 13.5)
    strokes = (np.abs(upper - 6) < 4) | (np.abs(lower - 7) < 4)
    contrast = ndi.gaussian_filter(strokes.astype(np.float32), 2)
    mask = contrast > 0.3
    assert mask[[11, 28], 13].all()  # the threshold fills them
    image = crop_digit(contrast, mask, 0.3)
    _, count = ndi.label(image < 128)
    assert count == 3  # the background and two loops
