"""Connections that say nothing, too many of them, and the end of the server."""

import re
import signal
import subprocess
import sys
import threading
import time
from socket import create_connection

import pytest
from aiohttp import web

from digitrec.reading.results import Reading
from digitrec.web import connections, pictures
from digitrec.web.pictures import UPLOADS


def connect(running, sent=b""):
    connection = create_connection(("127.0.0.1", running.port), 10)
    connection.sendall(sent)
    return connection


def is_closed(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_half_a_header_ends_in_time_and_a_request_after_a_pause_does_not(serve, monkeypatch):
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.5)
    running = serve(lambda picture: time.sleep(1) or Reading(()))
    request = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx"
    with connect(running) as silent, connect(running, b"GET /") as half, connect(running, request) as whole:
        assert is_closed(silent)
        assert is_closed(half)
        for _ in range(2):  # reading takes longer than a header may
            assert whole.recv(1000).startswith(b"HTTP/1.1 200 OK")
            time.sleep(0.7)
            whole.sendall(request)
        assert whole.recv(1000).startswith(b"HTTP/1.1 200 OK")
        whole.sendall(b"GET /")
        assert is_closed(whole)


def test_connections_of_a_client_are_limited_and_reported_once(serve, monkeypatch, caplog):
    monkeypatch.setattr(connections, "MAX_PER_CLIENT", 3)
    running = serve(None)
    held = [connect(running) for _ in range(3)]
    for _ in range(2):
        with pytest.raises(ConnectionError):
            running.ask("GET", "/healthz")
    assert [record.getMessage() for record in caplog.records] == [
        "Too many connections: those of 127.0.0.1 and others are closed."
    ]
    for connection in held:
        connection.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            assert running.ask("GET", "/healthz")[0] == 200
            return
        except ConnectionError:
            time.sleep(0.05)
    pytest.fail("the places are not free again")


@pytest.mark.parametrize(
    "sent", [b"\0\0\r\n\r\n", b"GET /" + b"a" * 9000, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n"]
)
def test_what_is_no_request_is_refused_without_a_traceback(sent, served, caplog):
    with connect(served, sent) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.0 400 Bad Request")
    assert caplog.records == []


def test_all_clients_together_are_limited():
    made = connections.Connections(None)
    accepted = [made.accepts(f"10.0.0.{number % 9}") for number in range(connections.MAX_CONNECTIONS + 1)]
    assert accepted == [True] * connections.MAX_CONNECTIONS + [False]
    made.closed("10.0.0.1")
    assert made.accepts("10.0.0.1")


FORM = b"Content-Type: multipart/form-data; boundary=x\r\n"


@pytest.mark.parametrize("header", [b"", FORM], ids=["body", "form"])
def test_a_slow_upload_gives_its_place_to_another(header, serve, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_PENDING", 2)
    monkeypatch.setattr(pictures, "GRACE_SECONDS", 0.3)
    running = serve(lambda picture: Reading(()))
    half = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    half += header + b"Content-Length: 9\r\n\r\n--x"
    slow = [connect(running, half) for _ in range(2)]
    deadline = time.monotonic() + 10
    while len(running.app[UPLOADS]) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert running.ask("POST", "/predict", b"x")[0] == 503
    time.sleep(0.4)
    assert running.ask("POST", "/predict", b"x")[0] == 200
    assert slow[0].recv(1000).startswith(b"HTTP/1.1 408")
    for connection in slow:
        connection.close()


def test_a_client_that_renews_its_slow_uploads_does_not_keep_another_out(serve, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_PENDING", 3)
    running = serve(lambda picture: Reading(()))
    half = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf"
    slow = [connect(running, half) for _ in range(3)]
    deadline = time.monotonic() + 10
    while len(running.app[UPLOADS]) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert running.ask("POST", "/predict", b"x")[0] == 503  # the same client, within the grace
    monkeypatch.setattr(web.BaseRequest, "remote", "10.0.0.2")
    assert running.ask("POST", "/predict", b"x")[0] == 200
    for connection in slow:
        connection.close()


def test_a_picture_that_nobody_waits_for_is_not_read(serve, monkeypatch):
    monkeypatch.setattr(pictures, "READERS", 1)
    entered, goes_on, read = threading.Event(), threading.Event(), []

    def work(picture):
        read.append(picture)
        entered.set()
        assert goes_on.wait(20)
        return Reading(())

    running = serve(work)
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n"
    with connect(running, head + b"a"):
        assert entered.wait(10)
        connect(running, head + b"b").close()
        time.sleep(0.3)
        goes_on.set()
        assert running.ask("POST", "/predict", b"c")[0] == 200
    assert read == [b"a", b"c"]


SLOW = """
import time
from digitrec.reading.reader import Reader
from digitrec.web.__main__ import main

def read(self, picture, threshold):
    print("reading", flush=True)
    time.sleep(60)

Reader.read = read
raise SystemExit(main(["--port=0"]))
"""


@pytest.mark.long
def test_sigterm_does_not_wait_for_pictures(tmp_path):
    command = [sys.executable, "-c", SLOW]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        port = int(re.search(r":(\d+)/", process.stdout.readline())[1])
        request = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx"
        with create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(request)
            assert process.stdout.readline() == "reading\n"
            start = time.monotonic()
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=30)
        assert time.monotonic() - start < 5
        assert (process.returncode, errors) == (0, "")
    finally:
        process.kill()
        process.communicate()
