"""A web application in a thread of this process, shared by all tests that serve the pretrained weights."""

import asyncio
import functools
import io
import json
import os
import socket
import threading
from http.client import HTTPConnection, HTTPResponse
from socket import create_connection
from types import SimpleNamespace

import pytest
from filelock import FileLock

from digitrec.reading.reader import Reader
from digitrec.web.app import make_app
from digitrec.web.server import listen, serving
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits


class Served:
    """An application that runs in a thread of this process, on a free port."""

    def __init__(self, app):
        self.app = app
        self.socket = listen("127.0.0.1", 0)
        self.port = self.socket.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._loop = asyncio.new_event_loop()
        self._serving = serving(app, self.socket)
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,))
        self._thread.start()
        assert started.wait(10)

    def _run(self, started):
        async def start():
            await self._serving.__aenter__()
            started.set()

        self._loop.run_until_complete(start())
        self._loop.run_forever()
        self._loop.run_until_complete(self._clean_up())
        self._loop.close()

    async def _clean_up(self):
        await self._serving.__aexit__(None, None, None)
        rest = asyncio.all_tasks() - {asyncio.current_task()}  # they discard what refused clients still send
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def ask(self, method, path, body=None, headers=()):
        """Return status, headers and body of a response; a JSON body is parsed."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        is_json = response.headers.get_content_type() == "application/json"
        return response.status, response.headers, json.loads(content) if is_json else content

    def send(self, *chunks):
        """Send raw bytes until the server closes the connection; return status and body of its response."""
        with create_connection(("127.0.0.1", self.port), 20) as connection:
            try:
                for chunk in chunks:
                    connection.sendall(chunk)
            except ConnectionError:
                pass
            response = HTTPResponse(connection)
            response.begin()
            return response.status, response.read()


@pytest.fixture(scope="session")
def reader():
    return Reader.pretrained()


@pytest.fixture(scope="session")
def served(reader):
    running = Served(make_app(reader))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The exported page; all processes of a test run share it."""
    from digitrec.models.pretrained import PRETRAINED
    from digitrec.web.site import export_site

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            export_site(folder, PRETRAINED)
    return folder


@pytest.fixture
def serve():
    """Serve with a test's own ``read`` function of a picture and further arguments of ``make_app``."""
    running = []

    def start(read, *args, **options):
        fake = SimpleNamespace(read=lambda picture, threshold: read(picture))
        running.append(Served(make_app(fake, *args, **options)))
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture(scope="module", params=["server", "browser"])
def backend(request):
    """What reads the pictures."""
    return request.param


@pytest.fixture(scope="module")
def address(backend, request):
    from scripts.benchmarks.serving import server
    from scripts.benchmarks.static_page import static_server

    with server() if backend == "server" else static_server(request.getfixturevalue("site")) as running:
        yield running
    with pytest.raises(ConnectionRefusedError):  # the server has stopped
        socket.create_connection(("127.0.0.1", int(running.rpartition(":")[2])), 2)


@pytest.fixture(scope="module")
def browser():
    from scripts.benchmarks.browser import chromium

    with chromium() as running:
        yield running


@pytest.fixture
def visit(browser, address):
    """Open the page; after the test, no request went to another server and no error occurred."""
    contexts, requested, errors = [], [], []

    def open_page(**options):
        contexts.append(browser.new_context(**options))
        contexts[-1].on("request", lambda request: requested.append(request.url))
        page = contexts[-1].new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert len(requested) >= len(contexts)
    assert not [url for url in requested if not url.startswith((f"{address}/", "data:", f"blob:{address}/"))]
    # The browser logs each refused picture, and each request without a connection.
    expected = ("422 (Unprocessable Entity)", "ERR_INTERNET_DISCONNECTED")
    assert not [message for message in errors if not any(each in message for each in expected)]


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@functools.cache
def lines(*texts):
    """A PNG file with lines of drawn digits."""
    digits = stroke_digits()[[int(digit) for digit in "".join(texts)]]
    return png(render(digits, Options(height=80, pen=0.12, lines=len(texts)), 0).picture)
