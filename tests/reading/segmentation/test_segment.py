"""A page's digits: which, where, in what order, and none where there is none. Pages are drawn by code."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.ndimage as ndi
from PIL import Image, ImageFilter

from digitrec.reading.reader import Reader
from digitrec.reading.segmentation.parts import Part, find_parts, in_lines
from digitrec.reading.segmentation.segment import find_digits, images_of
from digitrec.reading.segmentation.small import find_closeups
from digitrec.reading.segmentation.touching import cut
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits

pytestmark = pytest.mark.long


DIGITS = stroke_digits()
PLAIN = Options(height=100, pen=0.1, ink=(0, 0, 0))


def page(options=PLAIN, digits=DIGITS[[2, 3, 5, 7]], seed=0):
    rendering = render(digits, options, seed)
    return np.asarray(rendering.picture.convert("L")), rendering.boxes


def assert_found(crops, boxes, room=6):
    """One crop for each box, in the same order and place."""
    assert len(crops) == len(boxes)
    found = np.array([crop.box for crop in crops])
    assert np.abs(found - boxes).max() <= room


def alike(one, other):
    """Correlation of two images."""
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


def test_digits_are_found_in_their_places_as_mnist_has_them():
    grey, boxes = page(digits=DIGITS)
    crops = find_digits(grey)
    assert_found(crops, boxes, 4)
    assert [(crop.line, crop.position) for crop in crops] == [(0, position) for position in range(10)]
    for crop, digit in zip(crops, DIGITS, strict=True):
        shifts = [np.roll(crop.image, (y, x), (0, 1)) for y in range(-2, 3) for x in range(-2, 3)]
        assert max(alike(shift, digit) for shift in shifts) > 0.7


def test_light_on_dark_gives_the_same_crops():
    grey, _ = page()
    dark, light = find_digits(grey), find_digits(255 - grey)
    assert [crop.box for crop in dark] == [crop.box for crop in light]
    np.testing.assert_array_equal(images_of(dark), images_of(light))


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize("inverted", [False, True])
def test_a_picture_like_mnists_comes_through_bit_for_bit(digit, inverted):
    image = DIGITS[digit]
    places = np.arange(28) - 13.5
    y, x = (-round(float(image.sum(axis) @ places / image.sum())) for axis in (1, 0))
    image = np.roll(image, (y, x), (0, 1))
    (crop,) = find_digits(255 - image if inverted else image)
    np.testing.assert_array_equal(crop.image, image)
    left, top, width, height = crop.box
    assert image[top : top + height, left : left + width].sum() == image.sum()


PAPERS = {
    "lines": {"rulings": "lined", "offset": (0, 0.1)},
    "squares": {"rulings": "squared", "pitch": 0.5, "offset": (0.3, 0.4)},
    "boxes": {"boxes": 0.3},
    "a gradient": {"gradient": 0.5},
    "a table under the paper": {"table": (60, 45, 35), "margins": (1, 1, 1, 1)},
    "noise": {"noise": 8},
    "white ink on blue": {"ink": (255, 255, 255), "paper": (30, 60, 120)},
}


@pytest.mark.parametrize("case", PAPERS)
@pytest.mark.parametrize("seed", range(2))
def test_what_is_on_the_paper_and_on_the_light_does_not_matter(case, seed):
    grey, boxes = page(replace(PLAIN, **PAPERS[case]), seed=seed)
    found = find_digits(grey)
    for way in range(1 + max(crop.way for crop in found)):
        seen = [crop for crop in found if crop.way == way]
        if max(seen[0].box[2:]) < 0.8 * max(grey.shape):  # not as one digit that fills the page
            assert_found(seen, boxes, 8)


@pytest.mark.parametrize("seed", range(2))
def test_under_a_hard_shadow_a_digit_that_its_edge_does_not_cross_keeps_its_place(seed):
    grey, boxes = page(replace(PLAIN, shadow=0.5, softness=1), seed=seed)
    crops = find_digits(grey)
    assert len(crops) == 4
    astray = np.abs(np.array([crop.box for crop in crops]) - boxes).max(axis=1)
    assert (astray <= 6).sum() >= 3


def test_a_circle_round_a_digit_goes():
    grey, boxes = page(replace(PLAIN, margins=(1, 1, 1, 1)), DIGITS[3:4])
    y, x = np.mgrid[: grey.shape[0], : grey.shape[1]]
    distance = np.hypot(y - grey.shape[0] / 2, x - grey.shape[1] / 2)
    circled = np.where((distance > 85) & (distance < 89), 0, grey).astype(np.uint8)
    assert_found(find_digits(circled), boxes)


@pytest.mark.parametrize("height", [12, 30, 100, 500])
@pytest.mark.parametrize("digit", [1, 7])
def test_a_1_and_a_7_of_any_size_are_digits(height, digit):
    grey, boxes = page(replace(PLAIN, height=height), DIGITS[digit : digit + 1])
    assert_found(find_digits(grey), boxes, max(3, height // 20))


@pytest.mark.parametrize("rulings", ["none", "lined", "squared"])
def test_paper_without_digits_gives_none(rulings):
    grey, _ = page(replace(PLAIN, rulings=rulings, noise=2), DIGITS[:0])
    assert find_digits(grey) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (3000, 2), (28, 28), (300, 400)])
@pytest.mark.parametrize("level", [0, 255])
def test_a_blank_page_of_any_shape_gives_none(shape, level):
    assert find_digits(np.full(shape, level, np.uint8)) == []
    assert images_of([]).shape == (0, 28, 28)


def test_two_lines_are_read_from_above_and_from_the_left_also_where_they_rise():
    for tilt in (0, -6, 6):
        grey, boxes = page(replace(PLAIN, lines=2, tilt=tilt), DIGITS[[2, 3, 5, 7, 4, 9]])
        crops = find_digits(grey)
        assert_found(crops, boxes)
        assert [(crop.line, crop.position) for crop in crops] == [
            (line, position) for line in (0, 1) for position in range(3)
        ]


def test_touching_digits_offer_pieces_with_places_of_their_own():
    grey, (left, right) = page(replace(PLAIN, gap=0.3), DIGITS[[0, 0]])
    row = left[1] + left[3] // 2
    grey = grey.copy()
    grey[row - 4 : row + 4, left[0] + left[2] - 4 : right[0] + 4] = 0
    (crop,) = find_digits(grey)
    assert_found([crop], [(left[0], left[1], right[0] + right[2] - left[0], left[3])])
    assert len(crop.pieces) == 2
    assert_found(crop.pieces, [left, right], 25)
    assert len(images_of([crop])) == 3
    np.testing.assert_array_equal(images_of([crop])[1], crop.pieces[0].image)


def test_a_digit_by_itself_offers_no_pieces():
    assert [crop.pieces for crop in find_digits(page()[0])] == [()] * 4


def test_boxes_are_in_the_pages_own_pixels_where_it_is_enlarged():
    grey, boxes = page(replace(PLAIN, height=20), DIGITS[[4, 5]])
    assert min(grey.shape) < 112
    assert_found(find_digits(grey), boxes, 2)


def parts_of(mask):
    return find_parts(mask, mask.astype(np.float32))


def test_a_5_and_its_bar_are_one_digit():
    mask = np.zeros((200, 300), bool)
    mask[50:58, 60:110] = True  # the bar
    mask[64:150, 50:58] = mask[142:150, 50:100] = True
    mask[50:150, 200:208] = True
    one, other = in_lines(parts_of(mask))[0]
    assert (one.top, one.left, one.bottom, one.right) == (50, 50, 150, 110)
    assert one.mask.sum() == mask[:, :150].sum()
    assert (other.left, other.right, other.size) == (200, 208, 100)


def test_a_stroke_broken_twice_is_joined_and_a_speck_far_away_is_left_out():
    mask = np.zeros((200, 300), bool)
    for top, bottom in ((50, 80), (85, 115), (120, 150)):
        mask[top:bottom, 100:110] = True
    mask[50:150, 200:210] = True
    mask[20:26, 20:26] = True
    assert [(part.top, part.left, part.bottom) for part in in_lines(parts_of(mask))[0]] == [
        (50, 100, 150),
        (50, 200, 150),
    ]


def test_a_wide_piece_is_cut_where_the_least_ink_is():
    mask = np.zeros((100, 150), bool)
    mask[:, :10] = mask[:, 60:70] = mask[:, 80:90] = mask[:, -10:] = True
    mask[:10, :70] = mask[-10:, :70] = mask[:10, 80:] = mask[-10:, 80:] = True
    mask[48:52, 70:80] = True
    whole = Part(5, 7, mask)
    left, right = cut(whole)
    assert (left.top, left.left) == (5, 7)
    assert 70 <= left.right - 7 <= 80
    assert right.right == whole.right
    assert left.mask.sum() + right.mask.sum() == mask.sum()
    assert cut(Part(0, 0, mask[:, :70])) == ()


@pytest.mark.parametrize("shape", [(4, 8270), (8270, 4), (33, 36165), (1, 100_000)])
def test_a_narrow_page_is_not_enlarged_beyond_measure(shape, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "digitrec.reading.segmentation.segment.find_inks", lambda page: seen.append(page.size) or [FAKE]
    )
    find_digits(np.full(shape, 255, np.uint8))
    assert shape[0] * shape[1] <= seen[0] <= max(1_000_000, shape[0] * shape[1])


class FAKE:
    contrast, mask, threshold = np.zeros((5, 5), np.float32), np.zeros((5, 5), bool), 0.5


def test_a_page_full_of_dots_comes_to_an_end():
    dots = np.full((600, 600), 255, np.uint8)
    dots[::2, ::2] = 0
    assert len(find_digits(dots)) < 1000
    grey = Image.fromarray((np.arange(300 * 300) % 300 * 0.8).astype(np.uint8).reshape(300, 300))
    assert len(find_digits(np.asarray(grey.convert("1")).astype(np.uint8) * 255)) < 1000


def test_a_row_of_small_digits_keeps_its_loops_as_the_same_row_at_four_times_the_size_does():
    large, _ = page(replace(PLAIN, height=76, pen=0.12), DIGITS[[0, 4, 6, 8, 9]])
    small = np.asarray(Image.fromarray(large).reduce(4))
    assert min(small.shape) > 40
    for one, other in zip(find_digits(small), find_digits(large), strict=True):
        assert alike(one.image, other.image) > 0.85


@pytest.mark.parametrize(("height", "kept"), [(160, 0), (400, 1)])
def test_what_lies_in_a_corner_is_dim_light_unless_it_fills_a_fifth_of_the_page(height, kept):
    mask = np.zeros((400, 500), bool)
    mask[:height, :200] = np.tri(height, 200, dtype=bool)
    contrast = mask.astype(np.float32)
    assert len(find_parts(mask, contrast)) == kept


def bars(*boxes):
    """Upright bars on a page of 400x500, each given by its top, left, height and width."""
    mask = np.zeros((400, 500), bool)
    for top, left, height, width in boxes:
        mask[top : top + height, left : left + width] = True
    return mask


IN_LINE = (320, 100, 70, 10), (320, 180, 70, 10)


@pytest.mark.parametrize(
    ("boxes", "kept"),
    [
        (((330, 300, 70, 10), (350, 290, 10, 40)), True),  # with a bar, so that the cut is narrow beside it
        (((330, 300, 70, 20), (350, 290, 10, 40)), False),  # the cut is half of it: it may go on
        (((350, 300, 50, 10), (360, 290, 10, 40)), False),  # smaller than the others
        (((305, 300, 95, 10), (350, 290, 10, 40)), False),  # larger
        (((322, 430, 68, 10), (340, 430, 10, 70)), True),  # at the right edge
        (((325, 0, 10, 40), (325, 40, 65, 10)), True),  # at the left edge
        (((0, 300, 70, 10), (20, 290, 10, 40)), False),  # in no line with the others
        (((330, 430, 70, 10), (340, 430, 10, 70)), False),  # in a corner
    ],
)
def test_a_digit_that_just_reaches_the_edge_is_kept_in_a_line_of_its_like(boxes, kept):
    mask = bars(*IN_LINE, *boxes)
    assert len(find_parts(mask, mask.astype(np.float32))) == (3 if kept else 2)


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize(("side", "margin"), [(60, 0), (150, 0), (150, 4), (900, 20)])
def test_a_bold_digit_that_fills_the_picture_is_seen_as_one(side, margin, inverted):
    digit = Image.fromarray(DIGITS[3]).filter(ImageFilter.MaxFilter(3))
    cut = digit.crop(digit.getbbox())
    large = cut.resize((side, side), Image.Resampling.BICUBIC)
    grey = np.pad(np.asarray(large), margin)
    crops = find_digits(255 - grey if inverted else grey)
    (last,) = (crop for crop in crops if crop.way == crops[-1].way)
    assert max(last.box[0] + last.box[2], last.box[1] + last.box[3]) <= len(grey)
    np.testing.assert_allclose(last.box, (margin, margin, side, side), atol=0.04 * side)
    assert Reader.pretrained().read(255 - grey if inverted else grey).text == "3"


@pytest.mark.parametrize("page", ["a digit with a margin", "two digits", "a sheet on a table"])
def test_what_does_not_fill_the_picture_as_one_piece_is_no_closeup(page):
    grey = np.zeros((200, 200), np.uint8)
    if page == "two digits":
        grey[:, :30] = grey[:, 170:] = 255
    elif page == "a digit with a margin":
        grey[40:160, 90:110] = grey[40:60, 60:110] = 255
    else:
        grey[20:180, 20:180] = 255
    assert not list(find_closeups(grey))
    assert not list(find_closeups(255 - grey))


def test_an_empty_page_whose_shadow_is_like_a_digit_stays_empty():
    grey = np.full((300, 300), 230.0)
    grey[:, 230:] = grey[:60] = 150
    grey = ndi.gaussian_filter(grey, 15).astype(np.uint8)
    assert list(find_closeups(grey))
    assert find_digits(grey) == []


def test_a_bar_far_from_its_5_is_offered_joined_and_apart():
    mask = np.zeros((300, 300), bool)
    mask[140:148, 100:160] = mask[148:200, 152:160] = mask[200:208, 100:160] = True
    mask[100:108, 120:180] = True
    (part,) = find_parts(mask, mask.astype(np.float32))
    assert (part.top, part.bottom) == (100, 208)
    assert sorted(piece.top for piece in part.pieces) == [100, 140]


def test_what_is_much_paler_than_the_darkest_piece_is_no_digit():
    mask = np.zeros((200, 300), bool)
    mask[50:130, 50:60] = mask[50:130, 150:160] = mask[50:130, 250:260] = True
    contrast = np.where(mask, np.float32(0.9), np.float32(0))
    contrast[:, 140:200] *= 0.2
    contrast[:, 240:] *= 0.6
    assert [part.left for part in find_parts(mask, contrast)] == [50, 250]


def test_a_page_with_nothing_darker_than_its_rulings_may_be_is_empty():
    mask = np.zeros((200, 300), bool)
    mask[50:130, 50:60] = True
    assert find_parts(mask, np.where(mask, np.float32(0.3), np.float32(0)))
    assert not find_parts(mask, np.where(mask, np.float32(0.15), np.float32(0)))


def test_what_lies_flat_or_across_the_whole_page_is_no_digit():
    mask = np.zeros((400, 400), bool)
    mask[50:130, 50:60] = mask[300:306, 100:180] = True
    mask[200:260] = True
    assert [part.top for part in find_parts(mask, mask.astype(np.float32))] == [50]


@pytest.mark.parametrize("cut", [0, 1])
def test_a_row_cropped_to_its_ink_keeps_its_digits(cut):
    rendered = render(DIGITS[[3, 0, 2, 5, 8]], replace(PLAIN, unevenness=0.02), 0)
    x, y, right, bottom = (
        min(box[0] for box in rendered.boxes) + cut,
        min(box[1] for box in rendered.boxes) + cut,
        max(box[0] + box[2] for box in rendered.boxes) - cut,
        max(box[1] + box[3] for box in rendered.boxes) - cut,
    )
    tight = rendered.picture.convert("L").crop((x, y, right, bottom))
    assert len(find_digits(np.asarray(tight))) == 5


def test_a_digit_is_found_beside_many_pale_squares():
    random = np.random.default_rng(0)
    page = np.full((400, 400), 220.0)
    page[::20] = page[1::20] = 195
    page[:, ::20] = page[:, 1::20] = 195
    page[205:235, 187:191] = 60
    page += random.normal(0, 2, page.shape)
    assert_found(find_digits(page.clip(0, 255).astype(np.uint8)), [(187, 205, 4, 30)], 3)
