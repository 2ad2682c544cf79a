"""Fetch MNIST by torchvision: servers on 127.0.0.1."""

import gzip
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from digitrec.data import download
from digitrec.data.download import ensure_mnist
from digitrec.errors import MNISTUnavailableError
from tests.data.conftest import HTML, Damage, Files, Log, Monkey, contents, messages

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("no_temporary_files")]

Serve = Callable[[Callable[[str], Iterator[bytes]]], str]


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


def test_torchvision_downloads_without_output(
    files: Files, mirror: Callable[[Damage], None], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    mirror(lambda content: content)
    ensure_mnist(tmp_path)
    assert contents(tmp_path) == files
    assert capfd.readouterr() == ("", "")


def test_mirror_that_serves_html_is_a_failed_source(
    mirror: Callable[[Damage], None], tmp_path: Path, caplog: Log
) -> None:
    mirror(lambda content: HTML)
    with pytest.raises(MNISTUnavailableError):
        ensure_mnist(tmp_path)
    assert messages(caplog) == ["MNIST: torchvision failed: File not found or corrupted."]
    assert contents(tmp_path) == {}


def test_slow_mirror_is_stopped_at_the_timeout(
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
