"""The stand-in as one server on loopback."""

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.grafana.annotations_api import AnnotationsApi, refused
from sandbox.grafana.dashboards_api import DashboardsApi
from sandbox.grafana.model import State
from sandbox.grafana.pages import Pages
from sandbox.grafana.render_api import RenderApi
from sandbox.grafana.seed import seed_dashboards
from sandbox.loopback_server import LoopbackServer

GRAFANA_TOKEN = "sandbox-grafana-token"


class StandInGrafana(LoopbackServer):
    """``async with StandInGrafana() as grafana``: up on ``url`` until the block ends. Port 0 takes a free one.

    Tests look into ``state``, and make trouble there.
    """

    def __init__(self, *, port: int = 0, has_renderer: bool = False) -> None:
        super().__init__(port)
        self.token = GRAFANA_TOKEN
        self.state = State(seed_dashboards(), has_renderer=has_renderer)

    def application(self) -> web.Application:
        """The API."""
        app = web.Application(middlewares=[_api_middleware(self.state, self.token)])
        for part in (AnnotationsApi(self.state), DashboardsApi(self.state), RenderApi(self.state), Pages(self.state)):
            app.add_routes(part.routes())
        return app


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
