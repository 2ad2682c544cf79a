"""Serving an application: the socket, the connections, and how the server stops."""

import asyncio
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from digitrec.web.connections import Connections
from digitrec.web.pictures import thread_prefix

KEEP_ALIVE_SECONDS = 15.0
"""Time that a connection is kept for a further request."""

SHUTDOWN_SECONDS = 1.0
"""Time that requests have to end when the server is stopped, and then pictures that are being read."""


def listen(host: str, port: int) -> socket.socket:
    """Open the socket; port 0 takes a free one.

    Raises:
        OSError: the port is in use, or the host is not an address of this machine.
    """
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server((str(address[0]), port), family=family, backlog=128)


@asynccontextmanager
async def serving(app: web.Application, open_socket: socket.socket) -> AsyncIterator[None]:
    """Serve an application within the limits of connections, until the block ends."""
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,  # a picture that nobody waits for any more is not read
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    assert runner.server is not None
    server = await asyncio.get_running_loop().create_server(Connections(runner.server), sock=open_socket)
    try:
        yield
    finally:
        server.close()
        await runner.cleanup()


async def serve(app: web.Application, open_socket: socket.socket) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows, where Ctrl-C raises KeyboardInterrupt
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with serving(app, open_socket):
        await stopped.wait()


def end_readers(app: web.Application) -> None:
    """End the process if a picture is still being read: a thread cannot be stopped."""
    deadline, prefix = time.monotonic() + SHUTDOWN_SECONDS, thread_prefix(app)
    readers = [thread for thread in threading.enumerate() if thread.name.startswith(prefix)]
    for thread in readers:
        thread.join(max(0, deadline - time.monotonic()))
    if any(thread.is_alive() for thread in readers):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
