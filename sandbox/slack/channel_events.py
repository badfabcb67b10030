"""Events about a channel, in their documented shapes. Private channels have types of their own."""

import time

from sandbox.slack import people
from sandbox.slack.channels import Channel
from sandbox.slack.errors import Json


def _now() -> str:
    return f"{time.time():.6f}"


def pinned(room: Channel, message: Json, user: str, *, is_removed: bool = False) -> Json:
    """`pin_added` or `pin_removed`."""
    pin = {"created": int(time.time()), "created_by": user}
    return {
        "type": "pin_removed" if is_removed else "pin_added",
        "user": user,
        "channel_id": room.id,
        "item": {"type": "message", "channel": room.id, "message": message, **pin},
        "item_user": message.get("user", ""),
        "pin_count": len(room.pins),
        "event_ts": _now(),
    }


def joined(room: Channel, user: str, inviter: str = "") -> Json:
    """`member_joined_channel`; without an inviter, they came by themselves."""
    event = {
        "type": "member_joined_channel",
        "user": user,
        "channel": room.id,
        "channel_type": "G" if room.is_private else "C",
        "team": people.TEAM_ID,
        "event_ts": _now(),
    }
    return event | ({"inviter": inviter} if inviter else {})


def changed(room: Channel, change: str, user: str) -> Json:
    """`channel_archive`, `group_unarchive` and the like."""
    kind = "group" if room.is_private else "channel"
    return {"type": f"{kind}_{change}", "channel": room.id, "user": user, "is_moved": 0, "event_ts": _now()}


def renamed(room: Channel) -> Json:
    """`channel_rename`, which does not say who did it."""
    kind = "group" if room.is_private else "channel"
    channel = {"id": room.id, "name": room.name, "created": room.created}
    return {"type": f"{kind}_rename", "channel": channel, "event_ts": _now()}


def bot_removed(room: Channel, user: str) -> Json:
    """`channel_left`: what an app hears when somebody removes it."""
    kind = "group" if room.is_private else "channel"
    return {"type": f"{kind}_left", "channel": room.id, "actor_id": user, "event_ts": _now()}
