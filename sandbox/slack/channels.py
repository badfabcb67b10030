"""Channels as the real Slack keeps them: members, topic, archive, pins and bookmarks, which the local Slack forgets."""

import re
import time
from dataclasses import dataclass, field

from sandbox.slack import people
from sandbox.slack.errors import Json, WebApiError
from sandbox.slack.upstream import Upstream

_USER = re.compile(r"^[UW][A-Z0-9]{2,}$")


@dataclass(slots=True, kw_only=True, eq=False)
class Channel:
    """A channel or a direct conversation."""

    id: str
    name: str
    members: list[str]
    is_private: bool = False
    is_im: bool = False
    is_shared: bool = False
    topic: str = ""
    purpose: str = ""
    creator: str = ""
    created: int = 0
    archived: bool = False
    pins: dict[str, Json] = field(default_factory=dict)
    bookmarks: dict[str, Json] = field(default_factory=dict)

    def has_bot(self) -> bool:
        return people.BOT_USER_ID in self.members

    def to_api(self) -> Json:
        """The conversation object of the Web API."""
        common: Json = {"id": self.id, "created": self.created, "is_archived": self.archived, "is_im": self.is_im}
        if self.is_im:
            other = next((member for member in self.members if member != people.BOT_USER_ID), "")
            return {**common, "user": other, "is_user_deleted": False, "is_open": True}
        return {
            **common,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": self.is_private,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_general": self.name == "general",
            "is_shared": self.is_shared,
            "is_ext_shared": self.is_shared,
            "is_org_shared": False,
            "is_member": self.has_bot(),
            "num_members": len(self.members),
            "creator": self.creator,
            "context_team_id": people.TEAM_ID,
            "topic": {"value": self.topic, "creator": self.creator, "last_set": self.created},
            "purpose": {"value": self.purpose, "creator": self.creator, "last_set": self.created},
        }

    def to_page(self) -> Json:
        """The channel as the page draws it. A direct conversation is labelled with the bot's name."""
        return {
            "id": self.id,
            "name": self.name,
            "is_channel": not self.is_im,
            "is_private": self.is_private,
            "is_im": self.is_im,
            "topic": self.topic,
            "purpose": self.purpose,
            "members": [people.BOT_NAME] if self.is_im else self.members,
        }

    def is_visible_to(self, user_id: str) -> bool:
        """Whether the page lists it for this person."""
        return not self.archived and (user_id in self.members or not (self.is_im or self.is_private))


class Channels:
    """All channels, by id."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._channels: dict[str, Channel] = {}
        self._deleted: set[str] = set()
        self.reset()

    def reset(self) -> None:
        """Back to the seeded channels."""
        now = int(time.time())
        self._channels = {
            channel.id: Channel(
                id=channel.id,
                name=channel.name,
                members=list(channel.members),
                topic=channel.topic,
                purpose=channel.purpose,
                is_shared=channel.is_shared,
                creator=people.PEOPLE[0].id,
                created=now,
            )
            for channel in people.CHANNELS
        }

    def all(self) -> list[Channel]:
        return list(self._channels.values())

    def find_by_name(self, name: str) -> Channel | None:
        return next((room for room in self._channels.values() if not room.is_im and room.name == name), None)

    def add(self, room: Channel) -> Channel:
        self._channels[room.id] = room
        return room

    def remove(self, room: Channel) -> None:
        """Delete a channel for good."""
        del self._channels[room.id]
        self._deleted.add(room.id)

    async def find(self, reference: str | None) -> Channel:
        """The channel of an id, a `#name` or a user id (its direct conversation). Raises `channel_not_found`."""
        if not reference:
            raise WebApiError("channel_not_found")
        if reference in self._channels:
            return self._channels[reference]
        if _USER.match(reference):
            return await self.open_direct(reference)
        if room := self.find_by_name(reference.removeprefix("#")):
            return room
        return await self._import_upstream(reference)

    async def open_direct(self, user_id: str) -> Channel:
        """The direct conversation of the bot with a person. Raises `user_not_found`."""
        if people.find_user(user_id) is None:
            raise WebApiError("user_not_found")
        answer = await self._upstream.call("conversations.open", {"users": user_id})
        return await self.find(str(answer["channel"]["id"]))

    async def _import_upstream(self, channel_id: str) -> Channel:
        for channel in await self._upstream.channels():
            if channel["id"] == channel_id and channel_id not in self._deleted:
                return self.add(
                    Channel(
                        id=channel_id,
                        name=channel["name"],
                        members=list(channel["members"]),
                        is_im=bool(channel["is_im"]),
                        is_private=bool(channel["is_private"]),
                        created=int(time.time()),
                    )
                )
        raise WebApiError("channel_not_found")
