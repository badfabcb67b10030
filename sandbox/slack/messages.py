"""Messages as a Slack app sees them: what the local Slack stores, with the metadata and edits that it drops."""

from dataclasses import dataclass, field

from sandbox.slack import people
from sandbox.slack.errors import Json, WebApiError
from sandbox.slack.upstream import Upstream

Address = tuple[str, str]


@dataclass(slots=True)
class MessageStore:
    """``metadata``, ``edits`` and changed ``attachments`` are kept here, by channel and ts.

    Everything else is read from the local Slack.
    """

    upstream: Upstream
    metadata: dict[Address, Json] = field(default_factory=dict)
    edits: dict[Address, int] = field(default_factory=dict)
    attachments: dict[Address, list[Json]] = field(default_factory=dict)

    def clear(self) -> None:
        self.metadata.clear()
        self.edits.clear()
        self.attachments.clear()

    def set_metadata(self, address: Address, metadata: Json | None) -> None:
        """Remember a message's metadata; an empty object removes it, None leaves it as it is."""
        if metadata:
            self.metadata[address] = metadata
        elif metadata is not None:
            self.metadata.pop(address, None)

    async def all_messages(self, channel: str) -> list[Json]:
        """All messages of a channel, oldest first, ephemeral ones included."""
        return [self.to_api(message) for message in await self.upstream.messages(channel)]

    async def without_ephemeral(self, channel: str) -> list[Json]:
        """The messages that everybody in the channel sees, oldest first, threads counted on their parents."""
        visible = [message for message in await self.all_messages(channel) if message.get("subtype") != "ephemeral"]
        replies: dict[str, list[Json]] = {}
        for message in visible:
            if (parent := message.get("thread_ts")) and parent != message["ts"]:
                replies.setdefault(parent, []).append(message)
        return [_with_replies(message, replies.get(message["ts"], [])) for message in visible]

    async def find(self, channel: str, ts: str | None) -> Json:
        """One message, ephemeral or not. Raises `message_not_found`."""
        for message in await self.all_messages(channel):
            if message["ts"] == ts:
                return message
        raise WebApiError("message_not_found")

    def to_api(self, message: Json) -> Json:
        address = (message["channel"], message["ts"])
        shaped = {**message, "team": people.TEAM_ID}
        if address in self.metadata:
            shaped["metadata"] = self.metadata[address]
        if address in self.attachments:
            shaped["attachments"] = self.attachments[address]
        return shaped


def _with_replies(parent: Json, replies: list[Json]) -> Json:
    if not replies:
        return parent
    users = list(dict.fromkeys(reply["user"] for reply in replies if reply.get("user")))
    return {
        **parent,
        "thread_ts": parent["ts"],
        "reply_count": len(replies),
        "reply_users": users,
        "reply_users_count": len(users),
        "latest_reply": replies[-1]["ts"],
        "is_locked": False,
        "subscribed": False,
    }


def is_reply(message: Json) -> bool:
    return bool(message.get("thread_ts")) and message["thread_ts"] != message["ts"]


def without_metadata(message: Json) -> Json:
    """A message as history gives it when nobody asked for metadata: only the event's type stays."""
    if "metadata" not in message:
        return message
    return {key: value for key, value in message.items() if key != "metadata"}
