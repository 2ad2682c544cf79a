"""A web server with a page for drawing digits or dropping pictures, and a JSON API.

python -m digitrec.web [--host 127.0.0.1] [--port 8000] [--ckpt_path pretrained|best|last|FILE]
python -m digitrec.web --export FOLDER [--ckpt_path pretrained|best|last|FILE]

GET /healthz    returns {"status": "ok"}
POST /predict   takes the bytes of a picture file, or a form with one, and returns its digits as JSON; with
                ?images=1 each digit has its 28x28 image as the data URL of a PNG file
Errors are JSON as well: {"error": "a sentence"}.
"""

import argparse
import asyncio
import ipaddress
import json
import logging
import os
import shlex
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from pathlib import Path

from aiohttp import hdrs, web

from digitrec.errors import CheckpointError, ExportError, PictureError, sentence
from digitrec.reading.reader import Reader
from digitrec.runs import named_checkpoint
from digitrec.web.connections import Connection, Connections
from digitrec.web.host_check import Handler, host_check, is_address

logger = logging.getLogger(__name__)

MAX_BYTES = 8 * 2**20
"""Bytes of an upload; a larger one is refused, before it is read if its length is announced."""

READERS = 4
"""Pictures that are read at the same time; each may need 300 MB."""

MAX_PENDING = 64
"""Pictures that are uploaded, waiting or being read; further ones are refused, because they need memory."""

UPLOAD_SECONDS = 60.0
"""Time limit of an upload."""

GRACE_SECONDS = 5.0
"""Time that an upload has, even if all places are taken and others want one."""

KEEP_ALIVE_SECONDS = 15.0
"""Time that a connection is kept for a further request."""

SHUTDOWN_SECONDS = 1.0
"""Time that requests have to end when the server is stopped, and then pictures that are being read."""

PAGE = {
    "/": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/draw.js": ("draw.js", "text/javascript"),
    "/result.js": ("result.js", "text/javascript"),
    "/backend.js": ("server.js", "text/javascript"),
    "/main.js": ("main.js", "text/javascript"),
    "/favicon.svg": ("favicon.svg", "image/svg+xml"),
}
"""The files of the page by their URL paths. They are kept in memory, so no URL leads to another file."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}

READER = web.AppKey("reader", Reader)
POOL = web.AppKey("pool", ThreadPoolExecutor)
PENDING = web.AppKey("pending", asyncio.Semaphore)
UPLOADS = web.AppKey("uploads", dict[asyncio.Timeout, float])


def make_app(reader: Reader, host: str = "127.0.0.1") -> web.Application:
    """Build the application.

    Args:
        reader: reads the pictures.
        host: the name or address on which the server listens; it decides which host names are allowed.
    """
    app = web.Application(client_max_size=MAX_BYTES, middlewares=[_errors_as_json, host_check(host)])
    app[READER] = reader
    app[PENDING] = asyncio.Semaphore(MAX_PENDING)
    app[UPLOADS] = {}  # the oldest first, with the times of their starts
    app.cleanup_ctx.append(_pool)
    app.on_response_prepare.append(_add_headers)
    app.router.add_get("/healthz", _healthz)
    app.router.add_post("/predict", _predict)
    for address, (name, kind) in PAGE.items():
        app.router.add_get(address, _static(name, kind))
    return app


async def _healthz(request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _predict(request: web.Request) -> web.Response:
    if (request.content_length or 0) > MAX_BYTES:
        raise web.HTTPRequestEntityTooLarge(MAX_BYTES, request.content_length or 0)
    pending = request.app[PENDING]
    if pending.locked() and not _end_oldest(request.app[UPLOADS]):
        raise web.HTTPServiceUnavailable(
            text="Too many pictures are waiting: try again in a moment.", headers={hdrs.RETRY_AFTER: "1"}
        )
    async with pending:
        return await _read(request)


def _end_oldest(uploads: dict[asyncio.Timeout, float]) -> bool:
    """End the oldest upload, unless it has begun a moment ago: slow clients must not keep others out."""
    now = asyncio.get_running_loop().time()
    oldest = next(iter(uploads), None)
    if oldest is None or now - uploads[oldest] < GRACE_SECONDS:
        return False
    del uploads[oldest]
    oldest.reschedule(now)
    return True


async def _receive(request: web.Request) -> bytes:
    """Receive the picture: the body of the request, or the first file of a form."""
    uploads = request.app[UPLOADS]
    try:
        async with asyncio.timeout(UPLOAD_SECONDS) as upload:
            uploads[upload] = asyncio.get_running_loop().time()
            try:
                if request.content_type != "multipart/form-data":
                    return await request.read()
                form = await request.post()
            finally:
                uploads.pop(upload, None)
    except TimeoutError as error:
        raise web.HTTPRequestTimeout(text="The picture took too long to arrive.") from error
    except (ConnectionError, ValueError, web.RequestPayloadError) as error:  # incomplete, or wrongly encoded
        raise web.HTTPBadRequest(text="The picture did not arrive completely.") from error
    for field in form.values():
        if isinstance(field, web.FileField):
            return field.file.read()
    raise web.HTTPBadRequest(text="The form has no file: send one, as curl -F file=@picture.png does.")


async def _read(request: web.Request) -> web.Response:
    content = await _receive(request)
    with_images = request.query.get("images") == "1"

    def work() -> str:
        return json.dumps(request.app[READER].read(content).to_dict(with_images), allow_nan=False)

    try:
        text = await asyncio.get_running_loop().run_in_executor(request.app[POOL], work)
    except PictureError as error:
        raise web.HTTPUnprocessableEntity(text=str(error)) from error
    return web.json_response(text=text)


def _static(name: str, kind: str) -> Handler:
    body = (files("digitrec.web") / "static" / name).read_bytes()

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=kind, charset="utf-8")

    return handler


async def _pool(app: web.Application) -> AsyncIterator[None]:
    """Keep the threads that read pictures, so that a large picture does not block the server."""
    app[POOL] = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
    yield
    app[POOL].shutdown(wait=False, cancel_futures=True)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return every error as JSON with a sentence."""
    connection = request.transport and request.transport.get_protocol()
    if isinstance(connection, Connection):
        connection.handles(request=True)
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge as error:
        return _error(error.status, f"The picture has more than {MAX_BYTES // 2**20} MiB: shrink it.")
    except web.HTTPException as error:
        headers = {str(k): error.headers[k] for k in (hdrs.ALLOW, hdrs.RETRY_AFTER) if k in error.headers}
        return _error(error.status, _MESSAGES.get(error.status, error.text or error.reason), headers)
    except Exception:
        logger.exception("%s %s", request.method, request.path)
        return _error(500, "Internal error: see the log of the server.")
    finally:
        if isinstance(connection, Connection):
            connection.handles(request=False)


_MESSAGES = {
    404: "Not found: the page is at /, the API at /predict.",
    405: "Wrong method: GET the page, POST a picture to /predict.",
}


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": message}, status=status, headers=headers)


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


async def _serve(app: web.Application, open_socket: socket.socket) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows, where Ctrl-C raises KeyboardInterrupt
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with serving(app, open_socket):
        await stopped.wait()


def _end_readers() -> None:
    """End the process if a picture is still being read: a thread cannot be stopped."""
    deadline = time.monotonic() + 1
    readers = [thread for thread in threading.enumerate() if thread.name.startswith("reader")]
    for thread in readers:
        thread.join(max(0, deadline - time.monotonic()))
    if any(thread.is_alive() for thread in readers):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def main(args: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM.

    Returns:
        The exit status: 0, or 1 after a mistake, with one sentence on standard error.
    """
    options = _parser().parse_args(args)
    if options.export:
        return _export(options.export, options.ckpt_path)
    try:
        open_socket = listen(options.host, options.port)
    except (OSError, UnicodeError) as error:  # UnicodeError: no host can have this name
        reason = str(getattr(error, "strerror", error)).partition(" (")[0]  # the rest repeats the address
        address = f"{options.host}:{options.port}"
        message = f"{address} is not available ({reason}): choose another --port or --host."
        print(f"digitrec.web: {message}", file=sys.stderr)
        return 1
    with open_socket:
        try:
            reader = Reader.from_checkpoint(named_checkpoint(options.ckpt_path))
        except (CheckpointError, OSError) as error:
            print(f"digitrec.web: {sentence(error)}", file=sys.stderr)
            return 1
        print(_welcome(options.host, open_socket.getsockname()[1]), flush=True)
        app = make_app(reader, options.host)
        with suppress(KeyboardInterrupt):
            asyncio.run(_serve(app, open_socket))
    _end_readers()
    return 0


def _export(folder: Path, ckpt_path: str) -> int:
    """Write the page that reads in the browser; return the exit status."""
    # The server needs none of what this imports, which takes seconds.
    from digitrec.web.site import export_site, sizes

    try:
        export_site(folder, named_checkpoint(ckpt_path))
    except (CheckpointError, ExportError, OSError) as error:
        print(f"digitrec.web: {sentence(error)}", file=sys.stderr)
        return 1
    size, compressed = sizes(folder)
    print(f"Wrote {folder}: {size / 1e6:.1f} MB, {compressed / 1e6:.1f} MB compressed.")
    print(f"Look at it with: python -m http.server -d {shlex.quote(str(folder))}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m digitrec.web", description="Serve a page to draw digits on."
    )
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 accepts other machines")
    parser.add_argument("--port", type=_port, default=8000, help="default: 8000; 0 takes a free one")
    parser.add_argument("--ckpt_path", default="pretrained", help="pretrained, best, last or a file")
    parser.add_argument(
        "--export",
        type=Path,
        metavar="FOLDER",
        help="write a page that reads in the browser, and stop",
    )
    return parser


def _welcome(host: str, port: int) -> str:
    if is_address(host) and ipaddress.ip_address(host).is_unspecified:  # all addresses of this machine
        return f"Draw at http://127.0.0.1:{port}/, others at this machine's address  (Ctrl-C stops)"
    host = f"[{host}]" if ":" in host else host
    return f"Draw at http://{host}:{port}/  (Ctrl-C stops)"


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: give 0 to 65535")
    return int(text)


if __name__ == "__main__":
    raise SystemExit(main())
