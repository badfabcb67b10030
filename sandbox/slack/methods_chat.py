"""`chat.*`: posting, changing and removing messages."""

from typing import Any

from sandbox.slack.errors import Json, WebApiError
from sandbox.slack.hub import Hub
from sandbox.slack.limits import check_message
from sandbox.slack.messages import is_reply
from sandbox.slack.methods import Method, is_true, readable_channel, require_arguments, sent_by_bot, writable_channel
from sandbox.slack.people import BOT_USER_ID, find_user
from sandbox.slack.views import with_block_ids

_MAX_SCHEDULE_AHEAD_SECONDS = 120 * 86400


def _content(args: Json) -> Json:
    """Text, blocks and attachments as the local Slack stores them."""
    content: Json = {key: args[key] for key in ("text", "username") if args.get(key) is not None}
    if isinstance(args.get("blocks"), list):
        content["blocks"] = with_block_ids(args["blocks"])
    if isinstance(args.get("attachments"), list):
        content["attachments"] = [
            {**attachment, "id": number, "blocks": with_block_ids(attachment.get("blocks", []))}
            for number, attachment in enumerate(args["attachments"], 1)
        ]
    return content


async def post_message(hub: Hub, args: Json) -> Json:
    room = await writable_channel(hub, args)
    check_message(args)
    content = _content(args) | {"channel": room.id}
    if thread_ts := args.get("thread_ts"):
        content["thread_ts"] = await _parent_ts(hub, room.id, str(thread_ts))
    answer = await hub.upstream.call("chat.postMessage", content)
    hub.messages.set_metadata((room.id, answer["ts"]), args.get("metadata"))
    return {"channel": room.id, "ts": answer["ts"], "message": hub.messages.to_api(answer["message"])}


async def _parent_ts(hub: Hub, channel: str, thread_ts: str) -> str:
    """The ts of the thread's first message: Slack accepts that of a reply and puts the new one beside it."""
    try:
        parent = await hub.messages.find(channel, thread_ts)
    except WebApiError:
        raise WebApiError("thread_not_found") from None
    if parent.get("subtype") == "ephemeral":
        raise WebApiError("cannot_reply_to_message")
    return str(parent["thread_ts"]) if is_reply(parent) else thread_ts


async def update(hub: Hub, args: Json) -> Json:
    """What is not given stays as it was; an empty list removes."""
    require_arguments(args, "ts")
    room = await writable_channel(hub, args)
    message = await hub.messages.find(room.id, str(args["ts"]))
    if not sent_by_bot(message) or message.get("subtype") == "ephemeral":
        raise WebApiError("cant_update_message")
    check_message(args, is_update=True)
    content = {"text": message.get("text", ""), "blocks": message.get("blocks")} | _content(args)
    address = (room.id, str(args["ts"]))
    if "attachments" in content:
        hub.messages.attachments[address] = content.pop("attachments")
    answer = await hub.upstream.call("chat.update", content | {"channel": room.id, "ts": args["ts"]})
    hub.messages.set_metadata(address, args.get("metadata"))
    hub.messages.edits[address] = hub.messages.edits.get(address, 0) + 1
    changed = hub.messages.to_api(answer["message"])
    return {"channel": room.id, "ts": args["ts"], "text": changed.get("text", ""), "message": changed}


async def delete(hub: Hub, args: Json) -> Json:
    require_arguments(args, "ts")
    room = await readable_channel(hub, args)
    message = await hub.messages.find(room.id, str(args["ts"]))
    if not sent_by_bot(message) or message.get("subtype") == "ephemeral":
        raise WebApiError("cant_delete_message")
    await hub.upstream.call("chat.delete", {"channel": room.id, "ts": args["ts"]})
    hub.messages.set_metadata((room.id, str(args["ts"])), {})
    return {"channel": room.id, "ts": args["ts"]}


async def post_ephemeral(hub: Hub, args: Json) -> Json:
    require_arguments(args, "user")
    room = await writable_channel(hub, args)
    check_message(args)
    if find_user(str(args["user"])) is None or str(args["user"]) not in room.members:
        raise WebApiError("user_not_in_channel")
    content = _content(args) | {"channel": room.id, "user": args["user"]}
    if args.get("thread_ts"):
        content["thread_ts"] = await _parent_ts(hub, room.id, str(args["thread_ts"]))
    answer = await hub.upstream.call("chat.postEphemeral", content)
    return {"message_ts": answer["message_ts"]}


async def permalink(hub: Hub, args: Json) -> Json:
    require_arguments(args, "message_ts")
    room = await readable_channel(hub, args)
    answer = await hub.upstream.call("chat.getPermalink", {"channel": room.id, "message_ts": args["message_ts"]})
    return {"channel": room.id, "permalink": answer["permalink"]}


async def schedule_message(hub: Hub, args: Json) -> Json:
    require_arguments(args, "post_at")
    room = await writable_channel(hub, args)
    check_message(args)
    post_at = int(float(args["post_at"]))
    if post_at <= hub.now():
        raise WebApiError("time_in_past")
    if post_at > hub.now() + _MAX_SCHEDULE_AHEAD_SECONDS:
        raise WebApiError("time_too_far")

    async def post(waiting: Json) -> Any:
        return await post_message(hub, waiting)

    key = hub.schedule.add({**args, "channel": room.id}, post_at, post)
    message = {"text": args.get("text", ""), "bot_id": BOT_USER_ID, "type": "delayed_message", "user": BOT_USER_ID}
    return {"channel": room.id, "scheduled_message_id": key, "post_at": post_at, "message": message}


async def delete_scheduled(hub: Hub, args: Json) -> Json:
    require_arguments(args, "channel", "scheduled_message_id")
    hub.schedule.remove(str(args["scheduled_message_id"]))
    return {}


async def list_scheduled(hub: Hub, args: Json) -> Json:
    wanted = args.get("channel")
    listed = [
        {"id": key, "channel_id": waiting["channel"], "post_at": waiting["post_at"], "text": waiting.get("text", "")}
        for key, waiting in hub.schedule.pending.items()
        if not wanted or waiting["channel"] == wanted
    ]
    return {"scheduled_messages": listed, "response_metadata": {"next_cursor": ""}}


async def respond(hub: Hub, key: str, body: Json) -> None:
    """What `respond()` posts to a response address: to one person unless it says otherwise. Raises `Refused`."""
    address = hub.issued_tokens.use_response_url(key)
    origin = address.message_ts
    if is_true(body.get("delete_original")) and origin:
        await hub.upstream.call("chat.delete", {"channel": address.channel, "ts": origin})
        return
    check_message(body)
    content = _content(body) | {"channel": address.channel}
    if is_true(body.get("replace_original")) and origin:
        await hub.upstream.call("chat.update", content | {"ts": origin})
        edited = (address.channel, origin)
        hub.messages.edits[edited] = hub.messages.edits.get(edited, 0) + 1
        return
    if body.get("thread_ts") or address.thread_ts:
        content["thread_ts"] = body.get("thread_ts") or address.thread_ts
    if body.get("response_type") == "in_channel":
        await hub.upstream.call("chat.postMessage", content)
        return
    await hub.upstream.call("chat.postEphemeral", content | {"user": address.user})


METHODS: dict[str, Method] = {
    "chat.postMessage": post_message,
    "chat.update": update,
    "chat.delete": delete,
    "chat.postEphemeral": post_ephemeral,
    "chat.getPermalink": permalink,
    "chat.scheduleMessage": schedule_message,
    "chat.deleteScheduledMessage": delete_scheduled,
    "chat.scheduledMessages.list": list_scheduled,
}
