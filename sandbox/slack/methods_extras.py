"""`pins.*`, `bookmarks.*`, `reactions.*` and `emoji.list`."""

import time
import uuid

from sandbox.slack import channel_events, people
from sandbox.slack.errors import Json, WebApiError
from sandbox.slack.hub import Hub
from sandbox.slack.methods import Method, readable_channel, require_arguments, writable_channel

_MAX_PINS = 100
_MAX_BOOKMARKS = 100


async def pins_add(hub: Hub, args: Json) -> Json:
    require_arguments(args, "timestamp")
    room = await writable_channel(hub, args)
    ts = str(args["timestamp"])
    if ts in room.pins:
        raise WebApiError("already_pinned")
    if len(room.pins) >= _MAX_PINS:
        raise WebApiError("too_many_pins")
    message = await hub.messages.find(room.id, ts)
    room.pins[ts] = {"created": int(time.time()), "created_by": people.BOT_USER_ID}
    hub.announce(channel_events.pinned(room, message, people.BOT_USER_ID))
    return {}


async def pins_remove(hub: Hub, args: Json) -> Json:
    require_arguments(args, "timestamp")
    room = await writable_channel(hub, args)
    if room.pins.pop(str(args["timestamp"]), None) is None:
        raise WebApiError("no_pin")
    return {}


async def pins_list(hub: Hub, args: Json) -> Json:
    room = await readable_channel(hub, args)
    items = [
        {"type": "message", "channel": room.id, "message": await hub.messages.find(room.id, ts), **pin}
        for ts, pin in room.pins.items()
    ]
    return {"items": items}


async def bookmarks_add(hub: Hub, args: Json) -> Json:
    require_arguments(args, "channel_id", "title", "type")
    room = await writable_channel(hub, {"channel": args["channel_id"]})
    if args["type"] != "link" or not args.get("link"):
        raise WebApiError("invalid_link")
    if len(room.bookmarks) >= _MAX_BOOKMARKS:
        raise WebApiError("too_many_bookmarks")
    bookmark = {
        "id": f"Bk{uuid.uuid4().hex[:9].upper()}",
        "channel_id": room.id,
        "title": args["title"],
        "link": args["link"],
        "emoji": args.get("emoji", ""),
        "type": "link",
        "date_created": int(time.time()),
        "app_id": people.APP_ID,
    }
    room.bookmarks[str(bookmark["id"])] = bookmark
    return {"bookmark": bookmark}


async def bookmarks_edit(hub: Hub, args: Json) -> Json:
    require_arguments(args, "channel_id", "bookmark_id")
    room = await writable_channel(hub, {"channel": args["channel_id"]})
    bookmark = room.bookmarks.get(str(args["bookmark_id"]))
    if bookmark is None:
        raise WebApiError("not_found")
    bookmark |= {key: args[key] for key in ("title", "link", "emoji") if args.get(key)}
    return {"bookmark": bookmark}


async def bookmarks_remove(hub: Hub, args: Json) -> Json:
    require_arguments(args, "channel_id", "bookmark_id")
    room = await writable_channel(hub, {"channel": args["channel_id"]})
    if room.bookmarks.pop(str(args["bookmark_id"]), None) is None:
        raise WebApiError("not_found")
    return {}


async def bookmarks_list(hub: Hub, args: Json) -> Json:
    require_arguments(args, "channel_id")
    room = await readable_channel(hub, {"channel": args["channel_id"]})
    return {"bookmarks": list(room.bookmarks.values())}


async def _find_reaction(hub: Hub, args: Json) -> tuple[str, str, bool]:
    """The channel, the message's ts, and whether the bot's reaction is there already."""
    require_arguments(args, "name", "timestamp")
    room = await writable_channel(hub, args)
    message = await hub.messages.find(room.id, str(args["timestamp"]))
    reactions = [reaction for reaction in message.get("reactions", []) if reaction["name"] == args["name"]]
    return room.id, message["ts"], any(people.BOT_USER_ID in reaction["users"] for reaction in reactions)


async def reactions_add(hub: Hub, args: Json) -> Json:
    channel, ts, is_there = await _find_reaction(hub, args)
    if is_there:
        raise WebApiError("already_reacted")
    await hub.upstream.call("reactions.add", {"channel": channel, "timestamp": ts, "name": args["name"]})
    return {}


async def reactions_remove(hub: Hub, args: Json) -> Json:
    channel, ts, is_there = await _find_reaction(hub, args)
    if not is_there:
        raise WebApiError("no_reaction")
    await hub.upstream.call("reactions.remove", {"channel": channel, "timestamp": ts, "name": args["name"]})
    return {}


async def reactions_get(hub: Hub, args: Json) -> Json:
    require_arguments(args, "timestamp")
    room = await readable_channel(hub, args)
    message = await hub.messages.find(room.id, str(args["timestamp"]))
    return {"type": "message", "channel": room.id, "message": message}


async def emoji_list(hub: Hub, _: Json) -> Json:
    return await hub.upstream.call("emoji.list", {})


METHODS: dict[str, Method] = {
    "pins.add": pins_add,
    "pins.remove": pins_remove,
    "pins.list": pins_list,
    "bookmarks.add": bookmarks_add,
    "bookmarks.edit": bookmarks_edit,
    "bookmarks.remove": bookmarks_remove,
    "bookmarks.list": bookmarks_list,
    "reactions.add": reactions_add,
    "reactions.remove": reactions_remove,
    "reactions.get": reactions_get,
    "emoji.list": emoji_list,
}
