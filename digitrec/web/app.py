"""The web application: a page for drawing digits or dropping pictures, and a JSON API.

GET /healthz        returns {"status": "ok"}
GET /openapi.json   describes the API
POST /predict       takes the bytes of a picture file, or a form with one, and returns its digits as JSON

Errors are JSON as well: {"error": "a sentence"}.
"""

import logging
from collections.abc import Collection
from importlib.resources import files

from aiohttp import hdrs, web

from digitrec.reading.reader import Reader
from digitrec.web import pictures
from digitrec.web.connections import Connection
from digitrec.web.host_check import Handler, host_check
from digitrec.web.openapi import document

logger = logging.getLogger(__name__)

PAGE = {
    "/": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/draw.js": ("draw.js", "text/javascript"),
    "/result.js": ("result.js", "text/javascript"),
    "/backend.js": ("server.js", "text/javascript"),
    "/main.js": ("main.js", "text/javascript"),
    "/labels.js": ("labels.js", "text/javascript"),
    "/png.js": ("png.js", "text/javascript"),
    "/zip.js": ("zip.js", "text/javascript"),
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

_MESSAGES = {
    404: "Not found: the page is at /, the API at /predict.",
    405: "Wrong method: GET the page, POST a picture to /predict.",
}


def make_app(
    reader: Reader, host: str = "127.0.0.1", allowed: Collection[str] = (), root_path: str = ""
) -> web.Application:
    """Build the application.

    Args:
        reader: reads the pictures.
        host: the name or address on which the server listens; it decides which host names are allowed.
        allowed: further host names that are allowed.
        root_path: the path below which a proxy serves the application, such as ``/digits``; the proxy may
            remove it from the URLs that it passes on, or not.
    """
    limit = pictures.MAX_BYTES
    app = web.Application(client_max_size=limit, middlewares=[_errors_as_json, host_check(host, allowed)])
    app.on_response_prepare.append(_add_headers)
    prefixes = {"", root_path}
    pictures.add_pictures(app, reader, prefixes)
    api = document(root_path)

    async def healthz(request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def openapi(request: web.Request) -> web.Response:
        return web.json_response(api)

    for prefix in prefixes:
        app.router.add_get(f"{prefix}/healthz", healthz)
        app.router.add_get(f"{prefix}/openapi.json", openapi)
        for address, (name, kind) in PAGE.items():
            app.router.add_get(f"{prefix}{address}", _static(name, kind))
    return app


def _static(name: str, kind: str) -> Handler:
    body = (files("digitrec.web") / "static" / name).read_bytes()

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=kind, charset="utf-8")

    return handler


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
        return _error(
            error.status, f"The picture has more than {pictures.MAX_BYTES // 2**20} MiB: shrink it."
        )
    except web.HTTPException as error:
        headers = {str(k): error.headers[k] for k in (hdrs.ALLOW, hdrs.RETRY_AFTER) if k in error.headers}
        return _error(error.status, _MESSAGES.get(error.status, error.text or error.reason), headers)
    except Exception:
        logger.exception("%s %s", request.method, request.path)
        return _error(500, "Internal error: see the log of the server.")
    finally:
        if isinstance(connection, Connection):
            connection.handles(request=False)


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": message}, status=status, headers=headers)
