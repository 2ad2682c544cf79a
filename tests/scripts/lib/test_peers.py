import numpy as np
import pytest
from PIL import Image, ImageDraw

from scripts.lib.peers import dark_on_light, digit_boxes, foreground, group_lines, mnist_crop, text, upright

pytestmark = pytest.mark.scripts


def page(boxes):
    image = Image.new("L", (200, 120), 230)
    for box in boxes:
        ImageDraw.Draw(image).rectangle(box, fill=20)
    return image


def test_boxes_become_lines_from_top_to_bottom_and_left_to_right():
    boxes = np.array([[50, 12, 60, 32], [10, 80, 20, 100], [10, 8, 20, 28], [90, 10, 100, 30]])
    assert group_lines(boxes) == [[2, 0, 3], [1]]
    assert group_lines(np.zeros((0, 4))) == []


@pytest.mark.parametrize("invert", [False, True])
def test_the_components_are_digits_and_specks_are_none(invert):
    image = page([(20, 20, 29, 59), (60, 20, 79, 59), (150, 90, 151, 91)])
    picture = image.point(lambda value: 255 - value) if invert else image
    mask = foreground(dark_on_light(picture))
    assert digit_boxes(mask, single=False).tolist() == [[20, 20, 30, 60], [60, 20, 80, 60]]
    assert digit_boxes(mask, single=True).tolist() == [[20, 20, 152, 92]]


def test_a_crop_has_the_box_and_the_center_of_mnist():
    digit = mnist_crop(np.full((60, 30), 200, np.uint8))
    rows, columns = np.flatnonzero(digit.any(axis=1)), np.flatnonzero(digit.any(axis=0))
    assert (rows[0], rows[-1], len(columns)) == (4, 23, 10)
    assert abs((columns[0] + columns[-1]) / 2 - 13.5) <= 0.5


def test_a_text_keeps_digits_and_drops_lines_without_any():
    assert text(["1 2a3", "-", "", "4."]) == "123 4"


def test_a_picture_is_upright_and_its_transparent_parts_are_white(tmp_path):
    image = Image.new("RGBA", (4, 2), (0, 0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    image.save(tmp_path / "a.png", exif=exif)
    opened = upright(str(tmp_path / "a.png"))
    assert (opened.size, opened.getpixel((0, 0))) == ((2, 4), (255, 255, 255))
