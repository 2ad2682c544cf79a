"""A small fake MNIST, and a fake source for it."""

import hashlib
import logging
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from digitrec.data import download, mnist
from digitrec.data.mnist import Digests

Files = dict[str, bytes]
Damage = Callable[[bytes], bytes]
Monkey = pytest.MonkeyPatch
Log = pytest.LogCaptureFixture
TRAIN_IMAGES = "train-images-idx3-ubyte"
HTML = b"<!DOCTYPE html><html><body>Please log in to this network.</body></html>"


@pytest.fixture
def files(monkeypatch: Monkey) -> Files:
    """20 training and 10 test images of noise, which gzip cannot shrink; their digests replace MNIST's."""
    generator = torch.Generator().manual_seed(0)
    made = {}
    for part, n in (("train", 20), ("t10k", 10)):
        images = torch.randint(256, (n, 28, 28), generator=generator, dtype=torch.uint8)
        made[f"{part}-images-idx3-ubyte"] = struct.pack(">4i", 2051, n, 28, 28) + images.numpy().tobytes()
        made[f"{part}-labels-idx1-ubyte"] = struct.pack(">2i", 2049, n) + bytes(i % 10 for i in range(n))
    assert list(made) == list(mnist.FILES)
    digests = {
        name: Digests(hashlib.md5(raw).hexdigest(), hashlib.sha256(raw).hexdigest())
        for name, raw in made.items()
    }
    monkeypatch.setattr(mnist, "FILES", digests)
    return made


@pytest.fixture
def calls(files: Files, monkeypatch: Monkey) -> list[str]:
    """Replace all sources by one that works; return the list of its calls."""
    calls: list[str] = []

    def source(scratch: Path) -> Files:
        calls.append("fake")
        return files

    monkeypatch.setattr(download, "SOURCES", {"the fake": source})
    return calls


@pytest.fixture
def no_temporary_files(tmp_path_factory: pytest.TempPathFactory, monkeypatch: Monkey) -> Iterator[None]:
    """Check that a test leaves nothing in the folder for temporary files."""
    folder = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


def put(data_dir: Path, files: Files) -> Path:
    folder = data_dir / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def contents(data_dir: Path) -> Files:
    return {path.name: path.read_bytes() for path in (data_dir / "MNIST" / "raw").iterdir()}


def messages(log: Log, level: int = logging.WARNING) -> list[str]:
    return [record.getMessage() for record in log.records if record.levelno == level]


def flip(content: bytes) -> bytes:
    """Change one bit in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
