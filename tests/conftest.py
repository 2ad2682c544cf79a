"""Shared fixtures: a small fake MNIST with its own digests, and the command line run in-process."""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch.accelerators import MPSAccelerator
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from digitrec.cli import DigitCLI
from digitrec.data import mnist
from digitrec.training.messages import IGNORED_WARNINGS

os.environ["OMP_NUM_THREADS"] = "1"  # for child processes: threads that compete for two cores are slow
torch.set_num_threads(1)

TRAIN, TEST = 400, 130
ROOT = Path(__file__).parents[1]


def idx(array: np.ndarray) -> bytes:
    """An array of bytes in the format of MNIST's files."""
    shape = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + shape + array.astype(np.uint8).tobytes()


def digests_in(data: Path) -> dict[str, mnist.Digests]:
    """The digests of the four files in a data folder, which make a fake MNIST pass verification."""
    contents = {name: (data / "MNIST" / "raw" / name).read_bytes() for name in mnist.FILES}
    return {
        name: mnist.Digests(hashlib.md5(content).hexdigest(), hashlib.sha256(content).hexdigest())
        for name, content in contents.items()
    }


def digits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a bright bar whose place is the label: easy to learn in a few steps."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, count)
    images = random.integers(0, 60, (count, 28, 28))
    for image, label in zip(images, labels, strict=True):
        image[4:24, 2 + 2 * label : 5 + 2 * label] = 230
    return images.astype(np.uint8), labels.astype(np.uint8)


def pytest_configure(config: pytest.Config) -> None:
    """Ignore the same warnings as the command line; every other one is an error."""
    for message in IGNORED_WARNINGS:
        config.addinivalue_line("filterwarnings", f"ignore:{message}")


@pytest.fixture
def fake_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with 400 training and 130 test images that passes for MNIST."""
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count, seed in (("train", TRAIN, 1), ("t10k", TEST, 2)):
        images, labels = digits(count, seed)
        for kind, array in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)):
            (raw / f"{part}-{kind}").write_bytes(idx(array))
    monkeypatch.setattr(mnist, "FILES", digests_in(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def workplace(fake_mnist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder with the fake MNIST in data/; sys.argv has no arguments of pytest."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["digitrec"])
    monkeypatch.setattr(MPSAccelerator, "is_available", lambda: False)  # `auto` is the CPU on a Mac, too
    return tmp_path


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pretrained weights as an ONNX file, alone in its folder, exported without MNIST; takes seconds."""
    from digitrec.export import classifier
    from digitrec.models.pretrained import PRETRAINED

    path = tmp_path_factory.mktemp("export") / "digits.onnx"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifier, "GENERATED", 1000)  # a tenth of the images that check it
        assert classifier.export_classifier(PRETRAINED, path, path.parent / "no data") is None
    return path


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The scalars of a run in TensorBoard: (step, value) for each tag, in the order of writing."""
    events = EventAccumulator(str(folder))
    events.Reload()
    written = {  # files of one second and process are read by name: the tenth before the ninth
        tag: sorted(events.Scalars(tag), key=lambda point: point.wall_time)
        for tag in events.Tags()["scalars"]
    }
    return {tag: [(point.step, point.value) for point in points] for tag, points in written.items()}


SMALL = ["--trainer.max_epochs=1", "--data.val_size=50", "--trainer.log_every_n_steps=1"]


@pytest.fixture
def fit(workplace: Path) -> Callable[..., DigitCLI]:
    """Run ``fit`` with configs/mlp.yaml for one short epoch, with additional arguments."""

    def run(*args: str) -> DigitCLI:
        return DigitCLI(["fit", f"--config={ROOT}/configs/mlp.yaml", *SMALL, *args])

    return run


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], bool]]:
    """Put modules on sys.path that write a file when imported; return a function that says if one did."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    for name in ("foreign", "éforeign"):
        (folder / f"{name}.py").write_text(
            f"import pathlib, torch\npathlib.Path({str(folder / 'trace')!r}).touch()\n"
            "class Net(torch.nn.Module):\n    pass\n"
        )
    monkeypatch.syspath_prepend(folder)
    yield lambda: (folder / "trace").exists()
    for name in ("foreign", "éforeign"):
        sys.modules.pop(name, None)
