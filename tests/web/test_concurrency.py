"""Many clients at once, slow pictures and slow clients."""

import asyncio
import json
import threading
import time

import pytest

from digitrec.reading.results import Reading
from digitrec.web import pictures
from digitrec.web.pictures import PENDING
from scripts.benchmarks.serving import load
from tests.web.conftest import lines

pytestmark = pytest.mark.long


def test_a_slow_picture_does_not_block_the_others(serve, reader):
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


def test_too_many_waiting_pictures_are_refused_and_later_accepted(serve, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_PENDING", pictures.READERS + 2)  # two wait
    goes_on, answers = threading.Event(), []

    def read(picture):
        assert goes_on.wait(20)
        return Reading(())

    def ask():
        answers.append(running.ask("POST", "/predict", b"x")[0])

    running = serve(read)
    threads = [threading.Thread(target=ask) for _ in range(pictures.READERS + 2)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while not running.app[PENDING].locked() and time.monotonic() < deadline:
        time.sleep(0.01)
    status, headers, answer = running.ask("POST", "/predict", b"x")
    assert (status, headers["Retry-After"]) == (503, "1")
    assert answer == {"error": "Too many pictures are waiting: try again in a moment."}
    assert running.ask("GET", "/")[0] == 200
    goes_on.set()
    for thread in threads:
        thread.join(10)
    assert answers == [200] * len(threads)
    assert running.ask("POST", "/predict", b"x")[0] == 200


def test_waiting_photos_leave_places_for_drawings(serve, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_LARGE", 2)
    monkeypatch.setattr(pictures, "pixels", lambda content: 3e6 if content == b"photo" else 1e4)
    goes_on, answers = threading.Event(), []

    def read(picture):
        assert picture != b"photo" or goes_on.wait(20)
        return Reading(())

    running = serve(read)

    def ask():
        answers.append(running.ask("POST", "/predict", b"photo")[0])

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while not running.app[pictures.LARGE_PENDING].locked() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert running.ask("POST", "/predict", b"photo")[0] == 503
    assert running.ask("POST", "/predict", b"drawing")[0] == 200
    goes_on.set()
    for thread in threads:
        thread.join(10)
    assert answers == [200, 200]


def test_a_slow_upload_times_out_and_frees_its_place(serve, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_PENDING", 1)
    monkeypatch.setattr(pictures, "UPLOAD_SECONDS", 0.3)
    running = serve(lambda picture: Reading(()))
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 9\r\n\r\nhalf"
    status, body = running.send(head)
    assert (status, json.loads(body)) == (408, {"error": "The picture took too long to arrive."})
    assert running.ask("POST", "/predict", b"x")[0] == 200


def test_fifty_clients_at_once_get_their_answers(served):
    seconds = asyncio.run(load(served.address, clients=50, requests=60))
    assert len(seconds) == 60
