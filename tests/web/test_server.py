"""web: what the API answers, what it refuses and survives, and how the server starts and stops."""

import asyncio
import base64
import io
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from http.client import HTTPConnection
from types import SimpleNamespace

import numpy as np
import pytest
from aiohttp import web
from PIL import Image

from digitrec.errors import PictureError
from digitrec.reading.reader import Reader
from digitrec.reading.results import Reading
from digitrec.web import server as room
from digitrec.web.host_check import _name
from digitrec.web.server import MAX_BYTES, PAGE, PLACES, READER, listen, main, make_app
from scripts.benchmarks.serving import drawing, load, server
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits


class Served:
    """An application that runs in a thread of this process."""

    def __init__(self, app):
        self.app = app
        self.socket = listen("127.0.0.1", 0)
        self.port = self.socket.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._loop = asyncio.new_event_loop()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,))
        self._thread.start()
        assert started.wait(10)

    def _run(self, started):
        async def start():
            await self._runner.setup()
            await web.SockSite(self._runner, self.socket).start()
            started.set()

        self._loop.run_until_complete(start())
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def ask(self, method, path, body=None, headers=()):
        """Status, headers and body; what is JSON is loaded."""
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
        """Send bytes, as many as are taken; the status and the body of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), 20) as connection:
            try:
                for chunk in chunks:
                    connection.sendall(chunk)
            except ConnectionError:
                pass
            answer = b""
            try:
                while part := connection.recv(65536):
                    answer += part
            except ConnectionError:
                pass
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body


@pytest.fixture(scope="module")
def reader():
    return Reader.pretrained()


@pytest.fixture(scope="module")
def served(reader):
    running = Served(make_app(reader))
    yield running
    running.stop()


@pytest.fixture
def serve():
    """Serve with a reader of a test's own, and whatever make_app takes."""
    running = []

    def start(read, *args):
        running.append(Served(make_app(SimpleNamespace(read=read), *args)))
        return running[-1]

    yield start
    for each in running:
        each.stop()


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def lines(*texts):
    digits = stroke_digits()[[int(digit) for digit in "".join(texts)]]
    return png(render(digits, Options(height=80, pen=0.12, lines=len(texts)), 0).picture)


def test_a_picture_is_answered_with_its_text_and_digits(served, reader):
    picture = lines("270", "354")
    status, headers, answer = served.ask("POST", "/predict", picture)
    read = reader.read(picture)
    assert (status, headers.get_content_type()) == (200, "application/json")
    assert answer["text"] == read.text == "270\n354"
    assert answer["confidence"] == pytest.approx(read.confidence, abs=1e-6)
    assert len(answer["digits"]) == 6
    for found, digit in zip(answer["digits"], read.digits, strict=True):
        assert found.keys() == {"digit", "confidence", "probabilities", "box", "line", "position"}
        assert found["box"] == list(digit.box)
        assert (found["digit"], found["line"], found["position"]) == (digit.digit, digit.line, digit.position)
        assert found["probabilities"] == pytest.approx(digit.probabilities, abs=1e-6)


def test_what_the_network_saw_comes_only_where_it_is_asked_for(served, reader):
    picture = lines("35")
    _, _, answer = served.ask("POST", "/predict?images=1", picture)
    for found, digit in zip(answer["digits"], reader.read(picture).digits, strict=True):
        kind, _, content = found["image"].partition(",")
        assert kind == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(content))) as image:
            np.testing.assert_array_equal(np.asarray(image), digit.image)


def test_an_empty_page_is_no_mistake(served):
    status, _, answer = served.ask("POST", "/predict", png(Image.new("L", (200, 100), 255)))
    assert (status, answer) == (200, {"text": "", "confidence": 0.0, "digits": []})


def bomb():
    """A PNG file of a few hundred bytes that says it has 900 megapixels."""
    content = bytearray(png(Image.new("1", (8, 8))))
    content[16:24] = (30_000).to_bytes(4, "big") * 2
    checksum = zlib.crc32(content[12:29])
    content[29:33] = checksum.to_bytes(4, "big")
    return bytes(content)


GARBAGE = {
    "nothing": (b"", "is empty"),
    "text": (b"seven", "not a picture"),
    "noise": (random.Random(0).randbytes(100_000), "not a picture"),
    "cut short": (lines("27")[:600], "cut short|damaged"),
    "a document": (b"%PDF-1.7 ...", "PDF document"),
    "a bomb": (bomb(), "100 megapixels"),
    "JSON": (b'{"picture": "/etc/passwd"}', "not a picture"),
}


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_refused_with_a_sentence_and_the_server_lives(served, garbage):
    body, reason = GARBAGE[garbage]
    status, _, answer = served.ask("POST", "/predict", body)
    assert status == 422
    assert re.search(reason, answer["error"])
    assert served.ask("POST", "/predict", lines("35"))[2]["text"] == "35"


def test_an_upload_of_60_mb_is_refused_whether_it_says_so_or_not(served):
    head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nConnection: close\r\n".encode()
    megabyte = bytes(2**20)
    announced = head + f"Content-Length: {60 * 2**20}\r\n\r\n".encode()
    chunk = b"100000\r\n" + megabyte + b"\r\n"
    for chunks in (
        (announced, *60 * [megabyte]),
        (head + b"Transfer-Encoding: chunked\r\n\r\n", *60 * [chunk]),
    ):
        status, body = served.send(*chunks)
        assert status == 413
        assert json.loads(body) == {
            "error": f"The picture has more than {MAX_BYTES // 2**20} MiB: shrink it."
        }
        assert served.ask("GET", "/healthz")[2] == {"status": "ok"}


def test_a_picture_just_below_the_limit_is_read(served):
    padded = lines("35")
    padded += bytes(MAX_BYTES - len(padded))  # behind a PNG's end anything may stand
    assert served.ask("POST", "/predict", padded)[2]["text"] == "35"
    assert served.ask("POST", "/predict", padded + b"0")[0] == 413


@pytest.mark.parametrize(
    "path",
    [
        "/../web.py",
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/page/index.html",
        "/index.html/../../web.py",
        "/style.css%00.py",
        "/static/../web.py",
        "/weights/digits.ckpt",
    ],
)
def test_no_path_leads_out_of_the_page(served, path):
    status, _, answer = served.ask("GET", path)
    assert status == 404
    assert "There is nothing here" in answer["error"]


def test_the_page_and_all_that_it_names_are_there_and_nothing_else_is_asked(served):
    status, headers, page = served.ask("GET", "/")
    assert (status, headers.get_content_type()) == (200, "text/html")
    named = set(re.findall(r'(?:src|href)="([^"]+)"', page.decode()))
    assert named <= set(PAGE)
    scripts = b""
    for path in PAGE:
        status, headers, content = served.ask("GET", path)
        assert (status, headers["X-Content-Type-Options"]) == (200, "nosniff")
        scripts += content if path.endswith(".js") else b""
        allowed = b"http://www.w3.org/2000/svg"  # a name, not an address
        assert not re.search(rb"https?:|url\(|//[a-z]", content.replace(allowed, b"").replace(b"// ", b""))
    assert {f"/{name}" for name in re.findall(r'from "./([^"]+)"', scripts.decode())} < set(PAGE)


def test_no_script_or_style_in_the_page_itself_is_allowed_or_there(served):
    _, headers, page = served.ask("GET", "/")
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", page.decode())


def test_errors_and_answers_carry_the_same_headers(served):
    for method, path in (("GET", "/nothing"), ("POST", "/predict"), ("GET", "/healthz")):
        headers = served.ask(method, path)[1]
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("listens", "called", "status"),
    [
        ("127.0.0.1", "127.0.0.1:8000", 200),
        ("127.0.0.1", "localhost", 200),
        ("127.0.0.1", "LOCALHOST:9", 200),
        ("127.0.0.1", "[::1]:8000", 200),
        ("127.0.0.1", "evil.example", 403),
        ("127.0.0.1", "evil.example:8000", 403),
        ("127.0.0.1", "localhost.evil.example", 403),
        ("127.0.0.1", "127.0.0.1.evil.example", 403),
        ("127.0.0.1", "192.168.1.5:8000", 403),
        ("127.0.0.1", "", 403),
        ("0.0.0.0", "192.168.1.5:8000", 200),
        ("0.0.0.0", "localhost:8000", 200),
        ("0.0.0.0", "evil.example:8000", 403),
        ("box.example", "Box.example:8000", 200),
        ("box.example", "evil.example", 403),
    ],
)
def test_it_answers_only_to_names_that_cannot_be_pointed_here_by_others(serve, listens, called, status):
    running = serve(None, listens)
    for method, path in (("GET", "/healthz"), ("GET", "/nothing")):
        got, _, answer = running.ask(method, path, headers={"Host": called})
        assert got == (status if status == 403 or path == "/healthz" else 404)
        assert got != 403 or "not called by that name" in answer["error"]


def test_a_page_from_elsewhere_may_not_send_pictures(served):
    picture = lines("35")
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        assert served.ask("POST", "/predict", picture, {"Sec-Fetch-Site": site})[0] == status


def test_a_page_of_another_origin_may_not_send_pictures_where_browsers_say_no_more(served):
    for origin, status in (("http://evil.example", 403), ("null", 403), ("http://localhost:1", 200)):
        sent = {"Origin": origin, "Host": "localhost:1"}
        assert served.ask("POST", "/predict", lines("35"), sent)[0] == status


def test_a_body_that_is_not_encoded_as_it_claims_is_refused(served):
    status, _, answer = served.ask("POST", "/predict", b"garbage", {"Content-Encoding": "gzip"})
    assert status == 400
    assert answer["error"] == "The picture did not arrive whole."


def test_another_method_is_told_which_is_meant(served):
    status, headers, answer = served.ask("GET", "/predict")
    assert (status, headers["Allow"]) == (405, "POST")
    assert "POST a picture to /predict" in answer["error"]


def test_what_is_no_http_at_all_does_no_harm(served):
    assert served.send(b"\x16\x03\x01\x02\x00\x01\x00 garbage\r\n\r\n")[0] == 400
    assert served.ask("GET", "/healthz")[2] == {"status": "ok"}


def test_a_client_that_leaves_half_way_is_no_failure_of_ours(served, caplog):
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf")
        time.sleep(0.2)  # so that it is being read
    for _ in range(5):
        time.sleep(0.1)
        assert served.ask("GET", "/healthz")[2] == {"status": "ok"}
    assert not caplog.records


def test_a_picture_that_takes_long_does_not_stop_the_others(serve, reader):
    slow, entered, goes_on = lines("27"), threading.Event(), threading.Event()

    def read(picture):
        if picture == slow:
            entered.set()
            assert goes_on.wait(20)
        return reader.read(picture)

    running = serve(read)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(running.ask("POST", "/predict", slow)))
    thread.start()
    assert entered.wait(10)
    assert running.ask("POST", "/predict", lines("35"))[2]["text"] == "35"
    assert running.ask("GET", "/healthz")[0] == 200
    assert not answers
    goes_on.set()
    thread.join(10)
    assert answers[0][2]["text"] == "27"


def test_beyond_a_bound_pictures_are_refused_and_then_taken_again(serve, monkeypatch):
    monkeypatch.setattr(room, "IN_HAND", room.READERS + 2)  # two wait
    goes_on, answers = threading.Event(), []

    def read(picture):
        assert goes_on.wait(20)
        return Reading(())

    def ask():
        answers.append(running.ask("POST", "/predict", b"x")[0])

    running = serve(read)
    threads = [threading.Thread(target=ask) for _ in range(room.READERS + 2)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while not running.app[PLACES].locked() and time.monotonic() < deadline:
        time.sleep(0.01)
    status, headers, answer = running.ask("POST", "/predict", b"x")
    assert (status, headers["Retry-After"]) == (503, "1")
    assert answer == {"error": "Too many pictures are waiting here: try again in a moment."}
    assert running.ask("GET", "/")[0] == 200
    goes_on.set()
    for thread in threads:
        thread.join(10)
    assert answers == [200] * len(threads)
    assert running.ask("POST", "/predict", b"x")[0] == 200


def test_a_picture_that_comes_too_slowly_leaves_its_place(serve, monkeypatch):
    monkeypatch.setattr(room, "IN_HAND", 1)
    monkeypatch.setattr(room, "UPLOAD_SECONDS", 0.3)
    running = serve(lambda picture: Reading(()))
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 9\r\n\r\nhalf"
    status, body = running.send(head)
    assert (status, json.loads(body)) == (408, {"error": "The picture took too long to arrive."})
    assert running.ask("POST", "/predict", b"x")[0] == 200


def test_a_failure_of_ours_says_nothing_of_the_inside(serve, caplog):
    def read(picture):
        raise RuntimeError("/home/somebody/secret")

    status, _, answer = serve(read).ask("POST", "/predict", b"picture")
    assert status == 500
    assert "secret" not in answer["error"]
    assert "RuntimeError: /home/somebody/secret" in caplog.text


def test_a_sentence_with_any_signs_arrives_whole(serve):
    def read(picture):
        raise PictureError('"Größe" <b>\n')

    assert serve(read).ask("POST", "/predict", b"x")[2] == {"error": '"Größe" <b>\n'}


def test_fifty_clients_at_once_get_their_answers(served):
    seconds = asyncio.run(load(served.address, clients=50, requests=200))
    assert len(seconds) == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_starts_keeps_nothing_and_stops_cleanly(tmp_path, number):
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-m", "digitrec.web.server", "--port=0"]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        port = int(re.search(r"127\.0\.0\.1:(\d+)/", process.stdout.readline())[1])
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", "/predict", drawing("35"))
        assert json.load(connection.getresponse())["text"] == "35"
        process.send_signal(number)  # the connection is still open
        _, said = process.communicate(timeout=60)
        connection.close()
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, said) == (0, "")
    assert [path.name for path in tmp_path.rglob("*")] == ["tmp"]


def test_the_load_s_own_server_stops(tmp_path):
    with server() as address:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), 2)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--ckpt_path=no.ckpt", "--port=0"], "There is no checkpoint no.ckpt"),
        (["--ckpt_path=best", "--port=0"], "There is no trained run in lightning_logs: give a file"),
        (["--host=256.1.1.1"], "256.1.1.1:8000 cannot be had"),
    ],
)
def test_a_mistake_is_one_sentence(args, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(args) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"digitrec.web.server: {message}")
    assert said.count("\n") == 1


@pytest.mark.parametrize("which", ["best", "last"])
def test_the_newest_run_s_own_network_can_read(which, fit, monkeypatch):
    fit("--model.network.init_args.hidden=[16]")
    served = []
    monkeypatch.setattr(web, "run_app", lambda app, **_: served.append(app))
    assert main([f"--ckpt_path={which}", "--port=0"]) == 0
    assert served[0][READER].classifier.network.layers[1].out_features == 16


def test_a_port_that_is_taken_is_one_sentence(served, capsys):
    assert main([f"--port={served.port}"]) == 1
    assert f":{served.port} cannot be had (Address already in use): choose another" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_what_is_no_port_is_said(port, capsys):
    with pytest.raises(SystemExit):
        main(["--port", port])
    assert f"{port} is not a port: give 0 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("header", "name"), [("localhost:8000", "localhost"), ("[::1]:80", "::1"), ("[::1]", "::1"), ("A", "a")]
)
def test_the_port_in_a_host_header_does_not_count(header, name):
    assert _name(header) == name
