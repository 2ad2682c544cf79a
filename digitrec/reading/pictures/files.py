"""Finding picture files by names, folders and globs, and opening them."""

import glob
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from digitrec.errors import PictureError

_ENDINGS = (
    "png apng jpg jpeg jpe jfif mpo gif bmp dib tif tiff webp avif heic heif jp2 ppm pgm pbm pnm tga pcx"
)
SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS.split())
"""Suffixes of picture files; other files in a folder are ignored."""


def find(patterns: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """List the picture files that the patterns name, each once.

    The order of the patterns is kept. Within a folder or glob files are sorted with 2 before 10. Folders are
    searched recursively. Hidden files and folders are ignored unless they are named. A pattern that is the
    name of a file means that file, whatever its suffix, even if it could be a glob.

    A pattern without a picture and a folder that may not be read stay in the list, so that ``load`` reports
    what is wrong with them and the other pictures are still read.

    Args:
        patterns: files, folders and globs, which may contain ``**``.

    Raises:
        PictureError: no pattern matches a picture.
    """
    found: dict[str, Path] = {}
    unmatched = []
    patterns = [pattern for pattern in patterns if os.fspath(pattern)]  # an empty one is the current folder
    for pattern in patterns:
        matches = _matches(pattern)
        if not matches:
            unmatched.append(Path(pattern))
        for path in matches or [Path(pattern)]:
            found.setdefault(os.path.abspath(path), path)  # noqa: PTH100 - links stay separate pictures
    if len(unmatched) == len(patterns):
        raise PictureError(
            _no_picture(unmatched[0]) if unmatched else "No picture was named: name at least one."
        )
    return list(found.values())


def _matches(pattern: str | os.PathLike[str]) -> list[Path]:
    path = Path(pattern if os.path.lexists(pattern) else os.path.expanduser(pattern))  # noqa: PTH111 - any name
    if os.path.isdir(path):  # noqa: PTH112 - for any name, too
        return _inside(path)
    if os.path.lexists(path) or _is_forbidden(path):
        return [path]
    matches = [Path(match) for match in glob.glob(str(path), recursive=True)]  # noqa: PTH207 - may begin with /
    pictures = {match for match in matches if match.suffix.lower() in SUFFIXES and not match.is_dir()}
    return sorted(pictures.union(*(_inside(match) for match in matches if match.is_dir())), key=_naturally)


def _is_forbidden(path: Path) -> bool:
    """Return whether the path is in a folder that may not be entered."""
    try:
        path.lstat()
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return False


def _inside(folder: Path) -> list[Path]:
    """List the pictures in a folder, recursively, and the folders in it that may not be read."""
    files: list[Path] = []
    unread: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=unread.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(parent, name) for name in names if not name.startswith(".")]
    pictures = [path for path in files if path.suffix.lower() in SUFFIXES]
    return sorted([*pictures, *(Path(error.filename) for error in unread)], key=_naturally)


def _naturally(path: Path) -> tuple[list[list[int | str]], Path]:
    """Return a sort key that compares numbers in names by their value."""
    parts = [re.split(r"(\d+)", part.casefold()) for part in path.parts]
    return [[int(word) if word.isdecimal() else word for word in words] for words in parts], path


def open_file(path: Path, name: str) -> IO[bytes]:
    """Open a file for reading.

    Args:
        path: the file.
        name: its name in messages.

    Raises:
        PictureError: there is no such file, or it is a folder, a pipe or a device.
        OSError: the file cannot be opened.
    """
    try:
        mode = path.stat().st_mode
    except PermissionError:
        raise
    except (OSError, ValueError):  # there is none, or no file can have this name
        raise PictureError(_no_picture(path)) from None
    if stat.S_ISDIR(mode):
        os.scandir(path).close()  # raises PermissionError if it may not be read
        if not _inside(path):
            raise PictureError(_no_picture(path))
        raise PictureError(f"{name} is a folder, not a picture: name the pictures in it.")
    if not stat.S_ISREG(mode):  # opening a pipe would wait for its other end
        raise PictureError(f"{name} is not a regular file: copy the picture into one.")
    return path.open("rb")


def printable(text: str) -> str:
    """Return a name for a message; one with control characters, such as newlines, as its Python literal."""
    return text if text.isprintable() and text else repr(text)


def _no_picture(path: Path) -> str:
    name = printable(str(path))
    if os.path.isdir(path):  # noqa: PTH112 - for any name
        return f"The folder {name} contains no pictures: choose another."
    if glob.has_magic(str(path)):
        return f"No picture matches {name}: check the pattern."
    return f"There is no file {name}: check the name."
