"""Latency, processor time and memory of the web server with many clients at once: ``benchmark web``."""

import asyncio
import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

import aiohttp
import numpy as np
from PIL import ImageOps

from scripts.benchmarks.reading_time import PHOTO, photograph
from scripts.lib.docs import markdown_table
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits

CLIENTS = 50

MARGIN, LEAST_MARGIN = 0.2, 8
"""As in draw.js: the page sends what is drawn, with a margin."""

ROOT = Path(__file__).parents[2]


@contextmanager
def server(*args: str, clone: Path = ROOT) -> Iterator[str]:
    """Run the web server in a process on a free port; yield its address without a slash at the end."""
    with started(*args, clone=clone) as (_, address):
        yield address


@contextmanager
def started(*args: str, clone: Path = ROOT) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the web server of a clone as ``server`` does; yield its process and its address."""
    command = [sys.executable, "-m", "digitrec.web", "--port=0", *args]
    environment = {**os.environ, "PYTHONPATH": str(clone)}
    with subprocess.Popen(command, cwd=clone, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        line = running.stdout.readline()
        try:
            found = re.search(r"http://\S+(?=/)", line)
            assert found, f"the server did not start: {line}"
            yield running, found[0]
        finally:
            running.send_signal(signal.SIGINT)


def drawing(digits: str, earlier: bool = False) -> bytes:
    """Return a number as a PNG file as the page sends it, or as it did before: the whole sheet in RGBA."""
    options = Options(height=150, pen=0.1)
    sheet = render(stroke_digits()[[int(digit) for digit in digits]], options, 0).picture.convert("L")
    if earlier:
        sheet = sheet.convert("RGBA")
    else:
        left, top, right, bottom = ImageOps.invert(sheet).point(lambda gray: 255 * (gray > 40)).getbbox()
        margin = round(MARGIN * max(bottom - top, (right - left) / 4)) + LEAST_MARGIN
        drawn = sheet.crop((left, top, right, bottom))
        sheet = ImageOps.expand(drawn, margin, 255)
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


async def load(
    address: str, clients: int, requests: int, digits: str = "35", picture: bytes | None = None
) -> list[float]:
    """Send requests from several clients at once, each one request at a time.

    The clients share the cores with the server, so they do little: each keeps one connection, over which it
    sends bytes that are made once.

    Args:
        address: of the server.
        clients: number of clients.
        requests: of all clients together.
        digits: the number that is drawn.
        picture: the drawing; None makes it.

    Returns:
        The seconds of each request.

    Raises:
        AssertionError: a response does not name the digits.
    """
    place, seconds = urlsplit(address), []
    request = _request(place.netloc, picture or drawing(digits))
    left = iter(range(requests))

    async def client() -> None:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        for _ in left:
            start = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            assert length, head
            answer = await reader.readexactly(int(length[1]))
            seconds.append(time.perf_counter() - start)
            assert head.startswith(b"HTTP/1.1 200 "), answer
            assert f'"text": "{digits}"'.encode() in answer, answer
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return seconds


def _request(host: str, picture: bytes) -> bytes:
    """Return a request as Chromium sends it for the page."""
    lines = [
        "POST /predict?images=1 HTTP/1.1",
        f"Host: {host}",
        "Connection: keep-alive",
        f"Content-Length: {len(picture)}",
        'sec-ch-ua-platform: "Linux"',
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
        "Safari/537.36",
        "Content-Type: image/png",
        "Accept: */*",
        f"Origin: http://{host}",
        "Sec-Fetch-Site: same-origin",
        "Sec-Fetch-Mode: cors",
        "Sec-Fetch-Dest: empty",
        f"Referer: http://{host}/",
        "Accept-Encoding: gzip, deflate, br, zstd",
        "Accept-Language: en-US,en;q=0.9",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + picture


async def with_photo(address: str, picture: bytes, requests: int) -> tuple[list[float], int]:
    """Send drawings as ``load`` does while one client sends a photo again and again.

    Returns:
        The seconds of each drawing, and the number of photos that were read.
    """
    photo, count = _photo(), 0

    async def photos() -> None:
        nonlocal count
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.post(f"{address}/predict", data=photo) as response:
                    assert response.status == 200, await response.text()
                count += 1

    others = asyncio.create_task(photos())
    try:
        return await load(address, CLIENTS - 1, requests, picture=picture), count
    finally:
        others.cancel()


def measure(clone: Path, picture: bytes, requests: int) -> dict[str, float]:
    """Measure the server of a clone: milliseconds, drawings a second, megabytes."""
    start = time.perf_counter()
    with started(clone=clone) as (running, address):
        to_start, number = time.perf_counter() - start, running.pid
        asyncio.run(load(address, CLIENTS, CLIENTS, picture=picture))  # the first of each connection warms up
        alone = asyncio.run(load(address, 1, 100, picture=picture))
        start, used, clients = time.perf_counter(), _processor_seconds(number), time.process_time()
        seconds = asyncio.run(load(address, CLIENTS, requests, picture=picture))
        elapsed, used = time.perf_counter() - start, _processor_seconds(number) - used
        cores = (used + time.process_time() - clients) / elapsed
        start = time.perf_counter()
        beside, _ = asyncio.run(with_photo(address, picture, requests))
        rate_beside = requests / (time.perf_counter() - start)
        memory = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{number}/status").read_text())
    assert memory
    return {
        "start, s": round(to_start, 1),
        "processor time of a drawing, ms": round(1000 * used / requests, 1),
        "alone, p50 ms": round(1000 * median(alone), 1),
        f"{CLIENTS} clients, drawings a second": round(requests / elapsed),
        f"{CLIENTS} clients, cores that server and clients had": round(cores, 2),
        f"{CLIENTS} clients, p99 ms": round(_p99(seconds)),
        "beside a photo, drawings a second": round(rate_beside),
        "beside a photo, p99 ms": round(_p99(beside)),
        "peak memory, MB": round(int(memory[1]) / 1000),
    }


def web(machine: str, requests: int, previous: Path | None) -> list[str]:
    """Measure the server, and that of a clone at an earlier commit, and return a table."""
    servers = {"this server": (ROOT, drawing("35"))}
    if previous is not None:
        servers = {"before": (previous, drawing("35", earlier=True)), **servers}
    measured = {name: measure(*what, requests) for name, what in servers.items()}
    names = next(iter(measured.values()))
    rows = [["", *measured], *([name, *(each[name] for each in measured.values())] for name in names)]
    intro = (
        f"{requests:,} drawings of two digits for each figure, as the page of each server sends them; every "
        "one is read correctly. A photo of 12 megapixels (JPEG) is sent in a loop for the rows beside it. "
        f"{machine}, shared with other programs, which leave only a part of them: compare the columns."
    )
    return [intro, "", markdown_table(rows, right=range(1, len(rows[0])))]


def _p99(seconds: list[float]) -> float:
    return 1000 * quantiles(seconds, n=100)[98]


def _processor_seconds(number: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _photo() -> bytes:
    images = np.stack([np.asarray(image) for image in stroke_digits()])
    file = io.BytesIO()
    photograph(images, PHOTO, 0).save(file, "JPEG", quality=90)
    return file.getvalue()
