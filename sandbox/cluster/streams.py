"""Answers that go on for a while: watches and followed logs."""

import asyncio
import contextlib
import json
from datetime import datetime, timedelta

from aiohttp import web

from sandbox.cluster import errors, logs, requests
from sandbox.cluster.model import Json, Now, key_of
from sandbox.cluster.reads import Watch
from sandbox.cluster.representation import Representation
from sandbox.cluster.resources import PODS, ResourceType
from sandbox.cluster.store import ObjectStore
from sandbox.cluster.validation import invalid_value

_DEFAULT_WATCH_SECONDS = 1_800
"""Seconds that a watch lives when the client names no limit; a real server picks 30 to 60 minutes."""
_LOG_OPTIONS = ResourceType(plural="podlogoptions", kind="PodLogOptions")


async def send_watch(
    request: web.Request, watch: Watch, bookmark_every: float, representation: Representation
) -> web.StreamResponse:
    """One JSON object a line until the watch ends; in the form of ``representation``."""
    seconds = requests.query_int(request, "timeoutSeconds", _DEFAULT_WATCH_SECONDS)
    watch.selection.from_version()
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    with contextlib.suppress(ConnectionResetError):  # whoever watched has left
        async with contextlib.aclosing(watch.events(seconds, bookmark_every)) as events:
            async for event in events:
                await response.write(json.dumps(representation.event(event)).encode() + b"\n")
        if watch.dropped:
            return requests.cut_connection(request)
        await response.write_eof()
    return response


async def send_log(request: web.Request, store: ObjectStore, pod: Json, now: Now) -> web.StreamResponse:
    """Plain text; ``tailLines``, ``sinceSeconds``, ``timestamps``, ``limitBytes``, ``previous`` and ``follow`` are heard."""
    container = request.query.get("container", "")
    previous = requests.query_flag(request, "previous")
    written = logs.log_lines(pod, container, now(), previous=previous)
    if "sinceSeconds" in request.query:
        since = now() - timedelta(seconds=requests.query_int(request, "sinceSeconds"))
        written = [(at, line) for at, line in written if at >= since]
    if "tailLines" in request.query:
        written = _tail(written, requests.query_int(request, "tailLines"), pod)
    stamped = requests.query_flag(request, "timestamps")
    data = "".join(_line(at, line, stamped=stamped) for at, line in written).encode()
    if "limitBytes" in request.query:
        data = data[: requests.query_int(request, "limitBytes")]
    if not requests.query_flag(request, "follow"):
        return web.Response(body=data, content_type="text/plain")
    last = written[-1][0] if written else now()
    return await _follow(request, store, pod, data, last, now)


def _tail(written: list[tuple[datetime, str]], count: int, pod: Json) -> list[tuple[datetime, str]]:
    if count < 0:
        cause = invalid_value("tailLines", count, "must be greater than or equal to 0")
        raise errors.invalid(_LOG_OPTIONS, key_of(pod)[1], [cause])
    return written[-count:] if count else []


def _line(at: datetime, line: str, *, stamped: bool) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z {line}\n" if stamped else f"{line}\n"


async def _follow(
    request: web.Request, store: ObjectStore, pod: Json, data: bytes, last: datetime, now: Now
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(data)
    container, stamped = request.query.get("container", ""), requests.query_flag(request, "timestamps")
    while (current := store.find(PODS, key_of(pod))) is not None:
        await asyncio.sleep(0.5)
        for at, line in logs.log_lines(current, container, now(), previous=False):
            if at > last:
                last = at
                await response.write(_line(at, line, stamped=stamped).encode())
    await response.write_eof()
    return response
