"""What cannot be read is refused in one sentence, and nothing else is printed."""

import os
import re
import struct
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from digitrec.reading.pictures import decoding, grayscale
from digitrec.reading.pictures.loading import load
from tests.reading.pictures.pictures_for_tests import digit, encoded, png_header, refusal

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
    "an icon": (
        encoded(digit().convert("RGBA"), "ICO"),
        "is not a picture",
    ),
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


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(encoded(digit()))

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert refusal(tmp_path / "a.png").endswith("a.png may not be read: change its permissions.")


def test_a_disk_error_is_reported_as_such(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(encoded(digit()))

    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", fail)
    assert "cannot be read (Input/output error)" in refusal(tmp_path / "a.png")


def test_too_little_memory_is_reported(monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(grayscale, "plain", fail)
    assert "more memory than this machine has" in refusal(encoded(digit()))


@pytest.mark.parametrize(
    "array",
    [np.zeros(5), np.zeros((5, 5, 2)), np.zeros((0, 5)), np.zeros((2, 2), complex), np.array([["a"]])],
)
def test_an_array_of_a_wrong_shape_or_type_is_refused(array):
    assert refusal(array, name="page 3").startswith("page 3 ")


def test_other_types_are_refused():
    assert refusal(5) == "The picture is of type int: give a path, bytes, a file, an image or an array."


def test_a_name_with_a_newline_stays_in_one_line(tmp_path):
    assert r"a\nb.png'" in refusal(tmp_path / "a\nb.png")
    assert refusal(b"", name="upload") == "upload is empty: copy it again."


def test_messages_of_libtiff_do_not_reach_the_terminal(capfd):
    content = bytearray(encoded(digit(), "TIFF", compression="tiff_lzw"))
    content[8:200] = bytes(192)
    assert "The picture" in refusal(bytes(content))
    assert capfd.readouterr() == ("", "")


def test_threads_that_read_tiff_files_restore_the_standard_error():
    before, inside = os.fstat(2), threading.Barrier(2, timeout=0.2)

    def read():
        with decoding._silent_errors(), suppress(threading.BrokenBarrierError):
            inside.wait()  # until the other is here as well, which must not happen

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inside.broken
    assert os.path.samestat(os.fstat(2), before)


def rle(width, height):
    """A compressed BMP file with ten runs of 20 pixels."""
    lines = b"\x14\x07\0\0" * 10
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 4, 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1082, 0, 0, 1078) + info + bytes(1024) + lines + b"\0\1"


SLOW = {
    "P6 with a maximum of 254": lambda width, height: b"P6 %d %d 254\n" % (width, height),
    "P5 with a maximum of 1000": lambda width, height: b"P5 %d %d 1000\n" % (width, height),
    "P3 as text": lambda width, height: b"P3 %d %d 255\n" % (width, height),
    "P1 as text": lambda width, height: b"P1 %d %d\n" % (width, height),
    "compressed BMP": rle,
}


@pytest.mark.parametrize("header", SLOW.values(), ids=SLOW)
def test_what_is_decoded_in_python_is_refused_by_its_header_if_it_is_large(header):
    message = refusal(header(2001, 1000))
    assert re.search(
        r"\((PPM|BMP), 2001 x 1000 pixels\) is too large: .* 2 megapixels, or save it as", message
    )
    content = header(20, 10)
    assert load(content if content[:2] == b"BM" else content + b"1 " * 600).size == (20, 10)
