"""Verify and read MNIST's files, intact and damaged."""

import gzip
from pathlib import Path

import pytest
import torch

from digitrec.data import mnist
from digitrec.data.download import ensure_mnist
from digitrec.data.mnist import load_mnist
from digitrec.errors import MNISTUnavailableError
from tests.data.conftest import HTML, TRAIN_IMAGES, Damage, Files, Log, Monkey, contents, flip, messages, put

pytestmark = pytest.mark.usefixtures("no_temporary_files")

DAMAGE: dict[str, Damage] = {
    "bit flipped": flip,
    "truncated": lambda content: content[:-1],
    "lengthened": lambda content: content + b"\0",
    "HTML": lambda content: HTML,
    "empty": lambda content: b"",
}
GZ_DAMAGE: dict[str, Damage] = {
    "bit flipped inside": lambda content: flip(gzip.compress(content)),
    "bit flipped before packing": lambda content: gzip.compress(flip(content)),
    "truncated in the data": lambda content: gzip.compress(content)[:-1000],
    "truncated in the trailer": lambda content: gzip.compress(content)[:-1],
    "HTML instead of gzip": lambda content: HTML,
    "HTML after a gzip header": lambda content: gzip.compress(content)[:10] + HTML,
    "empty": lambda content: b"",
}


def test_images_and_labels_are_loaded_as_stored(files: Files, tmp_path: Path) -> None:
    put(tmp_path, files)
    for train, part, n in ((True, "train", 20), (False, "t10k", 10)):
        images, labels = load_mnist(tmp_path, train=train)
        assert (images.dtype, images.shape) == (torch.uint8, (n, 28, 28))
        assert images.numpy().tobytes() == files[f"{part}-images-idx3-ubyte"][16:]
        assert (labels.dtype, labels.tolist()) == (torch.int64, [i % 10 for i in range(n)])


def test_plain_files_are_used_unchanged(files: Files, calls: list[str], tmp_path: Path) -> None:
    put(tmp_path, files)
    ensure_mnist(tmp_path)
    assert calls == []
    assert contents(tmp_path) == files


def test_gzipped_files_are_used_unchanged(files: Files, calls: list[str], tmp_path: Path) -> None:
    packed = {f"{name}.gz": gzip.compress(content, 1, mtime=7) for name, content in files.items()}
    put(tmp_path, packed)
    ensure_mnist(tmp_path)
    assert calls == []
    assert contents(tmp_path) == packed
    assert load_mnist(tmp_path, train=True)[0].numpy().tobytes() == files[TRAIN_IMAGES][16:]


def test_intact_gz_replaces_a_damaged_plain_file(files: Files, calls: list[str], tmp_path: Path) -> None:
    put(tmp_path, files | {TRAIN_IMAGES: HTML, f"{TRAIN_IMAGES}.gz": gzip.compress(files[TRAIN_IMAGES])})
    ensure_mnist(tmp_path)
    assert calls == []
    assert load_mnist(tmp_path, train=True)[0].numpy().tobytes() == files[TRAIN_IMAGES][16:]


def test_tilde_is_the_home_folder(files: Files, tmp_path: Path, monkeypatch: Monkey) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    put(tmp_path, files)
    assert len(load_mnist("~", train=False)[0]) == 10


@pytest.mark.parametrize("name", [TRAIN_IMAGES, "t10k-labels-idx1-ubyte"])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_file_is_refused_and_fetched_again(
    damage: Damage, name: str, files: Files, calls: list[str], tmp_path: Path, caplog: Log
) -> None:
    put(tmp_path, files | {name: damage(files[name])})
    with pytest.raises(MNISTUnavailableError, match=f"no intact {name} .*ensure_mnist"):
        load_mnist(tmp_path, train=name.startswith("train"))
    ensure_mnist(tmp_path)
    assert calls == ["fake"]
    assert contents(tmp_path) == files
    (warning,) = messages(caplog)
    assert f"{name} damaged" in warning


@pytest.mark.parametrize("damage", GZ_DAMAGE.values(), ids=GZ_DAMAGE)
def test_damaged_gz_is_refused_and_fetched_again(
    damage: Damage, files: Files, calls: list[str], tmp_path: Path
) -> None:
    others = {name: content for name, content in files.items() if name != TRAIN_IMAGES}
    put(tmp_path, others | {f"{TRAIN_IMAGES}.gz": damage(files[TRAIN_IMAGES])})
    with pytest.raises(MNISTUnavailableError, match=f"no intact {TRAIN_IMAGES}"):
        load_mnist(tmp_path, train=True)
    ensure_mnist(tmp_path)
    assert calls == ["fake"]
    assert load_mnist(tmp_path, train=True)[0].numpy().tobytes() == files[TRAIN_IMAGES][16:]


@pytest.mark.parametrize("wrong", ["md5", "sha256"])
def test_both_digests_must_match(wrong: str, files: Files, tmp_path: Path, monkeypatch: Monkey) -> None:
    digests = mnist.FILES[TRAIN_IMAGES]._replace(**{wrong: "0"})
    monkeypatch.setitem(mnist.FILES, TRAIN_IMAGES, digests)
    put(tmp_path, files)
    with pytest.raises(MNISTUnavailableError):
        load_mnist(tmp_path, train=True)


def test_gunzipping_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "LARGEST", 1000)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(100_000)))
    (tmp_path / "plain").write_bytes(bytes(100_000))
    assert len(mnist.read_bounded(tmp_path / "bomb.gz")) == 1001
    assert len(mnist.read_bounded(tmp_path / "plain")) == 1001


@pytest.mark.parametrize("end", ["", ".gz"])
def test_dotted_names_are_used(end: str, files: Files, calls: list[str], tmp_path: Path) -> None:
    pack = gzip.compress if end else bytes
    put(tmp_path, {name.replace("-idx", ".idx") + end: pack(content) for name, content in files.items()})
    ensure_mnist(tmp_path)
    assert calls == []
    assert len(load_mnist(tmp_path, train=True)[0]) > 0
