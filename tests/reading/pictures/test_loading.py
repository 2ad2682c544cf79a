"""Pictures of every format, mode and orientation become pages."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digitrec.reading.pictures import decoding
from digitrec.reading.pictures.loading import load
from tests.reading.pictures.pictures_for_tests import digit, encoded, refusal


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "GIF", "TGA", "PCX", "JPEG2000"])
def test_a_lossless_file_keeps_its_pixels(tmp_path, kind):
    digit().save(tmp_path / "a.any", kind)
    page = load(tmp_path / "a.any")
    np.testing.assert_array_equal(page.pixels, np.asarray(digit()))
    assert (page.scale, page.size) == (1.0, (90, 120))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "MPO"])
def test_a_lossy_file_nearly_keeps_its_pixels(kind):
    page = load(encoded(digit().convert("RGB"), kind, quality=90))
    assert abs(page.pixels.astype(int) - np.asarray(digit())).mean() < 3


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "TIFF"])
def test_the_first_frame_of_several_is_read(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    blank = Image.new("L", (90, 120), 90)
    content = encoded(digit(), kind, save_all=True, append_images=[blank, blank], **options)
    np.testing.assert_array_equal(load(content).pixels, np.asarray(digit()))


def test_paths_bytes_files_images_and_arrays_give_the_same_page(tmp_path, monkeypatch):
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *_):
            raise io.UnsupportedOperation

    monkeypatch.chdir(tmp_path)
    Path("-ä b.png").write_bytes(encoded(digit()))
    pixels = np.asarray(digit())
    with Path("-ä b.png").open("rb") as file:
        sources = (
            *(Path("-ä b.png"), "-ä b.png", encoded(digit()), file, Pipe(encoded(digit())), digit(), pixels),
            *(
                pixels[:, :, None],
                np.dstack([pixels] * 3),
                np.dstack([pixels] * 3 + [np.full_like(pixels, 255)]),
            ),
            *(pixels / 255, pixels.astype(np.int64), pixels.astype(np.float32), pixels[::-1][::-1]),
        )
        for source in sources:
            np.testing.assert_array_equal(load(source).pixels, pixels)
        assert not file.closed


def test_a_pillow_image_is_not_changed(tmp_path):
    digit((3000, 3000)).save(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as image:
        assert load(image).pixels.shape == (2000, 2000)
        assert image.size == (3000, 3000)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_page_is_upright(kind, orientation):
    back = [None, 0, 3, 1, 5, 2, 6, 4]  # the transposition whose inverse EXIF asks for
    stored = digit() if orientation == 1 else digit().transpose(back[orientation - 1])
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    page = load(encoded(stored, kind, exif=exif, **options))
    np.testing.assert_array_equal(page.pixels, np.asarray(digit()))
    assert page.size == (90, 120)


def test_damaged_exif_does_not_matter():
    content = encoded(digit(), exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff\0\0")
    np.testing.assert_array_equal(load(content).pixels, np.asarray(digit()))


def test_a_large_jpeg_is_decoded_at_half_its_size_and_keeps_its_own():
    exif = Image.Exif()
    exif[0x0112] = 6
    page = load(encoded(digit().resize((4032, 3024)), "JPEG", exif=exif))
    assert page.pixels.shape == (2016, 1512)
    assert (page.scale, page.size) == (2.0, (3024, 4032))


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (60, 40)])
def test_blank_pictures_of_any_size_are_pages(level, size):
    assert np.unique(load(encoded(Image.new("L", size, level))).pixels) == level


def test_heic_is_read_upright_and_refused_when_large(monkeypatch):
    heif = pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    stored = digit().convert("RGB").transpose(Image.Transpose.ROTATE_90)
    heif.from_pillow(stored).save(file, quality=95, exif=exif.tobytes())
    page = load(file.getvalue())
    assert page.size == (90, 120)
    assert abs(page.pixels.astype(int) - np.asarray(digit())).mean() < 4
    monkeypatch.setattr(decoding, "MAX_MEMORY", 10_000)
    assert "(HEIC, 90 x 120 pixels)" in refusal(file.getvalue())
    assert "damaged" in refusal(file.getvalue()[:200])
