"""POST /predict: pictures are received, wait for a place and are read in threads."""

import asyncio
import json
import os
import threading
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from digitrec.errors import PictureError
from digitrec.reading.pictures.loading import pixels
from digitrec.reading.reader import Reader

MAX_BYTES = 8 * 2**20
"""Bytes of an upload; a larger one is refused, before it is read if its length is announced."""

LARGE = 2_000_000
"""Pixels from which on a picture waits for the place of large ones; a drawing has a tenth of them."""

READERS = 4
"""Pictures below LARGE that are read at the same time; each may need 60 MB."""

MAX_PENDING = 64
"""Pictures that are uploaded, waiting or being read; further ones are refused, because they need memory."""

MAX_LARGE = 16
"""Large pictures of these, so that they do not take the places of drawings."""

UPLOAD_SECONDS = 60.0
"""Time limit of an upload."""

GRACE_SECONDS = 5.0
"""Time that an upload has, even if all places are taken and others want one."""

LOW_PRIORITY = 10
"""Niceness of the thread that reads large pictures, so that drawings are read first; on Linux only."""

READER = web.AppKey("reader", Reader)
POOL = web.AppKey("pool", ThreadPoolExecutor)
LARGE_POOL = web.AppKey("large_pool", ThreadPoolExecutor)
PENDING = web.AppKey("pending", asyncio.Semaphore)
LARGE_PENDING = web.AppKey("large_pending", asyncio.Semaphore)


class Upload(NamedTuple):
    """An upload that has not arrived completely.

    Attributes:
        start: its time, of the event loop.
        client: its address.
    """

    start: float
    client: str | None


UPLOADS = web.AppKey("uploads", dict[asyncio.Timeout, Upload])


def add_pictures(app: web.Application, reader: Reader, prefixes: set[str]) -> None:
    """Add POST /predict below each of some paths."""
    app[READER] = reader
    app[PENDING], app[LARGE_PENDING] = asyncio.Semaphore(MAX_PENDING), asyncio.Semaphore(MAX_LARGE)
    app[UPLOADS] = {}  # the oldest first
    app.cleanup_ctx.append(_pools)
    for prefix in prefixes:
        app.router.add_post(f"{prefix}/predict", _predict)


async def _predict(request: web.Request) -> web.Response:
    options = _options(request)
    if (request.content_length or 0) > MAX_BYTES:
        raise web.HTTPRequestEntityTooLarge(MAX_BYTES, request.content_length or 0)
    pending = request.app[PENDING]
    if pending.locked() and not _end_oldest(request.app[UPLOADS], request.remote):
        raise _too_many()
    async with pending:
        content = await _receive(request)
        try:
            return web.json_response(text=await _read(request.app, content, **options))
        except PictureError as error:
            raise web.HTTPUnprocessableEntity(text=str(error)) from error


def _too_many() -> web.HTTPServiceUnavailable:
    text = "Too many pictures are waiting: try again in a moment."
    return web.HTTPServiceUnavailable(text=text, headers={hdrs.RETRY_AFTER: "1"})


def _options(request: web.Request) -> dict[str, Any]:
    """Return the options in a request's URL."""
    images = request.query.get("images", "0")
    if images not in ("0", "1"):
        raise web.HTTPBadRequest(text="images must be 0 or 1.")
    threshold = None
    if "threshold" in request.query:
        with suppress(ValueError):
            threshold = float(request.query["threshold"])
        if threshold is None or not 0 <= threshold <= 1:
            raise web.HTTPBadRequest(text="threshold must be a number from 0 to 1.")
    return {"threshold": threshold, "with_images": images == "1"}


def _end_oldest(uploads: dict[asyncio.Timeout, Upload], client: str | None) -> bool:
    """End an upload, so that slow clients don't keep others out; return False if none may be ended.

    It is the oldest of the client that has most, if this one has far fewer; else the oldest, unless it has
    begun a moment ago.
    """
    now = asyncio.get_running_loop().time()
    counts = Counter(upload.client for upload in uploads.values())
    greediest, most = counts.most_common(1)[0] if counts else (None, 0)
    oldest = next(iter(uploads), None)
    if most > 2 * counts[client] + 1:
        oldest = next(each for each, upload in uploads.items() if upload.client == greediest)
    elif oldest is None or now - uploads[oldest].start < GRACE_SECONDS:
        return False
    assert oldest is not None
    del uploads[oldest]
    oldest.reschedule(now)
    return True


async def _receive(request: web.Request) -> bytes:
    """Receive the picture: the body of the request, or the first file of a form."""
    uploads = request.app[UPLOADS]
    try:
        async with asyncio.timeout(UPLOAD_SECONDS) as upload:
            uploads[upload] = Upload(asyncio.get_running_loop().time(), request.remote)
            try:
                if request.content_type != "multipart/form-data":
                    return await request.read()
                form = await request.post()
            finally:
                uploads.pop(upload, None)
    except TimeoutError as error:
        raise web.HTTPRequestTimeout(text="The picture took too long to arrive.") from error
    except (ConnectionError, ValueError, HttpProcessingError, web.RequestPayloadError) as error:
        raise web.HTTPBadRequest(text="The picture did not arrive completely.") from error
    for field in form.values():
        if isinstance(field, web.FileField):
            return field.file.read()
    raise web.HTTPBadRequest(text="The form has no file: send one, as curl -F file=@picture.png does.")


async def _read(app: web.Application, content: bytes, threshold: float | None, with_images: bool) -> str:
    """Read a picture in a thread, a large one in the thread for these, and return its reading as JSON."""

    def work(most: float) -> str | None:
        if pixels(content) > most:
            return None
        reading = app[READER].read(content, threshold)
        return json.dumps(reading.to_dict(with_images), allow_nan=False)

    in_thread = asyncio.get_running_loop().run_in_executor
    text = await in_thread(app[POOL], partial(work, LARGE))
    if text is not None:
        return text
    if app[LARGE_PENDING].locked():
        raise _too_many()
    async with app[LARGE_PENDING]:
        return await in_thread(app[LARGE_POOL], partial(work, float("inf"))) or ""


async def _pools(app: web.Application) -> AsyncIterator[None]:
    """Keep the threads that read pictures."""
    prefix = thread_prefix(app)
    app[POOL] = ThreadPoolExecutor(READERS, thread_name_prefix=prefix)
    app[LARGE_POOL] = ThreadPoolExecutor(1, thread_name_prefix=prefix, initializer=_lower_priority)
    yield
    for pool in (app[POOL], app[LARGE_POOL]):
        pool.shutdown(wait=False, cancel_futures=True)


def thread_prefix(app: web.Application) -> str:
    """Return what the names of the threads begin with in which an application's pictures are read."""
    return f"reader-{id(app)}-"


def _lower_priority() -> None:
    if hasattr(os, "setpriority"):
        with suppress(OSError):  # systems other than Linux know no priority of a thread
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)
