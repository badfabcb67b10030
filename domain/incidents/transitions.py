"""The transitions of an incident: pure functions from a record to the next one, the same for every door.

Each raises ``Refused`` where the incident's state does not allow it; then nothing changes.
"""

from dataclasses import replace
from datetime import datetime

from domain.catalogue.incidents import IncidentTimings
from domain.errors import Refused
from domain.incidents.changes import IncidentChange, Offer, PageOrder, PageTarget, change, page_of_severity
from domain.incidents.clocks import (
    clocks_after_act,
    clocks_at_close,
    clocks_at_resolution,
    clocks_at_start,
    clocks_of_severity,
    pause_clocks,
    with_clock,
)
from domain.incidents.incident import BOT_PARTICIPANT, ClockKind, Incident, IncidentRole, IncidentState, Mark, Participant, Update
from domain.incidents.timeline import EntryKind
from domain.notes import Tone
from domain.rich_text import CommandMention, Text, sentence
from domain.severities import Severity
from domain.text import format_duration

MAX_TITLE_LENGTH = 150
"""Characters: two lines on a phone, and Slack's header has 150."""


def declare(record: Incident, timings: IncidentTimings, *, reason: Text = "", origin: str = "") -> IncidentChange:
    """Open the incident: start its clocks and page.

    ``reason`` is what opened it, if no person did; ``origin`` is the link of the message that it is about.
    """
    at, by = record.declared.at, record.declared.by
    # A rehearsal ends by itself; nobody but the on-call person is to be disturbed.
    clocks = () if record.is_test else clocks_at_start(record.severity, at, timings)
    started = replace(record, clocks=clocks)
    text = reason or sentence(by.text, f" declared {record.severity}: {record.title}")
    page = PageOrder("declared", PageTarget.POLICY, record.title)
    return change(
        started, EntryKind.STATE, at, text, by=by, permalink=origin, audit="incident declare", why=record.title, page=page
    )


def acknowledge(record: Incident, by: Participant, at: datetime, timings: IncidentTimings, *, way: str = "") -> IncidentChange:
    """Take the incident on: paging ends, and who did it commands, unless somebody does already.

    ``way`` is where it was done, if not here: ``in PagerDuty``.
    """
    require_ongoing(record, "acknowledge")
    if record.acknowledged is not None:
        raise Refused(sentence(record.acknowledged.by.text, f" has acknowledged {record.id} already."))
    return _acknowledged(record, by, at, timings, sentence(by.text, " acknowledged this", f" {way}" if way else "", "."))


def _acknowledged(record: Incident, by: Participant, at: datetime, timings: IncidentTimings, text: Text) -> IncidentChange:
    state = IncidentState.ACKNOWLEDGED if record.state is IncidentState.DECLARED else record.state
    commander = record.commander or (None if by.is_bot else by)
    after = replace(record, state=state, acknowledged=Mark(by, at), commander=commander, commander_acted_at=at)
    after = replace(after, clocks=clocks_after_act(after, at, timings))
    return change(
        after,
        EntryKind.STATE,
        at,
        text,
        by=by,
        tone=Tone.GOOD,
        audit="incident acknowledge",
        acknowledged_by=by,
    )


def mitigate(record: Incident, by: Participant, at: datetime, timings: IncidentTimings, *, how: str = "") -> IncidentChange:
    """The effect on users has ended; the cause has not."""
    require_ongoing(record, "mitigate")
    if record.mitigated is not None:
        raise Refused(sentence(record.mitigated.by.text, f" has called {record.id} mitigated already."))
    acting = _acted(record, by, at)
    acknowledged = record.acknowledged or Mark(by, at)
    acting = replace(acting, state=IncidentState.MITIGATED, mitigated=Mark(by, at), acknowledged=acknowledged)
    clocks = with_clock(clocks_after_act(acting, at, timings), ClockKind.RESPOND, None)
    text = sentence(by.text, " called this mitigated", f": {how}" if how else ".")
    return change(
        replace(acting, clocks=clocks),
        EntryKind.STATE,
        at,
        text,
        by=by,
        tone=Tone.GOOD,
        audit="incident mitigate",
        why=how,
        acknowledged_by=by,
    )


def resolve(record: Incident, by: Participant, at: datetime, timings: IncidentTimings, *, how: str = "") -> IncidentChange:
    """The incident has ended, as far as is known: it is watched from now on. Nobody is mentioned."""
    require_ongoing(record, "resolve")
    acting = _acted(record, by, at)
    after = replace(
        acting,
        state=IncidentState.RESOLVED,
        resolved=Mark(by, at),
        acknowledged=record.acknowledged or Mark(by, at),
        mitigated=record.mitigated or Mark(by, at),
        proof=(),
    )
    after = replace(after, clocks=clocks_at_resolution(after, at, timings))
    text = sentence("Resolved after ", format_duration(at - record.declared.at), f": {how}" if how else ".")
    watch = f"It is watched for {format_duration(timings.watch_for)}; a linked alert that fires in that time reopens it."
    return change(
        after,
        EntryKind.STATE,
        at,
        text,
        by=by,
        tone=Tone.GOOD,
        lines=(watch,),
        offers=(Offer.REOPEN,),
        audit="incident resolve",
        why=how,
        stop_paging="resolved",
    )


def end_watch(
    record: Incident, at: datetime, timings: IncidentTimings, proof: tuple[Text, ...], *, complete: bool, close_now: bool
) -> IncidentChange:
    """The watch is over. ``proof`` is what it has shown; ``complete``: everything could be shown, so that it may close itself."""
    stopped = replace(record, clocks=with_clock(record.clocks, ClockKind.WATCH, None), proof=proof)
    headline = "The watch is over and quiet." if complete else "The watch is over. Not everything could be shown."
    if complete and close_now:
        closed = replace(stopped, state=IncidentState.CLOSED, closed=Mark(BOT_PARTICIPANT, at))
        return change(
            replace(closed, clocks=clocks_at_close(closed, at, timings)),
            EntryKind.STATE,
            at,
            f"{headline} The incident is closed.",
            by=BOT_PARTICIPANT,
            tone=Tone.GOOD,
            lines=proof,
            offers=(Offer.POSTMORTEM,),
            audit="incident close",
        )
    return change(
        stopped,
        EntryKind.STATE,
        at,
        headline,
        by=BOT_PARTICIPANT,
        tone=Tone.GOOD if complete else Tone.WARNING,
        lines=proof,
        offers=(Offer.CLOSE, Offer.REOPEN),
    )


def close(record: Incident, by: Participant, at: datetime, timings: IncidentTimings) -> IncidentChange:
    """End a resolved incident for good. Only its post-mortem is still due."""
    if record.state is IncidentState.CLOSED:
        raise Refused(f"{record.id} is closed already.")
    if record.state is not IncidentState.RESOLVED:
        hint = sentence(" Resolve it first: ", CommandMention(f"incident resolve {record.id}"), ".")
        raise Refused(sentence(f"{record.id} is {record.state.value} and not resolved, so it cannot be closed.", hint))
    closed = replace(record, state=IncidentState.CLOSED, closed=Mark(by, at))
    waiting = f" {len(record.open_tasks)} open tasks become its action items." if len(record.open_tasks) > 1 else ""
    return change(
        replace(closed, clocks=clocks_at_close(closed, at, timings)),
        EntryKind.STATE,
        at,
        sentence("Closed by ", by.text, ".", waiting),
        by=by,
        offers=(Offer.POSTMORTEM,),
        audit="incident close",
    )


def reopen(record: Incident, by: Participant, at: datetime, timings: IncidentTimings, *, why: Text = "") -> IncidentChange:
    """Go on with a resolved or closed incident. The policy is paged again."""
    if record.merged_into:
        raise Refused(f"{record.id} went on as {record.merged_into}, so it cannot be reopened.")
    if record.state.is_ongoing:
        raise Refused(f"{record.id} is {record.state.value}, so there is nothing to reopen.")
    count = record.reopened + 1
    after = replace(
        record, resolved=None, closed=None, mitigated=None, proof=(), reopened=count, clocks=(), commander_acted_at=at
    )
    if by.is_bot:
        clocks = clocks_at_start(record.severity, at, timings)
        after = replace(after, state=IncidentState.DECLARED, acknowledged=None, clocks=clocks)
    else:
        after = replace(after, state=IncidentState.ACKNOWLEDGED)
        after = replace(after, clocks=clocks_after_act(after, at, timings))
    text = sentence("Reopened", " by " if not by.is_bot else "", by.text if not by.is_bot else "", ": " if why else ".", why)
    page = PageOrder(f"reopened-{count}", PageTarget.POLICY, f"reopened: {record.title}") if by.is_bot else None
    return change(after, EntryKind.STATE, at, text, by=by, tone=Tone.BAD, audit="incident reopen", page=page)


def set_severity(
    record: Incident, severity: Severity, by: Participant, at: datetime, timings: IncidentTimings, *, why: str = ""
) -> IncidentChange:
    """Change the severity. A worse one pages by its own policy, even where the incident was acknowledged."""
    require_ongoing(record, "change the severity of")
    if record.severity is severity:
        raise Refused(f"{record.id} is {severity} already.")
    worse = severity.rank < record.severity.rank
    acting = _acted(record, by, at)
    after = replace(acting, severity=severity, clocks=clocks_of_severity(acting, severity, at, timings))
    text = sentence(f"Now {severity}, was {record.severity}", f": {why}" if why else ".")
    page = page_of_severity(after) if worse else None
    tone = Tone.BAD if worse else Tone.PLAIN
    return change(after, EntryKind.STATE, at, text, by=by, tone=tone, audit="incident severity", why=why, page=page)


def set_role(
    record: Incident, role: IncidentRole, holder: Participant, by: Participant, at: datetime, timings: IncidentTimings
) -> IncidentChange:
    """Give somebody a role, who is told. A commander's clock starts anew."""
    _require_open(record)
    current = record.holder(role)
    if current is not None and current.person == holder.person:
        raise Refused(sentence(holder.text, f" is {role.value} of {record.id} already."))
    acting = _acted(record, by, at)
    match role:
        case IncidentRole.COMMANDER:
            acting = replace(acting, commander=holder, commander_acted_at=at)
        case IncidentRole.COMMS:
            acting = replace(acting, comms=holder)
        case IncidentRole.SCRIBE:
            acting = replace(acting, scribe=holder)
    if role is IncidentRole.COMMANDER and acting.state.is_ongoing and acting.acknowledged is not None:
        acting = replace(acting, clocks=clocks_after_act(acting, at, timings))
    before = sentence(", instead of ", current.text) if current else ""
    text = sentence(holder.text, f" is {role.value}", before, ".")
    if holder.person == by.person:
        return change(acting, EntryKind.ROLE, at, text, by=by, audit="incident role")
    told = sentence(f"you are {role.value}", before, ", says ", by.text, ".")
    return change(acting, EntryKind.ROLE, at, text, by=by, told=told, calls=(holder,), audit="incident role")


def post_update(record: Incident, text: str, by: Participant, at: datetime, timings: IncidentTimings) -> IncidentChange:
    """Say what stands. The next update is due by the severity; the response counts as given."""
    _require_open(record)
    after = replace(_acted(record, by, at), update=Update(text, Mark(by, at)))
    if after.state.is_ongoing:
        clocks = with_clock(after.clocks, ClockKind.RESPOND, None)
        after = replace(after, clocks=with_clock(clocks, ClockKind.UPDATE, at + timings.update_within(after.severity)))
    return change(after, EntryKind.UPDATE, at, sentence(by.text, f": {text}"), by=by, audit="incident update", why=text)


def still_here(record: Incident, by: Participant, at: datetime, timings: IncidentTimings) -> IncidentChange:
    """The commander answers that they are there."""
    require_ongoing(record, "answer for")
    if record.commander is None or record.commander.person != by.person:
        commander = record.commander.text if record.commander else "nobody"
        raise Refused(sentence(f"{record.id} is commanded by ", commander, ", so the question is theirs to answer."))
    after = replace(record, commander_acted_at=at, clocks=clocks_after_act(record, at, timings))
    return change(after, EntryKind.NOTE, at, sentence(by.text, " is still with it."), by=by)


def pause(record: Incident, until: datetime, why: str, by: Participant, at: datetime) -> IncidentChange:
    """Let the clocks rest that ask people for words, until then. The card says why."""
    require_ongoing(record, "pause the clocks of")
    if record.acknowledged is None:
        raise Refused(f"Nobody has acknowledged {record.id} yet. Its clocks count until somebody does.")
    after = replace(_acted(record, by, at), clocks=pause_clocks(record, until, why))
    text = sentence(by.text, f" paused the clocks until {until:%d %b %H:%M} UTC: {why}")
    return change(after, EntryKind.CLOCK, at, text, by=by, audit="incident pause", why=why)


def rename(record: Incident, title: str, by: Participant, at: datetime) -> IncidentChange:
    """Change the title."""
    _require_open(record)
    if record.title == title:
        raise Refused(f"{record.id} is called that already.")
    text = sentence(by.text, f" renamed this: {title}")
    return change(replace(_acted(record, by, at), title=title), EntryKind.STATE, at, text, by=by, audit="incident rename")


def _acted(record: Incident, by: Participant, at: datetime) -> Incident:
    """The record after an act of this person: a commander who acts is not silent."""
    if record.commander is None or record.commander.person != by.person:
        return record
    return replace(record, commander_acted_at=at)


def _require_open(record: Incident) -> None:
    if not record.is_open:
        goes_on = f" It goes on as {record.merged_into}." if record.merged_into else ""
        reopen_hint = sentence(" To go on with it: ", CommandMention(f"incident reopen {record.id}"), ".")
        raise Refused(sentence(f"{record.id} is closed.", goes_on or reopen_hint, " Nothing was changed."))


def require_ongoing(record: Incident, what: str) -> None:
    """Raise ``Refused`` for an incident that is resolved or closed."""
    _require_open(record)
    if record.resolved is not None:
        when = f"{record.resolved.at:%d %b %H:%M} UTC"
        raise Refused(f"{record.id} was resolved already, at {when}, so there is nothing to {what}. Nothing was changed.")
