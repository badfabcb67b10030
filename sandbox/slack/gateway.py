"""The gateway: one address that is Web API, Socket Mode, response addresses, files and the page of a stricter Slack."""

import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web

from sandbox.slack.call_log import CallLog
from sandbox.slack.change_counter import ChangeCounter
from sandbox.slack.channels import Channels
from sandbox.slack.config import COMMAND, SlackTokens
from sandbox.slack.control import ControlApi
from sandbox.slack.deliveries import PayloadDelivery
from sandbox.slack.errors import Json, WebApiError
from sandbox.slack.events import EventForwarder
from sandbox.slack.faults import FaultQueue
from sandbox.slack.hub import Hub
from sandbox.slack.issued_tokens import IssuedTokens
from sandbox.slack.messages import MessageStore
from sandbox.slack.methods_chat import respond
from sandbox.slack.native_control import NativeControlApi
from sandbox.slack.page_actions import PageActions
from sandbox.slack.pages import BrowserPages
from sandbox.slack.payloads import event
from sandbox.slack.rate_limits import RateLimiter
from sandbox.slack.roster import Roster
from sandbox.slack.schedule import ScheduledMessages
from sandbox.slack.sockets import SocketModeServer
from sandbox.slack.upstream import Upstream
from sandbox.slack.user_actions import BackgroundActions, UserActions
from sandbox.slack.views import ViewStore
from sandbox.slack.web_api import WebApi

_PAGE_SCRIPT = Path(__file__).with_name("page.js")
_FORWARDED_HEADERS = ("Content-Type", "Content-Disposition")
_MAX_UPLOAD_BYTES = 1 << 30
_NO_TOTAL_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10)


def build_hub(
    session: aiohttp.ClientSession,
    upstream_base: str,
    public_url: str,
    tokens: SlackTokens,
    background: BackgroundActions,
    now: Callable[[], float] = time.time,
) -> Hub:
    """Everything behind the gateway's address ``public``, in front of the local Slack at ``upstream_base``."""
    upstream = Upstream(session, upstream_base, tokens.bot, public_url)
    rooms, messages, views = Channels(upstream), MessageStore(upstream), ViewStore()
    sockets = SocketModeServer(on_change=lambda: background.start(pages.show_status()))
    pages = BrowserPages(upstream, rooms, messages, views, is_connected=lambda: sockets.connected)
    deliveries = PayloadDelivery(session, sockets, tokens.signing_secret, now)
    return Hub(
        public_url=public_url,
        tokens=tokens,
        now=now,
        upstream=upstream,
        channels=rooms,
        messages=messages,
        views=views,
        roster=Roster(),
        issued_tokens=IssuedTokens(now),
        faults=FaultQueue(),
        rates=RateLimiter(now),
        call_log=CallLog(),
        sockets=sockets,
        deliveries=deliveries,
        pages=pages,
        schedule=ScheduledMessages(),
        changes=ChangeCounter(),
        announce=lambda inner: background.start(deliveries.deliver("events_api", event(inner))),
    )


@dataclass(frozen=True, slots=True)
class Gateway:
    """``url`` is its address; ``problems`` are errors of its own that nobody was waiting for."""

    url: str
    hub: Hub
    problems: list[BaseException]


@asynccontextmanager
async def open_gateway(upstream_base: str, tokens: SlackTokens, port: int = 0) -> AsyncIterator[Gateway]:
    """A gateway on ``port`` of loopback (0: any free one) in front of a running local Slack."""
    problems: list[BaseException] = []
    async with AsyncExitStack() as stack:
        listening = stack.enter_context(_bind_loopback(port))
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=_NO_TOTAL_TIMEOUT))
        background = BackgroundActions(problems.append)
        stack.push_async_callback(background.stop)
        public = f"http://127.0.0.1:{listening.getsockname()[1]}"
        hub = build_hub(session, upstream_base, public, tokens, background)
        actions = UserActions(hub)
        upstream_socket = await stack.enter_async_context(await hub.upstream.bot_socket())
        background.start(EventForwarder(hub, actions, background).listen(upstream_socket))
        page_socket = await stack.enter_async_context(await hub.upstream.page_socket())
        background.start(hub.changes.listen(page_socket, hub.upstream.page_socket))
        app = web.Application(client_max_size=_MAX_UPLOAD_BYTES)
        app.add_routes(_routes(hub, actions, background, session))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        stack.push_async_callback(_release_connections, hub)
        await web.SockSite(runner, listening).start()
        yield Gateway(public, hub, problems)


def _bind_loopback(port: int) -> socket.socket:
    """A socket that listens on loopback; its port is known before anything is told the address."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    return listening


async def _release_connections(hub: Hub) -> None:
    """Before the server stops: end what would keep it waiting."""
    hub.faults.clear()
    hub.schedule.clear()
    await hub.sockets.close()
    await hub.pages.close()


def _routes(hub: Hub, actions: UserActions, background: BackgroundActions, session: aiohttp.ClientSession) -> list[web.RouteDef]:
    api, control = WebApi(hub), ControlApi(hub, actions)
    handlers = _GatewayHandlers(hub, api, PageActions(hub, actions, background), session)
    return [
        web.post("/api/{method}", api.handle),
        web.get("/api/{method}", api.handle),
        web.get("/link/", handlers.bot_socket),
        web.post("/response/{key}", handlers.response),
        web.post("/upload/{path:.+}", handlers.upload),
        web.get("/ui", handlers.page_socket),
        web.get("/_gateway/page.js", handlers.page_script),
        *control.routes(),
        *NativeControlApi(hub, actions, control).routes(),
        web.route("*", "/{path:.*}", handlers.proxy),
    ]


def _with_page_script(page: bytes) -> bytes:
    """The page with the gateway's script in it, and a command to try that this bot knows."""
    with_script = page.replace(b"<head>", b'<head><script src="/_gateway/page.js"></script>', 1)
    return with_script.replace(b"try /echo hi", f"try {COMMAND} help".encode())


class _GatewayHandlers:
    """The ways in that are neither Web API nor control."""

    def __init__(self, hub: Hub, api: WebApi, page_acts: PageActions, session: aiohttp.ClientSession) -> None:
        self._hub = hub
        self._api = api
        self._page_acts = page_acts
        self._session = session

    async def bot_socket(self, request: web.Request) -> web.StreamResponse:
        if not self._hub.issued_tokens.redeem_socket_ticket(request.query.get("ticket", "")):
            return web.Response(status=403, text="invalid ticket")
        return await self._hub.sockets.serve(request)

    async def page_socket(self, request: web.Request) -> web.StreamResponse:
        return await self._hub.pages.serve(request, self._page_acts.handle)

    async def page_script(self, _: web.Request) -> web.StreamResponse:
        return web.FileResponse(_PAGE_SCRIPT, headers={"Content-Type": "text/javascript", "Cache-Control": "no-store"})

    async def response(self, request: web.Request) -> web.StreamResponse:
        """What `respond()` posts; the same faults can be ordered for it as for a method, as `response_url`."""
        body: Json = await request.json()
        call = self._hub.call_log.open("response_url", body)
        return await self._api.respond(request, call, self._respond(request.match_info["key"], body))

    async def _respond(self, key: str, body: Json) -> Json:
        try:
            await respond(self._hub, key, body)
        except WebApiError as refusal:
            return refusal.response_body()
        return {"ok": True}

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """The bytes of a file, on their way to the local Slack; as `upload` they can have faults too."""
        call = self._hub.call_log.open("upload", {"path": request.path})
        return await self._api.respond(request, call, self._upload(request))

    async def _upload(self, request: web.Request) -> Json:
        url = f"{self._hub.upstream.base}{request.path_qs}"
        headers = {"Content-Type": request.headers.get("Content-Type", "application/octet-stream")}
        async with self._session.post(url, data=await request.read(), headers=headers) as response:
            text = await response.text()
        return {"ok": True} if response.status == 200 else {"ok": False, "error": text}

    async def proxy(self, request: web.Request) -> web.StreamResponse:
        """The page and what it loads, with the gateway's script in it."""
        url = f"{self._hub.upstream.base}{request.path_qs}"
        headers = {key: request.headers[key] for key in ("Content-Type", "Authorization") if key in request.headers}
        body = await request.read() if request.can_read_body else None
        async with self._session.request(request.method, url, data=body, headers=headers) as response:
            content = await response.read()
            passed = {key: response.headers[key] for key in _FORWARDED_HEADERS if key in response.headers}
            if response.content_type == "text/html":
                content = _with_page_script(content)
            return web.Response(status=response.status, body=content, headers=passed)
