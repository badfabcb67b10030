"""Acknowledgements and silences of alert groups: how they start and end. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.alerts.alerts import Acknowledgement, AlertGroup, AppliedSilence, GroupState
from domain.alerts.group_changes import GroupChange, change_with_note, format_time
from domain.errors import Refused
from domain.notes import Tone
from domain.people import Person
from domain.rich_text import Code, sentence
from domain.text import format_duration


def acknowledge(record: AlertGroup, by: Person, at: datetime, within: timedelta) -> GroupChange:
    """Acknowledge the group. Raises ``Refused`` if it is resolved, or if the same person has acknowledged it already."""
    if record.state is GroupState.RESOLVED:
        raise Refused(f"{record.id} is resolved already, so there is nothing to acknowledge.")
    current = record.acknowledgement if record.acknowledgement and record.acknowledgement.until > at else None
    if current is not None and current.by == by:
        until = format_time(current.until, relative_to=at)
        raise Refused(f"You have acknowledged {record.id} already, until {until} UTC.")
    after = replace(record, acknowledgement=Acknowledgement(by=by, at=at, until=at + within))
    takeover = sentence(", taking over from ", current.by) if current else ""
    text = sentence(by, " acknowledged this", takeover, f". It counts for {format_duration(within)}.")
    return change_with_note(after, (), at, text)


def expire_acknowledgement(record: AlertGroup, at: datetime, due_at: datetime | None = None) -> GroupChange | None:
    """End an acknowledgement whose time is over. None if there is none, or if its time is not over.

    ``due_at`` is its timer's: earlier than what was said, if the clock was set back since.
    """
    current = record.acknowledgement
    if current is None or at < min(current.until, due_at or current.until):
        return None
    after = replace(record, acknowledgement=None)
    if record.state is GroupState.RESOLVED:
        return GroupChange(record=after)
    lasted = format_duration(current.until - current.at)
    text = sentence(current.by, f"'s acknowledgement ran out after {lasted}, and this still fires.")
    return change_with_note(after, (), at, text, tone=Tone.WARNING)


def silence(record: AlertGroup, applied: AppliedSilence) -> GroupChange:
    """Record that somebody silenced the group in Alertmanager."""
    why = f": {applied.reason}" if applied.reason else "."
    text = sentence(applied.by, f" silenced this until {format_time(applied.until, relative_to=applied.at)} UTC{why}")
    return change_with_note(replace(record, silence=applied), (), applied.at, text)


def unsilence(record: AlertGroup, at: datetime, by: Person | None) -> GroupChange | None:
    """End the silence; ``by`` is None if its time is over. None if there is none, or if its time is not over."""
    applied = record.silence
    if applied is None or (by is None and at < applied.until):
        return None
    text = sentence(by, " ended the silence.") if by else sentence("The silence of ", applied.owner, " is over.")
    # Of an alert that ends while it is silenced, Alertmanager reports no end.
    still = " No end was reported, so it counts as firing." if record.state is GroupState.FIRING else ""
    return change_with_note(
        replace(record, silence=None), (), at, sentence(text, still), tone=Tone.WARNING if still else Tone.PLAIN
    )


def rollback_requested(record: AlertGroup, by: Person, operation: str, at: datetime) -> GroupChange:
    """Record that somebody requested the rollback of the suspect. The operation has a card of its own."""
    return change_with_note(record, (), at, sentence(by, " asked to roll the suspect back: ", Code(operation), "."))
