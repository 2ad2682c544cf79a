"""A page to draw digits on, or drop a picture onto, and the little API behind it; all is read by Reader.

python -m digitrec.web.server [--host 127.0.0.1] [--port 8000] [--ckpt_path pretrained|best|last|FILE]

GET /healthz    {"status": "ok"}
POST /predict   the bytes of a picture; what is read as JSON. With ?images=1 each digit comes with its 28x28
                image, as the URL of a PNG
Errors are JSON as well: {"error": "a sentence"}.
"""

import argparse
import asyncio
import ipaddress
import json
import logging
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

from aiohttp import hdrs, web

from digitrec.errors import CheckpointError, PictureError, sentence
from digitrec.reading.reader import Reader
from digitrec.runs import named_checkpoint
from digitrec.web.host_check import Handler, is_address, only_called_by
from digitrec.web.serialization import as_json

logger = logging.getLogger(__name__)

MAX_BYTES = 8 * 2**20
"""A larger upload is refused, before it is read where its length is announced."""

READERS = 4
"""Pictures read at the same time; each may take 300 MB."""

IN_HAND = 64
"""Pictures on their way here, waiting or being read; one more is refused, for each holds its bytes."""

UPLOAD_SECONDS = 60.0
"""That a picture may take to arrive, or whoever sends slowly would keep the others out."""

PAGE = {
    "/": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/draw.js": ("draw.js", "text/javascript"),
    "/result.js": ("result.js", "text/javascript"),
    "/main.js": ("main.js", "text/javascript"),
    "/favicon.svg": ("favicon.svg", "image/svg+xml"),
}
"""All that there is to get. The files are in memory, so no address leads to another."""

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
PLACES = web.AppKey("places", asyncio.Semaphore)


def make_app(reader: Reader, host: str = "127.0.0.1") -> web.Application:
    """Build the application.

    Args:
        reader: reads the pictures.
        host: the name or address that the server listens on: it says by which names it may be called.
    """
    app = web.Application(client_max_size=MAX_BYTES, middlewares=[_errors_as_json, only_called_by(host)])
    app[READER] = reader
    app[PLACES] = asyncio.Semaphore(IN_HAND)
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
    places = request.app[PLACES]
    if places.locked():
        raise web.HTTPServiceUnavailable(
            text="Too many pictures are waiting here: try again in a moment.", headers={hdrs.RETRY_AFTER: "1"}
        )
    async with places:
        return await _read(request)


async def _read(request: web.Request) -> web.Response:
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            content = await request.read()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout(text="The picture took too long to arrive.") from error
    except (ConnectionError, web.RequestPayloadError) as error:  # cut short, or not encoded as it claims
        raise web.HTTPBadRequest(text="The picture did not arrive whole.") from error
    with_images = request.query.get("images") == "1"

    def work() -> str:
        return json.dumps(as_json(request.app[READER].read(content), with_images))

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
    """The threads that read: a large picture keeps one of them busy, not the server."""
    with ThreadPoolExecutor(READERS, thread_name_prefix="reader") as app[POOL]:
        yield
        app[POOL].shutdown(wait=False, cancel_futures=True)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every refusal as JSON with a sentence."""
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge as error:
        said = f"The picture has more than {MAX_BYTES // 2**20} MiB: shrink it."
        return _error(error.status, said)
    except web.HTTPException as error:
        said = _SENTENCES.get(error.status, error.text or error.reason)
        return _error(
            error.status,
            said,
            {k: error.headers[k] for k in (hdrs.ALLOW, hdrs.RETRY_AFTER) if k in error.headers},
        )
    except Exception:
        logger.exception("%s %s", request.method, request.path)
        return _error(500, "This should not happen: the server's log says what it was.")


_SENTENCES = {
    404: "There is nothing here: the page is at /, the API at /predict.",
    405: "That is not done here: GET the page, POST a picture to /predict.",
}


def _error(status: int, said: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": said}, status=status, headers=headers)


def listen(host: str, port: int) -> socket.socket:
    """Open the socket; port 0 takes one that is free.

    Raises:
        OSError: the port is taken, or the host is not of this machine.
    """
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server((str(address[0]), port), family=family, backlog=128)


def main(args: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM. The exit status: 1 after a mistake, with one sentence to say which."""
    parser = argparse.ArgumentParser(
        prog="python -m digitrec.web.server", description="A page to draw digits on."
    )
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 lets other machines in")
    parser.add_argument("--port", type=_port, default=8000, help="default: 8000; 0 takes a free one")
    parser.add_argument("--ckpt_path", default="pretrained", help="pretrained, best, last or a file")
    options = parser.parse_args(args)
    try:
        open_socket = listen(options.host, options.port)
    except (OSError, UnicodeError) as error:  # the latter by a host that can be no name
        reason = str(getattr(error, "strerror", error)).partition(" (")[0]  # behind it the address once more
        taken = f"{options.host}:{options.port} cannot be had ({reason})"
        print(f"digitrec.web.server: {taken}: choose another --port or --host.", file=sys.stderr)
        return 1
    with open_socket:
        try:
            reader = Reader.from_checkpoint(named_checkpoint(options.ckpt_path))
        except (CheckpointError, OSError) as error:
            print(f"digitrec.web.server: {sentence(error)}", file=sys.stderr)
            return 1
        host = f"[{options.host}]" if ":" in options.host else options.host
        host, others = (
            ("127.0.0.1", ", others at this machine's address") if _is_any(options.host) else (host, "")
        )
        print(f"Draw at http://{host}:{open_socket.getsockname()[1]}/{others}  (Ctrl-C stops)", flush=True)
        web.run_app(
            make_app(reader, options.host), sock=open_socket, print=None, access_log=None, shutdown_timeout=2
        )
    return 0


def _is_any(host: str) -> bool:
    """Whether a host means all addresses of this machine."""
    return is_address(host) and ipaddress.ip_address(host).is_unspecified


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: give 0 to 65535")
    return int(text)


if __name__ == "__main__":
    raise SystemExit(main())
