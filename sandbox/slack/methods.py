"""What a Web API method is here, and what several of them need."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from sandbox.slack import people
from sandbox.slack.channels import Channel
from sandbox.slack.errors import Json, WebApiError
from sandbox.slack.hub import Hub

Method = Callable[[Hub, Json], Awaitable[Json]]
Item = TypeVar("Item")
MAX_PAGE_SIZE = 1000


def require_arguments(args: Json, *names: str) -> None:
    """Raises `invalid_arguments` naming what is missing."""
    missing = [f"missing required field: {name}" for name in names if args.get(name) is None or args[name] == ""]
    if missing:
        raise WebApiError("invalid_arguments", missing)


def is_true(value: object) -> bool:
    return str(value).lower() in {"true", "1"}


def paginate(items: Sequence[Item], args: Json, default: int) -> tuple[Sequence[Item], str]:
    """One page of ``items`` and the cursor of the next, empty at the end. Raises `invalid_cursor`."""
    start = _offset(str(args.get("cursor") or ""))
    size = int(args.get("limit") or default)
    if not 0 < size <= MAX_PAGE_SIZE:
        raise WebApiError("invalid_limit")
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
            raise WebApiError("invalid_cursor")
        return int(number)
    except (binascii.Error, ValueError):
        raise WebApiError("invalid_cursor") from None


async def writable_channel(hub: Hub, args: Json) -> Channel:
    """The channel that a call writes to: it exists, is not archived, and the bot is in it."""
    require_arguments(args, "channel")
    room = await hub.channels.find(str(args["channel"]))
    if room.archived:
        raise WebApiError("is_archived")
    if not room.has_bot():
        raise WebApiError("not_in_channel")
    return room


async def readable_channel(hub: Hub, args: Json) -> Channel:
    require_arguments(args, "channel")
    room = await hub.channels.find(str(args["channel"]))
    if not room.has_bot():
        raise WebApiError("not_in_channel")
    return room


def sent_by_bot(message: Json) -> bool:
    """Whether the bot wrote it."""
    return message.get("user") == people.BOT_USER_ID
