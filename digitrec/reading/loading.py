"""Any picture to an upright grey page, or one sentence why not: what is read, what is refused and how."""

import importlib
import logging
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngImageFile

from digitrec.errors import PictureError
from digitrec.reading import costs, strips, tones
from digitrec.reading import files as picture_files
from digitrec.reading import page as pages
from digitrec.reading.files import find, printable
from digitrec.reading.page import Page

__all__ = ["Page", "PictureError", "find", "load"]

logging.getLogger("PIL").addHandler(logging.NullHandler())  # or errors in TIFF files would go to the terminal

MAX_PIXELS = 100_000_000
"""A larger picture is refused."""

MAX_SIDE = 100_000
"""A picture with a longer side is refused, for a row of pixels must be small."""

Source = str | os.PathLike[str] | npt.NDArray[Any] | Image.Image | bytes | IO[bytes]

# Those of Pillow's formats that are pictures by themselves. Others run a program (EPS), or hold pictures of a
# size that shows only in decoding (ICO). The last three are read into memory as they are.
_READ_IN_PARTS = ("PNG", "JPEG", "GIF", "BMP", "DIB", "TIFF", "PPM", "TGA", "PCX")
_FORMATS = (*_READ_IN_PARTS, "WEBP", "AVIF", "JPEG2000")
_HEIC = re.compile(rb"....ftyp(?!.*avi[fs])(?:hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL)

_MEMORY = 290e6  # bytes that reading may take; 300 MB are promised
_READ_WHOLE = 60e6  # bytes of a file up to which it may be of the last three formats
_WHOLE = 16_000_000  # pixels up to which Pillow decodes a PNG
_DRAFT_PIXELS = 2_500_000  # that drafting leaves at least
_MAX_SCANS = 100  # of a progressive JPEG; programs write about 10, each of which takes time

_CHANNELS = ((), (1,), (3,), (4,))


def load(source: Source, name: str | None = None) -> Page:
    """Read a picture: a file, its bytes, an open binary file, a Pillow image or an array.

    Args:
        source: an array is (height, width), (height, width, 3) with red, green and blue, or (height, width,
            4) with opacity as well; of bool, integers, or floats in 0..1 or 0..255.
        name: what messages call the picture, if not by its path.

    Raises:
        PictureError: there is no such file, it is no picture, is damaged, or too large.
    """
    if name is None:
        name = os.fspath(source) if isinstance(source, str | os.PathLike) else "The picture"
    name = printable(name)
    with warnings.catch_warnings(), ExitStack() as stack:
        warnings.simplefilter("ignore")  # Pillow's, of size and small damage: what matters is refused here
        try:
            if isinstance(source, np.ndarray):
                return _from_array(source, name)
            if isinstance(source, Image.Image):
                return _from_image(source, name)
            if isinstance(source, str | os.PathLike):
                source = stack.enter_context(picture_files.open_file(Path(source), name))
            return _from_file(BytesIO(source) if isinstance(source, bytes) else source, name)
        except PictureError:
            raise
        except Exception as error:  # libraries raise any kind over a damaged file
            raise PictureError(_sentence(error, name)) from error


def _from_file(file: IO[bytes], name: str) -> Page:
    if not hasattr(file, "read"):
        raise PictureError(
            f"{name} is of type {type(file).__name__}: give a path, bytes, a file, an image or an array."
        )
    if not file.seekable():
        file = BytesIO(file.read())
    file_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(1024)
    file.seek(0)
    _refuse_documents(head, name)
    if _HEIC.match(head[:64]):
        return _from_heic(file, file_bytes, name)
    with Image.open(file, formats=_FORMATS if file_bytes < _READ_WHOLE else _READ_IN_PARTS) as image:
        size = image.size
        _refuse_size(*size, name)
        if isinstance(image, PngImageFile) and strips.can_strip(image) and size[0] * size[1] > _WHOLE:
            return pages.make(partial(strips.strips, image), size, _orientation(image))
        coefficients = costs.coefficients(image)
        if coefficients and costs.scans(file) > _MAX_SCANS:
            raise PictureError(f"{name} is a JPEG file of more than {_MAX_SCANS} scans: save it anew.")
        _draft(image)
        drafted = image.size
        if costs.memory(image, file_bytes, coefficients) > _MEMORY:
            raise PictureError(_too_much(name, image.format, size))
        with _silent_errors() if image.format == "TIFF" else nullcontext():
            image.load()
        if image.size != drafted:  # a TIFF file that has turned itself upright
            size = image.size
        return pages.make(partial(_cut, image), image.size, _orientation(image), full_size=size)


_STDERR = threading.Lock()  # two threads at once would not give it back


@contextmanager
def _silent_errors() -> Iterator[None]:
    """Keep what libtiff writes past Python to the standard error, over damaged files, off the terminal."""
    with _STDERR:
        try:
            kept = os.dup(2)
        except OSError:  # there is none
            yield
            return
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _from_heic(file: IO[bytes], file_bytes: int, name: str) -> Page:
    try:
        pillow_heif = importlib.import_module("pillow_heif")
    except ImportError:
        raise PictureError(
            f"{name} is a HEIC picture: pip install 'digitrec[heic]', or save it as JPEG."
        ) from None
    image = pillow_heif.open_heif(file)
    _refuse_size(image.size[0], image.size[1], name)
    if costs.HEIC * image.size[0] * image.size[1] + file_bytes > _MEMORY:
        raise PictureError(_too_much(name, "HEIC", image.size))
    return _from_array(np.asarray(image), name)  # upright already; as a Pillow image it would take half again


def _from_image(image: Image.Image, name: str) -> Page:
    _refuse_size(*image.size, name)
    image.load()
    return pages.make(partial(_cut, image), image.size, _orientation(image))


def _from_array(array: npt.NDArray[Any], name: str) -> Page:
    if array.dtype.kind not in "buif" or array.ndim not in (2, 3) or array.shape[2:] not in _CHANNELS:
        raise PictureError(
            f"{name} is an array of {array.dtype} in shape {array.shape}: give numbers in (height, width), "
            "(height, width, 3) or (height, width, 4)."
        )
    height, width = array.shape[:2]
    _refuse_size(width, height, name)
    span = tones.span(array)

    def cut(rows: int) -> Iterator[Image.Image]:
        for top in range(0, height, rows):
            part = tones.scaled(array[top : top + rows], span)
            yield Image.fromarray(part.squeeze(2) if part.shape[2:] == (1,) else part)

    return pages.make(cut, (width, height))


def _refuse_size(width: int, height: int, name: str) -> None:
    if width < 1 or height < 1:
        raise PictureError(f"{name} has no pixels: save it anew.")
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise PictureError(
            f"{name} has {width} x {height} pixels: shrink it to {MAX_PIXELS // 10**6} megapixels at most, "
            f"no side above {MAX_SIDE}."
        )


def _refuse_documents(head: bytes, name: str) -> None:
    if not head:
        raise PictureError(f"{name} is empty: copy it anew.")
    for sign, kind in ((b"%PDF", "PDF document"), (b"%!PS", "PostScript document"), (b"<svg", "SVG drawing")):
        if sign in head if sign == b"<svg" else head.startswith(sign):
            raise PictureError(f"{name} is a {kind}, not a picture: export it as PNG.")


def _draft(image: Image.Image) -> None:
    """Have a large JPEG file decoded at a half, a quarter or an eighth; nothing happens to others."""
    width, height = image.size
    divisor = max(by for by in (1, 2, 4, 8) if by == 1 or width * height / by**2 >= _DRAFT_PIXELS)
    image.draft(None, (max(1, width // divisor), max(1, height // divisor)))


def _cut(image: Image.Image, rows: int) -> Iterator[Image.Image]:
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def _orientation(image: Image.Image) -> int:
    with suppress(Exception):  # a picture with damaged EXIF is a picture still
        # PNG's own method would load it, for EXIF that comes after the pixels.
        return int(Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1))
    return 1


def _too_much(name: str, kind: str | None, size: tuple[int, int]) -> str:
    return (
        f"{name} ({kind}, {size[0]} x {size[1]} pixels) would take too much memory: "
        "save it as PNG, not interlaced, or as JPEG, not progressive."
    )


def _sentence(error: Exception, name: str) -> str:
    if isinstance(error, PermissionError):
        return f"{name} may not be read: give yourself the permission."
    if isinstance(error, UnidentifiedImageError):
        return (
            f"{name} is not a picture of a kind that can be read, or it is damaged: save it as PNG or JPEG."
        )
    if isinstance(error, Image.DecompressionBombError):
        return f"{name} has more than {MAX_PIXELS // 10**6} megapixels: shrink it."
    if isinstance(error, MemoryError):
        return f"{name} takes more memory than there is: shrink it."
    if isinstance(error, OSError) and error.strerror:
        return f"{name} cannot be read ({error.strerror}): check the name and the disk."
    if "truncated" in str(error).lower():
        return f"{name} is cut short: copy it anew."
    reason = printable((str(error).splitlines() or [type(error).__name__])[0][:100])
    return f"{name} is damaged ({reason}): copy it anew, or save it as PNG."
