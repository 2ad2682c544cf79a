"""What decoding a picture would take, known from its header: bytes by format, and scans of a JPEG.

The figures are of Pillow 13, measured as the peak of resident memory; docs/design.md says how.
"""

import re
from typing import IO

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}  # per pixel that Pillow holds; others 4
_BESIDES = {
    "WEBP": 12.2,
    "AVIF": 5.5,
    "JPEG2000": 15.5,
}  # bytes per pixel that the format's library holds meanwhile

HEIC = 4.9
"""Bytes per pixel of a HEIC file, as an array of pillow-heif's."""

_START_OF_SCAN = re.compile(rb"\xff\xda")  # cannot be in a scan itself
_BLOCK = 1 << 20


def memory(image: Image.Image, file_bytes: int) -> float:
    """Bytes that loading an open image takes at its peak, ``draft`` as it is set.

    Args:
        image: open, not loaded.
        file_bytes: the length of its file.
    """
    pixels = image.width * image.height
    held = pixels * (_BYTES.get(image.mode, 4) + _BESIDES.get(image.format or "", 0))
    if isinstance(image, TiffImageFile):
        return held + file_bytes + _strip_bytes(image)  # libtiff maps the whole file
    return held


def coefficients(image: Image.Image) -> float:
    """Bytes in which libjpeg keeps the coefficients of a JPEG file of several scans; 0 for any other file.

    ``draft`` makes them no fewer, but changes the size that is asked for here: to be called before it.
    """
    if not isinstance(image, JpegImageFile) or not _has_scans(image):
        return 0
    shares = [max(1, high) * max(1, wide) for _, high, wide, _ in image.layer]
    return 2 * image.width * image.height * sum(shares) / max(shares)


def scans(file: IO[bytes]) -> int:
    """Count the scans of a JPEG file, which stays where it is; time goes with them."""
    place, count, end = file.seek(0, 1), 0, b""
    file.seek(0)
    while block := file.read(_BLOCK):
        count += len(_START_OF_SCAN.findall(end + block))
        end = b"\xff" if block.endswith(b"\xff") else b""
    file.seek(place)
    return count


def _has_scans(image: JpegImageFile) -> bool:
    if "progressive" in image.info:
        return True
    if image.fp is None or (place := image.fp.tell()) < 20:  # MPO begins again
        return False
    size = 6 + 2 * image.layers  # of the header of a scan of all layers, after which Pillow stops
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
