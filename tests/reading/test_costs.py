"""What decoding takes: the estimate is above what it takes, and not far above."""

import io

import numpy as np
import pytest
from PIL import Image

from digitrec.reading import costs


def opened(kind, mode="RGB", size=(640, 480), **options):
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind, **options)
    return Image.open(file), file


@pytest.mark.parametrize(
    ("mode", "subsampling", "each"),
    [("L", 0, 2), ("RGB", 0, 6), ("RGB", 1, 4), ("RGB", 2, 3), ("CMYK", 0, 8)],
)
def test_the_coefficients_of_a_progressive_jpeg_take_2_bytes_for_each_sample(mode, subsampling, each):
    image, _ = opened("JPEG", mode, subsampling=subsampling, progressive=True)
    assert costs.coefficients(image) == each * 640 * 480


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_of_one_scan_keeps_none(mode):
    image, file = opened("JPEG", mode)
    assert costs.coefficients(image) == 0
    assert costs.scans(file) == 1


def test_a_jpeg_with_a_scan_for_each_colour_keeps_them():
    _, file = opened("JPEG")
    content = bytearray(file.getvalue())
    scan = content.index(b"\xff\xda\x00\x0c\x03")
    content[scan + 2 : scan + 14] = b"\x00\x08\x01\x01\x00\x00\x3f\x00"  # of one of three colours
    assert costs.coefficients(Image.open(io.BytesIO(content))) > 0


def test_scans_are_counted_across_blocks_of_the_file(monkeypatch):
    _, file = opened("JPEG", progressive=True)
    number = costs.scans(file)
    assert number == 10  # libjpeg's script for colours
    file.seek(17)
    monkeypatch.setattr(costs, "_BLOCK", 1)
    assert costs.scans(file) == number
    assert file.tell() == 17


@pytest.mark.parametrize(("mode", "each"), [("L", 1), ("P", 1), ("I;16", 2), ("RGB", 4), ("RGBA", 4)])
def test_an_image_takes_what_pillow_holds(mode, each):
    image, _ = opened("PNG", mode)
    held = costs.memory(image, 1000, 0) - costs.memory(opened("PNG", mode, (1, 1))[0], 1000, 0)
    assert held == each * (640 * 480 - 1)


def test_a_tiff_takes_its_file_and_a_strip_or_tile_as_well():
    whole, _ = opened("TIFF", size=(9000, 6000), compression="packbits", strip_size=10**9)
    strips, _ = opened("TIFF", size=(9000, 6000), compression="packbits", strip_size=9000)
    difference = costs.memory(whole, 10**8, 0) - costs.memory(strips, 10**8, 0)
    assert difference == pytest.approx(3 * 9000 * 6000, rel=0.01)
    strips.tag_v2[322] = strips.tag_v2[323] = 60_000
    assert costs.memory(strips, 0, 0) > 3 * 60_000**2


def test_damaged_jpeg_headers_cost_something_still():
    image, _ = opened("JPEG", progressive=True)
    image.layer = [(number, 0, 0, table) for number, _, _, table in image.layer]
    assert np.isfinite(costs.coefficients(image))
