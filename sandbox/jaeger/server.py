"""The stand-in as one server on loopback."""

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.jaeger.model import State
from sandbox.jaeger.older_api import OlderApi
from sandbox.jaeger.v3_api import V3Api
from sandbox.loopback_server import LoopbackServer

_PAGE = "<!doctype html><title>Jaeger UI</title>"
_PIECE_BYTES = 64 * 1024


class StandInJaeger(LoopbackServer):
    """``async with StandInJaeger() as jaeger``: up on ``url`` until the block ends. Port 0 takes a free one.

    Tests look into ``state``, and make trouble there.
    """

    def __init__(self, *, port: int = 0) -> None:
        super().__init__(port)
        self.state = State()

    def application(self) -> web.Application:
        """The API."""
        app = web.Application(middlewares=[_trouble_middleware(self.state)])
        for part in (V3Api(self.state), OlderApi(self.state)):
            app.add_routes(part.routes())
        app.add_routes([web.get("/{path:.*}", _page)])
        return app


async def _page(_request: web.Request) -> web.Response:
    """Whatever is no path of the API is the user interface's, which is one page."""
    return web.Response(text=_PAGE, content_type="text/html")


async def _send_pieces(request: web.Request, body: bytes) -> web.StreamResponse:
    """Send no faster than the client reads, so that a large answer is in memory once."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for begin in range(0, len(body), _PIECE_BYTES):
        await response.write(body[begin : begin + _PIECE_BYTES])
    await response.write_eof()
    return response


def _trouble_middleware(state: State) -> Middleware:
    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        state.requests.append(request.path_qs)
        trouble = state.trouble
        await asyncio.sleep(trouble.delay_seconds)
        if trouble.status:
            return web.Response(status=trouble.status, text="upstream connect error")
        if trouble.body is not None:
            return await _send_pieces(request, trouble.body)
        if request.path.startswith("/api/v3") and not trouble.has_v3:
            return await _page(request)
        return await handler(request)

    return check
