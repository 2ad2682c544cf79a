"""Memory of the web server over thousands of requests, and how long it takes to end at SIGTERM.

python -m scripts.benchmarks.endurance    5,000 requests; writes docs/results/attacks.md and docs/promises.md

The requests are drawings of numbers of two digits; each tenth one is no picture, or cut short.
"""

import asyncio
import re
import signal
import subprocess
import time
from itertools import cycle
from pathlib import Path

import aiohttp

from scripts.benchmarks.serving import drawing, started
from scripts.lib.docs import ATTACKS, machine, report, write_result

REQUESTS, PART, CLIENTS = 5_000, 1_000, 4
PARTS = REQUESTS // PART
POSTS = 32
"""Pictures that are in work at SIGTERM."""

GROWTH = 15.0
"""MB that the server may grow by after the first part, in which all sizes of pictures have occurred."""

END_SECONDS = 5.0
"""Time that the server has to end at SIGTERM."""

COMMAND = "python -m scripts.benchmarks.endurance"


def megabytes(process: subprocess.Popen[str]) -> float:
    """Return the resident memory of a process; Linux only."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s*(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def pictures() -> list[bytes]:
    """Return the bodies of requests: a tenth of them no picture."""
    drawings = [drawing(f"{number:02}") for number in range(90)]
    return [
        *drawings,
        *(each[: len(each) // 2] for each in drawings[:5]),
        *[b"", b"x", b"%PDF-1.7", b"P6 9 9 255\n"],
    ]


async def send(address: str, bodies: list[bytes], requests: int) -> None:
    """Send requests from several clients; each must be answered with digits or with a sentence."""
    rest = zip(range(requests), cycle(bodies), strict=False)

    async def client(session: aiohttp.ClientSession) -> None:
        for _, body in rest:
            async with session.post(f"{address}/predict", data=body) as response:
                answer = await response.json()
                assert (response.status, "text" in answer) in ((200, True), (422, False)), answer

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CLIENTS)) as session:
        await asyncio.gather(*(client(session) for _ in range(CLIENTS)))


async def end_while_reading(address: str, process: subprocess.Popen[str]) -> float:
    """Send more pictures than are read at once, then SIGTERM; return the seconds until the end."""
    body = drawing("0123456789" * 3)
    async with aiohttp.ClientSession() as session:
        posts = [asyncio.create_task(session.post(f"{address}/predict", data=body)) for _ in range(POSTS)]
        await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)  # the others are being read, or wait
        start = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait)
        seconds = time.perf_counter() - start
        await asyncio.gather(*posts, return_exceptions=True)
    return seconds


def main() -> None:
    """Run the measurement; exit status 1 if the memory grows or the server does not end in time."""
    bodies = pictures()
    with started() as (process, address):
        levels = [megabytes(process)]
        for _ in range(PARTS):
            asyncio.run(send(address, bodies, PART))
            levels.append(megabytes(process))
        seconds = asyncio.run(end_while_reading(address, process))
    growth = max(levels[2:]) - levels[1]
    memory = f"{REQUESTS:,} requests: {levels[1]:.0f} MB after {PART:,}, then at most {growth:+.0f} MB"
    ended = f"ended {seconds:.1f} s after SIGTERM, exit status {process.returncode}"
    shown = ", ".join(f"{level:.0f}" for level in levels)
    details = f"Resident memory at the start and after each {PART:,}: {shown} MB."
    text = f"{memory}. {details} With {POSTS} pictures in work it {ended}. {machine()}."
    report("endurance", [text], ATTACKS)
    write_result(COMMAND, f"{memory}; {ended}")
    raise SystemExit(growth > GROWTH or seconds > END_SECONDS or process.returncode != 0)


if __name__ == "__main__":
    main()
