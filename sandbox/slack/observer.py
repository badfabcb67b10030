"""What people see, and waiting until they see it: always a condition with a deadline."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp

from sandbox.slack.control_client import ControlClient
from sandbox.slack.errors import Json
from sandbox.slack.message_views import MessageView, ViewSnapshot, parse_message
from sandbox.slack.people import channels_by_name, people_by_name, people_by_role

POLL_INTERVAL = 0.02
WAIT_TIMEOUT = 30.0
Found = TypeVar("Found")


class WaitTimeout(AssertionError):
    """What was waited for did not happen in time; the message says what was there instead."""


def user_id(who: str) -> str:
    """A user id from an id, a first name or a role."""
    return people_by_name().get(who) or people_by_role().get(who) or who


def channel_id(channel: str) -> str:
    """A channel id from an id or a name, with or without `#`. Channels made later go by id."""
    return channels_by_name().get(channel.removeprefix("#"), channel)


async def wait_for(probe: Callable[[], Awaitable[Found | None]], within: float = WAIT_TIMEOUT) -> Found:
    """Call ``look`` until it finds something. Raises `NothingCame`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        if (found := await probe()) is not None:
            return found
        if loop.time() > deadline:
            raise WaitTimeout(f"It did not happen within {within} s.")
        await asyncio.sleep(POLL_INTERVAL)


class SlackObserver:
    """People are given by user id, first name or role; channels by id or name."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.control = ControlClient(url, session)

    async def all_messages(self, channel: str) -> list[MessageView]:
        """All messages of a channel, threads and ephemeral ones too, oldest first."""
        answer = await self.control.get("messages", channel=channel_id(channel))
        return [parse_message(message) for message in answer["messages"]]

    async def all_messages_everywhere(self) -> list[MessageView]:
        """All messages of all channels."""
        return [parse_message(message) for message in (await self.control.get("messages"))["messages"]]

    async def messages(self, channel: str) -> list[MessageView]:
        """What everybody sees in a channel, threads left out."""
        return [m for m in await self.all_messages(channel) if not m.is_ephemeral and not m.is_reply]

    async def thread(self, channel: str, ts: str) -> list[MessageView]:
        """The replies to a message."""
        return [m for m in await self.all_messages(channel) if m.thread_ts == ts and m.is_reply and not m.is_ephemeral]

    async def ephemerals(self, user: str, channel: str | None = None) -> list[MessageView]:
        """What only this person sees, in one channel or in all."""
        found = await self.all_messages(channel) if channel else await self.all_messages_everywhere()
        return [message for message in found if message.ephemeral_to == user_id(user)]

    async def forms(self, user: str) -> list[ViewSnapshot]:
        """The stack of forms before a person, the one in front last."""
        answer = await self.control.get("forms", user=user_id(user))
        return [ViewSnapshot(view, answer["errors"]) for view in answer["stack"]]

    async def modal(self, user: str) -> ViewSnapshot:
        """The form in front of a person. Raises `NothingCame` when there is none."""
        if forms := await self.forms(user):
            return forms[-1]
        raise WaitTimeout(f"There is no form in front of {user}.")

    async def home(self, user: str) -> ViewSnapshot:
        """A person's Home tab. Raises `NothingCame` while it is empty."""
        view = (await self.control.get("home", user=user_id(user)))["view"]
        if view is None:
            raise WaitTimeout(f"The Home tab of {user} is empty.")
        return ViewSnapshot(view, {})

    async def api_calls(self, method: str | None = None) -> list[Json]:
        """Every Web API call so far: `time`, `method`, `channel`, `args`, `outcome`, `delivered`, `ts`."""
        calls: list[Json] = (await self.control.get("log", **({"method": method} if method else {})))["calls"]
        return calls

    async def wait_for_message(
        self, predicate: Callable[[MessageView], bool], within: float = WAIT_TIMEOUT, *, channel: str | None = None
    ) -> MessageView:
        """The newest message, in one channel or in all, that meets ``predicate``. Raises `NothingCame`."""
        seen: list[MessageView] = []
        last_count = -1

        async def look() -> MessageView | None:
            nonlocal last_count
            changes = int((await self.control.get("changes"))["count"])
            if changes == last_count:
                return None
            last_count = changes
            seen[:] = await self.all_messages(channel) if channel else await self.all_messages_everywhere()
            return max((message for message in seen if predicate(message)), key=lambda m: m.ts, default=None)

        try:
            return await wait_for(look, within)
        except WaitTimeout:
            recent = "\n".join(f"- {message.visible_text}" for message in seen[-8:]) or "nothing at all"
            raise WaitTimeout(f"No such message within {within} s. The last ones were:\n{recent}") from None

    async def wait_for_ephemeral(self, user: str, text: str = "", within: float = WAIT_TIMEOUT) -> MessageView:
        """The newest message that only this person sees and that holds ``text``."""
        person = user_id(user)
        return await self.wait_for_message(lambda m: m.ephemeral_to == person and text in m.visible_text, within)

    async def wait_for_modal(
        self, user: str, predicate: Callable[[ViewSnapshot], bool] = bool, within: float = WAIT_TIMEOUT
    ) -> ViewSnapshot:
        """The form in front of a person, once there is one that meets ``predicate``."""

        async def look() -> ViewSnapshot | None:
            forms = await self.forms(user)
            return forms[-1] if forms and predicate(forms[-1]) else None

        return await wait_for(look, within)

    async def wait_for_home(
        self, user: str, predicate: Callable[[ViewSnapshot], bool] = bool, within: float = WAIT_TIMEOUT
    ) -> ViewSnapshot:
        async def look() -> ViewSnapshot | None:
            raw = (await self.control.get("home", user=user_id(user)))["view"]
            return ViewSnapshot(raw, {}) if raw is not None and predicate(ViewSnapshot(raw, {})) else None

        return await wait_for(look, within)

    async def wait_for_bot(self, connections: int = 1, within: float = WAIT_TIMEOUT) -> None:
        """Until the bot has opened its sockets."""

        async def look() -> bool | None:
            return (await self.control.get("sockets"))["connections"] >= connections or None

        await wait_for(look, within)
