"""Host check: refuse requests under foreign host names and from pages of other sites."""

import ipaddress
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from aiohttp import hdrs, web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def host_check(host: str, allowed: Collection[str] = ()) -> Any:
    """Return a middleware that refuses requests which pages of other sites make a browser send.

    Such a page can make its own host name resolve to this server (DNS rebinding); the Host header then has
    that name. A numeric address cannot be abused like this, so any is accepted if the server is reachable
    from other machines.

    Args:
        host: the name or address on which the server listens.
        allowed: further host names, such as that of a proxy.
    """
    local = {"localhost", "127.0.0.1", "::1"}
    names = local | {name.lower() for name in (host, *allowed)}

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        name = _name(request.headers.get(hdrs.HOST, ""))
        if name not in names and (host in local or not is_address(name)):
            raise web.HTTPForbidden(
                text="This host name is not allowed: use localhost or the numeric address of the server, or "
                "start it with --allowed-host."
            )
        # Browsers send Sec-Fetch-Site only to localhost and over https, but Origin with every POST.
        origin = request.headers.get(hdrs.ORIGIN)
        foreign = origin is not None and origin.partition("://")[2] != request.headers.get(hdrs.HOST)
        foreign |= request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
        if foreign and request.method == "POST":
            raise web.HTTPForbidden(text="Pages of other sites may not send pictures to this server.")
        return await handler(request)

    return middleware


def _name(host: str) -> str:
    """Return a Host header, such as ``localhost:8000`` or ``[::1]:8000``, without its port."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name.lower()


def is_address(name: str) -> bool:
    """Return whether a host is a numeric IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
