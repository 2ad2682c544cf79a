"""A web application in a thread of this process, shared by all tests that serve the pretrained weights."""

import asyncio
import functools
import io
import json
import os
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
    """The exported page; the export takes seconds, so all processes of a test run share it."""
    from digitrec.export import classifier
    from digitrec.models.pretrained import PRETRAINED
    from digitrec.web.site import export_site

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(classifier, "GENERATED", 1000)  # a tenth of the images that check it
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


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@functools.cache
def lines(*texts):
    """A PNG file with lines of drawn digits."""
    digits = stroke_digits()[[int(digit) for digit in "".join(texts)]]
    return png(render(digits, Options(height=80, pen=0.12, lines=len(texts)), 0).picture)
