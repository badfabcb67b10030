"""The people of the workspace, for tests and scripts: they type, click, fill in forms and look at what is there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from sandbox.slack.channel_client import ChannelUsers
from sandbox.slack.config import COMMAND
from sandbox.slack.control_client import FaultControl, SlackCallRefused, SocketControl
from sandbox.slack.elements import elements, find_action
from sandbox.slack.errors import Json
from sandbox.slack.message_views import MessageView, ViewSnapshot
from sandbox.slack.observer import SlackObserver, WaitTimeout, channel_id, user_id, wait_for
from sandbox.slack.people import groups_by_handle

__all__ = ["MessageView", "SlackCallRefused", "SlackUsers", "ViewSnapshot", "WaitTimeout", "open_slack_users", "wait_for"]


@asynccontextmanager
async def open_slack_users(url: str) -> AsyncIterator["SlackUsers"]:
    """The people of a Slack whose gateway runs at ``url``, perhaps in another process."""
    async with aiohttp.ClientSession() as session:
        yield SlackUsers(url, session)


class SlackUsers(SlackObserver):
    """Everything that people do. People are given by user id, first name or role, channels by id or name."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        super().__init__(url, session)
        self.faults = FaultControl(self.control)
        self.sockets = SocketControl(self.control)
        self.channels = ChannelUsers(self.control)

    async def command(self, user: str, line: str, *, channel: str = "deploys") -> Json:
        """Type a slash command (`/deepecho …`; the command's name may be left out). Returns when the bot has
        acknowledged, with `{"answered", "payload", "status"}`.
        """
        if not line.startswith("/"):
            line = f"{COMMAND} {line}"
        command, _, text = line.partition(" ")
        body = {"user": user_id(user), "channel": channel_id(channel), "command": command, "text": text.strip()}
        return await self._order_ack("command", body)

    async def click(
        self, user: str, message: MessageView, action_id: str, value: str | None = None, *, stale: bool = False
    ) -> Json:
        """Click a button, or choose ``value`` in a menu. ``stale`` clicks what the message showed earlier."""
        if not stale and find_action(list(message.all_blocks), action_id, value) is None:
            raise SlackCallRefused(f"There is no {action_id!r} to click in: {message.visible_text}")
        return await self.click_at(user, message.channel, message.ts, action_id, value)

    async def click_at(self, user: str, channel: str, ts: str, action_id: str, value: str | None = None) -> Json:
        """Click by address, whether or not the message shows such a button now."""
        body = {"user": user_id(user), "channel": channel_id(channel), "ts": ts, "action": action_body(action_id, value)}
        return await self._order_ack("click", body)

    async def press(self, user: str, message: MessageView, label: str) -> Json:
        """Click the button that reads ``label``."""
        for _, element in elements(list(message.all_blocks)):
            if element["type"] == "button" and element["text"]["text"] == label:
                return await self.click(user, message, element["action_id"], element.get("value"))
        raise SlackCallRefused(f"There is no button {label!r} in: {message.visible_text}")

    async def click_in_form(self, user: str, action_id: str, value: str | None = None) -> Json:
        """Click or choose in the form in front of a person."""
        view = await self.modal(user)
        body = {"user": user_id(user), "view_id": view.id, "action": action_body(action_id, value)}
        return await self._order_ack("view-click", body)

    async def click_in_home(self, user: str, action_id: str, value: str | None = None) -> Json:
        body = {"user": user_id(user), "view_id": None, "action": action_body(action_id, value)}
        return await self._order_ack("view-click", body)

    async def submit(self, user: str, **values: Any) -> Json:
        """Submit the form in front of a person. ``values`` by block id or action id: text, an option's value, an
        id, or a list of them; fields left out keep what they began with.
        """
        return await self._order_ack("submit", {"user": user_id(user), "values": values})

    async def close_form(self, user: str) -> None:
        await self.control.post("close", {"user": user_id(user)})

    async def open_home(self, user: str) -> Json:
        return await self._order_ack("open-home", {"user": user_id(user)})

    async def say(self, user: str, text: str, *, channel: str = "deploys", thread_ts: str | None = None) -> str:
        """Write a message; its ts."""
        body = {"user": user_id(user), "channel": channel_id(channel), "text": text, "thread_ts": thread_ts}
        return str((await self.control.post("say", body))["ts"])

    async def react(self, user: str, message: MessageView, name: str, *, present: bool = True) -> None:
        """Add a reaction; take it away if it is not to be ``present``."""
        body = {"user": user_id(user), "channel": message.channel, "ts": message.ts, "name": name, "present": present}
        await self.control.post("react", body)

    async def pin(self, user: str, message: MessageView) -> None:
        await self.control.post("pin", {"user": user_id(user), "channel": message.channel, "ts": message.ts})

    async def change_account(self, user: str, *, tell: bool = True, **fields: Any) -> None:
        """Set fields of somebody's account, such as ``deleted=True``. ``tell``: Slack sends the event for it."""
        await self.control.post("roster/account", {"user": user_id(user), "fields": fields, "tell": tell})

    async def set_group_members(self, handle: str, *users: str, tell: bool = True) -> None:
        """Give a user group exactly these members. ``tell``: Slack sends the event for it."""
        body = {"group": groups_by_handle()[handle], "users": [user_id(user) for user in users], "tell": tell}
        await self.control.post("roster/group", body)

    async def set_request_url(self, request_url: str | None) -> None:
        """Deliver commands, clicks, forms and events as signed HTTP requests from now on; None: by socket."""
        await self.control.post("delivery", {"request_url": request_url})

    async def post_signed(
        self,
        url: str,
        payload: Json,
        *,
        kind: str = "interactive",
        secret: str | None = None,
        timestamp: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Json:
        """One signed request (`slash_commands`, `interactive` or `events_api`), as it is or badly signed on purpose."""
        body = {"url": url, "payload": payload, "kind": kind, "secret": secret, "timestamp": timestamp}
        return await self._order_ack("http", body | {"headers": headers})

    async def expire_triggers(self) -> None:
        """Let three seconds pass for every trigger id that was handed out."""
        await self.control.post("triggers/expire")

    async def reset(self) -> None:
        """The workspace as at the start: no messages, forms, faults or calls. The bot stays connected."""
        await self.control.post("reset")

    async def _order_ack(self, verb: str, body: Json) -> Json:
        ack: Json = (await self.control.post(verb, body))["ack"]
        return ack


def action_body(action_id: str, value: str | None) -> Json:
    return {"action_id": action_id} | ({"value": value} if value is not None else {})
