"""What a Web API method is here, and what several of them need."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from sandbox.slack import people
from sandbox.slack.channels import Room
from sandbox.slack.errors import Json, Refused
from sandbox.slack.hub import Hub

Method = Callable[[Hub, Json], Awaitable[Json]]
Item = TypeVar("Item")
LARGEST_PAGE = 1000


def needed(args: Json, *names: str) -> None:
    """Raises `invalid_arguments` naming what is missing."""
    missing = [f"missing required field: {name}" for name in names if args.get(name) is None or args[name] == ""]
    if missing:
        raise Refused("invalid_arguments", missing)


def is_true(value: object) -> bool:
    return str(value).lower() in {"true", "1"}


def page(items: Sequence[Item], args: Json, default: int) -> tuple[Sequence[Item], str]:
    """One page of ``items`` and the cursor of the next, empty at the end. Raises `invalid_cursor`."""
    start = _offset(str(args.get("cursor") or ""))
    size = int(args.get("limit") or default)
    if not 0 < size <= LARGEST_PAGE:
        raise Refused("invalid_limit")
    end = start + size
    return items[start:end], _cursor(end) if end < len(items) else ""


def _cursor(offset: int) -> str:
    return base64.b64encode(f"offset:{offset}".encode()).decode()


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        word, _, number = base64.b64decode(cursor, validate=True).decode().partition(":")
        if word != "offset":
            raise Refused("invalid_cursor")
        return int(number)
    except (binascii.Error, ValueError):
        raise Refused("invalid_cursor") from None


async def writable_room(hub: Hub, args: Json) -> Room:
    """The channel that a call writes to: it exists, is not archived, and the bot is in it."""
    needed(args, "channel")
    room = await hub.rooms.find(str(args["channel"]))
    if room.archived:
        raise Refused("is_archived")
    if not room.has_bot():
        raise Refused("not_in_channel")
    return room


async def readable_room(hub: Hub, args: Json) -> Room:
    needed(args, "channel")
    room = await hub.rooms.find(str(args["channel"]))
    if not room.has_bot():
        raise Refused("not_in_channel")
    return room


def is_own(message: Json) -> bool:
    """Whether the bot wrote it."""
    return message.get("user") == people.BOT_USER_ID
