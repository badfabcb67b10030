"""The card of an incident in each of its states, and the notes in its channel. Cards name people and mention nobody."""

from datetime import datetime, timedelta

from bot.views import phrases
from bot.views.incident_buttons import card_buttons, note_buttons
from bot.views.markup.document import Actions, Block, Context, Document, Header, Paragraph, TextFile
from bot.views.markup.mrkdwn import clean
from bot.views.markup.spans import Hyperlink, Line, Strong, join, join_dots, line
from domain.incidents.cards import IncidentCard
from domain.incidents.changes import IncidentNote
from domain.incidents.channel_problems import problems
from domain.incidents.incident import (
    ClockKind,
    Incident,
    IncidentClock,
    IncidentRole,
    IncidentState,
    LinkedAlert,
    Mark,
)
from domain.rich_text import ChannelMention, Code, CommandMention, Text, Timestamp, UserMention
from domain.severities import Severity
from domain.text import and_more, clip, format_duration

SEVERITY_EMOJI = {Severity.P0: "🚨", Severity.P1: "🔴", Severity.P2: "🟠", Severity.P3: "🟡"}
_STATE_EMOJI = {IncidentState.MITIGATED: "🩹", IncidentState.RESOLVED: "✅", IncidentState.CLOSED: "🏁"}
_MAX_LINKED = 5
_MAX_PAGES = 4
_MAX_TASKS = 5
_MAX_UPDATE_LENGTH = 400
"""Characters of the last update on the card: five lines on a phone."""
_CLOCK_WORDS = {
    ClockKind.ACKNOWLEDGE: "acknowledge by",
    ClockKind.RESPOND: "respond by",
    ClockKind.UPDATE: "next update by",
    ClockKind.WATCH: "watched until",
    ClockKind.POSTMORTEM: "post-mortem by",
}


def card(fact: IncidentCard, now: datetime | None = None) -> Document:
    """The card, edited in place. With ``now``, clocks that are due soon say how long that is."""
    incident = fact.incident
    blocks: list[Block] = [Header(headline(incident)), Paragraph(_status(incident))]
    blocks += [Paragraph(rows)] if (rows := _facts(fact, now or fact.at)) else []
    blocks += [Paragraph(linked)] if (linked := _linked(incident)) else []
    blocks += [Paragraph(tuple(line("⚠️ ", each) for each in found))] if (found := problems(incident.channel)) else []
    # The headline of the proof; its details are in the message that ends the watch.
    blocks += [Paragraph((line(incident.proof[0]),))] if incident.proof else []
    blocks += [Actions(buttons)] if (buttons := card_buttons(incident)) else []
    blocks += [Context(_footer(fact))]
    return Document(summary=summary(incident), blocks=tuple(blocks), overflows_to_file=False)


def note(fact: IncidentNote) -> Document:
    """A message in the incident's channel. Only those whom it calls are notified."""
    calls = join(" ", (UserMention(each.person) for each in fact.calls))
    text = line(phrases.TONE_EMOJI[fact.tone], fact.text)
    rows = [line(calls, " ", text) if calls else text, *(line("• " if len(fact.lines) > 1 else "", each) for each in fact.lines)]
    blocks: list[Block] = [Paragraph(tuple(rows), max_lines=40)]
    blocks += [Actions(buttons)] if (buttons := note_buttons(fact.incident_id, fact.offers, fact.team)) else []
    file = TextFile(fact.file_name, fact.file_text) if fact.file_name else None
    return Document(summary=join_dots(text, fact.incident_id), blocks=tuple(blocks), file=file)


def headline(incident: Incident) -> str:
    """`🔴 P1 · checkout is failing`; a test says so."""
    test = "TEST · " if incident.is_test else ""
    security = "🔒 " if incident.security else ""
    return f"{emoji(incident)} {security}{test}{incident.severity} · {clean(incident.title)}"


def emoji(incident: Incident) -> str:
    """The state's emoji; the severity's while it goes on."""
    return _STATE_EMOJI.get(incident.state, SEVERITY_EMOJI[incident.severity])


def summary(incident: Incident) -> Line:
    """One line for a lock screen."""
    return join_dots(headline(incident), _state_words(incident), incident.id)


def incident_line(incident: Incident) -> Line:
    """One incident of a list: what, state, since when, where."""
    where = join_dots(incident.environment, ", ".join(incident.services))
    channel = ChannelMention(incident.channel.id) if incident.channel.is_usable and not incident.security else None
    what = join_dots(line(Strong(headline(incident))), _state_words(incident), Timestamp(incident.declared.at))
    return join_dots(what, where, channel, Code(incident.id))


def _state_words(incident: Incident) -> str:
    if incident.merged_into:
        return f"merged into {incident.merged_into}"
    if incident.state is IncidentState.RESOLVED and incident.resolved:
        return f"resolved after {format_duration(incident.resolved.at - incident.declared.at)}"
    if incident.state is IncidentState.CLOSED and incident.resolved:
        return f"closed, took {format_duration(incident.resolved.at - incident.declared.at)}"
    return "nobody has acknowledged it" if incident.state is IncidentState.DECLARED else incident.state.value


def _status(incident: Incident) -> tuple[Line, ...]:
    marks = (("declared", incident.declared), ("acknowledged", incident.acknowledged), ("mitigated", incident.mitigated))
    later = (("resolved", incident.resolved), ("closed", incident.closed))
    steps = [*marks, *(() if incident.state.is_ongoing else later)]
    first = line(Strong(_state_words(incident).capitalize()))
    reopened = f"reopened {phrases.pluralize(incident.reopened, 'time')}" if incident.reopened else None
    where = join_dots(incident.environment, ", ".join(incident.services), reopened)
    return tuple(filter(None, (join_dots(first, where), join_dots(*(_mark(word, mark) for word, mark in steps if mark)))))


def _mark(word: str, mark: Mark) -> Line:
    # Who resolved or closed is not named: that is not what an end is about.
    named = word not in {"resolved", "closed"} and not mark.by.is_bot
    return line(word, line(" by ", mark.by.text) if named else "", " ", Timestamp(mark.at, time_only=True))


def _facts(fact: IncidentCard, now: datetime) -> tuple[Line, ...]:
    incident = fact.incident
    rows = [
        _roles(incident) if incident.is_open else (),
        _clocks(incident, now),
        *(_upcoming(fact) if incident.is_open else ()),
        _pages(incident) if incident.state is IncidentState.DECLARED else (),
        _update(incident),
        _postmortem(incident),
        *_tasks(incident),
    ]
    return tuple(filter(None, rows))


def _roles(incident: Incident) -> Line:
    held = [(role, holder) for role in IncidentRole if (holder := incident.holder(role)) is not None]
    names = [line(f"{role.value} ", holder.text) for role, holder in held]
    nobody = [] if incident.commander else [line("nobody commands it")]
    return line(Strong("Roles"), " ", join_dots(*nobody, *names))


def _clocks(incident: Incident, now: datetime) -> Line:
    clocks = sorted(incident.clocks, key=lambda clock: clock.deadline)
    shown = [_clock(clock, now) for clock in clocks if clock.kind in _CLOCK_WORDS]
    return line(Strong("Clocks"), " ", join_dots(*shown)) if shown else ()


def _clock(clock: IncidentClock, now: datetime) -> Line:
    word, is_far = _CLOCK_WORDS[clock.kind], abs(clock.deadline - now) > timedelta(hours=12)
    if clock.paused:
        return line(
            f"{word.removesuffix(' by')} paused until ",
            Timestamp(clock.due_at, time_only=not is_far),
            f" ({clip(clean(clock.paused), 80)})",
        )
    left = clock.deadline - now
    over = line(" ", Strong(f"late by {format_duration(-left)}")) if left < -timedelta(minutes=1) else ()
    soon = f" (in {format_duration(left)})" if timedelta(0) < left <= timedelta(minutes=10) else ""
    return line(f"{word} ", Timestamp(clock.deadline, time_only=not is_far), soon, over)


def _upcoming(fact: IncidentCard) -> tuple[Line, ...]:
    """`If nobody acts`, then `03:30 asks ana for an update` and `03:40 escalates to the team lead`."""
    soon = fact.at + timedelta(hours=12)
    rows = [line("• ", Timestamp(step.at, time_only=step.at < soon), " ", step.text) for step in fact.upcoming]
    return (line(Strong("If nobody acts")), *rows) if rows else ()


def _pages(incident: Incident) -> Line:
    lines = [line("⚠️ " if each.failed else "", each.text) for each in incident.pages[-_MAX_PAGES:]]
    return line(Strong("Pages"), " ", join_dots(*lines)) if lines else ()


def _update(incident: Incident) -> Line:
    update = incident.update
    if update is None:
        return ()
    text = clip(clean(update.text), _MAX_UPDATE_LENGTH)
    return line(Strong("Last word"), " ", Timestamp(update.mark.at, time_only=True), " ", update.mark.by.text, f": {text}")


def _postmortem(incident: Incident) -> Line:
    done = incident.postmortem
    return line(Strong("Post-mortem"), " ", Hyperlink("the finished one", done.url)) if done else ()


def _tasks(incident: Incident) -> tuple[Line, ...]:
    tasks = incident.open_tasks
    if not tasks:
        return ()
    shown = [line(f"☐ {task.number}. {clip(clean(task.text), 120)}") for task in tasks[:_MAX_TASKS]]
    more = and_more(len(tasks) - len(shown))
    return (*shown, *([line(more)] if more else []))


def _linked(incident: Incident) -> tuple[Line, ...]:
    alerts = sorted(incident.alerts, key=lambda each: (not each.firing, each.severity.rank))
    operations = [each for each in incident.operations if not each.ended] + [each for each in incident.operations if each.ended][
        ::-1
    ]
    rows = [_alert(each) for each in alerts[:_MAX_LINKED]]
    rows += [line(and_more(len(alerts) - _MAX_LINKED), " alerts")] if len(alerts) > _MAX_LINKED else []
    rows += [line("🔧 ", each.title, f": {each.state} (", Code(each.operation_id), ")") for each in operations[:_MAX_LINKED]]
    return tuple(rows)


def _alert(alert: LinkedAlert) -> Line:
    suspect = line(" · suspect ", alert.suspect) if alert.suspect and alert.firing else ()
    state = "🔥 " if alert.firing else "✅ "
    return line(state, clip(clean(alert.title), 80), " (", Code(alert.group_id), ")", suspect)


def _footer(fact: IncidentCard) -> Line:
    incident = fact.incident
    is_elsewhere = fact.is_announcement and incident.channel.is_usable
    place: Text | Line = line("in ", ChannelMention(incident.channel.id)) if is_elsewhere else ()
    can_acknowledge = incident.state is IncidentState.DECLARED
    command = line("or type ", CommandMention(f"incident ack {incident.id}")) if can_acknowledge else None
    return join_dots(Code(incident.id), place, command)
