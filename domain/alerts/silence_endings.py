"""The end of a silence: who is told of it before, and what they decide. Pure.

Alertmanager lets a silence end without a word, and what it hid notifies again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.alerts.alerts import AlertGroup, AppliedSilence, Extension, ToldOfEnd
from domain.alerts.group_changes import GroupChange, change_with_note, format_time
from domain.alerts.silences import SAME_TIME
from domain.errors import Refused
from domain.notes import Tone
from domain.people import Person
from domain.rich_text import CommandMention, Text, Timestamp, sentence

MAX_OWNER_LEAD = timedelta(minutes=15)
"""Time enough to look at what will notify again, and not so early that it is forgotten once more."""
MAX_ON_CALL_LEAD = timedelta(minutes=5)
"""At night whoever is on call is told later than the owner, who may still extend it."""
IS_OVER = "It is over."
ENDED_ELSEWHERE = "Somebody ended it in Alertmanager."


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
    """A quarter of its time since somebody chose the end, at most ``lead``."""
    return applied.until - min(lead, (applied.until - (applied.extended_at or applied.at)) / 4)


def tell(record: AlertGroup, applied: AppliedSilence, told: ToldOfEnd) -> AlertGroup:
    """Record who is told that the silence ends."""
    return replace(record, silence=replace(applied, told=(*applied.told, told)))


def ending(
    record: AlertGroup, applied: AppliedSilence, told: ToldOfEnd, *, hidden: int | None = None, decision: Text = ""
) -> SilenceEnding:
    """What a person is told of the end, or of what became of it."""
    return SilenceEnding(
        group_id=record.id,
        subject=record.full_title,
        owner=applied.owner,
        told=told.person,
        until=applied.until,
        hidden=hidden,
        team=told.team,
        let_end_by=applied.let_end_by,
        decision=decision,
    )


def begin_extension(record: AlertGroup, wanted: Extension, at: datetime) -> AlertGroup:
    """Record the later end that is wanted, before Alertmanager is asked for it. The same one may be wanted again.

    Raises ``Refused`` if there is no silence, if it is no later, or while another extension is under way.
    """
    applied = standing(record, at)
    if applied.extension is not None and applied.extension.until != wanted.until:
        raise Refused(sentence(applied.extension.by, f" is extending the silence of {record.id} at the moment. Look again."))
    if applied.extension is None and wanted.until < applied.until + SAME_TIME:
        until = format_time(applied.until, relative_to=at)
        end = CommandMention(f"unsilence {record.id}")
        raise Refused(sentence(f"{record.id} is silenced until {until} UTC already. Nothing was changed. To end it: ", end, "."))
    return replace(record, silence=replace(applied, extension=applied.extension or wanted))


def give_up_extension(record: AlertGroup, wanted: Extension) -> AlertGroup | None:
    """Forget an extension that Alertmanager does not have. None if it is not under way any more."""
    applied = record.silence
    if applied is None or applied.extension != wanted:
        return None
    return replace(record, silence=replace(applied, extension=None))


def extend(record: AlertGroup, wanted: Extension, silence_id: str, at: datetime) -> GroupChange:
    """Record an extension that Alertmanager has. Raises ``Refused`` if it is not under way any more."""
    applied = record.silence
    if applied is None or applied.extension != wanted:
        raise Refused(f"{record.id} is no longer silenced as it was when you looked. Look again.")
    moved = replace(
        applied,
        id=silence_id,
        until=wanted.until,
        extension=None,
        extended_by=wanted.by,
        extended_at=at,
        let_end_by=None,
        told=(),
    )
    until, before = (format_time(each, relative_to=at) for each in (wanted.until, applied.until))
    text = sentence(wanted.by, f" extended the silence until {until} UTC. Before, it ended at {before} UTC.")
    return change_with_note(replace(record, silence=moved), (), at, text)


def ended_elsewhere(record: AlertGroup, applied: AppliedSilence, at: datetime) -> GroupChange:
    """Record that Alertmanager has the silence no more, though its time is not over."""
    text = sentence("Somebody ended the silence of ", applied.owner, " in Alertmanager. What fires notifies again.")
    return change_with_note(replace(record, silence=None), (), at, text, tone=Tone.WARNING)


def let_end(record: AlertGroup, by: Person, at: datetime) -> GroupChange:
    """Record that somebody has seen that the silence ends. Raises ``Refused`` if it has ended, or if it was said already."""
    applied = standing(record, at)
    if applied.let_end_by is not None:
        raise Refused(sentence(applied.let_end_by, f" lets the silence of {record.id} end already. Nothing was changed."))
    return GroupChange(record=replace(record, silence=replace(applied, let_end_by=by)))


def standing(record: AlertGroup, at: datetime) -> AppliedSilence:
    """The group's silence. Raises ``Refused`` if it has none from here, or if it is over."""
    applied = record.silence
    if applied is None or max(applied.possible_ends) <= at:
        again = CommandMention(f"silence {record.id} 1h")
        raise Refused(sentence(f"{record.id} is not silenced from here any more. To silence it: ", again, "."))
    return applied


def extension_text(by: Person, until: datetime) -> Text:
    """What those read who were told of the end before."""
    return sentence(by, " extended it until ", Timestamp(until), ".")
