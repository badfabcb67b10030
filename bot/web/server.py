"""The HTTP server of health, metrics, webhooks and Slack's requests."""

from collections.abc import Awaitable, Callable

from aiohttp import web

MAX_BODY_BYTES = 512 * 1024
"""Slack's largest payload, a view with 100 blocks, is less than half of this."""

RequestHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpServer:
    """One listening socket. It opens before the other components, so that probes are answered during the start."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._handlers: dict[str, RequestHandler] = {}
        self._app = web.Application(client_max_size=MAX_BODY_BYTES)
        self._runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=1)

    def add(self, path: str, handler: RequestHandler) -> None:
        """Serve a path with GET. Call it before ``open``."""
        self._app.router.add_get(path, handler)

    def reserve(self, *paths: str) -> None:
        """Reserve paths for POST. They answer 503 until ``enable``, so the caller retries. Call it before ``open``."""
        for path in paths:
            self._app.router.add_post(path, self._dispatch)

    def enable(self, handler: RequestHandler, *paths: str) -> None:
        """Pass requests for these paths to ``handler`` from now on."""
        self._handlers.update(dict.fromkeys(paths, handler))

    def disable(self) -> None:
        """Answer 503 on all reserved paths from now on: the process is stopping."""
        self._handlers.clear()

    async def open(self) -> int:
        """Listen, and return the port."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    async def close(self) -> None:
        """Stop listening, and finish running requests within a second."""
        await self._runner.cleanup()

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        handler = self._handlers.get(request.path)
        if handler is None:
            return web.Response(status=503, text="Not ready yet.", headers={"Retry-After": "5"})
        return await handler(request)
