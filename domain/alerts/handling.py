"""What people do about an alert group, and when it ends by itself: acknowledgement and silence. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.alerts.alerts import Acknowledgement, AlertGroup, GroupState, SilenceMark
from domain.alerts.groups import GroupChange, changed, clock
from domain.errors import Refused
from domain.notes import Tone
from domain.people import Person
from domain.text import format_span


def acknowledge(record: AlertGroup, by: Person, at: datetime, within: timedelta) -> GroupChange:
    """Somebody looks at it."""
    if record.state is GroupState.RESOLVED:
        raise Refused(f"{record.id} is resolved already, so there is nothing to acknowledge.")
    held = record.acknowledgement if record.acknowledgement and record.acknowledgement.until > at else None
    if held is not None and held.by == by:
        until = clock(held.until, seen_from=at)
        raise Refused(f"You have acknowledged {record.id} already, until {until} UTC.")
    after = replace(record, acknowledgement=Acknowledgement(by=by, at=at, until=at + within))
    taken = f", taking over from <@{held.by.user_id}>" if held else ""
    text = f"<@{by.user_id}> acknowledged this{taken}. It counts for {format_span(within)}."
    return changed(after, (), at, text)


def unacknowledge(record: AlertGroup, at: datetime) -> GroupChange | None:
    """The time of an acknowledgement is over. None where there is none, or not yet."""
    held = record.acknowledgement
    if held is None or at < held.until:
        return None
    after = replace(record, acknowledgement=None)
    if record.state is GroupState.RESOLVED:
        return GroupChange(record=after)
    text = f"<@{held.by.user_id}>'s acknowledgement ran out after {format_span(held.until - held.at)}, and this still fires."
    return changed(after, (), at, text, tone=Tone.WARNING)


def silence(record: AlertGroup, mark: SilenceMark) -> GroupChange:
    """Somebody silenced it in Alertmanager."""
    why = f": {mark.reason}" if mark.reason else "."
    text = f"<@{mark.by.user_id}> silenced this until {clock(mark.until, seen_from=mark.at)} UTC{why}"
    return changed(replace(record, silence=mark), (), mark.at, text)


def unsilence(record: AlertGroup, at: datetime, by: Person | None) -> GroupChange | None:
    """The silence is over, by itself where ``by`` is None. None where there is none, or not yet."""
    mark = record.silence
    if mark is None or (by is None and at < mark.until):
        return None
    text = f"<@{by.user_id}> ended the silence." if by else f"The silence of <@{mark.by.user_id}> is over."
    still = " It still fires." if record.state is GroupState.FIRING else ""
    return changed(replace(record, silence=None), (), at, f"{text}{still}", tone=Tone.WARNING if still else Tone.PLAIN)


def taken_back(record: AlertGroup, by: Person, operation: str, at: datetime) -> GroupChange:
    """Somebody asked for the rollback of the suspect; the operation's own card tells the rest."""
    return changed(record, (), at, f"<@{by.user_id}> asked to roll the suspect back: `{operation}`.")
