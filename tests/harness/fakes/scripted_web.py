"""A web server on loopback that answers what a test tells it to, one answer after the other, and remembers what was asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class ScriptedResponse:
    """``body``: text as it is, anything else as JSON. ``cut`` breaks the connection instead, ``hang`` never answers."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = ""
    cut_connection: bool = False
    hang: bool = False


def patience(response: ScriptedResponse) -> float:
    """Seconds that a client waits: hardly at all for what never comes, and long for what a busy machine is about to send."""
    return 0.3 if response.hang else 10


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request: the last part of its path, its query, and its body as JSON or text."""

    name: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


@dataclass(slots=True)
class ScriptedWeb:
    """``answers`` are given in order, the last one again and again; those ``by_name`` (of the method) before them."""

    url: str = ""
    responses: list[ScriptedResponse] = field(default_factory=list)
    by_name: dict[str, ScriptedResponse] = field(default_factory=dict)
    requests: list[ReceivedRequest] = field(default_factory=list)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def respond_ok(self, **body: Any) -> None:
        """Answer as Slack does when all is well."""
        self.responses.append(ScriptedResponse({"ok": True, **body}))

    def respond_error(self, error: str, **more: Any) -> None:
        """Answer as Slack does when it says no."""
        self.responses.append(ScriptedResponse({"ok": False, "error": error, **more}))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        name = request.path.rsplit("/", 1)[-1]
        self.requests.append(ReceivedRequest(name, dict(request.query), _parsed(text), dict(request.headers)))
        answer = self.by_name.get(name) or (self.responses.pop(0) if len(self.responses) > 1 else self.responses[0])
        if answer.hang:
            await self.stopped.wait()
        if (answer.cut_connection or answer.hang) and isinstance(request.transport, asyncio.Transport):
            request.transport.abort()
        if isinstance(answer.body, str):
            kind = answer.content_type or "text/plain"
            return web.Response(text=answer.body, status=answer.status, headers=answer.headers, content_type=kind)
        return web.json_response(answer.body, status=answer.status, headers=answer.headers)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


@asynccontextmanager
async def scripted_web() -> AsyncIterator[ScriptedWeb]:
    """A server on a free port, stopped at the end of the block."""
    server = ScriptedWeb()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        server.stopped.set()
        await runner.cleanup()
