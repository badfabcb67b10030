"""`conversations.*`: channels, who is in them, and what was said."""

import time

from sandbox.slack import channel_events, people
from sandbox.slack.channels import Channel
from sandbox.slack.errors import Json, WebApiError
from sandbox.slack.hub import Hub
from sandbox.slack.limits import TOPIC, check_channel_name
from sandbox.slack.messages import is_reply, without_metadata
from sandbox.slack.methods import MAX_PAGE_SIZE, Method, is_true, paginate, readable_channel, require_arguments, writable_channel

_MAX_INVITED = 1000


def _ids(value: object) -> list[str]:
    parts = value if isinstance(value, list) else str(value or "").split(",")
    return [str(part).strip() for part in parts if str(part).strip()]


async def create(hub: Hub, args: Json) -> Json:
    name = check_channel_name(args.get("name"))
    if hub.channels.find_by_name(name) is not None:
        raise WebApiError("name_taken")
    answer = await hub.upstream.call("conversations.create", {"name": name, "is_private": is_true(args.get("is_private"))})
    room = hub.channels.add(
        Channel(
            id=answer["channel"]["id"],
            name=name,
            members=[people.BOT_USER_ID],
            is_private=is_true(args.get("is_private")),
            creator=people.BOT_USER_ID,
            created=int(time.time()),
        )
    )
    await hub.pages.refresh()
    return {"channel": room.to_api()}


async def users_conversations(hub: Hub, args: Json) -> Json:
    """Those that the bot is in."""
    answer = await list_channels(hub, args | {"limit": MAX_PAGE_SIZE, "cursor": ""})
    mine = [channel for channel in answer["channels"] if channel.get("is_member")]
    shown, cursor = paginate(mine, args, 100)
    return {"channels": list(shown), "response_metadata": {"next_cursor": cursor}}


async def info(hub: Hub, args: Json) -> Json:
    require_arguments(args, "channel")
    room = await hub.channels.find(str(args["channel"]))
    return {"channel": room.to_api()}


async def list_channels(hub: Hub, args: Json) -> Json:
    types = set(_ids(args.get("types") or "public_channel"))
    kinds = {"public_channel": (False, False), "private_channel": (True, False), "im": (True, True)}
    wanted = {kinds[kind] for kind in types if kind in kinds}
    rooms = [room for room in hub.channels.all() if (room.is_private or room.is_im, room.is_im) in wanted]
    if is_true(args.get("exclude_archived")):
        rooms = [room for room in rooms if not room.archived]
    shown, cursor = paginate(rooms, args, 100)
    return {"channels": [room.to_api() for room in shown], "response_metadata": {"next_cursor": cursor}}


def _in_time_range(ts: str, args: Json) -> bool:
    """Slack leaves out the messages at ``oldest`` and ``latest`` themselves unless ``inclusive``."""
    moment, oldest, latest = float(ts), float(args.get("oldest") or 0), float(args.get("latest") or "inf")
    if is_true(args.get("inclusive")):
        return oldest <= moment <= latest
    return oldest < moment < latest


def _pinned(room: Channel, message: Json) -> Json:
    """A message with the channels that it is pinned to."""
    return {**message, "pinned_to": [room.id]} if message["ts"] in room.pins else message


def _paged(room: Channel, messages: list[Json], args: Json, default: int) -> Json:
    shown, cursor = paginate(messages, args, default)
    keeps_metadata = is_true(args.get("include_all_metadata"))
    return {
        "messages": [_pinned(room, message if keeps_metadata else without_metadata(message)) for message in shown],
        "has_more": bool(cursor),
        "response_metadata": {"next_cursor": cursor},
    }


async def history(hub: Hub, args: Json) -> Json:
    """Newest first, threads' replies left out."""
    room = await readable_channel(hub, args)
    lasting = await hub.messages.without_ephemeral(room.id)
    roots = [message for message in lasting if not is_reply(message) and _in_time_range(message["ts"], args)]
    return {**_paged(room, roots[::-1], args, 100), "pin_count": len(room.pins)}


async def replies(hub: Hub, args: Json) -> Json:
    """The thread of a message, oldest first, beginning with the message itself."""
    require_arguments(args, "ts")
    room = await readable_channel(hub, args)
    lasting = await hub.messages.without_ephemeral(room.id)
    ts = str(args["ts"])
    if all(message["ts"] != ts for message in lasting):
        raise WebApiError("thread_not_found")
    root = [message for message in lasting if message["ts"] == ts]
    answers = [message for message in lasting if is_reply(message) and message["thread_ts"] == ts]
    return _paged(room, root + [answer for answer in answers if _in_time_range(answer["ts"], args)], args, 1000)


async def members(hub: Hub, args: Json) -> Json:
    room = await hub.channels.find(args.get("channel"))
    shown, cursor = paginate(room.members, args, 100)
    return {"members": list(shown), "response_metadata": {"next_cursor": cursor}}


async def open_direct(hub: Hub, args: Json) -> Json:
    if args.get("channel"):
        room = await hub.channels.find(str(args["channel"]))
    else:
        users = _ids(args.get("users"))
        if not users:
            raise WebApiError("users_list_not_supplied")
        if len(users) > 1:
            raise WebApiError("method_not_supported_for_channel_type")
        room = await hub.channels.open_direct(users[0])
    return {"channel": room.to_api() if is_true(args.get("return_im")) else {"id": room.id}}


async def invite(hub: Hub, args: Json) -> Json:
    """One wrong id refuses all of them, unless ``force``."""
    room = await writable_channel(hub, args)
    users = _ids(args.get("users"))
    if not users:
        raise WebApiError("no_user")
    if len(users) > _MAX_INVITED:
        raise WebApiError("too_many_users")
    problems = {user: problem for user in users if (problem := _join_error(room, user))}
    if problems and (len(problems) == len(users) or not is_true(args.get("force"))):
        errors = [{"user": user, "ok": False, "error": problem} for user, problem in problems.items()]
        raise WebApiError(next(iter(problems.values())), errors=errors)
    for user in (user for user in users if user not in problems):
        room.members.append(user)
        hub.announce(channel_events.joined(room, user, inviter=people.BOT_USER_ID))
    await hub.pages.refresh()
    return {"channel": room.to_api()}


def _join_error(room: Channel, user: str) -> str | None:
    if user == people.BOT_USER_ID:
        return "cant_invite_self"
    if people.find_user(user) is None:
        return "user_not_found"
    return "already_in_channel" if user in room.members else None


async def join(hub: Hub, args: Json) -> Json:
    require_arguments(args, "channel")
    room = await hub.channels.find(str(args["channel"]))
    if room.archived:
        raise WebApiError("is_archived")
    if room.is_im or (room.is_private and not room.has_bot()):
        raise WebApiError("method_not_supported_for_channel_type")
    if not room.has_bot():
        room.members.append(people.BOT_USER_ID)
    return {"channel": room.to_api()}


async def leave(hub: Hub, args: Json) -> Json:
    room = await hub.channels.find(args.get("channel"))
    if not room.has_bot():
        return {"not_in_channel": True}
    if room.name == "general":
        raise WebApiError("cant_leave_general")
    room.members.remove(people.BOT_USER_ID)
    return {}


async def kick(hub: Hub, args: Json) -> Json:
    require_arguments(args, "user")
    room = await writable_channel(hub, args)
    if args["user"] == people.BOT_USER_ID:
        raise WebApiError("cant_kick_self")
    if args["user"] not in room.members:
        raise WebApiError("not_in_channel")
    room.members.remove(str(args["user"]))
    await hub.pages.refresh()
    return {}


async def set_topic(hub: Hub, args: Json) -> Json:
    room = await writable_channel(hub, args)
    if len(str(args.get("topic", ""))) > TOPIC:
        raise WebApiError("too_long")
    room.topic = str(args.get("topic", ""))
    await hub.pages.refresh()
    return {"channel": room.to_api()}


async def set_purpose(hub: Hub, args: Json) -> Json:
    room = await writable_channel(hub, args)
    if len(str(args.get("purpose", ""))) > TOPIC:
        raise WebApiError("too_long")
    room.purpose = str(args.get("purpose", ""))
    await hub.pages.refresh()
    return {"channel": room.to_api(), "purpose": room.purpose}


async def rename(hub: Hub, args: Json) -> Json:
    room = await writable_channel(hub, args)
    name = check_channel_name(args.get("name"))
    if hub.channels.find_by_name(name) not in {None, room}:
        raise WebApiError("name_taken")
    room.name = name
    await hub.pages.refresh()
    return {"channel": room.to_api()}


async def archive(hub: Hub, args: Json) -> Json:
    require_arguments(args, "channel")
    room = await hub.channels.find(str(args["channel"]))
    if room.archived:
        raise WebApiError("already_archived")
    if room.name == "general":
        raise WebApiError("cant_archive_general")
    if not room.has_bot():
        raise WebApiError("not_in_channel")
    room.archived = True
    hub.announce(channel_events.changed(room, "archive", people.BOT_USER_ID))
    await hub.pages.refresh()
    return {}


async def unarchive(hub: Hub, args: Json) -> Json:
    room = await hub.channels.find(args.get("channel"))
    if not room.archived:
        raise WebApiError("not_archived")
    room.archived = False
    hub.announce(channel_events.changed(room, "unarchive", people.BOT_USER_ID))
    await hub.pages.refresh()
    return {}


METHODS: dict[str, Method] = {
    "users.conversations": users_conversations,
    "conversations.create": create,
    "conversations.info": info,
    "conversations.list": list_channels,
    "conversations.history": history,
    "conversations.replies": replies,
    "conversations.members": members,
    "conversations.open": open_direct,
    "conversations.invite": invite,
    "conversations.join": join,
    "conversations.leave": leave,
    "conversations.kick": kick,
    "conversations.setTopic": set_topic,
    "conversations.setPurpose": set_purpose,
    "conversations.rename": rename,
    "conversations.archive": archive,
    "conversations.unarchive": unarchive,
}
