"""Ink is found on any paper and in any light, and none where there is none."""

from dataclasses import replace

import numpy as np
import pytest

from digitrec.reading.segmentation.ink import _pen_width, find_inks, stroke_width
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits

pytestmark = pytest.mark.long


DIGITS = stroke_digits()
PLAIN = Options(height=100, pen=0.1, ink=(0, 0, 0))


def grey(options, digits=DIGITS[[2, 3, 5]], seed=0):
    return np.asarray(render(digits, options, seed).picture.convert("L"))


def overlap(found, true):
    """Pixels in both, as a share of those in either."""
    return (found & true).sum() / (found | true).sum()


TRUE = grey(PLAIN) < 128


def likeliest(page):
    return next(find_inks(page))


def test_ink_is_found_to_the_pixel_on_a_clean_page():
    assert overlap(likeliest(grey(PLAIN)).mask, TRUE) > 0.7  # a pixel of pale edge all round


def test_light_ink_on_a_dark_ground_is_found_as_well():
    np.testing.assert_array_equal(likeliest(255 - grey(PLAIN)).mask, likeliest(grey(PLAIN)).mask)


LIGHT = {
    "a gradient": {"gradient": 0.6},
    "dark corners": {"vignette": 0.6},
    "noise": {"noise": 12},
    "a poor file": {"jpeg": 30},
    "pale ink": {"ink": (150, 150, 150)},
}


@pytest.mark.parametrize("case", LIGHT)
@pytest.mark.parametrize("seed", range(3))
def test_light_and_camera_do_not_matter(case, seed):
    page = grey(replace(PLAIN, **LIGHT[case]), seed=seed)
    assert overlap(likeliest(page).mask, TRUE) > 0.7


def test_what_surrounds_the_paper_is_no_ink():
    page = grey(replace(PLAIN, table=(60, 45, 35), margins=(1, 1, 1, 1)))
    true = grey(replace(PLAIN, margins=(1, 1, 1, 1))) < 128
    assert overlap(likeliest(page).mask, true) > 0.7


@pytest.mark.parametrize("level", [0, 90, 255])
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (40, 40), (300, 200)])
def test_a_blank_page_has_no_ink(level, shape):
    ink = likeliest(np.full(shape, level, np.uint8))
    assert ink.mask.shape == ink.contrast.shape == shape
    assert not ink.mask.any()


@pytest.mark.parametrize("seed", range(3))
def test_noise_and_uneven_light_alone_are_no_ink(seed):
    page = grey(replace(PLAIN, noise=6, gradient=0.3), DIGITS[:0], seed)
    assert not likeliest(page).mask.any()


def test_contrast_is_1_for_black_on_white_and_0_for_the_ground():
    ink = likeliest(grey(PLAIN))
    assert ink.contrast.dtype == np.float32
    assert ink.contrast[TRUE].mean() > 0.8
    assert ink.contrast[:20].max() == 0
    assert 0.2 < ink.threshold < 0.8


@pytest.mark.parametrize("width", [4, 10, 25])
def test_the_width_of_a_bar_is_measured(width):
    bar = np.zeros((300, 60), bool)
    bar[5:295, 10 : 10 + width] = True
    assert stroke_width(bar) == pytest.approx(width, abs=1.1)


def test_squares_of_an_empty_sheet_on_a_dark_table_are_no_ink():
    random = np.random.default_rng(0)
    page = np.full((300, 400), 30.0)
    page[40:260, 40:360] = 190
    page[40:260:30, 40:360] = page[40:260, 40:360:30] = 172
    page += random.normal(0, 4, page.shape)
    assert not likeliest(page.clip(0, 255).astype(np.uint8)).mask[50:250, 50:350].any()


def test_the_corner_of_a_shadow_is_not_taken_for_the_width_of_the_pen():
    contrast = np.zeros((300, 300), np.float32)
    contrast[100:250, 60:67] = 0.8
    corner = np.s_[100:190, 200:260]
    contrast[corner] = 0.4
    assert _pen_width(contrast > 0, contrast) == pytest.approx(7, abs=1)
    contrast[corner] = 0.8  # as dark as ink is: a blot, or a digit drawn boldly
    assert _pen_width(contrast > 0, contrast) > 15


def test_a_bold_1_is_ink_beside_a_hair():
    page = np.full((300, 400), 240, np.uint8)
    page[100:200, 100:140] = 20
    page[60:240, 300:303] = 20
    assert likeliest(page)[1][110:190, 105:135].all()


def test_a_page_is_seen_as_a_sheet_and_as_a_whole_only_where_a_shadow_may_be_the_table():
    assert len(list(find_inks(grey(PLAIN)))) == 1
    page = np.full((300, 400), 55.0)
    page[40:260, 50:350] = 230
    page[100:180, 100:106] = page[100:180, 280:286] = 60
    assert len(list(find_inks(page.astype(np.uint8)))) == 1
    page[:, 200:] *= 0.42
    sheet, lit, _ = find_inks(page.astype(np.uint8))
    assert sheet.mask[110:170, [102, 282]].all()
    assert lit.mask[110:170, 102].all()
    assert not lit.mask[:, 200:].any()


@pytest.mark.parametrize(("noise", "smoothed"), [(0, False), (4, True)])
def test_the_contrast_that_digits_are_cut_out_of_is_smoothed_only_where_there_is_noise(noise, smoothed):
    page = np.full((300, 300), 230.0)
    page[100:200, 100:106] = page[100:200, 109:115] = 30
    page += np.random.default_rng(0).normal(0, noise, page.shape)
    gap = likeliest(page.clip(0, 255).astype(np.uint8)).contrast[120:180, 107]
    assert (gap.mean() > 0.1) == smoothed
