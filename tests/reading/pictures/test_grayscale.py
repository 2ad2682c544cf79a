"""Conversion to gray: modes, transparency, colored strokes and value ranges."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from digitrec.reading.pictures import grayscale


def stroke(size=(60, 60), background=0, color=255, mode="L"):
    image = Image.new(mode, size, background)
    ImageDraw.Draw(image).line([(20, 10), (40, 30), (25, 50)], fill=color, width=6)
    return image


def gray(image):
    return grayscale.to_gray(grayscale.plain(image))


def in_alpha(color, mask):
    image = Image.new("RGB", mask.size, color).convert("RGBA")
    image.putalpha(mask)
    return image


GRAY = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
SAME = {
    "LA": GRAY.convert("LA"),
    "P": GRAY.convert("P"),
    "RGB": GRAY.convert("RGB"),
    "RGBA": GRAY.convert("RGBA"),
    "I": GRAY.convert("I"),
    "F": GRAY.convert("F"),
    "F in 0..1": Image.fromarray(np.asarray(GRAY).astype(np.float32) / 255),
    "16 bits": Image.fromarray(np.asarray(GRAY).astype(np.uint16) * 257),
    "CMYK": GRAY.convert("RGB").convert("CMYK"),
    "La": GRAY.convert("LA").convert("La"),
    "RGBa": GRAY.convert("RGBA").convert("RGBa"),
    "LAB": Image.merge("LAB", [GRAY, Image.new("L", GRAY.size, 128), Image.new("L", GRAY.size, 128)]),
}


@pytest.mark.parametrize("kind", SAME)
def test_a_gray_picture_keeps_its_levels_in_every_mode(kind):
    np.testing.assert_array_equal(gray(SAME[kind]), np.asarray(GRAY))


def test_ycbcr_and_one_bit_become_what_they_show():
    assert abs(gray(GRAY.convert("RGB").convert("YCbCr")).astype(int) - np.asarray(GRAY)).max() <= 1
    assert set(np.unique(gray(GRAY.convert("1")))) == {0, 255}


def test_a_scan_with_12_of_16_bits_uses_the_whole_range():
    scan = np.linspace(0, 4095, 400).reshape(20, 20).astype(np.uint16)
    levels = gray(Image.fromarray(scan))
    np.testing.assert_array_equal(levels, np.rint(scan * (255 / 4095)))


def test_black_strokes_in_the_alpha_channel_get_a_white_background():
    mask = stroke()
    np.testing.assert_array_equal(gray(in_alpha("black", mask)), 255 - np.asarray(mask))


def test_white_strokes_in_the_alpha_channel_get_a_black_background():
    mask = stroke()
    np.testing.assert_array_equal(gray(in_alpha("white", mask)), np.asarray(mask))


@pytest.mark.parametrize(
    ("color", "background"), [((200, 0, 0), 255), ((255, 230, 0), 0), ((0, 0, 120), 255)]
)
def test_colored_strokes_without_background_get_the_more_distant_one(color, background):
    levels = gray(in_alpha(color, stroke())).astype(int)
    assert levels[0, 0] == background
    assert abs(levels[30, 40] - background) > 128


def test_colors_of_fully_transparent_pixels_are_ignored():
    mask = stroke()
    noise = np.random.default_rng(1).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    noise[np.asarray(mask) > 0] = 0
    image = Image.fromarray(noise)
    image.putalpha(mask)
    np.testing.assert_array_equal(gray(image), 255 - np.asarray(mask))


@pytest.mark.parametrize(
    ("paper", "color"), [((240, 235, 220), (20, 20, 60)), ((30, 40, 30), (230, 230, 230))]
)
def test_paper_that_was_cut_out_is_continued_around_it(paper, color):
    image = stroke(background=paper, color=color, mode="RGB").convert("RGBA")
    mask = Image.new("L", image.size, 0)
    ImageDraw.Draw(mask).ellipse([5, 3, 55, 57], fill=255)
    image.putalpha(mask)
    expected = stroke(background=paper, color=color, mode="RGB").convert("L")
    levels, expected = gray(image), np.asarray(expected)
    assert np.unique(levels[np.asarray(mask) == 0]) == expected[0, 0]
    np.testing.assert_array_equal(levels[np.asarray(mask) == 255], expected[np.asarray(mask) == 255])


def test_pale_strokes_on_paper_that_was_cut_out_keep_that_paper():
    image = stroke((200, 200), background=(225, 222, 215), color=(165, 165, 165), mode="RGB").convert("RGBA")
    mask = Image.new("L", image.size, 0)
    mask.paste(255, (4, 4, 190, 180))
    image.putalpha(mask)
    levels = gray(image)
    assert set(np.unique(levels)) == {165, levels[0, 0]}
    assert levels[0, 0] == levels[100, 100]


def test_an_outlined_digit_gets_the_color_of_its_outline_as_background():
    image = Image.new("RGBA", (60, 60))
    draw = ImageDraw.Draw(image)
    draw.line([(20, 10), (40, 30), (25, 50)], fill="white", width=16)
    draw.line([(20, 10), (40, 30), (25, 50)], fill="black", width=8)
    levels = gray(image)
    assert levels[0, 0] == 255
    assert levels[30, 40] == 0


def test_a_picture_with_one_transparent_corner_is_not_changed():
    image = stroke(background=255, color=0).convert("RGBA")
    image.putpixel((0, 0), (255, 255, 255, 0))
    np.testing.assert_array_equal(gray(image), np.asarray(stroke(background=255, color=0)))


def test_a_picture_as_transparent_everywhere_keeps_ink_and_ground_apart():
    image = stroke(background=255, color=0).convert("RGBA")
    image.putalpha(100)
    levels = gray(image).astype(int)
    assert levels[0, 0] - levels[30, 40] >= 95


def test_faint_strokes_in_the_alpha_channel_are_kept():
    levels = gray(in_alpha("black", stroke(color=60)))
    assert (levels[0, 0], levels[30, 40]) == (255, 195)


def test_a_fully_transparent_picture_is_blank():
    assert np.unique(gray(Image.new("RGBA", (9, 9)))) == 255


def test_a_transparent_color_of_a_palette_is_transparent(tmp_path):
    image = Image.new("P", (60, 60), 0)
    image.putpalette([90, 90, 90, 0, 0, 0])
    image.paste(1, mask=stroke())
    image.save(tmp_path / "a.gif", transparency=0)
    with Image.open(tmp_path / "a.gif") as read:
        np.testing.assert_array_equal(gray(read), 255 - np.asarray(stroke()))


COLORS = {
    "red on green": ((0, 120, 0), (200, 20, 20)),
    "yellow on white": ((255, 255, 255), (255, 240, 0)),
    "yellow on paper in the shade": ((150, 145, 140), (150, 145, 50)),
    "blue on black": ((0, 0, 0), (0, 0, 255)),
}


@pytest.mark.parametrize("case", COLORS)
@pytest.mark.parametrize("noise", [0, 6])
def test_strokes_that_differ_in_color_only_stay_visible(case, noise):
    background, color = COLORS[case]
    image = np.asarray(stroke(background=background, color=color, mode="RGB"))
    image = image + np.random.default_rng(2).normal(0, noise, image.shape)
    levels = gray(Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))).astype(int)
    mask = np.asarray(stroke()) > 0
    assert abs(levels[mask].mean() - levels[~mask].mean()) > 75


def test_ordinary_strokes_are_converted_by_luminance():
    image = stroke(background=(240, 230, 210), color=(20, 30, 120), mode="RGB")
    np.testing.assert_array_equal(gray(image), np.asarray(image.convert("L")))


def test_a_noisy_channel_is_not_preferred():
    noise = np.random.default_rng(3).normal(0, 1, (800, 800, 3)) * (4, 3, 12)
    image = Image.fromarray((noise + np.array([200, 190, 150])).astype(np.uint8))
    np.testing.assert_array_equal(gray(image), np.asarray(image.convert("L")))


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
def test_the_range_of_values_is_guessed(values, levels):
    values = np.array([values])
    assert grayscale.scale(values, grayscale.value_range(values)).tolist() == [levels]
