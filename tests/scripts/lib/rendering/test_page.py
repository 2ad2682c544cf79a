from dataclasses import replace

import numpy as np
import pytest

from scripts.lib.rendering import Options, render
from scripts.lib.rendering.scenes import scene
from scripts.lib.strokes import stroke_digits

pytestmark = pytest.mark.scripts

DIGITS = stroke_digits()
PLAIN = Options(height=100, ink=(0, 0, 0))


def ink(page):
    """How much ink each pixel of a page without camera has, 0 to 255."""
    return 255 - np.asarray(page.picture.convert("L")).astype(int)


def stroke_width(page):
    """Mean width of the strokes of a lone 1, whose length is about its height."""
    return ink(page).sum() / 255 / page.boxes[0][3]


def test_boxes_hold_all_the_ink_and_no_more():
    page = render(DIGITS, PLAIN, 0)
    dark = ink(page)
    for x, y, width, height in page.boxes:
        part = dark[y : y + height, x : x + width]
        assert part.any(axis=0)[[0, -1]].all()
        assert part.any(axis=1)[[0, -1]].all()
        part[:] = 0
    assert not dark.any()


def test_a_box_leaves_out_a_speck_and_keeps_a_stroke_apart():
    one, five = np.zeros((2, 28, 28), np.uint8)
    one[4:24, 12:16] = 255
    speckled = one.copy()
    speckled[21:24, 22:25] = 255
    five[4:24, 10:13] = five[4:7, 15:23] = 255
    lone, dirty, apart = (render(digit[None], PLAIN, 0) for digit in (one, speckled, five))
    assert dirty.boxes[0][2:] == pytest.approx(lone.boxes[0][2:], abs=10)
    x, _, width, _ = dirty.boxes[0]
    assert ink(dirty)[:, x + width + 5 :].any()  # it is on the page all the same
    assert apart.boxes[0][2] > 0.5 * apart.boxes[0][3]


def test_a_row_has_disjoint_boxes_from_left_to_right():
    page = render(DIGITS[:8], replace(PLAIN, gap=0.15, unevenness=0.1, slant=8), 1)
    edges = [edge for x, _, width, _ in page.boxes for edge in (x, x + width)]
    assert edges == sorted(edges)
    assert len(page.boxes) == 8
    assert page.lines == [0] * 8


def test_lines_are_filled_from_above_and_lie_below_each_other():
    page = render(DIGITS[:7], replace(PLAIN, lines=3), 0)
    assert page.lines == [0, 0, 0, 1, 1, 2, 2]
    feet = [y + height for _, y, _, height in page.boxes]
    assert max(feet[:3]) < page.boxes[3][1]
    assert feet[5] - feet[3] == pytest.approx(1.6 * 100, abs=2)


def test_a_seed_repeats_a_picture_and_another_one_changes_it():
    options = scene(np.random.default_rng(3), "photo", 4)
    first, again, other = (render(DIGITS[:4], options, seed) for seed in (5, 5, 6))
    assert first.picture.tobytes() == again.picture.tobytes()
    assert first.boxes == again.boxes
    assert first.picture.tobytes() != other.picture.tobytes()


@pytest.mark.parametrize("height", [20, 100, 600])
def test_digits_are_as_large_as_asked(height):
    page = render(DIGITS[8:9], replace(PLAIN, height=height, pen=0.1), 0)
    assert page.boxes[0][3] == pytest.approx(1.1 * height, abs=0.02 * height + 2)


def test_margins_put_the_digit_in_its_place():
    page = render(DIGITS[3:4], replace(PLAIN, margins=(3, 0.2, 1, 0.5)), 0)
    x, y, width, height = page.boxes[0]
    right, below = page.picture.width - x - width, page.picture.height - y - height
    assert (x, y, right, below) == pytest.approx((300, 20, 100, 50), abs=2)


@pytest.mark.parametrize("height", [60, 500])
@pytest.mark.parametrize("pen", [0.02, 0.08, 0.2])
def test_strokes_are_as_wide_as_the_pen(pen, height):
    page = render(DIGITS[7:8], replace(PLAIN, pen=pen, height=height), 0)
    thin = render(DIGITS[7:8], replace(PLAIN, pen=0.04, height=height), 0)
    ratio = ink(page).sum() / ink(thin).sum()
    assert ratio == pytest.approx(pen / 0.04, rel=0.15)


def test_slant_leans_to_the_right_and_rotation_turns_clockwise():
    def lean(**changes):
        """Pixels from the middle of the lower half to that of the upper."""
        dark = ink(render(DIGITS[:1], replace(PLAIN, **changes), 0))
        rows = np.nonzero(dark.any(axis=1))[0]
        middle = int(rows.mean())
        return np.average(np.nonzero(dark[:middle])[1]) - np.average(np.nonzero(dark[middle:])[1])

    assert abs(lean()) < 1
    assert lean(slant=20) > 10
    assert lean(rotation=20) > 5
    assert lean(rotation=-20) < -5


def test_a_tilted_page_runs_downhill():
    page = render(DIGITS[[0, 0, 0]], replace(PLAIN, tilt=10), 0)
    (x, y, *_), _, (x2, y2, *_) = page.boxes
    assert np.degrees(np.arctan2(y2 - y, x2 - x)) == pytest.approx(10, abs=1)


def test_colors_and_polarity_are_as_asked():
    board = render(DIGITS[:1], Options(ink=(250, 240, 230), paper=(10, 40, 20)), 0)
    pixels = np.asarray(board.picture).reshape(-1, 3)
    assert pixels[0].tolist() == [10, 40, 20]
    assert pixels.max(axis=0).tolist() == [250, 240, 230]


def test_a_transparent_picture_has_its_digits_in_alpha_alone():
    page = render(DIGITS[:2], replace(PLAIN, transparent=True, ink=(200, 0, 0)), 0)
    rgba = np.asarray(page.picture)
    assert (rgba[..., :3] == (200, 0, 0)).all()
    opaque = render(DIGITS[:2], PLAIN, 0)
    assert np.abs(rgba[..., 3].astype(int) - ink(opaque)).max() <= 1


def test_printed_boxes_surround_digits_without_touching_them():
    options = replace(PLAIN, boxes=0.2, gap=0, ruling_width=2, box_color=(255, 0, 0), ink=(0, 0, 255))
    page = render(DIGITS[:4], options, 0)
    red, green, blue = np.moveaxis(np.asarray(page.picture).astype(int), 2, 0)
    printed, written = (red - green) > 60, (blue - green) > 60
    for x, y, width, height in page.boxes:
        assert not printed[y - 10 : y + height + 10, x - 10 : x + width + 10].any()
        middle = x + width // 2
        assert printed[:y, middle].any()
        assert printed[y + height :, middle].any()
    assert written.any()


def test_rulings_have_their_pitch():
    lined = ink(render(DIGITS[:0], replace(PLAIN, rulings="lined", pitch=0.5, ruling_width=2), 0))
    rows = np.nonzero(lined[:, 0] > 40)[0]
    starts = rows[np.diff(rows, prepend=-9) > 1]
    assert np.abs(np.diff(starts) - 50).max() <= 1
    assert starts[-1] - starts[0] == pytest.approx(50 * (len(starts) - 1), abs=1)
    assert (lined == lined[:, :1]).all()
    below = ink(render(DIGITS[:1], replace(PLAIN, rulings="lined", pitch=2, offset=(0, 0.1)), 0))
    assert np.argmax(below[:, 0] > 40) == pytest.approx(
        50 + 108 + 20, abs=2
    )  # margin, digit with pen, offset
    squared = ink(render(DIGITS[:0], replace(PLAIN, rulings="squared", pitch=0.5, ruling_width=2), 0))
    assert (np.diff(np.nonzero(squared[10] > 40)[0]) > 1).sum() == pytest.approx(squared.shape[1] / 50, abs=1)


def test_light_falls_off_and_the_shadow_takes_its_share():
    def levels(**changes):
        picture = np.asarray(render(DIGITS[:0], replace(PLAIN, **changes), 4).picture.convert("L"))
        return int(picture.min()), int(picture.max())

    assert levels() == (255, 255)
    assert levels(shadow=0.4) == (153, 255)
    assert levels(gradient=0.3) == pytest.approx((0.7 * 255, 255), abs=2)
    assert levels(vignette=0.2) == pytest.approx((0.8 * 255, 255), abs=2)


def test_noise_has_its_deviation_and_blur_keeps_the_amount_of_ink():
    grey = replace(PLAIN, paper=(128, 128, 128))
    noisy = np.asarray(render(DIGITS[:0], replace(grey, noise=5), 0).picture).astype(float)
    assert (noisy.mean(), noisy.std()) == pytest.approx((128, 5), rel=0.02)
    sharp, blurred = render(DIGITS[:3], PLAIN, 0), render(DIGITS[:3], replace(PLAIN, blur=2), 0)
    assert ink(blurred).sum() == pytest.approx(ink(sharp).sum(), rel=0.02)
    assert np.abs(np.diff(ink(blurred))).max() < np.abs(np.diff(ink(sharp))).max() / 2


def test_the_table_shows_round_the_sheet_and_not_over_the_writing():
    options = replace(PLAIN, margins=(2, 2, 2, 2), table=(60, 40, 20))
    page, plain = render(DIGITS[:2], options, 1), render(DIGITS[:2], replace(options, table=None), 1)
    assert 0.1 < (np.asarray(page.picture)[..., 0] < 128).mean() < 0.7
    for x, y, width, height in page.boxes:
        frame = (x, y, x + width, y + height)
        assert page.picture.crop(frame).tobytes() == plain.picture.crop(frame).tobytes()


def test_a_traced_digit_redrawn_at_its_own_size_is_the_digit():
    for digit in DIGITS:
        page = render(digit[None], replace(PLAIN, height=17.5, pen=2.6 / 17.5, margins=(0, 0, 0, 0)), 0)
        again = ink(page).astype(float)
        rows, columns = np.nonzero(digit)
        drawn = digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert again.sum() == pytest.approx(drawn.sum(), rel=0.2)
