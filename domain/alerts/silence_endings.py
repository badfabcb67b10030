"""The end of a silence: who is told of it before, and what they decide. Pure.

Alertmanager lets a silence end without a word, and what it hid notifies again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.alerts.alerts import AlertGroup, AppliedSilence, ToldOfEnd
from domain.alerts.group_changes import GroupChange, change_with_note, format_time
from domain.errors import Refused
from domain.people import Person
from domain.rich_text import CommandMention, Text, Timestamp, sentence

MAX_OWNER_LEAD = timedelta(minutes=15)
"""Time enough to look at what will notify again, and not so early that it is forgotten once more."""
MAX_ON_CALL_LEAD = timedelta(minutes=5)
"""At night whoever is on call is told later than the owner, who may still extend it."""
IS_OVER = "It is over."


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceEnding:
    """What one person is told before a silence ends. ``decision`` is what became of it: there is nothing to decide any more.

    ``hidden`` is how many alerts it hides, None where Alertmanager did not say so. ``team`` is the one for which ``told`` is on
    call, empty for the owner, who is told in the group's thread.
    """

    group_id: str
    subject: str
    owner: Person
    told: Person
    until: datetime
    hidden: int | None = None
    team: str = ""
    let_end_by: Person | None = None
    decision: Text = ""


def owner_time(applied: AppliedSilence) -> datetime:
    """When its owner is told that a silence ends."""
    return _before_end(applied, MAX_OWNER_LEAD)


def on_call_time(applied: AppliedSilence) -> datetime:
    """When whoever is on call is told that a silence ends, if that is at night."""
    return _before_end(applied, MAX_ON_CALL_LEAD)


def _before_end(applied: AppliedSilence, lead: timedelta) -> datetime:
    """A quarter of its time before the end, at most ``lead``."""
    return applied.until - min(lead, (applied.until - applied.at) / 4)


def tell(record: AlertGroup, applied: AppliedSilence, told: ToldOfEnd) -> AlertGroup:
    """Record who is told that the silence ends."""
    return replace(record, silence=replace(applied, told=(*applied.told, told)))


def ending(
    record: AlertGroup, applied: AppliedSilence, told: ToldOfEnd, *, hidden: int | None = None, decision: Text = ""
) -> SilenceEnding:
    """What a person is told of the end, or of what became of it."""
    return SilenceEnding(
        group_id=record.id,
        subject=" · ".join(dict.fromkeys(filter(None, (record.title, record.environment, record.source, record.service)))),
        owner=applied.owner,
        told=told.person,
        until=applied.until,
        hidden=hidden,
        team=told.team,
        let_end_by=applied.let_end_by,
        decision=decision,
    )


def extend(record: AlertGroup, moved: AppliedSilence, at: datetime) -> GroupChange:
    """Record that ``moved.extended_by`` let the silence end later."""
    before = f" Before, it ended at {format_time(record.silence.until, relative_to=at)} UTC." if record.silence else ""
    text = sentence(moved.extended_by, f" extended the silence until {format_time(moved.until, relative_to=at)} UTC.", before)
    return change_with_note(replace(record, silence=moved), (), at, text)


def let_end(record: AlertGroup, by: Person, at: datetime) -> GroupChange:
    """Record that somebody has seen that the silence ends. Raises ``Refused`` if it has ended, or if it was said already."""
    applied = standing(record, at)
    if applied.let_end_by is not None:
        raise Refused(sentence(applied.let_end_by, f" lets the silence of {record.id} end already. Nothing was changed."))
    return GroupChange(record=replace(record, silence=replace(applied, let_end_by=by)))


def standing(record: AlertGroup, at: datetime) -> AppliedSilence:
    """The group's silence. Raises ``Refused`` if it has none from here, or if it is over."""
    applied = record.silence
    if applied is None or applied.until <= at:
        again = CommandMention(f"silence {record.id} 1h")
        raise Refused(sentence(f"{record.id} is not silenced from here any more. To silence it: ", again, "."))
    return applied


def extension_text(by: Person, until: datetime) -> Text:
    """What those read who were told of the end before."""
    return sentence(by, " extended it until ", Timestamp(until), ".")
