"""Limits of connections: how many there may be, and how long the header of a request may take."""

import asyncio
import logging
from collections import Counter

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 200
"""Open connections; further ones are closed. Each is a descriptor, of which macOS gives a process 256."""

MAX_PER_CLIENT = 64
"""Open connections of one address, so that one client does not keep others out."""

HEADER_SECONDS = 10.0
"""Time limit of a request until its header is complete."""


class Connections:
    """The protocol factory of a server: aiohttp's protocol within limits.

    Args:
        server: of an ``AppRunner``.
    """

    def __init__(self, server: web.Server) -> None:
        self.open: Counter[str] = Counter()
        self._server = server
        self._reported = False
        logging.getLogger("aiohttp.server").addFilter(_is_of_the_server)

    def __call__(self) -> "Connection":
        """Return the protocol of a new connection."""
        return Connection(self, self._server())

    def accepts(self, client: str) -> bool:
        """Count a connection of a client if the limits allow it; report the first that they don't."""
        if self.open.total() < MAX_CONNECTIONS and self.open[client] < MAX_PER_CLIENT:
            self.open[client] += 1
            return True
        if not self._reported:
            logger.warning("Too many connections: those of %s and others are closed.", client)
            self._reported = True
        return False

    def closed(self, client: str) -> None:
        """Count a connection as closed."""
        self.open -= Counter([client])  # it forgets those without any


def _is_of_the_server(record: logging.LogRecord) -> bool:
    """Return whether a traceback is not of what a client sends: it could fill a disk with them."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


class Connection(asyncio.Protocol):
    """A connection, which ends if the header of its next request does not arrive in time.

    Args:
        connections: those of the server.
        protocol: aiohttp's.
    """

    def __init__(self, connections: Connections, protocol: asyncio.Protocol) -> None:
        self._connections = connections
        self._protocol = protocol
        self._client: str | None = None  # None if it is refused
        self._timer: asyncio.TimerHandle | None = None
        self._handling = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuse the connection if there are too many."""
        assert isinstance(transport, asyncio.Transport)
        client = str((transport.get_extra_info("peername") or ("",))[0])
        if not self._connections.accepts(client):
            transport.abort()
            return
        self._client, self._transport = client, transport
        self._protocol.connection_made(transport)
        self._start()

    def data_received(self, data: bytes) -> None:
        """Pass data on; the first of a request starts its time."""
        if self._client is None:
            return
        if self._timer is None and not self._handling:
            self._start()
        self._protocol.data_received(data)

    def handles(self, request: bool) -> None:
        """Note that the header of a request has arrived, or that it has been answered."""
        self._handling = request
        self._stop()

    def eof_received(self) -> bool | None:
        """Pass the end of the client's data on."""
        return self._protocol.eof_received() if self._client is not None else None

    def pause_writing(self) -> None:
        """Pass on that the client reads slowly."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the client has read."""
        self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the place of the connection."""
        self._stop()
        if self._client is not None:
            self._connections.closed(self._client)
            self._protocol.connection_lost(exc)

    def _start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(HEADER_SECONDS, self._transport.abort)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
