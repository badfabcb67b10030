"""The local Slack driven by nothing but its documented control API: what a script of somebody else would do."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import aiohttp

Json = dict[str, Any]


class NativeSlack:
    """``control`` is ``slack_control`` of the endpoints; people and channels go by their ids."""

    def __init__(self, session: aiohttp.ClientSession, control: str) -> None:
        self._session = session
        self._control = control

    async def post(self, path: str, **body: Any) -> Json:
        async with self._session.post(f"{self._control}/{path}", json=body) as response:
            answer: Json = await response.json()
        return answer

    async def get(self, path: str) -> Json:
        async with self._session.get(f"{self._control}/{path}") as response:
            answer: Json = await response.json()
        return answer

    async def run_command(self, user: str, channel: str, text: str) -> None:
        answer = await self.post("command", user=user, channel=channel, command="/deepecho", text=text)
        assert answer["ok"], answer

    async def click(self, user: str, card: Json, label: str) -> None:
        """A button, given as it stands in the message."""
        elements = [each for block in card["blocks"] if block["type"] == "actions" for each in block["elements"]]
        action = next(each for each in elements if each["text"]["text"] == label)
        answer = await self.post("interact", user=user, channel=card["channel"], messageTs=card["ts"], action=action)
        assert answer["ok"], answer

    async def messages(self, channel: str) -> list[Json]:
        found: list[Json] = (await self.get(f"messages/{channel}"))["messages"]
        return found

    async def wait_for_message(self, channel: str, wanted: Callable[[Json], bool], within: float = 15.0) -> Json:
        """The newest message that is as wanted, once there is one."""
        deadline = time.monotonic() + within
        while True:
            messages = await self.messages(channel)
            if found := [message for message in messages if wanted(message)]:
                return found[-1]
            assert time.monotonic() < deadline, "nothing of the kind; there are:\n" + "\n".join(each["text"] for each in messages)
            await asyncio.sleep(0.1)


def visible_text(message: Json) -> str:
    """Everything that a message's blocks say."""
    parts = [message.get("text", "")]
    for block in message.get("blocks") or []:
        parts += [each["text"] for each in [block.get("text"), *(block.get("elements") or [])] if each and "text" in each]
    return "\n".join(str(part) for part in parts)


def is_card(message: Json, text: str) -> bool:
    """Whether it is a lasting message of the channel itself that holds ``text``."""
    return not message.get("thread_ts") and message.get("subtype") != "ephemeral" and text in visible_text(message)
