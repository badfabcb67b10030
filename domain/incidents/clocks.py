"""The clocks of an incident: when each is due, what it does then, and what comes next if nobody acts. Pure.

Each clock reminds first and escalates ``escalate_after`` later. All times are kept in the record; one timer row per incident is
due at the earliest of them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.catalogue.incidents import IncidentTimings
from domain.incidents.changes import IncidentChange, Offer, PageOrder, PageTarget, change
from domain.incidents.incident import ClockKind, Incident, IncidentClock, Participant
from domain.incidents.timeline import EntryKind
from domain.notes import Tone
from domain.rich_text import Text, sentence
from domain.severities import Severity
from domain.text import format_duration

SEVERE = frozenset({Severity.P0, Severity.P1})
"""Severities whose commander must not fall silent, and whose post-mortem is due."""

POSTMORTEM_REMINDERS = (timedelta(hours=24), timedelta(hours=2), timedelta(0))
"""How long before it is due a post-mortem is asked for."""
POSTMORTEM_GIVES_UP_AFTER = timedelta(days=7)
"""How long after it was due a post-mortem is asked for, once a day."""


@dataclass(frozen=True, slots=True)
class UpcomingStep:
    """What happens at that time if nobody does anything."""

    at: datetime
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What a clock does when it is due. ``next`` is the clock afterwards; None if it has ended."""

    planned: Text
    """In words, before it happens: ``asks ana for an update``."""
    text: Text
    """In words, when it happens."""
    next: IncidentClock | None
    told: Text = ""
    """What people are told, where that is not ``text``, which the timeline has."""
    calls: tuple[Participant, ...] = ()
    offers: tuple[Offer, ...] = ()
    page: PageOrder | None = None


def clocks_at_start(severity: Severity, at: datetime, timings: IncidentTimings) -> tuple[IncidentClock, ...]:
    """The clocks of an incident that was declared just now."""
    return (
        _clock(ClockKind.ACKNOWLEDGE, at + timings.acknowledge_within),
        _clock(ClockKind.RESPOND, at + timings.respond_within(severity)),
    )


def with_clock(clocks: tuple[IncidentClock, ...], kind: ClockKind, due_at: datetime | None) -> tuple[IncidentClock, ...]:
    """The clocks with this one set anew; None stops it."""
    others = tuple(each for each in clocks if each.kind is not kind)
    return others if due_at is None else (*others, _clock(kind, due_at))


def clocks_after_act(incident: Incident, at: datetime, timings: IncidentTimings) -> tuple[IncidentClock, ...]:
    """The clocks after somebody has taken the incident on, or changed its severity or commander."""
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


def clocks_of_severity(incident: Incident, severity: Severity, timings: IncidentTimings) -> tuple[IncidentClock, ...]:
    """The clocks after a change of the severity: what has not reminded anybody yet is due by the new severity's time."""
    moved = []
    for clock in incident.clocks:
        if clock.step == 0 and not clock.paused and clock.kind is ClockKind.RESPOND:
            moved.append(_clock(clock.kind, incident.declared.at + timings.respond_within(severity)))
        elif clock.step == 0 and not clock.paused and clock.kind is ClockKind.UPDATE:
            before = timings.update_within(incident.severity)
            moved.append(_clock(clock.kind, clock.due_at - before + timings.update_within(severity)))
        elif clock.kind is not ClockKind.COMMANDER or severity in SEVERE:
            moved.append(clock)
    return tuple(moved)


def clocks_at_resolution(incident: Incident, at: datetime, timings: IncidentTimings) -> tuple[IncidentClock, ...]:
    """The clocks of a resolved incident: the watch, and the post-mortem of a severe one."""
    watch = (_clock(ClockKind.WATCH, at + timings.watch_for),)
    if incident.severity not in SEVERE or incident.is_test:
        return watch
    due_at = at + timings.postmortem_within
    first = max(at, due_at - POSTMORTEM_REMINDERS[0])
    return (*watch, IncidentClock(kind=ClockKind.POSTMORTEM, due_at=first, deadline=due_at))


def clocks_at_close(incident: Incident, at: datetime, timings: IncidentTimings) -> tuple[IncidentClock, ...]:
    """The clocks of a closed incident: the post-mortem, and when the channel is archived."""
    postmortem = tuple(clock for clock in incident.clocks if clock.kind is ClockKind.POSTMORTEM)
    return (*postmortem, _clock(ClockKind.ARCHIVE, at + timings.archive_after))


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
    step = _step(incident, clock, at, timings)
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
        step = _step(incident, clock, clock.due_at, timings)
        planned = UpcomingStep(clock.due_at, step.planned)
        steps += [] if planned in steps else [planned]
        clocks = _replaced(clocks, clock, step.next)
    return tuple(steps)


def _clock(kind: ClockKind, due_at: datetime) -> IncidentClock:
    return IncidentClock(kind=kind, due_at=due_at, deadline=due_at)


def _replaced(clocks: tuple[IncidentClock, ...], clock: IncidentClock, by: IncidentClock | None) -> tuple[IncidentClock, ...]:
    return tuple(each for each in (by if each is clock else each for each in clocks) if each is not None)


def _moved_by_acts(incident: Incident, clock: IncidentClock, timings: IncidentTimings) -> IncidentClock:
    """The commander's clock counts from their last act, of which not each one sets it anew."""
    if clock.kind is not ClockKind.COMMANDER or clock.paused or incident.commander_acted_at is None:
        return clock
    due_at = incident.commander_acted_at + timings.commander_within
    return clock if due_at <= clock.due_at else _clock(ClockKind.COMMANDER, due_at)


def _step(incident: Incident, clock: IncidentClock, at: datetime, timings: IncidentTimings) -> _Step:
    if clock.paused:
        resumed = replace(clock, paused="", due_at=at + timings.escalate_after)
        return _Step(planned="the pause ends", text=f"The pause is over ({clock.paused}). The clocks count again.", next=resumed)
    return _STEPS[clock.kind](incident, clock, at, timings)


def _archive(incident: Incident, clock: IncidentClock, at: datetime) -> IncidentChange:
    """Have the channel archived, unless its post-mortem is still due: then look again a day later."""
    waits = incident.clock(ClockKind.POSTMORTEM) is not None
    later = replace(clock, due_at=at + timedelta(days=1)) if waits else None
    return IncidentChange(record=replace(incident, clocks=_replaced(incident.clocks, clock, later)), low_priority=True)


def _later(clock: IncidentClock, at: datetime, span: timedelta) -> IncidentClock:
    return replace(clock, due_at=at + span, step=clock.step + 1)


def _acknowledge(incident: Incident, clock: IncidentClock, at: datetime, timings: IncidentTimings) -> _Step:
    waited = format_duration(at - incident.declared.at)
    again = _later(clock, at, timings.escalate_after)
    if clock.step == 0:
        text = f"Nobody has acknowledged this for {waited}."
        return _Step(planned="reminds everybody here", text=text, next=again, offers=(Offer.ACKNOWLEDGE,))
    page = PageOrder(f"unacknowledged-{clock.step}", PageTarget.LEAD, f"nobody has acknowledged it for {waited}")
    return _Step(
        planned="escalates to the team lead",
        text=f"Nobody has acknowledged this for {waited}. The team lead is paged.",
        next=again,
        offers=(Offer.ACKNOWLEDGE, Offer.TAKE_PAGER),
        page=page,
    )


def _respond(incident: Incident, clock: IncidentClock, at: datetime, timings: IncidentTimings) -> _Step:
    within = format_duration(clock.deadline - incident.declared.at)
    if clock.step == 0:
        return _Step(
            planned=sentence("asks ", _lead_name(incident), " for a response"),
            text=f"A {incident.severity} needs a response within {within}, and there is no update yet. What stands?",
            next=_later(clock, at, timings.escalate_after),
            calls=_leaders(incident),
            offers=(Offer.UPDATE,),
        )
    return _Step(
        planned="escalates to the team lead",
        text=f"There is still no update, {format_duration(at - clock.deadline)} after one was due. The team lead is paged.",
        next=None,
        offers=(Offer.UPDATE,),
        page=PageOrder("no-response", PageTarget.LEAD, "nobody has said what stands"),
    )


def _update(incident: Incident, clock: IncidentClock, at: datetime, timings: IncidentTimings) -> _Step:
    last = incident.update.mark.at if incident.update else incident.declared.at
    silent = format_duration(at - last)
    if clock.step == 0:
        return _Step(
            planned=sentence("asks ", _lead_name(incident), " for an update"),
            text=f"The last word is {silent} old. What stands?",
            next=_later(clock, at, timings.escalate_after),
            calls=_leaders(incident),
            offers=(Offer.UPDATE,),
        )
    deputy = incident.deputy
    told = sentence("tells ", deputy.text) if deputy else "tells everybody here"
    return _Step(
        planned=sentence(told, " that the update is late"),
        text=f"The update is late: the last word is {silent} old.",
        next=_clock(ClockKind.UPDATE, at + timings.update_within(incident.severity)),
        calls=tuple(filter(None, (deputy,))),
        offers=(Offer.UPDATE,),
    )


def _commander(incident: Incident, clock: IncidentClock, at: datetime, timings: IncidentTimings) -> _Step:
    name = _lead_name(incident)
    acted = incident.commander_acted_at or incident.declared.at
    silent = format_duration(at - acted)
    if clock.step == 0:
        return _Step(
            planned=sentence("asks whether ", name, " is still with it"),
            text=sentence(name, f" did nothing here for {silent}."),
            told=f"are you still with it? You did nothing here for {silent}.",
            next=_later(clock, at, timings.escalate_after),
            calls=_leaders(incident),
            offers=(Offer.STILL_HERE, Offer.TAKE_COMMAND),
        )
    deputy = incident.deputy
    others = sentence(deputy.text, " and the on-call person") if deputy else "the on-call person"
    return _Step(
        planned=sentence("tells ", others, " that ", name, " does not answer"),
        text=sentence(name, f" does not answer for {silent}. Somebody has to take command; ", others, " are told."),
        next=_clock(ClockKind.COMMANDER, at + timings.commander_within),
        calls=tuple(filter(None, (deputy,))),
        offers=(Offer.TAKE_COMMAND,),
        page=PageOrder(f"silent-commander-{at:%Y%m%dT%H%M}", PageTarget.POLICY, "the commander does not answer"),
    )


def _postmortem(incident: Incident, clock: IncidentClock, at: datetime, _timings: IncidentTimings) -> _Step:
    name = _lead_name(incident)
    left = clock.deadline - at
    state = f"is due in {format_duration(left)}" if left > timedelta(minutes=1) else "is due now"
    if left < -timedelta(minutes=1):
        state = f"was due {format_duration(-left)} ago"
    return _Step(
        planned=sentence("asks ", name, " for the post-mortem"),
        text=f"The post-mortem of {incident.id} {state}.",
        next=_next_postmortem_reminder(clock, at),
        calls=_leaders(incident),
        offers=(Offer.POSTMORTEM,),
    )


def _next_postmortem_reminder(clock: IncidentClock, at: datetime) -> IncidentClock | None:
    ahead = [clock.deadline - span for span in POSTMORTEM_REMINDERS if clock.deadline - span > at]
    due_at = min(ahead) if ahead else at + timedelta(days=1)
    if due_at > clock.deadline + POSTMORTEM_GIVES_UP_AFTER:
        return None
    return replace(clock, due_at=due_at, step=clock.step + 1)


def _leaders(incident: Incident) -> tuple[Participant, ...]:
    """Whom a reminder calls: the commander, else who acknowledged."""
    acknowledged = incident.acknowledged.by if incident.acknowledged else None
    leader = incident.commander or acknowledged
    return (leader,) if leader is not None and not leader.is_bot else ()


def _lead_name(incident: Incident) -> Text:
    leaders = _leaders(incident)
    return leaders[0].text if leaders else "everybody here"


_StepOf = Callable[[Incident, IncidentClock, datetime, IncidentTimings], _Step]
_STEPS: dict[ClockKind, _StepOf] = {
    ClockKind.ACKNOWLEDGE: _acknowledge,
    ClockKind.RESPOND: _respond,
    ClockKind.UPDATE: _update,
    ClockKind.COMMANDER: _commander,
    ClockKind.POSTMORTEM: _postmortem,
}
