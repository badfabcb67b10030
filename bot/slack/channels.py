"""Channels of incidents in Slack: ``runbooks.incidents.channel_api.ChannelApi`` over the Web API."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from bot.slack.api import SlackApi
from bot.slack.channel_refusals import DONE, GONE, TOKEN_REFUSED, reason_of
from bot.slack.errors import SlackRefused
from domain.errors import Forbidden, PermanentError, TemporaryError
from domain.incidents.channel import Bookmark, ChannelAddress, IncidentChannel
from domain.people import Person
from runbooks.incidents.channel_api import ChannelArchived, ChannelMissing, ChannelNameTaken, FoundChannel

CHANNEL_PAGE_SIZE = 200
"""Channels for each page; Slack allows 999 and recommends at most 200."""


class SlackChannels:
    """Makes and changes channels as the bot. What is done already counts as done."""

    def __init__(self, slack: SlackApi) -> None:
        self._slack = slack

    async def create(self, name: str, *, is_private: bool) -> ChannelAddress:
        """Create a channel. Raises ``ChannelNameTaken``, also for the name of an archived channel."""
        async with _translated("conversations.create", is_private=is_private):
            # Asked for first: an error after the channel exists would hide that it does.
            workspace = (await self._slack.identity()).url
            answer = await self._slack.write("conversations.create", {"name": name, "is_private": is_private})
        return _address(answer["channel"], workspace)

    async def find(self, name: str) -> FoundChannel | None:
        """The channel with this name among those that the bot is in: it is in each that it creates."""
        arguments = {"types": "public_channel,private_channel", "exclude_archived": False, "limit": CHANNEL_PAGE_SIZE}
        async with _translated("users.conversations"):
            identity = await self._slack.identity()
            async for page in self._slack.pages("users.conversations", arguments):
                for channel in page.get("channels") or ():
                    if channel.get("name") == name:
                        return FoundChannel(
                            address=_address(channel, identity.url),
                            is_own=channel.get("creator") == identity.user_id,
                            purpose=str((channel.get("purpose") or {}).get("value") or ""),
                        )
        return None

    async def set_purpose(self, channel: IncidentChannel, text: str) -> None:
        """Set the purpose."""
        await self._change("conversations.setPurpose", channel, {"channel": channel.id, "purpose": text})

    async def set_topic(self, channel: IncidentChannel, text: str) -> None:
        """Set the topic."""
        await self._change("conversations.setTopic", channel, {"channel": channel.id, "topic": text})

    async def invite(self, channel: IncidentChannel, person: Person) -> None:
        """Invite one person."""
        await self._change("conversations.invite", channel, {"channel": channel.id, "users": person.user_id})

    async def pin(self, channel: IncidentChannel, message: str) -> None:
        """Pin the message with this ts."""
        await self._change("pins.add", channel, {"channel": channel.id, "timestamp": message})

    async def set_bookmark(self, channel: IncidentChannel, bookmark: Bookmark) -> None:
        """Add a bookmark. Slack has no key for them, so that those that exist are compared by title first."""
        existing = await self._bookmark_id(channel, bookmark.title)
        arguments = {"channel_id": channel.id, "title": bookmark.title, "link": bookmark.url}
        if existing:
            await self._change("bookmarks.edit", channel, arguments | {"bookmark_id": existing})
        else:
            await self._change("bookmarks.add", channel, arguments | {"type": "link"})

    async def archive(self, channel: IncidentChannel) -> None:
        """Archive the channel."""
        await self._change("conversations.archive", channel, {"channel": channel.id})

    async def unarchive(self, channel: IncidentChannel) -> None:
        """Bring an archived channel back. Slack often refuses it to bots: archiving takes them out of the channel."""
        async with _translated("conversations.unarchive", is_private=channel.is_private):
            try:
                await self._slack.write("conversations.unarchive", {"channel": channel.id})
            except SlackRefused as refused:
                if refused.code == "not_in_channel":
                    raise PermanentError("Slack lets only somebody who was in it bring it back") from refused
                raise

    async def _bookmark_id(self, channel: IncidentChannel, title: str) -> str:
        async with _translated("bookmarks.list", is_private=channel.is_private):
            answer = await self._slack.read("bookmarks.list", {"channel_id": channel.id})
        return next((str(each["id"]) for each in answer.get("bookmarks") or () if each.get("title") == title), "")

    async def _change(self, method: str, channel: IncidentChannel, arguments: Mapping[str, Any]) -> None:
        """Call a method for a channel that exists; where somebody has removed the bot, after it has joined again."""
        async with _translated(method, is_private=channel.is_private):
            try:
                await self._slack.write(method, arguments)
            except SlackRefused as refused:
                if refused.code != "not_in_channel" or channel.is_private:
                    raise
                async with _translated("conversations.join"):
                    await self._slack.join(channel.id)
                await self._slack.write(method, arguments)


@asynccontextmanager
async def _translated(method: str, *, is_private: bool = False) -> AsyncIterator[None]:
    """Raise Slack's refusals as the errors of ``ChannelApi``; what is done already is none."""
    try:
        yield
    except SlackRefused as refused:
        error = _error(method, refused, is_private=is_private)
        if error is not None:
            raise error from refused


def _error(method: str, refused: SlackRefused, *, is_private: bool) -> PermanentError | TemporaryError | None:
    code = refused.code
    if code in DONE.get(method, ()):
        return None
    reason = reason_of(method, refused, is_private=is_private)
    if code == "name_taken":
        return ChannelNameTaken(reason)
    if code == "is_archived":
        return ChannelArchived(reason)
    if code in GONE:
        return ChannelMissing(reason)
    if code == "missing_scope":
        return Forbidden(reason)
    return TemporaryError(reason) if code in TOKEN_REFUSED else PermanentError(reason)


def _address(channel: Mapping[str, Any], workspace: str) -> ChannelAddress:
    channel_id = str(channel["id"])
    permalink = f"{workspace.rstrip('/')}/archives/{channel_id}" if workspace else ""
    return ChannelAddress(id=channel_id, permalink=permalink, is_private=bool(channel.get("is_private")))
