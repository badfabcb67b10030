"""As much of Slack as a bot needs to come up and answer, in the measuring process: a few methods and one socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

_ANSWERS: dict[str, dict[str, Any]] = {
    "auth.test": {"user_id": "U0BOT", "bot_id": "B0BOT", "team_id": "T0HOME", "team": "Home"},
    "users.info": {"user": {"id": "U0DEPLOYER", "team_id": "T0HOME", "name": "ana", "tz": "UTC"}},
    "usergroups.list": {"usergroups": []},
}


class MiniSlack:
    """Takes one bot at a time."""

    def __init__(self) -> None:
        self.port = 0
        self.connected = asyncio.Event()
        self._socket: web.WebSocketResponse | None = None
        self._waiting: dict[str, asyncio.Future[None]] = {}

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/"

    async def deliver(self, payload: dict[str, Any], envelope: str) -> None:
        """Send one slash command and wait for its acknowledgement."""
        if self._socket is None:
            raise RuntimeError("no bot is connected")
        acknowledged = self._waiting[envelope] = asyncio.get_running_loop().create_future()
        frame = {"envelope_id": envelope, "type": "slash_commands", "payload": payload, "accepts_response_payload": True}
        await self._socket.send_str(json.dumps(frame))
        await acknowledged
        del self._waiting[envelope]

    async def open_connection(self, _request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "url": f"ws://127.0.0.1:{self.port}/socket"})

    async def call(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True} | _ANSWERS.get(request.match_info["method"], {}))

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        self._socket = web.WebSocketResponse()
        await self._socket.prepare(request)
        await self._socket.send_str(json.dumps({"type": "hello", "num_connections": 1}))
        self.connected.set()
        async for message in self._socket:
            if message.type is WSMsgType.TEXT:
                waiting = self._waiting.get(json.loads(message.data)["envelope_id"])
                if waiting is not None:
                    waiting.set_result(None)
        self.connected.clear()
        return self._socket


@asynccontextmanager
async def mini_slack() -> AsyncIterator[MiniSlack]:
    slack = MiniSlack()
    app = web.Application()
    app.router.add_post("/api/apps.connections.open", slack.open_connection)
    app.router.add_route("*", "/api/{method}", slack.call)
    app.router.add_get("/socket", slack.socket)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.port = runner.addresses[0][1]
    yield slack
    await runner.cleanup()
