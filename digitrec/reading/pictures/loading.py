"""Load any picture as an upright gray page, or refuse it in one sentence."""

import importlib
import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from digitrec.errors import PictureError
from digitrec.reading.pictures import decoding, grayscale
from digitrec.reading.pictures import page as pages
from digitrec.reading.pictures.files import open_file, printable
from digitrec.reading.pictures.page import Page

logging.getLogger("PIL").addHandler(logging.NullHandler())  # otherwise TIFF errors are printed

Source = str | os.PathLike[str] | npt.NDArray[Any] | Image.Image | bytes | IO[bytes]

_HEIC = re.compile(rb"....ftyp(?!.*avi[fs])(?:hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL)

_HEIC_BYTES = 4.9  # per pixel of a picture that pillow-heif decodes into an array

_CHANNELS = ((), (1,), (3,), (4,))


def load(source: Source, name: str | None = None) -> Page:
    """Load a picture: a file, its bytes, an open binary file, a Pillow image or an array.

    Args:
        source: an array has the shape (height, width), (height, width, 3) with red, green and blue, or
            (height, width, 4) with opacity as well, and holds bool, integers, or floats in 0..1 or 0..255.
        name: the name of the picture in messages; None takes its path.

    Raises:
        PictureError: the picture is missing, damaged, too large or not a picture at all.
    """
    if name is None:
        name = os.fspath(source) if isinstance(source, str | os.PathLike) else "The picture"
    name = printable(name)
    with warnings.catch_warnings(), ExitStack() as stack:
        warnings.simplefilter("ignore")  # Pillow warns of large and of slightly damaged files
        try:
            if isinstance(source, np.ndarray):
                return _from_array(source, name)
            if isinstance(source, Image.Image):
                return _from_image(source, name)
            if isinstance(source, str | os.PathLike):
                source = stack.enter_context(open_file(Path(source), name))
            return _from_file(BytesIO(source) if isinstance(source, bytes) else source, name)
        except PictureError:
            raise
        except Exception as error:  # a damaged file can raise any exception
            raise PictureError(_message(error, name)) from error


def pixels(content: bytes) -> int:
    """Return how many pixels the header of a picture file names.

    It is 0 where the header cannot be read, and the highest number for HEIC, which is a camera's.
    """
    if _HEIC.match(content[:64]):
        return decoding.MAX_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(BytesIO(content), formats=decoding.FORMATS) as image:
                return image.width * image.height
        except Exception:  # `load` says what is wrong with it
            return 0


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
    return pages.make(*decoding.decode(file, file_bytes, name))


def _from_heic(file: IO[bytes], file_bytes: int, name: str) -> Page:
    try:
        pillow_heif = importlib.import_module("pillow_heif")
    except ImportError:
        raise PictureError(
            f"{name} is a HEIC picture: pip install 'digitrec[heic]', or save it as JPEG."
        ) from None
    image = pillow_heif.open_heif(file)
    width, height = image.size
    decoding.refuse_size(width, height, name)
    decoding.refuse_memory(_HEIC_BYTES * width * height + file_bytes, image.size, name, "HEIC")
    return _from_array(np.asarray(image), name)  # upright; an image of Pillow would need half as much again


def _from_image(image: Image.Image, name: str) -> Page:
    decoding.refuse_size(*image.size, name)
    image.load()
    return pages.make(decoding.shrink_image(image), image.size, decoding.orientation_of(image))


def _from_array(array: npt.NDArray[Any], name: str) -> Page:
    if array.dtype.kind not in "buif" or array.ndim not in (2, 3) or array.shape[2:] not in _CHANNELS:
        raise PictureError(
            f"{name} is an array of {array.dtype} in shape {array.shape}: give numbers in (height, width), "
            "(height, width, 3) or (height, width, 4)."
        )
    height, width = array.shape[:2]
    decoding.refuse_size(width, height, name)
    limits = grayscale.value_range(array)

    def bands(rows: int) -> Iterator[Image.Image]:
        for top in range(0, height, rows):
            part = grayscale.scale(array[top : top + rows], limits)
            yield Image.fromarray(part.squeeze(2) if part.shape[2:] == (1,) else part)

    return pages.make(pages.shrink(bands, (width, height)), (width, height))


def _refuse_documents(head: bytes, name: str) -> None:
    if not head:
        raise PictureError(f"{name} is empty: copy it again.")
    for sign, kind in ((b"%PDF", "PDF document"), (b"%!PS", "PostScript document"), (b"<svg", "SVG drawing")):
        if sign in head if sign == b"<svg" else head.startswith(sign):
            raise PictureError(f"{name} is a {kind}, not a picture: export it as PNG.")


def _message(error: Exception, name: str) -> str:
    if isinstance(error, PermissionError):
        return f"{name} may not be read: change its permissions."
    if isinstance(error, UnidentifiedImageError):
        return f"{name} is not a picture in a supported format, or it is damaged: save it as PNG or JPEG."
    if isinstance(error, Image.DecompressionBombError):
        return f"{name} has more than {decoding.MAX_PIXELS // 10**6} megapixels: shrink it."
    if isinstance(error, MemoryError):
        return f"{name} needs more memory than this machine has: shrink it."
    if isinstance(error, OSError) and error.strerror:
        return f"{name} cannot be read ({error.strerror}): check the name and the disk."
    if "truncated" in str(error).lower():
        return f"{name} is cut short: copy it again."
    reason = printable((str(error).splitlines() or [type(error).__name__])[0][:100])
    return f"{name} is damaged ({reason}): copy it again, or save it as PNG."
