"""Grey levels: modes, transparency, coloured ink, and numbers of other ranges."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from digitrec.reading import grayscale


def stroke(size=(60, 60), ground=0, ink=255, mode="L"):
    image = Image.new(mode, size, ground)
    ImageDraw.Draw(image).line([(20, 10), (40, 30), (25, 50)], fill=ink, width=6)
    return image


def grey(image):
    return grayscale.to_gray(grayscale.plain(image))


def in_alpha(colour, mask):
    image = Image.new("RGB", mask.size, colour).convert("RGBA")
    image.putalpha(mask)
    return image


GREY = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
SAME = {
    "LA": GREY.convert("LA"),
    "P": GREY.convert("P"),
    "RGB": GREY.convert("RGB"),
    "RGBA": GREY.convert("RGBA"),
    "I": GREY.convert("I"),
    "F": GREY.convert("F"),
    "F in 0..1": Image.fromarray(np.asarray(GREY).astype(np.float32) / 255),
    "16 bits": Image.fromarray(np.asarray(GREY).astype(np.uint16) * 257),
    "CMYK": GREY.convert("RGB").convert("CMYK"),
    "La": GREY.convert("LA").convert("La"),
    "RGBa": GREY.convert("RGBA").convert("RGBa"),
    "LAB": Image.merge("LAB", [GREY, Image.new("L", GREY.size, 128), Image.new("L", GREY.size, 128)]),
}


@pytest.mark.parametrize("kind", SAME)
def test_a_grey_picture_keeps_its_levels_in_every_mode(kind):
    np.testing.assert_array_equal(grey(SAME[kind]), np.asarray(GREY))


def test_ycbcr_and_one_bit_become_what_they_show():
    assert abs(grey(GREY.convert("RGB").convert("YCbCr")).astype(int) - np.asarray(GREY)).max() <= 1
    assert set(np.unique(grey(GREY.convert("1")))) == {0, 255}


def test_a_scan_with_12_of_16_bits_uses_the_whole_range():
    scan = np.linspace(0, 4095, 400).reshape(20, 20).astype(np.uint16)
    levels = grey(Image.fromarray(scan))
    np.testing.assert_array_equal(levels, np.rint(scan * (255 / 4095)))


def test_black_ink_in_the_alpha_channel_lies_on_white():
    mask = stroke()
    np.testing.assert_array_equal(grey(in_alpha("black", mask)), 255 - np.asarray(mask))


def test_white_ink_in_the_alpha_channel_lies_on_black():
    mask = stroke()
    np.testing.assert_array_equal(grey(in_alpha("white", mask)), np.asarray(mask))


@pytest.mark.parametrize(("ink", "ground"), [((200, 0, 0), 255), ((255, 230, 0), 0), ((0, 0, 120), 255)])
def test_coloured_ink_on_nothing_gets_the_ground_that_is_further_away(ink, ground):
    levels = grey(in_alpha(ink, stroke())).astype(int)
    assert levels[0, 0] == ground
    assert abs(levels[30, 40] - ground) > 128


def test_what_is_under_full_transparency_does_not_matter():
    mask = stroke()
    noise = np.random.default_rng(1).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    noise[np.asarray(mask) > 0] = 0
    image = Image.fromarray(noise)
    image.putalpha(mask)
    np.testing.assert_array_equal(grey(image), 255 - np.asarray(mask))


@pytest.mark.parametrize(("paper", "ink"), [((240, 235, 220), (20, 20, 60)), ((30, 40, 30), (230, 230, 230))])
def test_paper_that_was_cut_out_goes_on_round_it(paper, ink):
    image = stroke(ground=paper, ink=ink, mode="RGB").convert("RGBA")
    mask = Image.new("L", image.size, 0)
    ImageDraw.Draw(mask).ellipse([5, 3, 55, 57], fill=255)
    image.putalpha(mask)
    expected = stroke(ground=paper, ink=ink, mode="RGB").convert("L")
    levels, expected = grey(image), np.asarray(expected)
    assert np.unique(levels[np.asarray(mask) == 0]) == expected[0, 0]
    np.testing.assert_array_equal(levels[np.asarray(mask) == 255], expected[np.asarray(mask) == 255])


def test_pencil_on_paper_that_was_cut_out_is_ink_on_that_paper():
    image = stroke((200, 200), ground=(225, 222, 215), ink=(165, 165, 165), mode="RGB").convert("RGBA")
    mask = Image.new("L", image.size, 0)
    mask.paste(255, (4, 4, 190, 180))
    image.putalpha(mask)
    levels = grey(image)
    assert set(np.unique(levels)) == {165, levels[0, 0]}
    assert levels[0, 0] == levels[100, 100]


def test_an_outlined_digit_lies_on_the_colour_of_its_outline():
    image = Image.new("RGBA", (60, 60))
    draw = ImageDraw.Draw(image)
    draw.line([(20, 10), (40, 30), (25, 50)], fill="white", width=16)
    draw.line([(20, 10), (40, 30), (25, 50)], fill="black", width=8)
    levels = grey(image)
    assert levels[0, 0] == 255
    assert levels[30, 40] == 0


def test_a_picture_that_is_opaque_but_for_a_corner_stays_as_it_is():
    image = stroke(ground=255, ink=0).convert("RGBA")
    image.putpixel((0, 0), (255, 255, 255, 0))
    np.testing.assert_array_equal(grey(image), np.asarray(stroke(ground=255, ink=0)))


def test_a_picture_as_transparent_everywhere_keeps_ink_and_ground_apart():
    image = stroke(ground=255, ink=0).convert("RGBA")
    image.putalpha(100)
    levels = grey(image).astype(int)
    assert levels[0, 0] - levels[30, 40] >= 95


def test_faint_ink_in_alpha_is_there():
    levels = grey(in_alpha("black", stroke(ink=60)))
    assert (levels[0, 0], levels[30, 40]) == (255, 195)


def test_a_picture_of_nothing_is_blank():
    assert np.unique(grey(Image.new("RGBA", (9, 9)))) == 255


def test_a_transparent_colour_of_a_palette_is_transparent(tmp_path):
    image = Image.new("P", (60, 60), 0)
    image.putpalette([90, 90, 90, 0, 0, 0])
    image.paste(1, mask=stroke())
    image.save(tmp_path / "a.gif", transparency=0)
    with Image.open(tmp_path / "a.gif") as read:
        np.testing.assert_array_equal(grey(read), 255 - np.asarray(stroke()))


COLOURS = {
    "red on green": ((0, 120, 0), (200, 20, 20)),
    "yellow on white": ((255, 255, 255), (255, 240, 0)),
    "yellow on paper in the shade": ((150, 145, 140), (150, 145, 50)),
    "blue on black": ((0, 0, 0), (0, 0, 255)),
}


@pytest.mark.parametrize("case", COLOURS)
@pytest.mark.parametrize("noise", [0, 6])
def test_ink_that_differs_in_colour_only_can_be_seen(case, noise):
    ground, ink = COLOURS[case]
    image = np.asarray(stroke(ground=ground, ink=ink, mode="RGB"))
    image = image + np.random.default_rng(2).normal(0, noise, image.shape)
    levels = grey(Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))).astype(int)
    mask = np.asarray(stroke()) > 0
    assert abs(levels[mask].mean() - levels[~mask].mean()) > 75


def test_ordinary_ink_is_read_by_its_luminance():
    image = stroke(ground=(240, 230, 210), ink=(20, 30, 120), mode="RGB")
    np.testing.assert_array_equal(grey(image), np.asarray(image.convert("L")))


def test_the_noise_of_one_channel_does_not_make_it_the_clearest():
    noise = np.random.default_rng(3).normal(0, 1, (800, 800, 3)) * (4, 3, 12)
    image = Image.fromarray((noise + np.array([200, 190, 150])).astype(np.uint8))
    np.testing.assert_array_equal(grey(image), np.asarray(image.convert("L")))


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ([0, 128, 255], [0, 128, 255]),
        ([0.0, 0.2, 1.0], [0, 51, 255]),
        ([0.0, 51.0, 255.0], [0, 51, 255]),
        ([False, False, True], [0, 0, 255]),
        ([0, 0, 1], [0, 0, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([0, 512, 1023], [0, 128, 255]),
        ([0.0, np.nan, np.inf], [0, 0, 255]),
        ([7e8, 0, 14e8], [128, 0, 255]),
        ([0, 0, 0], [0, 0, 0]),
    ],
)
def test_numbers_are_taken_in_the_range_that_they_seem_to_be_in(values, levels):
    values = np.array([values])
    assert grayscale.scale(values, grayscale.value_range(values)).tolist() == [levels]
