"""The channel of an incident: what is done in it, what is not, and which step is next. Pure.

The wanted state is an argument, so that another title, severity or commander leads to new steps. A step that is done is not done
again: nobody is invited twice, also not somebody who left.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from domain.backoff import backoff_delay
from domain.people import Person
from domain.rich_text import Text
from domain.text import clip

MAX_TOPIC_LENGTH = 250
"""Slack's limit for topics and purposes. Both are plain text."""
MAX_NAMES = 20
"""Names that are tried for one channel: the plain one, then ``-2`` to ``-20``."""
MAX_NAME_CHECKS = 3
"""Checks of a name that is taken by a channel that nobody sees, before it counts as another's; with pauses of 2, 4 and 8 s."""
INITIAL_DELAY_SECONDS, MAX_DELAY_SECONDS = 2.0, 60.0


class StepKind(StrEnum):
    """What can be done about a channel, in the order in which it is done."""

    NAME = "name"
    """Reserve a name in the database, so that two incidents of one minute never mean the same channel."""
    CREATE = "create"
    UNARCHIVE = "unarchive"
    PURPOSE = "purpose"
    TOPIC = "topic"
    INVITE = "invite"
    PIN = "pin"
    BOOKMARK = "bookmark"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A link at the head of the channel. ``title`` identifies it: the same title with another ``url`` replaces the link."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelAddress:
    """A channel that exists. ``permalink`` opens it in a browser."""

    id: str
    permalink: str
    is_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call. ``text`` is the name, purpose, topic or pinned message; ``person`` and ``bookmark`` belong to their kinds."""

    kind: StepKind
    text: str = ""
    person: Person | None = None
    bookmark: Bookmark | None = None

    @property
    def purpose(self) -> tuple[StepKind, Person | None, str]:
        """What the step is for. A step with another text for the same purpose replaces this one."""
        return self.kind, self.person, self.bookmark.title if self.bookmark else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailure:
    """A step that could not be done. ``why`` is a clause without its full stop; a ``permanent`` one is not tried again."""

    step: Step
    why: Text
    permanent: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedChannel:
    """How the channel should be. ``card`` is the message to pin, once it is posted there; empty before."""

    incident_id: str
    declared_at: datetime
    is_private: bool = False
    topic: str = ""
    invitees: tuple[Person, ...] = ()
    card: str = ""
    bookmarks: tuple[Bookmark, ...] = ()
    is_archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentChannel:
    """The channel as far as it is known. ``name`` is reserved before the channel is created; ``id`` is empty until it exists.

    ``names_taken`` counts the names that belong to other channels. ``name_checks`` counts how often the present name was taken
    by a channel that the bot could not see. ``attempts`` counts failures since the last step that was done. ``is_gone``: it was
    deleted, or the bot was removed from it.
    """

    name: str = ""
    names_taken: int = 0
    name_checks: int = 0
    is_private: bool = False
    id: str = ""
    permalink: str = ""
    purpose: str = ""
    topic: str = ""
    invited: tuple[Person, ...] = ()
    pinned: str = ""
    bookmarks: tuple[Bookmark, ...] = ()
    is_archived: bool = False
    is_archived_by_hand: bool = False
    was_unarchived: bool = False
    """It was brought back once. If somebody archives it again, it stays archived."""
    is_gone: bool = False
    failures: tuple[StepFailure, ...] = ()
    attempts: int = 0
    next_attempt_at: datetime | None = None

    @property
    def is_usable(self) -> bool:
        """Whether messages can be posted to it."""
        return bool(self.id) and not self.is_archived and not self.is_gone


def channel_name(declared_at: datetime, names_taken: int = 0) -> str:
    """``incident-2026-11-23-14-02``, in UTC; ``…-2`` where one name is taken already."""
    number = f"-{names_taken + 1}" if names_taken else ""
    return f"incident-{declared_at.astimezone(UTC):%Y-%m-%d-%H-%M}{number}"


def purpose_of(incident_id: str) -> str:
    """The purpose, by which the channel is recognised as this incident's."""
    return f"Incident {incident_id}. Made by deepecho."


def next_step(channel: IncidentChannel, wanted: WantedChannel) -> Step | None:
    """What is to be done next; None if nothing is left that can be done.

    A step that failed waits behind those that did not, so that one that never succeeds does not keep the others from being done.
    """
    failed_at = {failure.step: failure.at for failure in channel.failures if not failure.permanent}
    given_up = {failure.step for failure in channel.failures if failure.permanent}
    steps = [step for step in _missing_steps(channel, wanted) if step not in given_up]
    untried = [step for step in steps if step not in failed_at]
    return untried[0] if untried else min(steps, key=failed_at.__getitem__, default=None)


def step_done(channel: IncidentChannel, step: Step, created: ChannelAddress | None = None) -> IncidentChannel:
    """Record that a step is done, also if it is recorded already. ``created`` is what creating the channel has returned."""
    failures = tuple(failure for failure in channel.failures if failure.step.purpose != step.purpose)
    cleared = replace(channel, failures=failures, attempts=0, next_attempt_at=None)
    if created is not None:
        return replace(cleared, id=created.id, permalink=created.permalink, is_private=created.is_private)
    if step.kind is StepKind.UNARCHIVE:
        return replace(cleared, is_archived=False, is_archived_by_hand=False, was_unarchived=True)
    if step.kind is StepKind.ARCHIVE:
        return replace(cleared, is_archived=True, is_archived_by_hand=False, was_unarchived=False)
    if step.person is not None:
        return replace(cleared, invited=tuple(dict.fromkeys((*channel.invited, step.person))))
    if step.bookmark is not None:
        others = (each for each in channel.bookmarks if each.title != step.bookmark.title)
        return replace(cleared, bookmarks=(*others, step.bookmark))
    return _with_text(cleared, step)


def step_failed(
    channel: IncidentChannel,
    step: Step,
    why: Text,
    *,
    permanent: bool,
    at: datetime,
    retry_after: float | None = None,
) -> IncidentChannel:
    """Record that a step failed, in place of an earlier failure for the same purpose.

    After a temporary failure the next attempt waits: 2 s, doubled each time up to a minute, or ``retry_after`` if that is longer.
    """
    others = (failure for failure in channel.failures if failure.step.purpose != step.purpose)
    failures = (*others, StepFailure(step=step, why=why, permanent=permanent, at=at))
    if permanent:
        return replace(channel, failures=failures, attempts=0, next_attempt_at=None)
    attempts = channel.attempts + 1
    delay = max(backoff_delay(attempts, INITIAL_DELAY_SECONDS, MAX_DELAY_SECONDS), retry_after or 0.0)
    return replace(channel, failures=failures, attempts=attempts, next_attempt_at=at + timedelta(seconds=delay))


def name_taken(channel: IncidentChannel, wanted: WantedChannel, at: datetime) -> IncidentChannel:
    """Record that another channel has the name; after ``MAX_NAMES`` of them it is given up."""
    names_taken = channel.names_taken + 1
    failures = tuple(failure for failure in channel.failures if failure.step.kind is not StepKind.CREATE)
    channel = replace(channel, name="", names_taken=names_taken, name_checks=0, failures=failures)
    channel = replace(channel, attempts=0, next_attempt_at=None)
    if names_taken < MAX_NAMES:
        return channel
    return step_failed(channel, _creation_step(channel, wanted), f"{MAX_NAMES} names are taken", permanent=True, at=at)


def name_unclear(channel: IncidentChannel, wanted: WantedChannel, step: Step, at: datetime) -> IncidentChannel:
    """Record that the name is taken by a channel that the bot does not see.

    It may be the bot's own, which Slack lists some seconds after it was created. After ``MAX_NAME_CHECKS`` it is another's.
    """
    if channel.name_checks >= MAX_NAME_CHECKS:
        return name_taken(channel, wanted, at)
    why = "its name is taken, and Slack does not show by which channel"
    return replace(step_failed(channel, step, why, permanent=False, at=at), name_checks=channel.name_checks + 1)


def retried(channel: IncidentChannel) -> IncidentChannel:
    """Forget what failed, so that it is tried once more: somebody has repaired it."""
    return replace(channel, failures=(), attempts=0, next_attempt_at=None, is_gone=False)


def archived_by_hand(channel: IncidentChannel) -> IncidentChannel:
    """Record that the channel is archived, and not by the bot. One that the bot archived itself stays that way."""
    return channel if channel.is_archived else replace(channel, is_archived=True, is_archived_by_hand=True)


def unarchived_by_hand(channel: IncidentChannel) -> IncidentChannel:
    """Record that somebody brought the channel back."""
    failures = tuple(failure for failure in channel.failures if failure.step.kind is not StepKind.UNARCHIVE)
    return replace(channel, is_archived=False, is_archived_by_hand=False, failures=failures)


def renamed(channel: IncidentChannel, name: str) -> IncidentChannel:
    """Record another name. It is the same channel: the id stays."""
    return replace(channel, name=name)


def moved(channel: IncidentChannel, channel_id: str) -> IncidentChannel:
    """Record another id. It is the same channel, which another workspace shares now."""
    return replace(channel, id=channel_id)


def gone(channel: IncidentChannel) -> IncidentChannel:
    """Record that the channel was deleted, or that the bot was removed from it."""
    return replace(channel, is_gone=True)


def found_again(channel: IncidentChannel) -> IncidentChannel:
    """Record that somebody invited the bot again."""
    return replace(channel, is_gone=False)


def _with_text(channel: IncidentChannel, step: Step) -> IncidentChannel:
    match step.kind:
        case StepKind.NAME:
            return replace(channel, name=step.text)
        case StepKind.PURPOSE:
            return replace(channel, purpose=step.text)
        case StepKind.TOPIC:
            return replace(channel, topic=step.text)
        case _:
            return replace(channel, pinned=step.text)


def _missing_steps(channel: IncidentChannel, wanted: WantedChannel) -> tuple[Step, ...]:
    if channel.is_gone:
        return ()
    if not channel.id:
        # An incident that ended before its channel existed needs none any more.
        return () if wanted.is_archived else (_creation_step(channel, wanted),)
    if channel.is_archived:
        needs_unarchive = not wanted.is_archived and not channel.was_unarchived
        return (Step(kind=StepKind.UNARCHIVE),) if needs_unarchive else ()
    if wanted.is_archived:
        return (Step(kind=StepKind.ARCHIVE),)
    return (*_texts(channel, wanted), *_invitations(channel, wanted), *_links(channel, wanted))


def _creation_step(channel: IncidentChannel, wanted: WantedChannel) -> Step:
    if channel.name:
        return Step(kind=StepKind.CREATE, text=channel.name)
    return Step(kind=StepKind.NAME, text=channel_name(wanted.declared_at, channel.names_taken))


def _texts(channel: IncidentChannel, wanted: WantedChannel) -> tuple[Step, ...]:
    purpose, topic = purpose_of(wanted.incident_id), clip(wanted.topic, MAX_TOPIC_LENGTH)
    steps = ((StepKind.PURPOSE, purpose, channel.purpose), (StepKind.TOPIC, topic, channel.topic))
    return tuple(Step(kind=kind, text=text) for kind, text, present in steps if text and text != present)


def _invitations(channel: IncidentChannel, wanted: WantedChannel) -> tuple[Step, ...]:
    missing = (person for person in dict.fromkeys(wanted.invitees) if person not in channel.invited)
    return tuple(Step(kind=StepKind.INVITE, person=person) for person in missing)


def _links(channel: IncidentChannel, wanted: WantedChannel) -> tuple[Step, ...]:
    pin = (Step(kind=StepKind.PIN, text=wanted.card),) if wanted.card not in {"", channel.pinned} else ()
    missing = (bookmark for bookmark in wanted.bookmarks if bookmark not in channel.bookmarks)
    return (*pin, *(Step(kind=StepKind.BOOKMARK, bookmark=bookmark) for bookmark in missing))
