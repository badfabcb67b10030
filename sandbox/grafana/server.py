"""The stand-in as one server on loopback."""

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.grafana.annotations_api import AnnotationsApi, refused
from sandbox.grafana.dashboards_api import DashboardsApi
from sandbox.grafana.model import State
from sandbox.grafana.pages import Pages
from sandbox.grafana.render_api import RenderApi
from sandbox.grafana.seed import seed_dashboards

HOST = "127.0.0.1"
GRAFANA_TOKEN = "sandbox-grafana-token"


class StandInGrafana:
    """``async with StandInGrafana() as grafana``: up on ``url`` until the block ends. Port 0 takes a free one.

    Tests look into ``state``, and make trouble there.
    """

    def __init__(self, *, port: int = 0, has_renderer: bool = False) -> None:
        self.token = GRAFANA_TOKEN
        self.state = State(seed_dashboards(), has_renderer=has_renderer)
        self.url = ""
        self._port = port
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[_api_middleware(self.state, self.token)])
        for part in (AnnotationsApi(self.state), DashboardsApi(self.state), RenderApi(self.state), Pages(self.state)):
            app.add_routes(part.routes())
        async with AsyncExitStack() as stack:
            runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, HOST, self._port).start()
            self.url = f"http://{HOST}:{runner.addresses[0][1]}"
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()


def _api_middleware(state: State, token: str) -> Middleware:
    """Who calls; then the trouble of the moment; then the call."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(("/api/", "/render/")):
            return await handler(request)
        state.requests.append(f"{request.method} {request.path_qs}")
        trouble = state.trouble
        await asyncio.sleep(trouble.delay_seconds)
        if trouble.rubbish is not None:
            return web.Response(body=trouble.rubbish, content_type="text/html")
        if trouble.status:
            return refused(trouble.status, "Internal Server Error" if trouble.status >= 500 else "Access denied")
        if request.path != "/api/health" and request.headers.get("Authorization") != f"Bearer {token}":
            return refused(401, "Unauthorized")
        response = await handler(request)
        if trouble.loses_writes and request.method != "GET" and request.transport is not None:
            request.transport.abort()
        return response

    return check
