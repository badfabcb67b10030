"""The page's sockets: what each open page may see, for the person it acts as, and what that person does in it."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import ClientWebSocketResponse, WSMsgType, web

from sandbox.slack import people
from sandbox.slack.channels import Channels
from sandbox.slack.errors import Json
from sandbox.slack.messages import MessageStore
from sandbox.slack.page_messages import draw_errors, draw_message, draw_view
from sandbox.slack.upstream import Upstream
from sandbox.slack.views import ViewStore

FrameHandler = Callable[["BrowserPage", Json], Awaitable[None]]


@dataclass(slots=True, eq=False)
class BrowserPage:
    """One open page. ``person`` is whom it acts as; ``pending_confirmations`` are clicks that wait for a confirmation."""

    socket: web.WebSocketResponse
    person: str = people.PEOPLE[0].id
    upstream: ClientWebSocketResponse | None = None
    pending_confirmations: dict[str, Json] = field(default_factory=dict)

    async def send(self, frame: Json) -> None:
        if not self.socket.closed:
            await self.socket.send_str(json.dumps(frame))

    async def ask_confirmation(self, confirm: Json, frame: Json) -> None:
        """Ask before a click with a ``confirm`` object is done."""
        key = uuid.uuid4().hex
        self.pending_confirmations[key] = frame
        await self.send({"t": "confirm", "id": key, "confirm": confirm})


class BrowserPages:
    """All open pages. ``is_connected`` tells whether the bot is there."""

    def __init__(
        self, upstream: Upstream, rooms: Channels, messages: MessageStore, views: ViewStore, is_connected: Callable[[], bool]
    ) -> None:
        self._upstream = upstream
        self._rooms = rooms
        self._messages = messages
        self._views = views
        self._is_connected = is_connected
        self._pages: list[BrowserPage] = []

    async def serve(self, request: web.Request, on_frame: FrameHandler) -> web.WebSocketResponse:
        """Serve one page until it is closed; what its person does goes to ``do``."""
        socket = web.WebSocketResponse(heartbeat=30, max_msg_size=0)
        await socket.prepare(request)
        page = BrowserPage(socket)
        self._pages.append(page)
        stream_task = asyncio.create_task(self._stream_changes(page))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._on_frame(page, json.loads(message.data), on_frame)
        finally:
            self._pages.remove(page)
            stream_task.cancel()
            await asyncio.gather(stream_task, return_exceptions=True)
        return socket

    async def _on_frame(self, page: BrowserPage, frame: Json, do: FrameHandler) -> None:
        if frame.get("t") == "acting":
            if frame["user"] != page.person:
                page.person = str(frame["user"])
                await self._reload(page)
            return
        if frame.get("t") == "confirmed":
            frame = {**page.pending_confirmations.pop(str(frame["id"])), "confirmed": True}
        await do(page, frame)

    async def forward(self, page: BrowserPage, frame: Json) -> None:
        """Hand what a person did with messages to the local Slack."""
        if page.upstream is not None and not page.upstream.closed:
            await page.upstream.send_str(json.dumps(frame))

    async def _stream_changes(self, page: BrowserPage) -> None:
        """The state, then every change; from the start again whenever the page's socket upstream is closed."""
        while not page.socket.closed:
            async with await self._upstream.page_socket() as page.upstream:
                async for message in page.upstream:
                    if message.type is WSMsgType.TEXT:
                        await self._forward_frame(page, json.loads(message.data))

    async def _forward_frame(self, page: BrowserPage, frame: Json) -> None:
        kind = frame["t"]
        if kind == "init":
            await page.send({"t": "init", "state": await self._state(frame["state"], page.person)})
        elif kind in {"message", "message_update"}:
            if (drawn := self._draw(frame["message"], page.person)) is not None:
                await page.send({**frame, "message": drawn})
        elif kind == "channel":
            room = await self._rooms.find(frame["channel"]["id"])
            if room.is_visible_to(page.person):
                await page.send({"t": "channel", "channel": room.to_page()})
        elif kind in {"message_delete", "log"}:
            await page.send(frame)

    async def _state(self, state: Json, person: str) -> Json:
        for channel in state["channels"]:
            await self._adopt(channel["id"])
        rooms = [room for room in self._rooms.all() if room.is_visible_to(person)]
        seen = {room.id for room in rooms}
        return {
            **state,
            "apps": [{**app, "connected": self._is_connected()} for app in state["apps"]],
            "channels": [room.to_page() for room in rooms],
            "messages": {
                channel: [drawn for message in messages if (drawn := self._draw(message, person)) is not None]
                for channel, messages in state["messages"].items()
                if channel in seen
            },
            "modalStack": self._forms(person),
            "homeViews": self._homes(person),
        }

    async def _adopt(self, channel_id: str) -> None:
        """A channel that a person opened at the local Slack's own control is known here from now on."""
        await self._rooms.find(channel_id)

    def _draw(self, message: Json, person: str) -> Json | None:
        if message.get("subtype") == "ephemeral" and message.get("ephemeral_to") != person:
            return None
        return draw_message(self._messages.to_api(message), person)

    def _forms(self, person: str) -> list[Json]:
        return [draw_view(view, person) for view in self._views.stacks.get(person, [])]

    def _homes(self, person: str) -> Json:
        view = self._views.homes.get(person)
        return {person: {people.APP_ID: draw_view(view, person)}} if view else {}

    async def show_forms(self, person: str) -> None:
        """Show a person's stack of forms, or none, on the pages that act as them."""
        await self._broadcast({"t": "view", "stack": self._forms(person)}, person)

    async def show_errors(self, person: str) -> None:
        view = self._views.top(person)
        errors = draw_errors(view, self._views.errors.get(person, {})) if view else {}
        await self._broadcast({"t": "view_errors", "errors": errors}, person)

    async def show_home(self, person: str) -> None:
        for views in self._homes(person).values():
            await self._broadcast({"t": "home", "user": person, "appId": people.APP_ID, "view": views[people.APP_ID]}, person)

    async def show_status(self) -> None:
        """Whether the bot is connected, on every page."""
        await self._broadcast({"t": "socket_status", "appId": people.APP_ID, "connected": self._is_connected()})

    async def refresh(self) -> None:
        """Draw every page anew: channels or members have changed."""
        for page in list(self._pages):
            await self._reload(page)

    async def _reload(self, page: BrowserPage) -> None:
        if page.upstream is not None:
            await page.upstream.close()

    async def _broadcast(self, frame: Json, person: str | None = None) -> None:
        for page in list(self._pages):
            if person in {None, page.person}:
                await page.send(frame)

    async def close(self) -> None:
        for page in list(self._pages):
            await page.socket.close()
