"""Replacing a file as a whole, so that a kill or a full disk leaves no half-written one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: Path, shared: bool = False) -> Iterator[IO[bytes]]:
    """Open a file that replaces ``path`` when the block ends without an error.

    The content is written beside ``path`` and then renamed: a rename is atomic within one file system only,
    and TMPDIR may be on another one.

    Args:
        path: the file, in an existing folder.
        shared: several processes may write it at once, so each uses a temporary name of its own. Otherwise
            the temporary name is always the same, so that what a kill leaves behind is overwritten.

    Raises:
        OSError: the file cannot be written; the old one is unchanged.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp" if shared else f"{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105 - the atomic one
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:  # a full disk does not name the file
            error.filename = os.fspath(path)
        raise


@contextmanager
def replacing_text(path: Path, shared: bool = False) -> Iterator[TextIOWrapper]:
    """Open a text file as ``replacing`` does, for rows of CSV and any file names in them."""
    with replacing(path, shared) as file:
        text = TextIOWrapper(file, newline="", encoding="utf-8", errors="surrogateescape")
        try:
            yield text
        finally:
            text.detach()  # it writes the last rows
