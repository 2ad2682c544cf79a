"""The web server under load: many clients at once, how long their answers take."""

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
    """Serve the page on a free port, in a process of its own; its address, without a slash at the end."""
    command = [sys.executable, "-m", "digitrec.web.server", "--port=0", *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        try:
            found = re.search(r"http://\S+(?=/)", said)
            assert found, f"the server did not start: {said}"
            yield found[0]
        finally:
            process.send_signal(signal.SIGINT)


def drawing(digits: str) -> bytes:
    """A number written on a clean sheet, as the page sends it: a PNG file."""
    file = io.BytesIO()
    options = Options(height=150, pen=0.1)
    render(stroke_digits()[[int(digit) for digit in digits]], options, 0).picture.save(file, "PNG")
    return file.getvalue()


async def load(address: str, clients: int, requests: int, digits: str = "35") -> list[float]:
    """Have clients ask one after the other, all at once, until so many requests are answered.

    Returns:
        The seconds that each answer took.

    Raises:
        AssertionError: an answer was another than the digits.
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
    """Load a server, and say in one line how long the answers took."""
    with server() as address:
        asyncio.run(load(address, CLIENTS, CLIENTS))  # the first of each connection warms up
        start = time.perf_counter()
        seconds = asyncio.run(load(address, CLIENTS, REQUESTS))
        rate = REQUESTS / (time.perf_counter() - start)
        alone = asyncio.run(load(address, 1, 100))
    half, most = (1000 * quantiles(seconds, n=100)[percent - 1] for percent in (50, 99))
    return (
        f"{CLIENTS} clients at once, {REQUESTS:,} drawings of two digits: no error, {rate:.0f} a second; "
        f"p50 {half:.0f} ms, p99 {most:.0f} ms. A client alone waits {1000 * median(alone):.0f} ms. "
        f"{machine}, the clients among them."
    )
