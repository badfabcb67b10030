"""What each clock of an incident does when it is due: reminds first, then escalates. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.catalogue.incidents import IncidentTimings
from domain.incidents.changes import Offer, PageOrder, PageTarget
from domain.incidents.incident import ClockKind, Incident, IncidentClock, Participant
from domain.rich_text import Text, sentence
from domain.text import format_duration

POSTMORTEM_REMINDERS = (timedelta(hours=24), timedelta(hours=2), timedelta(0))
"""How long before it is due a post-mortem is asked for."""
POSTMORTEM_GIVES_UP_AFTER = timedelta(days=7)
"""How long after it was due a post-mortem is asked for, once a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStep:
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


def new_clock(kind: ClockKind, due_at: datetime) -> IncidentClock:
    """A clock that is due then for the first time."""
    return IncidentClock(kind=kind, due_at=due_at, deadline=due_at)


def step_of(incident: Incident, clock: IncidentClock, at: datetime, timings: IncidentTimings) -> ClockStep:
    """What this clock does at its next step."""
    if clock.paused:
        resumed = replace(clock, paused="", due_at=at + timings.escalate_after)
        return ClockStep(
            planned="the pause ends", text=f"The pause is over ({clock.paused}). The clocks count again.", next=resumed
        )
    return _STEPS[clock.kind](incident, clock, at, timings)


def _kind(incident: Incident, kind: str) -> str:
    """The kind of a page, another one after each reopening: the same kind twice would be one page."""
    return f"{kind}-reopened-{incident.reopened}" if incident.reopened else kind


def _later(clock: IncidentClock, at: datetime, span: timedelta) -> IncidentClock:
    return replace(clock, due_at=at + span, step=clock.step + 1)


def _acknowledge(incident: Incident, clock: IncidentClock, at: datetime, timings: IncidentTimings) -> ClockStep:
    waited = format_duration(at - incident.declared.at)
    again = _later(clock, at, timings.escalate_after)
    if clock.step == 0:
        text = f"Nobody has acknowledged this for {waited}."
        return ClockStep(planned="reminds everybody here", text=text, next=again, offers=(Offer.ACKNOWLEDGE,))
    page = PageOrder(_kind(incident, f"unacknowledged-{clock.step}"), PageTarget.LEAD, f"nobody has acknowledged it for {waited}")
    return ClockStep(
        planned="escalates to the team lead",
        text=f"Nobody has acknowledged this for {waited}.",
        next=again,
        offers=(Offer.ACKNOWLEDGE, Offer.TAKE_PAGER),
        page=page,
    )


def _respond(incident: Incident, clock: IncidentClock, at: datetime, timings: IncidentTimings) -> ClockStep:
    within = format_duration(clock.deadline - incident.declared.at)
    if clock.step == 0:
        return ClockStep(
            planned=sentence("asks ", _lead_name(incident), " for a response"),
            text=f"A {incident.severity} needs a response within {within}, and there is no update yet. What stands?",
            next=_later(clock, at, timings.escalate_after),
            calls=_leaders(incident),
            offers=(Offer.UPDATE,),
        )
    return ClockStep(
        planned="escalates to the team lead",
        text=f"There is still no update, {format_duration(at - clock.deadline)} after one was due.",
        next=None,
        offers=(Offer.UPDATE,),
        page=PageOrder(_kind(incident, "no-response"), PageTarget.LEAD, "nobody has said what stands"),
    )


def _update(incident: Incident, clock: IncidentClock, at: datetime, timings: IncidentTimings) -> ClockStep:
    last = incident.update.mark.at if incident.update else incident.declared.at
    silent = format_duration(at - last)
    if clock.step == 0:
        return ClockStep(
            planned=sentence("asks ", _lead_name(incident), " for an update"),
            text=f"The last word is {silent} old. What stands?",
            next=_later(clock, at, timings.escalate_after),
            calls=_leaders(incident),
            offers=(Offer.UPDATE,),
        )
    deputy = incident.deputy
    told = sentence("tells ", deputy.text) if deputy else "tells everybody here"
    return ClockStep(
        planned=sentence(told, " that the update is late"),
        text=f"The update is late: the last word is {silent} old.",
        next=new_clock(ClockKind.UPDATE, at + timings.update_within(incident.severity)),
        calls=tuple(filter(None, (deputy,))),
        offers=(Offer.UPDATE,),
    )


def _commander(incident: Incident, clock: IncidentClock, at: datetime, timings: IncidentTimings) -> ClockStep:
    name = _lead_name(incident)
    acted = incident.commander_acted_at or incident.declared.at
    silent = format_duration(at - acted)
    if clock.step == 0:
        return ClockStep(
            planned=sentence("asks whether ", name, " is still with it"),
            text=sentence(name, f" did nothing here for {silent}."),
            told=f"are you still with it? You did nothing here for {silent}.",
            next=_later(clock, at, timings.escalate_after),
            calls=_leaders(incident),
            offers=(Offer.STILL_HERE, Offer.TAKE_COMMAND),
        )
    deputy = incident.deputy
    others = sentence(deputy.text, " and the on-call person") if deputy else "the on-call person"
    return ClockStep(
        planned=sentence("tells ", others, " that ", name, " does not answer"),
        text=sentence(name, f" does not answer for {silent}. Somebody has to take command; ", others, " are told."),
        next=new_clock(ClockKind.COMMANDER, at + timings.commander_within),
        calls=tuple(filter(None, (deputy,))),
        offers=(Offer.TAKE_COMMAND,),
        page=PageOrder(f"silent-commander-{at:%Y%m%dT%H%M}", PageTarget.POLICY, "the commander does not answer"),
    )


def _postmortem(incident: Incident, clock: IncidentClock, at: datetime, _timings: IncidentTimings) -> ClockStep:
    name = _lead_name(incident)
    left = clock.deadline - at
    state = f"is due in {format_duration(left)}" if left > timedelta(minutes=1) else "is due now"
    if left < -timedelta(minutes=1):
        state = f"was due {format_duration(-left)} ago"
    return ClockStep(
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


_StepOf = Callable[[Incident, IncidentClock, datetime, IncidentTimings], ClockStep]
_STEPS: dict[ClockKind, _StepOf] = {
    ClockKind.ACKNOWLEDGE: _acknowledge,
    ClockKind.RESPOND: _respond,
    ClockKind.UPDATE: _update,
    ClockKind.COMMANDER: _commander,
    ClockKind.POSTMORTEM: _postmortem,
}
