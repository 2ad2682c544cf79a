"""The four MNIST files in torchvision's layout, ``<data_dir>/MNIST/raw``: verified and read.

A file is used only if its MD5 and SHA-256 are the published ones, wherever it came from: a damaged file is
never trained on.
"""

import gzip
import hashlib
import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from digitrec.errors import MNISTUnavailableError


class Digests(NamedTuple):
    """Hexadecimal digests of the uncompressed bytes: those of a .gz file depend on how it was packed."""

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

LARGEST = 47_040_016
"""Bytes of the largest file, the training images."""


def load_mnist(data_dir: str | Path, *, train: bool) -> tuple[Tensor, Tensor]:
    """Read an official split in its order.

    Args:
        data_dir: folder with ``MNIST/raw`` in it.
        train: the 60,000 training images, otherwise the 10,000 test images.

    Returns:
        Images, uint8 (N, 28, 28), 0 to 255, and labels, int64 (N,), 0 to 9. Their bytes were verified.

    Raises:
        MNISTUnavailableError: a file is missing or damaged.
    """
    folder = raw_folder(data_dir)
    part = "train" if train else "t10k"
    buffers = []
    for name in (f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"):
        raw = _read(folder, name)
        if raw is None:
            raise unavailable(folder, f"MNIST: no intact {name} in {folder}; ensure_mnist() fetches it.")
        buffers.append(bytearray(raw))  # torch warns of a buffer that cannot be written
    images = torch.frombuffer(buffers[0], dtype=torch.uint8, offset=16).view(-1, 28, 28)
    labels = torch.frombuffer(buffers[1], dtype=torch.uint8, offset=8).long()
    return images, labels


def raw_folder(data_dir: str | Path) -> Path:
    """Return the folder of the four files."""
    return Path(data_dir).expanduser().absolute() / "MNIST" / "raw"


def is_intact(name: str, raw: bytes) -> bool:
    """Return whether the bytes of a file are the published ones."""
    md5 = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    return FILES[name] == (md5, hashlib.sha256(raw).hexdigest())


def _read(folder: Path, name: str) -> bytes | None:
    """Return the verified bytes of the plain file, or of its ``.gz``; None if neither is intact."""
    for path in _places(folder, name):
        with suppress(OSError, EOFError, zlib.error):  # what reading and gunzipping raise, damage by damage
            raw = read_bounded(path)
            if is_intact(name, raw):
                return raw
    return None


def _places(folder: Path, name: str) -> list[Path]:
    """Return where a file may be: some archives call it train-images.idx3-ubyte."""
    names = (name, name.replace("-idx", ".idx"))
    return [folder / f"{each}{end}" for each in names for end in ("", ".gz")]


def read_bounded(path: Path) -> bytes:
    """Read a file, gunzipped if its name ends in ``.gz``, up to one byte more than the largest of MNIST."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        return file.read(LARGEST + 1)


def find_faults(folder: Path) -> dict[str, str]:
    """Return the files that cannot be used, each with what is wrong with it."""
    faults = {}
    for name in FILES:
        if _read(folder, name) is None:
            # Not Path.exists, which raises in a folder that may not be entered.
            exists = any(os.path.exists(path) for path in _places(folder, name))  # noqa: PTH110
            faults[name] = "damaged or unreadable" if exists else "missing"
    return faults


def unavailable(folder: Path, problem: str) -> MNISTUnavailableError:
    """Return the error that says what is wrong and which files to put where."""
    faults = find_faults(folder)
    files = "\n".join(f"  {name} ({faults.get(name, 'intact')})" for name in FILES)
    return MNISTUnavailableError(
        f"{problem}\nTo install them yourself, put these four files, plain or gzipped (name.gz), into "
        f"{folder}:\n{files}"
    )
