"""Any picture file to an upright grey page, or one sentence why not; and the picture files that patterns mean."""

import glob
import io
import os
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from digitrec import tones

MAX_PIXELS = 100_000_000
"""A larger picture is refused."""

PAGE_PIXELS = 4_000_000
"""A page has at most so many; a larger picture is shrunk to it by averaging."""

SUFFIXES = frozenset(
    ".png .apng .jpg .jpeg .jpe .jfif .mpo .gif .bmp .dib .tif .tiff .webp .avif .heic .heif .jp2 .ppm .pgm "
    ".pbm .pnm .tga .pcx".split()
)
"""What names of picture files end in; other files in a folder are passed over."""

Source = str | os.PathLike[str] | npt.NDArray[Any] | Image.Image | bytes | BinaryIO


class PictureError(ValueError):
    """A picture that cannot be read; the message is one sentence for the user that names it."""


@dataclass(frozen=True)
class Page:
    """An upright picture in grey.

    Attributes:
        pixels: (height, width) uint8, 0 black to 255 white, at most about 4 million.
        scale: picture pixels per page pixel; what is at x on the page is at x * scale in the picture.
        size: (width, height) of the upright picture in its own pixels.
    """

    pixels: npt.NDArray[np.uint8]
    scale: float
    size: tuple[int, int]


def load(source: Source, name: str | None = None) -> Page:
    """Read a picture: a file, its bytes, an open binary file, a Pillow image, or an array.

    Arrays are (height, width), (height, width, 3) RGB or (height, width, 4) RGBA; integers, floats in 0..1 or 0..255,
    or bool. `name` stands for the picture in messages; a file has its own.

    Raises:
        PictureError: there is no such file, it is no picture, or one that is damaged or too large.
    """
    name = _shown(name or (os.fspath(source) if isinstance(source, str | os.PathLike) else "the picture"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, on size and damage: what matters is refused in a sentence
        try:
            return _load(source, name)
        except PictureError:
            raise
        except Image.DecompressionBombError:
            raise PictureError(
                f"{name} has more than {MAX_PIXELS // 10**6} megapixels: shrink it before."
            ) from None
        except UnidentifiedImageError:
            raise PictureError(f"{name} is not a picture that can be read: save it as PNG or JPEG.") from None
        except PermissionError:
            raise PictureError(f"{name} may not be read: give yourself the right to.") from None
        except Exception as error:
            raise PictureError(
                f"{name} is damaged ({_shown(str(error).splitlines()[0]) if str(error) else type(error).__name__}): "
                "save or copy it anew."
            ) from error


def _load(source: Source, name: str) -> Page:
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if path.is_dir():
            raise PictureError(f"{name} is a folder, not a picture: give the pictures in it.")
        if not path.exists():
            raise PictureError(f"There is no file {name}: check the name.")
        if not path.is_file():
            raise PictureError(f"{name} is not an ordinary file: give a picture file.")
        if path.stat().st_size == 0:
            raise PictureError(f"{name} is empty: copy it anew.")
        with Image.open(path) as image:
            return _page(image, name)
    if isinstance(source, np.ndarray):
        return _page(_from_array(source, name), name)
    if isinstance(source, Image.Image):
        return _page(source, name)
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
        return _page(image, name)


def _from_array(array: npt.NDArray[Any], name: str) -> Image.Image:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)) or 0 in array.shape:
        raise PictureError(
            f"{name} is an array of shape {array.shape}: give (height, width) or (height, width, 3)."
        )
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    return Image.fromarray(array if array.dtype == np.uint8 else tones.levels(array))


def _page(image: Image.Image, name: str) -> Page:
    width, height = image.size
    if width * height == 0:
        raise PictureError(f"{name} has no pixels: choose another.")
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"{name} has {width} x {height} pixels, more than {MAX_PIXELS // 10**6} megapixels: shrink it before."
        )
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    shrink = (width * height / PAGE_PIXELS) ** 0.5
    if shrink > 1:
        image.draft("RGB", (int(width / shrink), int(height / shrink)))
    small = tones.plain(image)
    if shrink > 1:
        small = small.resize(
            (max(1, int(width / shrink)), max(1, int(height / shrink))), Image.Resampling.BOX
        )
    pixels = tones.grey(small)
    small = Image.fromarray(pixels)
    if orientation != 1:
        small.getexif()[ExifTags.Base.Orientation] = orientation
        small = ImageOps.exif_transpose(small)
        if orientation >= 5:
            width, height = height, width
    return Page(np.asarray(small), max(1.0, width / small.width), (width, height))


def find(patterns: Sequence[str]) -> list[Path]:
    """List the picture files that files, folders and globs mean, each once.

    Patterns keep their order; within a folder, which is searched with the folders in it, and within a glob the order
    is that of people: 2 before 10. Hidden files and folders are passed over unless they are named.

    Raises:
        PictureError: none of the patterns leads to a picture.
    """
    found: dict[str, Path] = {}
    for pattern in patterns:
        for path in _meant(Path(pattern).expanduser()):
            found.setdefault(os.path.abspath(path), path)  # noqa: PTH100 - two links are two pictures
    if not found:
        raise PictureError("There are no pictures.")
    return list(found.values())


def _meant(path: Path) -> list[Path]:
    if path.is_dir():
        return _inside(path)
    if os.path.lexists(path) or not glob.has_magic(str(path)):
        return [path]
    matches = sorted((Path(match) for match in glob.glob(str(path), recursive=True)), key=_natural)  # noqa: PTH207
    return [match for match in matches if match.suffix.lower() in SUFFIXES and match.is_file()]


def _inside(folder: Path) -> list[Path]:
    pictures = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        pictures += [Path(parent, name) for name in files if not name.startswith(".")]
    return sorted((path for path in pictures if path.suffix.lower() in SUFFIXES), key=_natural)


def _natural(path: Path) -> list[tuple[int | str, ...]]:
    """A key under which numbers in names sort by their value."""
    return [
        tuple(int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name))
        for name in path.parts
    ]


def _shown(name: str) -> str:
    """A name as it can stand in one line of text."""
    return name if name.isprintable() else repr(name)
