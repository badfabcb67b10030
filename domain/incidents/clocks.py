"""The clocks of an incident: when each is due, what it does then, and what comes next if nobody acts. Pure.

Each clock reminds first and escalates ``escalate_after`` later. All times are kept in the record; one timer row per incident is
due at the earliest of them.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.catalogue.incidents import IncidentTimings
from domain.incidents.changes import IncidentChange, change
from domain.incidents.clock_steps import POSTMORTEM_REMINDERS, new_clock, step_of
from domain.incidents.incident import ClockKind, Incident, IncidentClock
from domain.incidents.timeline import EntryKind
from domain.notes import Tone
from domain.rich_text import Text
from domain.severities import Severity

SEVERE = frozenset({Severity.P0, Severity.P1})
"""Severities whose commander must not fall silent, and whose post-mortem is due."""


@dataclass(frozen=True, slots=True)
class UpcomingStep:
    """What happens at that time if nobody does anything."""

    at: datetime
    text: Text


def clocks_at_start(severity: Severity, at: datetime, timings: IncidentTimings) -> tuple[IncidentClock, ...]:
    """The clocks of an incident that was declared just now."""
    return (
        new_clock(ClockKind.ACKNOWLEDGE, at + timings.acknowledge_within),
        new_clock(ClockKind.RESPOND, at + timings.respond_within(severity)),
    )


def with_clock(clocks: tuple[IncidentClock, ...], kind: ClockKind, due_at: datetime | None) -> tuple[IncidentClock, ...]:
    """The clocks with this one set anew; None stops it."""
    others = tuple(each for each in clocks if each.kind is not kind)
    return others if due_at is None else (*others, new_clock(kind, due_at))


def clocks_after_act(incident: Incident, at: datetime, timings: IncidentTimings) -> tuple[IncidentClock, ...]:
    """The clocks after somebody has taken the incident on, or changed its severity or commander."""
    if incident.is_test:
        return ()
    clocks = with_clock(incident.clocks, ClockKind.ACKNOWLEDGE, None)
    if incident.clock(ClockKind.UPDATE) is None:
        clocks = with_clock(clocks, ClockKind.UPDATE, _first_update(incident, at, timings))
    watched = incident.commander is not None and incident.severity in SEVERE
    return with_clock(clocks, ClockKind.COMMANDER, at + timings.commander_within if watched else None)


def _first_update(incident: Incident, at: datetime, timings: IncidentTimings) -> datetime:
    """When the first update is due: not while the response, which is one too, is asked for and escalated."""
    due_at, respond = at + timings.update_within(incident.severity), incident.clock(ClockKind.RESPOND)
    if respond is None or respond.due_at > due_at:
        return due_at
    return respond.due_at + timings.escalate_after + timings.update_within(incident.severity)


def clocks_of_severity(
    incident: Incident, severity: Severity, at: datetime, timings: IncidentTimings
) -> tuple[IncidentClock, ...]:
    """The clocks after a change of the severity: what has not reminded anybody yet is due by the new severity's time.

    A pause was agreed on for what was less severe: it ends where the severity becomes worse.
    """
    worse = severity.rank < incident.severity.rank
    within = {ClockKind.RESPOND: timings.respond_within, ClockKind.UPDATE: timings.update_within}
    moved = []
    for clock in incident.clocks:
        span = within.get(clock.kind)
        if span is not None and clock.paused and worse:
            moved.append(new_clock(clock.kind, at + span(severity)))
        elif span is not None and clock.step == 0 and not clock.paused:
            began_at = (clock.deadline if clock.kind is ClockKind.RESPOND else clock.due_at) - span(incident.severity)
            moved.append(new_clock(clock.kind, began_at + span(severity)))
        elif clock.kind is not ClockKind.COMMANDER:
            moved.append(clock)
    return (*moved, *_commander_clocks(incident, severity, at, timings, is_anew=worse))


def _commander_clocks(
    incident: Incident, severity: Severity, at: datetime, timings: IncidentTimings, *, is_anew: bool
) -> tuple[IncidentClock, ...]:
    """The clock of the commander of a severe incident that somebody has taken on. ``is_anew`` ends its pause."""
    if incident.commander is None or incident.acknowledged is None or severity not in SEVERE:
        return ()
    clock = incident.clock(ClockKind.COMMANDER)
    if clock is None or (clock.paused and is_anew):
        clock = new_clock(ClockKind.COMMANDER, at + timings.commander_within)
    return (clock,)


def clocks_at_resolution(incident: Incident, at: datetime, timings: IncidentTimings) -> tuple[IncidentClock, ...]:
    """The clocks of a resolved incident: the watch, and the post-mortem of a severe one."""
    if incident.is_test:
        return ()
    watch = (new_clock(ClockKind.WATCH, at + timings.watch_for),)
    if incident.severity not in SEVERE:
        return watch
    due_at = at + timings.postmortem_within
    first = max(at, due_at - POSTMORTEM_REMINDERS[0])
    return (*watch, IncidentClock(kind=ClockKind.POSTMORTEM, due_at=first, deadline=due_at))


def clocks_at_close(incident: Incident, at: datetime, timings: IncidentTimings) -> tuple[IncidentClock, ...]:
    """The clocks of a closed incident: the post-mortem, and when the channel is archived."""
    postmortem = tuple(clock for clock in incident.clocks if clock.kind is ClockKind.POSTMORTEM)
    return (*postmortem, new_clock(ClockKind.ARCHIVE, at + timings.archive_after))


def pause_clocks(incident: Incident, until: datetime, why: str) -> tuple[IncidentClock, ...]:
    """Let what waits for people rest until then. The acknowledgement, the watch and the post-mortem go on."""
    pausable = {ClockKind.RESPOND, ClockKind.UPDATE, ClockKind.COMMANDER}
    return tuple(replace(clock, due_at=until, paused=why) if clock.kind in pausable else clock for clock in incident.clocks)


def next_due(incident: Incident) -> datetime | None:
    """When the earliest clock is due; None without clocks."""
    return min((clock.due_at for clock in incident.clocks), default=None)


def run_due_clock(incident: Incident, at: datetime, timings: IncidentTimings) -> IncidentChange | None:
    """What the earliest clock does that is due; None where none is. The watch is left to ``transitions.end_watch``."""
    due = [clock for clock in incident.clocks if clock.due_at <= at and clock.kind is not ClockKind.WATCH]
    if not due:
        return None
    clock = min(due, key=lambda each: each.due_at)
    if clock.kind is ClockKind.ARCHIVE:
        return _archive(incident, clock, at)
    if (moved := _moved_by_acts(incident, clock, timings)) is not clock:
        return IncidentChange(record=replace(incident, clocks=_replaced(incident.clocks, clock, moved)), low_priority=True)
    step = step_of(incident, clock, at, timings)
    after = replace(incident, clocks=_replaced(incident.clocks, clock, step.next))
    if not incident.is_open and clock.kind is not ClockKind.POSTMORTEM:
        return IncidentChange(record=after)
    return change(
        after,
        EntryKind.CLOCK,
        at,
        step.text,
        told=step.told,
        tone=Tone.WARNING,
        calls=step.calls,
        offers=step.offers,
        page=step.page,
    )


def upcoming(incident: Incident, timings: IncidentTimings, count: int = 3) -> tuple[UpcomingStep, ...]:
    """What happens next if nobody does anything, the earliest first."""
    steps: list[UpcomingStep] = []
    clocks = tuple(_moved_by_acts(incident, clock, timings) for clock in incident.clocks if clock.kind is not ClockKind.ARCHIVE)
    while clocks and len(steps) < count:
        clock = min(clocks, key=lambda each: each.due_at)
        if clock.kind is ClockKind.WATCH:
            steps.append(UpcomingStep(clock.due_at, "the watch ends"))
            clocks = _replaced(clocks, clock, None)
            continue
        step = step_of(incident, clock, clock.due_at, timings)
        planned = UpcomingStep(clock.due_at, step.planned)
        steps += [] if planned in steps else [planned]
        clocks = _replaced(clocks, clock, step.next)
    return tuple(steps)


def _replaced(clocks: tuple[IncidentClock, ...], clock: IncidentClock, by: IncidentClock | None) -> tuple[IncidentClock, ...]:
    return tuple(each for each in (by if each is clock else each for each in clocks) if each is not None)


def _moved_by_acts(incident: Incident, clock: IncidentClock, timings: IncidentTimings) -> IncidentClock:
    """The commander's clock counts from their last act, of which not each one sets it anew."""
    if clock.kind is not ClockKind.COMMANDER or clock.paused or incident.commander_acted_at is None:
        return clock
    due_at = incident.commander_acted_at + timings.commander_within
    return clock if due_at <= clock.due_at else new_clock(ClockKind.COMMANDER, due_at)


def _archive(incident: Incident, clock: IncidentClock, at: datetime) -> IncidentChange:
    """Have the channel archived, unless its post-mortem is still due: then look again a day later."""
    waits = incident.clock(ClockKind.POSTMORTEM) is not None
    later = replace(clock, due_at=at + timedelta(days=1)) if waits else None
    return IncidentChange(record=replace(incident, clocks=_replaced(incident.clocks, clock, later)), low_priority=True)
