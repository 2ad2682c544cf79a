"""Paper, table and light: which is the lighter, and what remains when the light is taken away."""

import numpy as np
import pytest

from digitrec.ground import contrast_to_ground, find_paper, ink_is_dark, reduced, shrink_factor


def page(level=230, height=300, width=400):
    return np.full((height, width), level, np.float32)


def written(ground=230, ink=30):
    light = page(ground)
    light[100:200, 190:200] = ink
    light[100:110, 150:200] = ink
    return light


@pytest.mark.parametrize(("ground", "ink", "dark"), [(230, 30, True), (30, 230, False), (130, 90, True)])
def test_ink_is_what_is_narrow_and_little(ground, ink, dark):
    assert ink_is_dark(written(ground, ink)) is dark


@pytest.mark.parametrize("dark", [True, False])
def test_a_digit_cropped_closely_and_drawn_boldly_is_ink(dark):
    light = page(255, 40, 40)
    light[2:38, 4:36] = 0
    light[12:16, 13:27] = light[24:28, 13:27] = 255  # an 8 with small loops: most of the page is ink
    light = np.pad(light, 3, constant_values=255)
    assert ink_is_dark(light if dark else 255 - light) is dark


def test_a_step_in_the_light_is_no_contrast_but_ink_on_both_sides_is():
    light = written()
    light[:, 170:] *= 0.5
    contrast = contrast_to_ground(light, 1, 41, dark=True)
    assert contrast[:90].max() == 0
    np.testing.assert_allclose(contrast[105, 155:165], 200 / 230, atol=1e-3)
    np.testing.assert_allclose(contrast[150, 192:198], 200 / 230, atol=1e-3)


def test_the_ground_may_be_found_on_a_smaller_page():
    contrast = contrast_to_ground(written(), 4, 11, dark=True)
    assert contrast.shape == (300, 400)
    np.testing.assert_allclose(contrast[150, 192:198], 200 / 230, atol=1e-3)
    assert contrast[:90].max() < 1e-6


def test_a_sheet_on_a_table_is_found_and_a_page_that_fills_the_picture_is_none():
    assert find_paper(written()) is None
    light = page(40)
    light[60:240, 80:340] = 230
    paper = find_paper(light)
    factor = shrink_factor(light)
    rows, columns = paper.box
    assert (rows.start, rows.stop) == pytest.approx((60, 240), abs=factor)
    assert (columns.start, columns.stop) == pytest.approx((80, 340), abs=factor)
    assert paper.mask.mean() > 0.85


def test_white_ink_on_black_is_no_sheet():
    assert find_paper(written(20, 240)) is None


def test_a_page_is_shrunk_by_averaging_and_its_edge_goes_on():
    light = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_allclose(reduced(light, 2), [[2.5, 4.5], [8.5, 10.5]])
    np.testing.assert_array_equal(reduced(light, 1), light)
    assert [shrink_factor(page(0, side, 900)) for side in (1, 150, 310)] == [1, 1, 2]
