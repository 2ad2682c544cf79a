"""Paper, table and light: which is the lighter, and what remains when the light is taken away."""

import numpy as np
import pytest

from digitrec.reading.segmentation.ground import (
    contrast_to_ground,
    find_papers,
    polarities,
    reduced,
    shrink_factor,
)
from digitrec.reading.segmentation.ink import LEAST_INK

pytestmark = pytest.mark.long


def page(level=230, height=300, width=400):
    return np.full((height, width), level, np.float32)


def written(ground=230, ink=30):
    light = page(ground)
    light[100:200, 190:200] = ink
    light[100:110, 150:200] = ink
    return light


@pytest.mark.parametrize(("ground", "ink", "dark"), [(230, 30, True), (30, 230, False), (130, 90, True)])
def test_ink_is_what_is_narrow_and_little(ground, ink, dark):
    assert polarities(written(ground, ink))[0] is dark


def test_where_every_sign_says_the_same_ink_may_not_be_the_other():
    assert polarities(written()) == (True,)
    assert polarities(255 - written()) == (False,)


@pytest.mark.parametrize("dark", [True, False])
def test_a_digit_cropped_closely_and_drawn_boldly_is_ink(dark):
    light = page(255, 40, 40)
    light[2:38, 4:36] = 0
    light[12:16, 13:27] = light[24:28, 13:27] = 255  # an 8 with small loops: most of the page is ink
    light = np.pad(light, 3, constant_values=255)
    assert polarities(light if dark else 255 - light) == (dark,)  # ground all round leaves no doubt
    cut = light[3:-3, 3:-3]
    assert set(polarities(cut if dark else 255 - cut)) == {dark, not dark}


def test_a_step_in_the_light_is_no_contrast_but_ink_on_both_sides_is():
    light = written()
    light[:, 170:] *= 0.7
    contrast = contrast_to_ground(light, 1, 41, dark=True)
    assert contrast[:90].max() == 0
    np.testing.assert_allclose(contrast[105, 155:165], 200 / 230, atol=1e-3)
    np.testing.assert_allclose(contrast[150, 192:198], 200 / 230, atol=1e-3)


def test_the_ground_may_be_found_on_a_smaller_page():
    contrast = contrast_to_ground(written(), 4, 11, dark=True)
    assert contrast.shape == (300, 400)
    np.testing.assert_allclose(contrast[150, 192:198], 200 / 230, atol=1e-3)
    assert contrast[:90].max() < 1e-6


def test_the_dim_corner_of_a_page_is_ground_however_small_the_page_is_shrunk():
    y, x = np.mgrid[-1:1:300j, -1:1:400j]
    light = (written() * (1 - 0.2 * (x**2 + y**2))).astype(np.float32)
    contrast = contrast_to_ground(light, 8, 15, dark=True)  # 38 by 50 pixels, as thick strokes have it
    assert contrast[:40, :40].max() < 0.05
    assert contrast[150, 192:198].min() > 0.7


def test_a_sheet_on_a_table_is_found_and_a_page_that_fills_the_picture_is_none():
    assert find_papers(written()) == []
    light = page(40)
    light[60:240, 80:340] = 230
    (paper,) = find_papers(light)
    factor = shrink_factor(light)
    rows, columns = paper.box
    assert (rows.start, rows.stop) == pytest.approx((60, 240), abs=factor)
    assert (columns.start, columns.stop) == pytest.approx((80, 340), abs=factor)
    assert paper.mask.mean() > 0.85


def test_a_sheet_of_which_a_shadow_is_as_dark_as_the_table_is_found_with_it_and_without():
    light = page(60)
    light[60:240, 40:360] = 230
    light[:, 250:] *= 0.42
    sheets = find_papers(light)
    assert [sheet.box[1].stop for sheet in sheets] == pytest.approx([360, 250], abs=shrink_factor(light))


def test_white_ink_on_black_is_no_sheet():
    assert find_papers(written(20, 240)) == []


def test_a_page_is_shrunk_by_averaging_and_its_edge_goes_on():
    light = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_allclose(reduced(light, 2), [[2.5, 4.5], [8.5, 10.5]])
    np.testing.assert_array_equal(reduced(light, 1), light)
    assert [shrink_factor(page(0, side, 900)) for side in (1, 150, 310)] == [1, 1, 2]


def test_a_shadow_over_most_of_a_page_does_not_make_its_ink_light():
    light = page()
    light[:, 60:] = 110
    light[100:200, 200:206] = light[100:106, 160:206] = 40
    assert polarities(light)[0]
    assert not polarities(255 - light)[0]


def test_the_pointed_corner_of_a_shadow_over_most_of_a_page_is_no_light_ground():
    light = page(230, 276, 268)
    light[171:221, 115:121] = light[215:221, 100:133] = 50
    y, x = np.mgrid[-128:148, 0:268]
    light[x + 1.4 * np.abs(y) < 235] *= 0.5
    assert polarities(light)[0]
    assert not polarities(255 - light)[0]


def test_the_corner_of_a_shadow_is_ground_and_a_stroke_across_its_edge_is_not():
    light = page(220, 300, 300)
    y, x = np.mgrid[:300, :300]
    light[np.abs(x - 150) < (y - 60) / 2] = 120
    light[200:206, 40:260] = 30
    contrast = contrast_to_ground(light, 1, 36, dark=True)
    assert (contrast[75:190, 150] > 0.2).mean() < 0.1  # a closing alone takes a fifth for ink
    assert contrast[203, 45:255].min() > 0.4


def test_the_grain_of_a_dark_table_stands_out_less_than_ink_in_a_shadow():
    light = page(240)
    light[:, 300:] = 70
    light[100:103, 300:] = 50  # grain
    light[200:203, 310:390] = 10  # ink
    contrast = contrast_to_ground(light, 1, 41, dark=True)
    assert contrast[101, 310:390].max() < LEAST_INK < contrast[201, 320:380].min()


def test_a_board_whose_corners_are_dim_is_no_sheet():
    y, x = np.mgrid[-1:1:150j, -1:1:200j]
    light = (120 * (1 - 0.35 * (x**2 + y**2))).astype(np.float32)
    assert (light < 0.4 * light.max()).any()
    assert find_papers(light) == []
    light[light < 0.5 * light.max()] = 20
    assert find_papers(light)
