"""What decoding a picture takes, known from its header: bytes of memory, and the scans of a JPEG file.

The figures are the growth of the peak of resident memory (VmHWM), with Pillow 13 and pillow-heif 1.8.
"""

import re
from typing import IO

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

HEIC = 4.9
"""Bytes per pixel of a HEIC picture that pillow-heif decodes into an array."""

# Bytes per pixel of an image in memory; other modes take 4, and WebP's decoder keeps its own copies.
_HELD = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}
_HELD_WEBP = 16.2
_BESIDES = {"AVIF": 5.5, "JPEG2000": 15.5}  # bytes per pixel that the decoder takes as well, until it is done

_AFTERWARDS = 60e6  # bytes that making a page of a large image takes beside it

_START_OF_SCAN = re.compile(rb"\xff\xda")  # cannot stand within a scan
_BLOCK = 1 << 20


def memory(image: Image.Image, file_bytes: int, coefficient_bytes: float) -> float:
    """Bytes that making a page of an open image takes at its peak.

    Args:
        image: open, not loaded; drafted, if it shall be.
        file_bytes: the length of its file.
        coefficient_bytes: what ``coefficients`` said before it was drafted.
    """
    pixels = image.width * image.height
    held = pixels * (_HELD_WEBP if image.format == "WEBP" else _HELD.get(image.mode, 4))
    besides = pixels * _BESIDES.get(image.format or "", 0) + coefficient_bytes
    if isinstance(image, TiffImageFile):
        besides += file_bytes + _strip_bytes(image)  # libtiff maps the whole file
    return held + max(besides, _AFTERWARDS)


def coefficients(image: Image.Image) -> float:
    """Bytes in which libjpeg keeps the coefficients of a JPEG file of several scans; 0 for any other file.

    They are of the whole picture, also where ``draft`` has it decoded smaller.
    """
    if not isinstance(image, JpegImageFile) or not _has_scans(image):
        return 0
    shares = [max(1, high) * max(1, wide) for _, high, wide, _ in image.layer]
    return 2 * image.width * image.height * sum(shares) / max(shares)


def scans(file: IO[bytes]) -> int:
    """Count the scans of a JPEG file: each takes as long as the picture is large, however short it is."""
    place, count, end = file.tell(), 0, b""
    file.seek(0)
    while block := file.read(_BLOCK):
        count += len(_START_OF_SCAN.findall(end + block))
        end = b"\xff" if block.endswith(b"\xff") else b""
    file.seek(place)
    return count


def _has_scans(image: JpegImageFile) -> bool:
    if "progressive" in image.info:
        return True
    size = 6 + 2 * image.layers  # of the header of a scan of all layers, after which Pillow stops reading
    if image.fp is None or image.fp.tell() < size:  # MPO, which cameras write, returns to the beginning
        return False
    place = image.fp.tell()
    image.fp.seek(place - size)
    header = image.fp.read(3)
    image.fp.seek(place)
    return header != bytes([0, size, image.layers])


def _strip_bytes(image: TiffImageFile) -> float:
    """Bytes of one strip or tile, which libtiff decodes at once."""
    tags = image.tag_v2
    if 322 in tags:
        pixels = tags[322] * tags[323]
    else:
        pixels = image.width * min(image.height, tags.get(278, image.height))
    return float(pixels * tags.get(277, 1) * max(tags.get(258, (8,))) / 8)
