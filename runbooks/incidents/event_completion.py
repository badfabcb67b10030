"""Completes events of incident channels with what Slack did not send: texts, names, and whether a mark is still there."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from domain.clock import Clock, has_passed
from domain.errors import PermanentError, TemporaryError
from domain.incidents.channel_events import (
    ChannelChanged,
    ChannelEvent,
    MemberJoined,
    MessageDeleted,
    MessageEdited,
    MessagePinned,
    MessageUnpinned,
)
from domain.incidents.incident import Participant
from domain.people import Directory, Person
from domain.rich_text import Part, Text, UserMention, parts_of, sentence

log = structlog.get_logger()

MAX_WAIT = timedelta(minutes=15)
"""How long an event waits for Slack to say what it lacks. Then it is applied without the text or the name."""
PAUSE = timedelta(seconds=5)
"""How long Slack is not asked again after it did not answer, unless it named another time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelMessage:
    """A message as it is now. It may be pinned and marked with 📌, both."""

    author: Participant | None
    text: Text
    permalink: str
    is_pinned: bool
    is_marked: bool


class MessageReader(Protocol):
    """Reads messages of channels; implemented by ``bot.slack.messages``."""

    async def message(self, channel_id: str, ts: str) -> ChannelMessage | None:
        """A message; None if there is none. Raises ``TemporaryError`` and, where it may not be read, ``PermanentError``."""
        ...


class EventCompletion:
    """Asks Slack for what an event lacks."""

    def __init__(self, messages: MessageReader, directory: Directory, clock: Clock) -> None:
        self._messages, self._directory, self._clock = messages, directory, clock
        self._paused_until: datetime | None = None

    async def complete(self, event: ChannelEvent, received_at: datetime) -> ChannelEvent | None:
        """The event with texts and names; None if it no longer matters: the mark is gone again, or another one is still there.

        Raises ``TemporaryError`` while Slack does not answer, but not for longer than ``MAX_WAIT``.
        """
        now = self._clock.now()
        if has_passed(MAX_WAIT, received_at, now):
            return _without_mentions(event)
        if self._paused_until is not None and now < self._paused_until <= now + MAX_WAIT:
            raise TemporaryError("Slack did not answer a moment ago.")
        try:
            current = await self._current(event)
            return await self._named(current) if current is not None else None
        except TemporaryError as error:
            self._paused_until = now + max(PAUSE, timedelta(seconds=error.retry_after or 0.0))
            raise

    async def _current(self, event: ChannelEvent) -> ChannelEvent | None:
        """The event by what Slack shows of its message now."""
        if not isinstance(event, MessagePinned | MessageUnpinned):
            return event
        is_complete = isinstance(event, MessagePinned) and event.text is not None and event.permalink and not event.is_reaction
        if is_complete:
            return event
        try:
            message = await self._messages.message(event.channel_id, event.ts)
        except PermanentError as error:
            log.warning("message of an incident channel cannot be read", incident=event.incident_id, error=str(error))
            return event
        if isinstance(event, MessageUnpinned):
            is_still_there = message is not None and (message.is_pinned or message.is_marked)
            return None if is_still_there else event
        if message is None or (event.is_reaction and not message.is_marked):
            return None
        author = message.author or event.author
        return replace(event, author=author, text=message.text, permalink=message.permalink or event.permalink)

    async def _named(self, event: ChannelEvent) -> ChannelEvent:
        """The event with the names of people, and without mentions: the timeline is shown again and again, and calls nobody."""
        match event:
            case MessagePinned():
                text = await self._with_names(event.text) if event.text is not None else None
                by, author = await self._participant(event.by), event.author and await self._participant(event.author)
                return replace(event, by=by, author=author, text=text)
            case MessageEdited():
                return replace(event, by=await self._participant(event.by), text=await self._with_names(event.text))
            case MemberJoined():
                inviter = event.inviter and await self._participant(event.inviter)
                return replace(event, by=await self._participant(event.by), inviter=inviter)
            case MessageUnpinned():
                return replace(event, by=await self._participant(event.by))
            case ChannelChanged():
                return replace(event, by=event.by and await self._participant(event.by))
            case MessageDeleted():
                return event

    async def _participant(self, participant: Participant) -> Participant:
        if participant.name or participant.is_bot:
            return participant
        return replace(participant, name=await self._name(participant.person))

    async def _name(self, person: Person) -> str:
        return (await self._directory.member(person)).name

    async def _with_names(self, text: Text) -> Text:
        parts = [f"@{await self._name(part.person)}" if isinstance(part, UserMention) else part for part in parts_of(text)]
        return sentence(*parts)


def _without_mentions(event: ChannelEvent) -> ChannelEvent:
    """The event with ids in place of the names that Slack did not tell."""
    if not isinstance(event, MessagePinned | MessageEdited) or event.text is None:
        return event
    return replace(event, text=sentence(*(_without_mention(part) for part in parts_of(event.text))))


def _without_mention(part: Part) -> Part:
    return f"@{part.person.user_id}" if isinstance(part, UserMention) else part
