"""Which picture files are meant by names, folders and globs, and opening one, or one sentence why not."""

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
"""What names of picture files end in; other files in a folder are passed over."""


def find(patterns: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """List the picture files that files, folders and globs (with ``**``, too) mean, each once.

    Patterns keep their order. Folders are searched with the folders in them; in a folder and in a glob 2
    comes before 10. What is hidden is passed over unless it is named. A file of the very name comes before a
    glob, and may end in anything. A pattern without a picture stays in the list beside others, and so does a
    folder that may not be read, so that ``load`` says what is wrong with it and the others are read.

    Raises:
        PictureError: no pattern leads to a picture.
    """
    found: dict[str, Path] = {}
    fruitless = []
    patterns = [pattern for pattern in patterns if os.fspath(pattern)]  # else the current folder is meant
    for pattern in patterns:
        meant = _meant(pattern)
        if not meant:
            fruitless.append(Path(pattern))
        for path in meant or [Path(pattern)]:
            found.setdefault(os.path.abspath(path), path)  # noqa: PTH100 - a link is a picture of its own
    if len(fruitless) == len(patterns):
        raise PictureError(
            _no_picture(fruitless[0]) if fruitless else "There is no picture to read: name one."
        )
    return list(found.values())


def _meant(pattern: str | os.PathLike[str]) -> list[Path]:
    path = Path(pattern if os.path.lexists(pattern) else os.path.expanduser(pattern))  # noqa: PTH111 - any name
    if os.path.isdir(path):  # noqa: PTH112 - for any name, too
        return _inside(path)
    if os.path.lexists(path) or _is_shut(path):
        return [path]
    matches = [Path(match) for match in glob.glob(str(path), recursive=True)]  # noqa: PTH207 - may begin with /
    pictures = {match for match in matches if match.suffix.lower() in SUFFIXES and not match.is_dir()}
    return sorted(pictures.union(*(_inside(match) for match in matches if match.is_dir())), key=_naturally)


def _is_shut(path: Path) -> bool:
    """Whether it lies in a folder that may not be entered."""
    try:
        path.lstat()
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return False


def _inside(folder: Path) -> list[Path]:
    """The pictures in a folder and those in it, and which of these folders cannot be listed."""
    files: list[Path] = []
    unread: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=unread.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(parent, name) for name in names if not name.startswith(".")]
    pictures = [path for path in files if path.suffix.lower() in SUFFIXES]
    return sorted([*pictures, *(Path(error.filename) for error in unread)], key=_naturally)


def _naturally(path: Path) -> tuple[list[list[int | str]], Path]:
    """A key that sorts numbers in names by their value."""
    parts = [re.split(r"(\d+)", part.casefold()) for part in path.parts]
    return [[int(word) if word.isdecimal() else word for word in words] for words in parts], path


def open_file(path: Path, name: str) -> IO[bytes]:
    """Open a file to read from; `name` is what messages call it.

    Raises:
        PictureError: there is no such file, or it is a folder, a pipe or a device.
        OSError: the system does not let it be opened.
    """
    try:
        mode = path.stat().st_mode
    except PermissionError:
        raise
    except (OSError, ValueError):  # none of that name, or none can have it
        raise PictureError(_no_picture(path)) from None
    if stat.S_ISDIR(mode):
        os.scandir(path).close()  # may it be read at all?
        if not _inside(path):
            raise PictureError(_no_picture(path))
        raise PictureError(f"{name} is a folder, not a picture: name the pictures in it.")
    if not stat.S_ISREG(mode):  # to open a pipe would be to wait
        raise PictureError(f"{name} is not an ordinary file: copy the picture into one.")
    return path.open("rb")


def printable(text: str) -> str:
    """A name as it can stand in a line: one with a newline, say, as Python would write it."""
    return text if text.isprintable() and text else repr(text)


def _no_picture(path: Path) -> str:
    name = printable(str(path))
    if os.path.isdir(path):  # noqa: PTH112 - for any name
        return f"The folder {name} holds no pictures: put some there, or name another."
    if glob.has_magic(str(path)):
        return f"No picture is called {name}: check the pattern."
    return f"There is no file {name}: check the name."
