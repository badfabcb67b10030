"""Reads single messages of Slack: ``runbooks.incidents.event_completion.MessageReader``."""

from collections.abc import Mapping
from typing import Any

from bot.slack.api import SlackApi
from bot.slack.channel_refusals import TOKEN_REFUSED
from bot.slack.errors import SlackRefused
from bot.slack.message_text import message_text
from domain.errors import PermanentError, TemporaryError
from domain.incidents.incident import Participant
from domain.people import Person
from runbooks.incidents.event_completion import ChannelMessage

MARK = "pushpin"
"""The reaction 📌 that puts a message on the timeline."""
_NOT_THERE = frozenset({"message_not_found", "thread_not_found"})


class SlackMessages:
    """Messages of channels that the bot is in."""

    def __init__(self, slack: SlackApi) -> None:
        self._slack = slack

    async def message(self, channel_id: str, ts: str) -> ChannelMessage | None:
        """The message as it is now, also a reply in a thread; None if there is none.

        Raises ``TemporaryError`` where Slack does not answer, and ``PermanentError`` where the bot may not read the channel.
        """
        try:
            found = await self._find(channel_id, ts)
            if found is None:
                return None
            identity = await self._slack.identity()
        except SlackRefused as refused:
            if refused.code in TOKEN_REFUSED:
                raise TemporaryError(refused.sentence) from refused
            raise PermanentError(refused.sentence) from refused
        return ChannelMessage(
            author=author_of(found, identity.team_id),
            text=message_text(found, identity.team_id),
            permalink=permalink(identity.url, channel_id, found),
            is_pinned=channel_id in (found.get("pinned_to") or ()),
            is_marked=any(reaction.get("name") == MARK for reaction in found.get("reactions") or ()),
        )

    async def _find(self, channel_id: str, ts: str) -> Mapping[str, Any] | None:
        exactly = {"channel": channel_id, "latest": ts, "oldest": ts, "inclusive": True, "limit": 1}
        page = await self._slack.read("conversations.history", exactly)
        messages = list(page.get("messages") or ())
        if all(message.get("ts") != ts for message in messages):
            # History leaves out replies in threads; of a reply's ts, ``conversations.replies`` returns the reply.
            try:
                messages = list((await self._slack.read("conversations.replies", exactly | {"ts": ts})).get("messages") or ())
            except SlackRefused as refused:
                if refused.code not in _NOT_THERE:
                    raise
        return next((message for message in messages if message.get("ts") == ts), None)


def author_of(message: Mapping[str, Any], team_id: str) -> Participant | None:
    """Who wrote a message: a person, or an app by its name."""
    profile = message.get("bot_profile") or {}
    name = str(message.get("username") or profile.get("name") or "")
    account = str(message.get("user") or message.get("bot_id") or "")
    team = str(message.get("user_team") or message.get("team") or team_id)
    return Participant(Person(account, team), name) if account else None


def permalink(workspace: str, channel_id: str, message: Mapping[str, Any]) -> str:
    """The address of a message, as Slack's own "Copy link" makes it. ``workspace`` is the workspace's URL."""
    if not workspace:
        return ""
    ts, thread_ts = str(message["ts"]), str(message.get("thread_ts") or "")
    address = f"{workspace.rstrip('/')}/archives/{channel_id}/p{ts.replace('.', '')}"
    return address + (f"?thread_ts={thread_ts}&cid={channel_id}" if thread_ts and thread_ts != ts else "")
