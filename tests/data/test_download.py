"""Fetch MNIST from the first source that has it, into a folder that may be damaged or read-only."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from digitrec.data import download, mnist
from digitrec.data.download import ensure_mnist
from digitrec.data.mnist import load_mnist
from digitrec.errors import MNISTUnavailableError
from tests.data.conftest import HTML, TRAIN_IMAGES, Files, Log, Monkey, contents, messages, put

pytestmark = pytest.mark.usefixtures("no_temporary_files")

SYSTEM_TEMP = tempfile.gettempdir()


def test_missing_folder_is_created_and_filled(files: Files, calls: list[str], tmp_path: Path) -> None:
    ensure_mnist(str(tmp_path / "new" / "data"))
    assert calls == ["fake"]
    assert contents(tmp_path / "new" / "data") == files


def test_only_the_missing_file_is_written(files: Files, calls: list[str], tmp_path: Path) -> None:
    folder = put(tmp_path, {name: content for name, content in files.items() if name != TRAIN_IMAGES})
    before = {path: path.stat().st_ino for path in folder.iterdir()}
    ensure_mnist(tmp_path)
    assert contents(tmp_path) == files
    assert {path: path.stat().st_ino for path in before} == before


def test_fetched_files_have_the_permissions_of_the_umask(calls: list[str], tmp_path: Path) -> None:
    (tmp_path / "ordinary").touch()
    ensure_mnist(tmp_path)
    fetched = tmp_path / "MNIST" / "raw" / TRAIN_IMAGES
    assert fetched.stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_sources_are_tried_in_order_until_one_succeeds(
    files: Files, tmp_path: Path, monkeypatch: Monkey, caplog: Log
) -> None:
    calls = []

    def refuses(scratch: Path) -> Files:
        calls.append("refuses")
        raise OSError("HTTP Error 404:\n\n  Not Found")

    def damages(scratch: Path) -> Files:
        calls.append("damages")
        return files | {TRAIN_IMAGES: HTML}

    def forgets(scratch: Path) -> Files:
        calls.append("forgets")
        return {TRAIN_IMAGES: files[TRAIN_IMAGES]}

    def works(scratch: Path) -> Files:
        calls.append("works")
        (scratch / "left behind").touch()
        return files | {"another": b""}

    def is_late(scratch: Path) -> Files:
        calls.append("is late")
        return files

    sources = {source.__name__: source for source in (refuses, damages, forgets, works, is_late)}
    monkeypatch.setattr(download, "SOURCES", sources)
    ensure_mnist(tmp_path)
    assert calls == ["refuses", "damages", "forgets", "works"]
    assert contents(tmp_path) == files
    *failures, fetched = messages(caplog)
    assert failures == [
        "MNIST: refuses failed: HTTP Error 404: Not Found",
        f"MNIST: damages failed: its {TRAIN_IMAGES} is damaged",
        "MNIST: forgets failed: it has no train-labels-idx1-ubyte",
    ]
    assert "from works" in fetched


def test_error_lists_every_source_and_file(
    files: Files, tmp_path: Path, monkeypatch: Monkey, caplog: Log
) -> None:
    def unknown(scratch: Path) -> Files:
        raise OSError("Name or service not known")

    def silent(scratch: Path) -> Files:
        raise ConnectionResetError

    before = {TRAIN_IMAGES: HTML, "t10k-labels-idx1-ubyte": files["t10k-labels-idx1-ubyte"]}
    folder = put(tmp_path, before)
    monkeypatch.setattr(download, "SOURCES", {"first": unknown, "second": silent})
    with pytest.raises(MNISTUnavailableError) as error:
        ensure_mnist(tmp_path)
    assert str(error.value).splitlines() == [
        "MNIST could not be fetched. Tried:",
        "  first: Name or service not known",
        "  second: ConnectionResetError",
        f"To install them yourself, put these four files, plain or gzipped (name.gz), into {folder}:",
        "  train-images-idx3-ubyte (damaged or unreadable)",
        "  train-labels-idx1-ubyte (missing)",
        "  t10k-images-idx3-ubyte (missing)",
        "  t10k-labels-idx1-ubyte (intact)",
    ]
    assert len(messages(caplog)) == 3  # the damaged file and each source
    assert contents(tmp_path) == before


@contextmanager
def permissions(data_dir: Path, mode: int) -> Iterator[None]:
    """Set them on all folders and files, and take away root's privilege to ignore them."""
    if not hasattr(os, "geteuid"):
        pytest.skip("POSIX permissions")
    paths = [data_dir, *data_dir.rglob("*")]
    for path in reversed(paths):
        path.chmod(mode)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        for path in paths:
            path.chmod(0o755)


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """Make a data_dir that others may enter, which tmp_path is not."""
    with tempfile.TemporaryDirectory(dir=SYSTEM_TEMP) as name:
        yield Path(name)


@pytest.mark.parametrize("mode", [0o555, 0o000], ids=["read only", "closed"])
def test_read_only_folder_is_reported_before_any_download(
    mode: int, files: Files, calls: list[str], open_dir: Path
) -> None:
    before = {TRAIN_IMAGES: files[TRAIN_IMAGES]}
    folder = put(open_dir, before)
    with permissions(open_dir, mode), pytest.raises(MNISTUnavailableError) as error:
        ensure_mnist(open_dir)
    first, *others = str(error.value).splitlines()
    assert first.startswith(f"MNIST cannot be written to {folder}: [Errno 13] Permission denied")
    assert [line.split()[0] for line in others] == ["To", *mnist.FILES]
    assert calls == []
    assert contents(open_dir) == before


def test_complete_folder_needs_no_write_permission(files: Files, calls: list[str], open_dir: Path) -> None:
    put(open_dir, files)
    with permissions(open_dir, 0o555):
        ensure_mnist(open_dir)
        assert len(load_mnist(open_dir, train=True)[0]) == 20
    assert calls == []


@pytest.mark.parametrize("below", ["", "data"])
def test_data_dir_that_is_a_file_or_inside_one_is_refused(
    below: str, calls: list[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("kept")
    data_dir = tmp_path / "file" / below
    with pytest.raises(MNISTUnavailableError, match=f"cannot be written to {data_dir}.*Not a directory"):
        ensure_mnist(data_dir)
    with pytest.raises(MNISTUnavailableError, match="no intact"):
        load_mnist(data_dir, train=True)
    assert calls == []
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_failed_write_keeps_the_old_file(
    call: str, calls: list[str], tmp_path: Path, monkeypatch: Monkey
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    put(tmp_path, {TRAIN_IMAGES: HTML})
    monkeypatch.setattr(os, call, full)
    with pytest.raises(MNISTUnavailableError, match="No space left on device"):
        ensure_mnist(tmp_path)
    assert calls == ["fake"]
    assert contents(tmp_path) == {TRAIN_IMAGES: HTML}


def test_ctrl_c_in_a_source_leaves_no_files(files: Files, tmp_path: Path, monkeypatch: Monkey) -> None:
    def interrupted(scratch: Path) -> Files:
        (scratch / "half").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "SOURCES", {"interrupted": interrupted, "next": lambda scratch: files})
    with pytest.raises(KeyboardInterrupt):
        ensure_mnist(tmp_path)
    assert contents(tmp_path) == {}


def test_what_a_killed_download_left_is_removed(files: Files, calls: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "MNIST" / "raw"
    (folder / "fetching-abc" / "deep").mkdir(parents=True)
    (folder / f"{TRAIN_IMAGES}.0123abcd.tmp").touch()
    ensure_mnist(tmp_path)
    assert {path.name for path in folder.iterdir()} == files.keys()
