"""Who may call the page's server: by which names, and from which pages."""

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import hdrs, web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def only_called_by(host: str) -> Any:
    """Refuse requests that a page of somebody else makes the browser send.

    Such a page can have a name of its own point here (DNS rebinding): then it is in the Host header. An
    address in numbers cannot be pointed anywhere, so it is accepted where other machines are let in.
    """
    here = {"localhost", "127.0.0.1", "::1"}

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        name = _name(request.headers.get(hdrs.HOST, ""))
        if name not in here | {host.lower()} and (host in here or not is_address(name)):
            raise web.HTTPForbidden(
                text="This server is not called by that name: use localhost, or its address in numbers."
            )
        # Browsers tell Sec-Fetch-Site to localhost and over https alone, but with each POST its origin.
        origin = request.headers.get(hdrs.ORIGIN)
        foreign = origin is not None and urlsplit(origin).netloc != request.headers.get(hdrs.HOST)
        foreign |= request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
        if foreign and request.method == "POST":
            raise web.HTTPForbidden(text="A page from elsewhere may not send pictures here.")
        return await handler(request)

    return middleware


def _name(host: str) -> str:
    """The Host header without its port: ``localhost:8000``, ``[::1]:8000``."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name.lower()


def is_address(name: str) -> bool:
    """Whether a host is an address in numbers."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
