"""Pictures of every kind become pages; what cannot is refused in one sentence, within the memory."""

import io
import os
import re
import subprocess
import sys
import threading
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, PngImagePlugin

from digitrec.errors import PictureError
from digitrec.reading import loading as pictures
from digitrec.reading.loading import load
from tests.conftest import ROOT


def digit(size=(90, 120)):
    """A stroke, dark on light, that looks different from every side."""
    image = Image.new("L", size, 230)
    ImageDraw.Draw(image).line([(20, 15), (70, 40), (30, 100)], fill=30, width=9)
    return image


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_header(width, height, colour=2, interlaced=0):
    file = io.BytesIO()
    file.write(b"\x89PNG\r\n\x1a\n")
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    PngImagePlugin.putchunk(file, b"IHDR", size + bytes([8, colour, 0, 0, interlaced]))
    PngImagePlugin.putchunk(file, b"IDAT", zlib.compress(bytes(1000)))
    PngImagePlugin.putchunk(file, b"IEND")
    return file.getvalue()


def refusal(source, **arguments):
    """The sentence with which a picture is refused; one line that ends with a full stop."""
    with pytest.raises(PictureError) as error:
        load(source, **arguments)
    sentence = str(error.value)
    assert sentence.isprintable()
    assert re.search(r"[\w)]\.$", sentence)
    return sentence


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "GIF", "TGA", "PCX", "JPEG2000"])
def test_a_file_without_loss_is_its_own_page(tmp_path, kind):
    digit().save(tmp_path / "a.any", kind)
    page = load(tmp_path / "a.any")
    np.testing.assert_array_equal(page.pixels, np.asarray(digit()))
    assert (page.scale, page.size) == (1.0, (90, 120))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "MPO"])
def test_a_file_with_loss_is_nearly_its_own_page(kind):
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


def test_an_image_that_is_handed_in_stays_as_it_was(tmp_path):
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


def test_a_large_photograph_is_read_at_a_half_and_has_its_own_size():
    exif = Image.Exif()
    exif[0x0112] = 6
    page = load(encoded(digit().resize((4032, 3024)), "JPEG", exif=exif))
    assert page.pixels.shape == (2016, 1512)
    assert (page.scale, page.size) == (2.0, (3024, 4032))


def test_a_large_png_is_read_in_strips_like_a_small_one(monkeypatch):
    image = digit().resize((900, 1200)).convert("RGBA")
    whole = load(encoded(image)).pixels
    monkeypatch.setattr(pictures, "_WHOLE", 0)
    np.testing.assert_array_equal(load(encoded(image)).pixels, whole)
    with pytest.raises(PictureError, match="cut short"):
        load(encoded(image)[:-400])


GROWTH = """
import re, sys
from pathlib import Path
import numpy as np
from digitrec.reading import loading as pictures
pictures.load(np.zeros((9, 9)))
def peak(): return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024 / 1e6
before = peak()
try:
    page = pictures.load(sys.argv[1])
    print(page.pixels.shape, page.scale, page.size)
except pictures.PictureError as error:
    print(error)
print(peak() - before)
"""


def growth(path):
    """What reading a file in a process of its own gives, and the MB by which the process grows."""
    run = subprocess.run(
        [sys.executable, "-c", GROWTH, path], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert run.stderr == ""
    result, megabytes = run.stdout.splitlines()
    return result, float(megabytes)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is read from /proc")
@pytest.mark.parametrize(
    ("kind", "mode", "size", "options", "most"),
    [
        ("PNG", "1", (10_000, 10_000), {}, 40),
        ("PNG", "RGB", (5_000, 5_000), {"compress_level": 1}, 75),  # the whole would take 100
        ("JPEG", "L", (10_000, 10_000), {}, 40),
        ("BMP", "L", (10_000, 10_000), {}, 130),
        ("TIFF", "RGB", (5_000, 5_000), {"compression": "packbits"}, 290),
        ("WEBP", "RGB", (2_000, 2_000), {"method": 0}, 290),
    ],
)
def test_a_large_picture_is_read_within_the_memory(tmp_path, kind, mode, size, options, most):
    Image.new(mode, size).save(tmp_path / "large", kind, **options)
    result, megabytes = growth(tmp_path / "large")
    assert result.endswith(str(size))
    assert megabytes < most


def progressive(size):
    """A progressive JPEG whose header only says how large it is."""
    content = bytearray(encoded(Image.new("RGB", (64, 64)), "JPEG", progressive=True, subsampling=0))
    frame = content.index(b"\xff\xc2") + 5
    content[frame : frame + 4] = size[1].to_bytes(2, "big") + size[0].to_bytes(2, "big")
    return bytes(content)


def webp(size):
    content = bytearray(encoded(Image.new("RGB", (64, 64)), "WEBP"))
    content[26:30] = size[0].to_bytes(2, "little") + size[1].to_bytes(2, "little")
    return bytes(content)


TOO_LARGE = {
    "20,000 x 20,000": (png_header(20_000, 20_000), "more than 100 megapixels: shrink"),
    "just above 100 megapixels": (png_header(10_001, 10_000), "10001 x 10000 pixels: shrink"),
    "above what Pillow opens": (png_header(60_000, 60_000), "more than 100 megapixels"),
    "a long side": (png_header(100_001, 1), "100001 x 1 pixels"),
    "interlaced": (png_header(10_000, 10_000, interlaced=1), "PNG, not interlaced"),
    "progressive": (progressive((10_000, 10_000)), "JPEG, not progressive"),
    "webp": (webp((10_000, 10_000)), r"\(WEBP, 10000 x 10000 pixels\)"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is read from /proc")
@pytest.mark.parametrize("case", TOO_LARGE)
def test_what_is_too_large_is_refused_by_its_header(tmp_path, case):
    content, reason = TOO_LARGE[case]
    (tmp_path / "large.png").write_bytes(content)
    sentence, megabytes = growth(tmp_path / "large.png")
    assert re.search(rf"large\.png .*({reason})", sentence)
    assert megabytes < 15


def test_a_jpeg_of_very_many_scans_is_refused_before_it_takes_hours():
    content = encoded(Image.new("RGB", (64, 64)), "JPEG", progressive=True)
    scans = content[content.index(b"\xff\xda") : -2]
    assert "100 scans" in refusal(content[:-2] + scans * 20 + content[-2:])


def test_the_largest_that_pillow_warns_of_is_read_without_a_word(tmp_path, capfd):
    Image.new("1", (9_500, 9_500)).save(tmp_path / "a.png")
    assert load(tmp_path / "a.png").size == (9_500, 9_500)
    assert capfd.readouterr() == ("", "")


BAD = {
    "empty": (b"", "is empty"),
    "text": (b"seven\n", "is not a picture"),
    "zeros": (bytes(500), "is not a picture"),
    "half a JPEG": (encoded(digit(), "JPEG")[:900], "cut short"),
    "half a PNG": (encoded(digit())[:-60], "cut short"),
    "half a header": (encoded(digit())[:30], "is not a picture"),
    "half a GIF": (encoded(digit(), "GIF")[:-80], "cut short|damaged"),
    "half a WebP": (encoded(digit(), "WEBP")[:-80], "cut short|damaged|not a picture"),
    "half a TIFF": (
        encoded(digit(), "TIFF", compression="tiff_lzw")[:-300],
        "cut short|damaged|not a picture",
    ),
    "no pixels": (png_header(0, 5), "no pixels|not a picture"),
    "a wrong checksum": (png_header(5, 5).replace(b"IDAT", b"IDAT\0"), "damaged|not a picture|cut short"),
    "SVG": (
        b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
        "SVG drawing.*export it as PNG",
    ),
    "PDF": (b"%PDF-1.7\n", "PDF document.*export it as PNG"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript document"),
    "an icon, whose real size shows late": (encoded(digit().convert("RGBA"), "ICO"), "is not a picture"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_with_its_name_and_the_reason(tmp_path, capfd, case):
    content, reason = BAD[case]
    path = tmp_path / "my digit.png"
    path.write_bytes(content)
    assert re.search(rf"^{re.escape(str(path))} .*({reason})", refusal(path))
    assert re.search(reason, refusal(content))
    assert capfd.readouterr() == ("", "")


def test_heic_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert "pip install 'digitrec[heic]'" in refusal(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")


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
    monkeypatch.setattr(pictures, "_MEMORY", 10_000)
    assert "(HEIC, 90 x 120 pixels)" in refusal(file.getvalue())
    assert "damaged" in refusal(file.getvalue()[:200])


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(encoded(digit()))

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert refusal(tmp_path / "a.png").endswith("a.png may not be read: give yourself the permission.")


def test_a_disk_that_fails_is_not_a_damaged_picture(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(encoded(digit()))

    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", fail)
    assert "cannot be read (Input/output error)" in refusal(tmp_path / "a.png")


def test_too_little_memory_is_said(monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "crop", fail)
    assert "more memory than there is" in refusal(encoded(digit()))


@pytest.mark.parametrize(
    "array",
    [np.zeros(5), np.zeros((5, 5, 2)), np.zeros((0, 5)), np.zeros((2, 2), complex), np.array([["a"]])],
)
def test_an_array_that_is_no_picture_is_refused(array):
    assert refusal(array, name="page 3").startswith("page 3 ")


def test_other_things_are_refused():
    assert refusal(5) == "The picture is of type int: give a path, bytes, a file, an image or an array."


def test_a_name_with_a_newline_stays_in_one_line(tmp_path):
    assert r"a\nb.png'" in refusal(tmp_path / "a\nb.png")
    assert refusal(b"", name="upload") == "upload is empty: copy it anew."


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (60, 40)])
def test_blank_pictures_of_any_size_are_pages(level, size):
    assert np.unique(load(encoded(Image.new("L", size, level))).pixels) == level


def test_what_libtiff_says_of_a_damaged_file_does_not_reach_the_terminal(capfd):
    content = bytearray(encoded(digit(), "TIFF", compression="tiff_lzw"))
    content[8:200] = bytes(192)
    assert "The picture" in refusal(bytes(content))
    assert capfd.readouterr() == ("", "")


def test_threads_that_read_tiff_files_leave_the_standard_error_where_it_was():
    before, inside = os.fstat(2), threading.Barrier(2, timeout=0.2)

    def read():
        with pictures._silent_errors(), suppress(threading.BrokenBarrierError):
            inside.wait()  # until the other is here as well, which must not happen

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inside.broken
    assert os.path.samestat(os.fstat(2), before)
