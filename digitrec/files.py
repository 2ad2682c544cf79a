"""Replacing a file as a whole, so that a kill or a full disk leaves no half-written one."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that replaces ``path`` when the block ends without an error.

    The content is written beside ``path`` and then renamed: a rename is atomic within one file system only,
    and TMPDIR may be on another one. Each temporary file has a name of its own, since several processes may
    write at once.

    Args:
        path: the file, in an existing folder.

    Raises:
        OSError: the file cannot be written; the old one is unchanged.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
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
def replacing_text(path: Path) -> Iterator[TextIOWrapper]:
    """Open a text file as ``replacing`` does, for rows of CSV and any file names in them."""
    with replacing(path) as file:
        text = TextIOWrapper(file, newline="", encoding="utf-8", errors="surrogateescape")
        try:
            yield text
        finally:
            text.detach()  # it writes the last rows


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that killed processes have left in a folder; no process may write in it."""
    for path in folder.glob("*.tmp"):
        if re.search(r"\.[0-9a-f]{8}\.tmp$", path.name):
            path.unlink(missing_ok=True)
