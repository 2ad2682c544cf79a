"""POST /predict: the answer to a picture, and the refusals."""

import base64
import io
import json
import random
import re
import socket
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from digitrec.errors import PictureError
from digitrec.web import pictures
from digitrec.web.pictures import MAX_BYTES
from tests.web.conftest import lines, png


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


def test_images_1_adds_the_28x28_image_of_each_digit(served, reader):
    picture = lines("35")
    _, _, answer = served.ask("POST", "/predict?images=1", picture)
    for found, digit in zip(answer["digits"], reader.read(picture).digits, strict=True):
        kind, _, content = found["image"].partition(",")
        assert kind == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(content))) as image:
            np.testing.assert_array_equal(np.asarray(image), digit.image)


def test_an_empty_page_gives_an_empty_text(served):
    status, _, answer = served.ask("POST", "/predict", png(Image.new("L", (200, 100), 255)))
    assert (status, answer) == (200, {"text": "", "confidence": 0.0, "digits": []})


def bomb():
    """A PNG file of a few hundred bytes whose header says 900 megapixels."""
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
    "a bomb": (bomb(), "50 megapixels"),
    "JSON": (b'{"picture": "/etc/passwd"}', "not a picture"),
}


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_refused_with_a_sentence_and_the_server_goes_on(served, garbage):
    body, reason = GARBAGE[garbage]
    status, _, answer = served.ask("POST", "/predict", body)
    assert status == 422
    assert re.search(reason, answer["error"])
    assert served.ask("POST", "/predict", lines("35"))[2]["text"] == "35"


def test_a_large_upload_is_refused_whether_or_not_its_length_is_announced(served):
    head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nConnection: close\r\n".encode()
    megabyte = bytes(2**20)
    announced = head + f"Content-Length: {2 * MAX_BYTES}\r\n\r\n".encode()
    chunk = b"100000\r\n" + megabyte + b"\r\n"
    for chunks in (
        (announced, *16 * [megabyte]),
        (head + b"Transfer-Encoding: chunked\r\n\r\n", *16 * [chunk]),
    ):
        status, body = served.send(*chunks)
        assert status == 413
        assert json.loads(body) == {
            "error": f"The picture has more than {MAX_BYTES // 2**20} MiB: shrink it."
        }
        assert served.ask("GET", "/healthz")[2] == {"status": "ok"}


def test_a_picture_just_below_the_limit_is_read(served):
    padded = lines("35")
    padded += bytes(MAX_BYTES - len(padded))  # bytes after the end of a PNG file are ignored
    assert served.ask("POST", "/predict", padded)[2]["text"] == "35"
    assert served.ask("POST", "/predict", padded + b"0")[0] == 413


def test_a_body_with_a_wrong_content_encoding_is_refused(served):
    status, _, answer = served.ask("POST", "/predict", b"garbage", {"Content-Encoding": "gzip"})
    assert status == 400
    assert answer["error"] == "The picture did not arrive completely."


def test_a_wrong_method_is_refused_with_the_right_one(served):
    status, headers, answer = served.ask("GET", "/predict")
    assert (status, headers["Allow"]) == (405, "POST")
    assert "POST a picture to /predict" in answer["error"]


def test_bytes_that_are_not_http_are_refused(served):
    assert served.send(b"\x16\x03\x01\x02\x00\x01\x00 garbage\r\n\r\n")[0] == 400
    assert served.ask("GET", "/healthz")[2] == {"status": "ok"}


def test_a_client_that_leaves_early_causes_no_error(served, caplog):
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf")
        time.sleep(0.2)  # so that it is being read
    for _ in range(5):
        time.sleep(0.1)
        assert served.ask("GET", "/healthz")[2] == {"status": "ok"}
    assert not caplog.records


def test_an_internal_error_is_logged_and_its_message_is_not_sent(serve, caplog):
    def read(picture):
        raise RuntimeError("/home/somebody/secret")

    status, _, answer = serve(read).ask("POST", "/predict", b"picture")
    assert status == 500
    assert "secret" not in answer["error"]
    assert "RuntimeError: /home/somebody/secret" in caplog.text


def test_an_error_message_with_any_characters_arrives_unchanged(serve):
    def read(picture):
        raise PictureError('"Größe" <b>\n')

    assert serve(read).ask("POST", "/predict", b"x")[2] == {"error": '"Größe" <b>\n'}


def test_a_form_with_a_file_is_read(served):
    """As curl -F file=@picture.png sends it."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\ntext\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        + lines("35")
        + b"\r\n--x--\r\n"
    )
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    status, _, answer = served.ask("POST", "/predict", body, form)
    assert (status, answer["text"]) == (200, "35")
    text = b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\ntext\r\n--x--\r\n'
    status, _, answer = served.ask("POST", "/predict", text, form)
    assert (status, answer["error"]) == (
        400,
        "The form has no file: send one, as curl -F file=@picture.png does.",
    )
    bad_header = b'--x\r\nContent-Disposition: form-data; name="\x08"\r\n\r\ntext\r\n--x--\r\n'
    for damaged in (b"--y\r\n\r\n", bad_header):
        status, _, answer = served.ask("POST", "/predict", damaged, form)
        assert (status, answer) == (400, {"error": "The picture did not arrive completely."})


def test_a_form_that_is_too_large_is_refused(serve, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_BYTES", 1000)
    running = serve(None)
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    body = head + bytes(5000) + b"\r\n--x--\r\n"
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:3000], body[3000:], b""))
    status, _ = running.send(
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n" + chunks
    )
    assert status == 413
