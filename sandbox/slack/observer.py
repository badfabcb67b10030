"""What people see, and waiting until they see it: always a condition with a deadline."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp

from sandbox.slack.control_client import GatewayControl
from sandbox.slack.errors import Json
from sandbox.slack.message_views import SeenMessage, SeenView, seen_message
from sandbox.slack.people import channels_by_name, people_by_name, people_by_role

POLL = 0.02
PATIENCE = 30.0
Found = TypeVar("Found")


class NothingCame(AssertionError):
    """What was waited for did not happen in time; the message says what was there instead."""


def user_id(who: str) -> str:
    """A user id from an id, a first name or a role."""
    return people_by_name().get(who) or people_by_role().get(who) or who


def channel_id(channel: str) -> str:
    """A channel id from an id or a name, with or without `#`. Channels made later go by id."""
    return channels_by_name().get(channel.removeprefix("#"), channel)


async def until(look: Callable[[], Awaitable[Found | None]], within: float = PATIENCE) -> Found:
    """Call ``look`` until it finds something. Raises `NothingCame`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        if (found := await look()) is not None:
            return found
        if loop.time() > deadline:
            raise NothingCame(f"It did not happen within {within} s.")
        await asyncio.sleep(POLL)


class Looking:
    """People are given by user id, first name or role; channels by id or name."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.control = GatewayControl(url, session)

    async def everything(self, channel: str) -> list[SeenMessage]:
        """All messages of a channel, threads and ephemeral ones too, oldest first."""
        answer = await self.control.look("messages", channel=channel_id(channel))
        return [seen_message(message) for message in answer["messages"]]

    async def everywhere(self) -> list[SeenMessage]:
        """All messages of all channels."""
        return [seen_message(message) for message in (await self.control.look("messages"))["messages"]]

    async def messages(self, channel: str) -> list[SeenMessage]:
        """What everybody sees in a channel, threads left out."""
        return [m for m in await self.everything(channel) if not m.is_ephemeral and not m.is_reply]

    async def thread(self, channel: str, ts: str) -> list[SeenMessage]:
        """The replies to a message."""
        return [m for m in await self.everything(channel) if m.thread_ts == ts and m.is_reply and not m.is_ephemeral]

    async def ephemerals(self, user: str, channel: str | None = None) -> list[SeenMessage]:
        """What only this person sees, in one channel or in all."""
        found = await self.everything(channel) if channel else await self.everywhere()
        return [message for message in found if message.ephemeral_to == user_id(user)]

    async def forms(self, user: str) -> list[SeenView]:
        """The stack of forms before a person, the one in front last."""
        answer = await self.control.look("forms", user=user_id(user))
        return [SeenView(view, answer["errors"]) for view in answer["stack"]]

    async def modal(self, user: str) -> SeenView:
        """The form in front of a person. Raises `NothingCame` when there is none."""
        if forms := await self.forms(user):
            return forms[-1]
        raise NothingCame(f"There is no form in front of {user}.")

    async def home(self, user: str) -> SeenView:
        """A person's Home tab. Raises `NothingCame` while it is empty."""
        view = (await self.control.look("home", user=user_id(user)))["view"]
        if view is None:
            raise NothingCame(f"The Home tab of {user} is empty.")
        return SeenView(view, {})

    async def log(self, method: str | None = None) -> list[Json]:
        """Every Web API call so far: `time`, `method`, `channel`, `args`, `outcome`, `delivered`, `ts`."""
        calls: list[Json] = (await self.control.look("log", **({"method": method} if method else {})))["calls"]
        return calls

    async def wait_for_message(
        self, predicate: Callable[[SeenMessage], bool], within: float = PATIENCE, *, channel: str | None = None
    ) -> SeenMessage:
        """The newest message, in one channel or in all, that meets ``predicate``. Raises `NothingCame`."""
        seen: list[SeenMessage] = []
        counted = -1

        async def look() -> SeenMessage | None:
            nonlocal counted
            changes = int((await self.control.look("changes"))["count"])
            if changes == counted:
                return None
            counted = changes
            seen[:] = await self.everything(channel) if channel else await self.everywhere()
            return max((message for message in seen if predicate(message)), key=lambda m: m.ts, default=None)

        try:
            return await until(look, within)
        except NothingCame:
            told = "\n".join(f"- {message.words}" for message in seen[-8:]) or "nothing at all"
            raise NothingCame(f"No such message within {within} s. The last ones were:\n{told}") from None

    async def wait_for_ephemeral(self, user: str, text: str = "", within: float = PATIENCE) -> SeenMessage:
        """The newest message that only this person sees and that holds ``text``."""
        person = user_id(user)
        return await self.wait_for_message(lambda m: m.ephemeral_to == person and text in m.words, within)

    async def wait_for_modal(self, user: str, predicate: Callable[[SeenView], bool] = bool, within: float = PATIENCE) -> SeenView:
        """The form in front of a person, once there is one that meets ``predicate``."""

        async def look() -> SeenView | None:
            forms = await self.forms(user)
            return forms[-1] if forms and predicate(forms[-1]) else None

        return await until(look, within)

    async def wait_for_home(self, user: str, predicate: Callable[[SeenView], bool] = bool, within: float = PATIENCE) -> SeenView:
        async def look() -> SeenView | None:
            raw = (await self.control.look("home", user=user_id(user)))["view"]
            return SeenView(raw, {}) if raw is not None and predicate(SeenView(raw, {})) else None

        return await until(look, within)

    async def wait_for_bot(self, connections: int = 1, within: float = PATIENCE) -> None:
        """Until the bot has opened its sockets."""

        async def look() -> bool | None:
            return (await self.control.look("sockets"))["connections"] >= connections or None

        await until(look, within)
