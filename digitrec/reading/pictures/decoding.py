"""Decoding a picture file with Pillow within a bounded memory, or refusing it in one sentence.

Pillow decodes a whole picture at once, with up to 4 bytes for a pixel. Most of the limits below keep this and
what the decoder itself needs within the 300 MB that reading a picture may take. They were measured as the
growth of the peak resident memory (VmHWM), with Pillow 13 and pillow-heif 1.8.
"""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO

from PIL import ExifTags, Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from digitrec.errors import PictureError
from digitrec.reading.pictures import grayscale
from digitrec.reading.pictures import page as pages

MAX_PIXELS = 50_000_000
"""A larger picture is refused: decoded at 4 bytes per pixel it would need most of the 300 MB."""

MAX_SIDE = 100_000
"""A picture with a longer side is refused, because pictures are processed by rows of full width."""

MAX_MEGAPIXELS = {"WEBP": 17, "AVIF": 24, "JPEG2000": 11}
"""Lower limits of formats whose decoders hold further copies: up to 20 bytes for a pixel."""

SLOW_MEGAPIXELS = 2
"""Limit of what Pillow decodes in Python, such as compressed BMP: each may take two seconds."""

MAX_MEMORY = 280e6
"""Bytes that a JPEG, TIFF or HEIC file may need while it is decoded, with the decoded picture."""

MAX_SCANS = 100
"""Scans of a progressive JPEG file. Programs write about 10; each one takes as long as the whole picture."""

DRAFT_PIXELS = 2_500_000
"""Pixels that a JPEG file has at least after it is decoded at a half, a quarter or an eighth of its size."""

# Formats of Pillow that hold one picture. Others run a program (EPS) or show their size only when they are
# decoded (ICO). Pillow reads files of the last three formats into memory, so they must be small files.
_READ_IN_PARTS = ("PNG", "JPEG", "GIF", "BMP", "DIB", "TIFF", "PPM", "TGA", "PCX")
_READ_WHOLE = ("WEBP", "AVIF", "JPEG2000")
FORMATS = (*_READ_IN_PARTS, *_READ_WHOLE)
"""The formats that are read, without HEIC."""

_MAX_READ_WHOLE = 60e6  # bytes

_START_OF_SCAN = re.compile(rb"\xff\xda")  # does not occur within a scan
_BLOCK = 1 << 20  # bytes of a file that are searched at once
_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}  # per pixel in memory; otherwise 4


def refuse_size(
    width: int, height: int, name: str, kind: str | None = None, megapixels: int | None = None
) -> None:
    """Refuse a picture with no or too many pixels.

    Args:
        width: in pixels.
        height: in pixels.
        name: what the message calls the picture.
        kind: its format, as Pillow names it.
        megapixels: a limit below that of most pictures.

    Raises:
        PictureError: always in one sentence that says what to do.
    """
    if width < 1 or height < 1:
        raise PictureError(f"{name} has no pixels: save it again.")
    limit = megapixels or MAX_PIXELS // 10**6
    if width * height > limit * 10**6:
        other = ", or save it as PNG or JPEG" if megapixels else ""
        of_kind = f"{kind}, " if megapixels else ""
        raise PictureError(
            f"{name} ({of_kind}{width} x {height} pixels) is too large: "
            f"shrink it to at most {limit} megapixels{other}."
        )
    if max(width, height) > MAX_SIDE:
        raise PictureError(
            f"{name} ({width} x {height} pixels) is too long: no side may have more than {MAX_SIDE} pixels."
        )


def refuse_memory(memory: float, size: tuple[int, int], name: str, kind: str | None) -> None:
    """Refuse a picture that needs more bytes than MAX_MEMORY.

    Raises:
        PictureError: always in one sentence that says what to do.
    """
    if memory > MAX_MEMORY:
        raise PictureError(
            f"{name} ({kind}, {size[0]} x {size[1]} pixels) needs too much memory: "
            "shrink it, or save it as PNG or as JPEG that is not progressive."
        )


def decode(file: IO[bytes], file_bytes: int, name: str) -> tuple[Image.Image, tuple[int, int], int]:
    """Decode a picture file and shrink it for a page; the whole picture does not stay in memory.

    Args:
        file: open, seekable and at its start.
        file_bytes: its length.
        name: what messages call the picture.

    Returns:
        The shrunk picture of mode L, RGB, RGBA or F, the (width, height) of the picture in the file, and its
        EXIF orientation.

    Raises:
        PictureError: the picture is too large.
        Exception: errors of Pillow and its libraries over damaged files.
    """
    formats = FORMATS if file_bytes < _MAX_READ_WHOLE else _READ_IN_PARTS
    with Image.open(file, formats=formats) as image:
        size = image.size
        refuse_size(*size, name, image.format, _megapixels(image))
        memory = _jpeg_memory(image, file, name) + _tiff_memory(image, file_bytes)
        refuse_memory(memory, size, name, image.format)
        _draft(image)
        drafted = image.size
        with _silent_errors() if image.format == "TIFF" else nullcontext():
            image.load()
        if image.size != drafted:  # Pillow has turned a TIFF file upright
            size = image.size
        return shrink_image(image), size, orientation_of(image)


def shrink_image(image: Image.Image) -> Image.Image:
    """Shrink a loaded image for a page, band by band, so that no second copy of many pixels is made."""
    if image.width * image.height <= pages.MAX_PIXELS:
        return grayscale.plain(image)

    def bands(rows: int) -> Iterator[Image.Image]:
        for top in range(0, image.height, rows):
            yield image.crop((0, top, image.width, min(top + rows, image.height)))

    return pages.shrink(bands, image.size)


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation of a loaded image, 1 for upright to 8."""
    with suppress(Exception):  # a picture with damaged EXIF data can still be read
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    return 1


def _megapixels(image: Image.Image) -> int | None:
    """Return the limit of a picture that takes more memory or time to decode than others."""
    codecs = {tile.codec_name for tile in getattr(image, "tile", ())}
    return SLOW_MEGAPIXELS if codecs & Image.DECODERS.keys() else MAX_MEGAPIXELS.get(image.format or "")


def _jpeg_memory(image: Image.Image, file: IO[bytes], name: str) -> float:
    """Return the bytes in which libjpeg keeps the coefficients of a JPEG file of several scans.

    They are of the whole picture, also where ``draft`` decodes a smaller one.
    """
    if not isinstance(image, JpegImageFile) or not _has_several_scans(image):
        return 0
    if count_scans(file) > MAX_SCANS:
        raise PictureError(f"{name} is a JPEG file of more than {MAX_SCANS} scans: save it again.")
    shares = [max(1, high) * max(1, wide) for _, high, wide, _ in image.layer]
    return 2 * image.width * image.height * sum(shares) / max(shares)


def _has_several_scans(image: JpegImageFile) -> bool:
    if "progressive" in image.info:
        return True
    size = 6 + 2 * image.layers  # of the header of a scan of all layers, after which Pillow stops reading
    if image.fp is None or image.fp.tell() < size:  # for MPO, which cameras write, it returns to the start
        return False
    place = image.fp.tell()
    image.fp.seek(place - size)
    header = image.fp.read(3)
    image.fp.seek(place)
    return header != bytes([0, size, image.layers])


def count_scans(file: IO[bytes]) -> int:
    """Count the scans of a JPEG file; the position in the file stays."""
    place, count, end = file.tell(), 0, b""
    file.seek(0)
    while block := file.read(_BLOCK):
        count += len(_START_OF_SCAN.findall(end + block))
        end = b"\xff" if block.endswith(b"\xff") else b""
    file.seek(place)
    return count


def _tiff_memory(image: Image.Image, file_bytes: int) -> float:
    """Return the bytes that a TIFF file needs; 0 for other formats, whose size limit is enough.

    libtiff maps the whole file and decodes a strip or tile at once. Pillow copies the picture to turn it.
    """
    if not isinstance(image, TiffImageFile):
        return 0
    tags, pixels = image.tag_v2, image.width * image.height
    needed = float(pixels * _BYTES.get(image.mode, 4))
    if tags.get(ExifTags.Base.Orientation, 1) != 1:
        needed *= 2
    if image.tile and image.tile[0].codec_name == "libtiff":
        if 322 in tags:  # TileWidth, TileLength
            block = tags[322] * tags[323]
        else:
            block = image.width * min(image.height, tags.get(278, image.height))  # RowsPerStrip
        samples, bits = tags.get(277, 1), max(tags.get(258, (8,)))
        needed += file_bytes + block * samples * bits / 8
    return needed


def _draft(image: Image.Image) -> None:
    """Have a large JPEG file decoded at a half, a quarter or an eighth; other files stay as they are."""
    width, height = image.size
    divisor = max(by for by in (1, 2, 4, 8) if by == 1 or width * height / by**2 >= DRAFT_PIXELS)
    image.draft(None, (max(1, width // divisor), max(1, height // divisor)))


_STDERR = threading.Lock()  # with two threads at once, one would restore what the other has redirected


@contextmanager
def _silent_errors() -> Iterator[None]:
    """Discard what libtiff writes directly to the standard error about damaged files."""
    with _STDERR:
        try:
            kept = os.dup(2)
        except OSError:  # there is no standard error
            yield
            return
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
