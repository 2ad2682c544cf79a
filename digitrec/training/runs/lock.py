"""One process at a time writes into a run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from digitrec.errors import CheckpointError
from digitrec.files import remove_leftovers

SUFFIX = ".lock"
"""Of the file that is locked. It is beside the run folder, and holds the number of the process."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from writing into a run; the system ends this when the process dies.

    What a killed process has left half-written is removed.

    Args:
        folder: of the run.

    Raises:
        CheckpointError: another process is writing into it.
    """
    resolved = folder.resolve()  # a link to it is the same run
    path = resolved.with_name(resolved.name + SUFFIX)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        holder = ""
        with suppress(OSError):  # Windows does not let it be read
            holder = path.read_text()
        raise CheckpointError(
            f"Process {holder or 'unknown'} is still writing into {folder}: wait until it ends, or stop it."
        ) from error
    try:
        path.write_text(str(os.getpid()))
        for each in (folder, folder / "checkpoints"):
            remove_leftovers(each)
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # safe while it is locked: a process that waits for it notices
        lock.release()
