"""Latency of the web server with many clients at once: ``benchmark web``."""

import asyncio
import io
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles

import aiohttp

from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits

CLIENTS, REQUESTS = 50, 2_000


@contextmanager
def server(*args: str) -> Iterator[str]:
    """Run the web server in a process on a free port; yield its address without a slash at the end."""
    with started(*args) as (_, address):
        yield address


@contextmanager
def started(*args: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the web server; yield its process and its address."""
    command = [sys.executable, "-m", "digitrec.web.server", "--port=0", *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            found = re.search(r"http://\S+(?=/)", line)
            assert found, f"the server did not start: {line}"
            yield process, found[0]
        finally:
            process.send_signal(signal.SIGINT)


def drawing(digits: str) -> bytes:
    """Return a number on a blank sheet as a PNG file, as the page sends it."""
    file = io.BytesIO()
    options = Options(height=150, pen=0.1)
    render(stroke_digits()[[int(digit) for digit in digits]], options, 0).picture.save(file, "PNG")
    return file.getvalue()


async def load(address: str, clients: int, requests: int, digits: str = "35") -> list[float]:
    """Send requests from several clients at once, each one request at a time.

    Args:
        address: of the server.
        clients: number of clients.
        requests: of all clients together.
        digits: the number to draw.

    Returns:
        The seconds of each request.

    Raises:
        AssertionError: a response does not name the digits.
    """
    picture, seconds = drawing(digits), []
    left = iter(range(requests))

    async def client(session: aiohttp.ClientSession) -> None:
        for _ in left:
            start = time.perf_counter()
            async with session.post(f"{address}/predict", data=picture) as response:
                answer = await response.json()
            seconds.append(time.perf_counter() - start)
            assert (response.status, answer.get("text")) == (200, digits), answer

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=clients)) as session:
        await asyncio.gather(*(client(session) for _ in range(clients)))
    return seconds


def web(machine: str) -> str:
    """Measure the latency of a server and return it in one line."""
    with server() as address:
        asyncio.run(load(address, CLIENTS, CLIENTS))  # the first of each connection warms up
        start = time.perf_counter()
        seconds = asyncio.run(load(address, CLIENTS, REQUESTS))
        rate = REQUESTS / (time.perf_counter() - start)
        alone = asyncio.run(load(address, 1, 100))
    half, most = (1000 * quantiles(seconds, n=100)[percent - 1] for percent in (50, 99))
    return (
        f"{CLIENTS} clients at once, {REQUESTS:,} drawings of two digits: no error, {rate:.0f} requests a "
        f"second; p50 {half:.0f} ms, p99 {most:.0f} ms. With a single client p50 is "
        f"{1000 * median(alone):.0f} ms. {machine}, shared with the clients."
    )
