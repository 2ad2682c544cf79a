"""Reading takes at most 300 MB: the growth of a process that reads a file, and the refusals by its header."""

import io
import re
import subprocess
import sys

import pytest
from PIL import Image

from digitrec.reading.pictures import decoding
from digitrec.reading.pictures.loading import load
from tests.conftest import ROOT
from tests.reading.pictures.pictures_for_tests import encoded, png_header, refusal

pytestmark = pytest.mark.long


GROWTH = """
import re, sys
from pathlib import Path
import numpy as np
from digitrec.reading.pictures.loading import PictureError, load
load(np.zeros((9, 9)))
def peak(): return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024 / 1e6
before = peak()
for path in sys.argv[1:]:
    try:
        page = load(path)
        print(page.pixels.shape, page.scale, page.size)
    except PictureError as error:
        print(error)
print(peak() - before)
"""


def growth(*paths):
    """Read files in a process of its own; return what was printed, and its growth at the peak in MB."""
    run = subprocess.run(
        [sys.executable, "-c", GROWTH, *paths], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert run.stderr == ""
    *results, megabytes = run.stdout.splitlines()
    return results, float(megabytes)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is read from /proc")
@pytest.mark.parametrize(
    ("kind", "mode", "size", "options", "limit"),
    [
        ("PNG", "1", (10_000, 5_000), {}, 90),
        ("PNG", "RGBA", (10_000, 5_000), {"compress_level": 1}, 295),
        ("JPEG", "L", (10_000, 5_000), {}, 40),
        ("BMP", "L", (10_000, 5_000), {}, 90),
        ("BMP", "RGB", (10_000, 5_000), {}, 290),
        ("GIF", "P", (10_000, 5_000), {}, 130),
        ("TGA", "RGBA", (10_000, 5_000), {"compression": "tga_rle"}, 295),
        ("PCX", "RGB", (10_000, 5_000), {}, 290),
        ("PPM", "RGB", (10_000, 5_000), {}, 290),
        ("TIFF", "RGB", (5_000, 5_000), {"compression": "packbits"}, 290),
        ("DIB", "RGB", (10_000, 5_000), {}, 290),
        ("MPO", "RGB", (10_000, 5_000), {"save_all": True}, 60),
        ("WEBP", "RGB", (5_000, 3_400), {"method": 0}, 290),
        ("AVIF", "RGB", (6_000, 4_000), {"speed": 10}, 290),
        ("JPEG2000", "RGB", (3_300, 3_300), {}, 290),
    ],
)
def test_a_large_picture_is_read_within_the_memory(tmp_path, kind, mode, size, options, limit):
    Image.new(mode, size).save(tmp_path / "large", kind, **options)
    (result,), megabytes = growth(tmp_path / "large")
    assert result.endswith(str(size))
    assert megabytes < limit


def progressive(size):
    """A progressive JPEG file whose header says this size."""
    content = bytearray(encoded(Image.new("RGB", (64, 64)), "JPEG", progressive=True, subsampling=0))
    frame = content.index(b"\xff\xc2") + 5
    content[frame : frame + 4] = size[1].to_bytes(2, "big") + size[0].to_bytes(2, "big")
    return bytes(content)


def webp(size):
    content = bytearray(encoded(Image.new("RGB", (64, 64)), "WEBP"))
    content[26:30] = size[0].to_bytes(2, "little") + size[1].to_bytes(2, "little")
    return bytes(content)


TOO_LARGE = {
    "20,000 x 20,000": (png_header(20_000, 20_000), "more than 50 megapixels: shrink"),
    "just above 50 megapixels": (png_header(10_001, 5_000), "shrink it to at most 50 megapixels"),
    "above what Pillow opens": (png_header(60_000, 60_000), "more than 50 megapixels: shrink"),
    "a long side": (png_header(100_001, 1), r"100001 x 1 pixels.*no side may have more than 100000"),
    "progressive": (progressive((10_000, 5_000)), "JPEG that is not progressive"),
    "webp": (webp((5_000, 5_000)), r"\(WEBP, 5000 x 5000 pixels\).* at most 17 megapixels"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is read from /proc")
def test_what_is_too_large_is_refused_by_its_header(tmp_path):
    for case, (content, _) in TOO_LARGE.items():
        (tmp_path / f"{case}.png").write_bytes(content)
    sentences, megabytes = growth(*(tmp_path / f"{case}.png" for case in TOO_LARGE))
    for sentence, (case, (_, reason)) in zip(sentences, TOO_LARGE.items(), strict=True):
        assert re.search(rf"{case}\.png .*({reason})", sentence)
    assert megabytes < 15


def test_a_jpeg_of_very_many_scans_is_refused_before_it_takes_hours():
    content = encoded(Image.new("RGB", (64, 64)), "JPEG", progressive=True)
    scans = content[content.index(b"\xff\xda") : -2]
    assert "100 scans" in refusal(content[:-2] + scans * 20 + content[-2:])


def test_pillows_warning_of_a_large_picture_is_not_printed(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 600 * 600)  # Pillow warns above it
    Image.new("1", (800, 800)).save(tmp_path / "a.png")
    assert load(tmp_path / "a.png").size == (800, 800)
    assert capfd.readouterr() == ("", "")


def opened(kind, mode="RGB", size=(640, 480), **options):
    file = io.BytesIO(encoded(Image.new(mode, size), kind, **options))
    return Image.open(file), file


@pytest.mark.parametrize(
    ("mode", "subsampling", "bytes_per_pixel"),
    [("L", 0, 2), ("RGB", 0, 6), ("RGB", 1, 4), ("RGB", 2, 3), ("CMYK", 0, 8)],
)
def test_the_coefficients_of_a_progressive_jpeg_need_2_bytes_for_each_sample(
    mode, subsampling, bytes_per_pixel
):
    image, file = opened("JPEG", mode, subsampling=subsampling, progressive=True)
    assert decoding._jpeg_memory(image, file, "a.jpg") == bytes_per_pixel * 640 * 480


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_of_one_scan_keeps_no_coefficients(mode):
    image, file = opened("JPEG", mode)
    assert decoding._jpeg_memory(image, file, "a.jpg") == 0
    assert decoding.count_scans(file) == 1


def test_a_jpeg_with_a_scan_for_each_channel_keeps_its_coefficients():
    content = bytearray(encoded(Image.new("RGB", (640, 480)), "JPEG"))
    scan = content.index(b"\xff\xda\x00\x0c\x03")
    content[scan + 2 : scan + 14] = b"\x00\x08\x01\x01\x00\x00\x3f\x00"  # of one of three channels
    file = io.BytesIO(content)
    assert decoding._jpeg_memory(Image.open(file), file, "a.jpg") > 0


def test_damaged_jpeg_headers_count_as_needing_some_memory():
    image, file = opened("JPEG", progressive=True)
    image.layer = [(number, 0, 0, table) for number, _, _, table in image.layer]
    assert 0 < decoding._jpeg_memory(image, file, "a.jpg") < 1e9


def test_scans_are_counted_across_blocks_of_the_file(monkeypatch):
    _, file = opened("JPEG", progressive=True)
    number = decoding.count_scans(file)
    assert number == 10  # libjpeg's script for colors
    file.seek(17)
    monkeypatch.setattr(decoding, "_BLOCK", 1)
    assert decoding.count_scans(file) == number
    assert file.tell() == 17


def test_a_compressed_tiff_needs_its_file_and_a_strip_or_tile_as_well():
    whole, _ = opened("TIFF", size=(900, 600), compression="packbits", strip_size=10**9)
    strips, _ = opened("TIFF", size=(900, 600), compression="packbits", strip_size=900)
    difference = decoding._tiff_memory(whole, 10**8) - decoding._tiff_memory(strips, 10**8)
    assert difference == pytest.approx(3 * 900 * 600, rel=0.01)
    assert decoding._tiff_memory(strips, 10**8) == pytest.approx(10**8 + 4 * 900 * 600, rel=0.01)
    strips.tag_v2[322] = strips.tag_v2[323] = 60_000
    assert decoding._tiff_memory(strips, 0) > 3 * 60_000**2


def test_an_uncompressed_tiff_needs_its_pixels_alone_and_twice_if_it_is_turned():
    plain, _ = opened("TIFF", "L")
    turned, _ = opened("TIFF", "L", tiffinfo={274: 6})
    assert decoding._tiff_memory(plain, 10**8) == 640 * 480
    assert decoding._tiff_memory(turned, 10**8) == 2 * 640 * 480
