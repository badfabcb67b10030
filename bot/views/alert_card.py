"""The card of an alert group in each of its states, and the replies in its thread."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.views import phrases
from bot.views.markup.document import Block, Button, Buttons, Confirm, Lines, Log, Menu, Option, Page, Small, Title
from bot.views.markup.mrkdwn import clean, clip
from bot.views.markup.spans import Code, Line, Link, Span, Strong, Team, When, Who, dotted, line, sentence
from domain.alerts.alerts import AlertGroup, AlertNote, GroupState, Route
from domain.alerts.groups import differing
from domain.alerts.remediation import can_silence, can_undo
from domain.changes.platform_changes import Suspect
from domain.metrics.chart_text import has_numbers, in_words
from domain.metrics.charts import Chart
from domain.people import Person
from domain.severities import Severity
from domain.text import format_span

ACKNOWLEDGE = "alert.acknowledge"
SILENCE = "alert.silence"
UNSILENCE = "alert.unsilence"
ROLL_BACK = "alert.rollback"

OTHER = "other"
"""The choice of the silence's menu that asks for how long."""

SIGNS = {Severity.P0: "🚨", Severity.P1: "🔴", Severity.P2: "🟠", Severity.P3: "🟡"}
_SILENCES = (("1 hour", "1h"), ("4 hours", "4h"), ("Other…", OTHER))
_EXAMPLES = 3
_LABELS = 6
_WHERE = ("namespace", "node", "instance", "pod", "container", "deployment", "device", "mountpoint", "persistentvolumeclaim")
"""Labels that say where to look, where all of a group's alerts share them."""
_SHORT = 60
"""Characters of a label's value and of what tells an alert from the others."""
_DESCRIPTION = 300
"""Characters of what the rule's author says beside the summary: four lines of a phone."""


def card(record: AlertGroup) -> Page:
    """One card for a group, edited in place."""
    buttons = card_buttons(record)
    blocks: list[Block] = [Title(f"{sign(record)} {title(record)}"), Lines(_status(record))]
    blocks += [Lines(told)] if (told := _told(record)) else []
    blocks += [Lines(some)] if (some := _examples(record)) else []
    blocks += [Lines((links,))] if (links := _links(record)) else []
    blocks += [Buttons(buttons)] if buttons else []
    blocks += [Small(_footer(record))]
    return Page(summary=summary(record), blocks=tuple(blocks), spills=False)


def note(fact: AlertNote) -> Page:
    """A reply in the group's thread. What a picture shows stands in words beside it."""
    numbers = _numbers(fact.chart) if fact.chart else ()
    is_said = fact.chart is not None and fact.text == in_words(fact.chart)
    said = line(phrases.TONE_SIGNS[fact.tone], numbers if is_said else sentence(fact.text))
    bullet = "• " if len(fact.lines) > 1 else ""
    details = [() if is_said else numbers, *(line(bullet, sentence(each, fact.people)) for each in fact.lines)]
    blocks: list[Block] = [Lines((said, *filter(None, details)))]
    blocks += [Log(fact.log)] if fact.log else []
    blocks += [Small(line(When(fact.at, is_today=True)))]
    return Page(summary=dotted(said, fact.group), blocks=tuple(blocks), chart=fact.chart)


def _numbers(chart: Chart) -> Line:
    """`Value now 14.2, limit 10`, or `No data between 14:02 and 15:02 UTC`."""
    told = in_words(chart)
    return line(Strong("Value"), f" {told}") if has_numbers(chart) else line(f"{told[0].upper()}{told[1:]}")


def summary(record: AlertGroup) -> Line:
    """One line for a lock screen: how bad, what, where, which."""
    state = f"resolved after {_lasted(record)}" if _is_over(record) else f"{record.severity} firing"
    return dotted(f"{sign(record)} {title(record)}", state, None if _is_over(record) else record.summary, record.id)


def title(record: AlertGroup) -> str:
    """What and where: `HighErrorRate · production · deep-echo-main`."""
    return " · ".join(each for each in (record.title, record.environment, record.service) if each)


def sign(record: AlertGroup) -> str:
    """By state first, by severity while nobody has done anything about it."""
    if _is_over(record):
        return "✅"
    if record.silence is not None:
        return "🔕"
    return "👀" if record.acknowledgement is not None else SIGNS[record.severity]


def count(record: AlertGroup) -> str:
    """`1 alert`, `3 alerts`, `2 of 5 alerts`."""
    if _is_over(record) or record.firing == record.total:
        return phrases.counted(record.total, "alert")
    return f"{record.firing:,} of {phrases.counted(record.total, 'alert')}"


def labels_of(record: AlertGroup) -> str:
    """What it is grouped by and where it is, as far as the title does not say so."""
    shared = {name: value for name in _WHERE if (value := record.common_labels.get(name))}
    said = {record.title, record.environment, record.service, ""}
    found = {name: value for name, value in {**record.labels, **shared}.items() if name != "alertname" and value not in said}
    return phrases.few([f"{name}={clip(clean(value), _SHORT)}" for name, value in sorted(found.items())], most=_LABELS)


def acknowledged(record: AlertGroup) -> Line:
    """Who looks at it and until when; empty where nobody does."""
    held = record.acknowledgement
    if held is None or _is_over(record):
        return ()
    return line("acknowledged by ", Who(held.by), " until ", _until(held.at, held.until))


def silenced(record: AlertGroup) -> Line:
    """Who silenced it, until when and why; empty where it is not."""
    mark = record.silence
    if mark is None:
        return ()
    return line("silenced by ", Who(mark.by), " until ", _until(mark.at, mark.until), f": {mark.reason}" if mark.reason else "")


def card_buttons(record: AlertGroup) -> tuple[Button | Menu, ...]:
    """What can be done about it now, the most likely first."""
    wanted = (_acknowledge(record), _silence(record), _roll_back(record))
    return tuple(each for each in wanted if each is not None)


def _acknowledge(record: AlertGroup) -> Button | None:
    if _is_over(record) or record.acknowledgement is not None:
        return None
    return Button(text="Acknowledge", action=ACKNOWLEDGE, value=record.id, style="primary")


def _silence(record: AlertGroup) -> Button | Menu | None:
    if record.silence is not None:
        return Button(text="End silence", action=UNSILENCE, value=record.id)
    if _is_over(record) or not can_silence(record):
        return None
    options = tuple(Option(text, f"{record.id}/{span}") for text, span in _SILENCES)
    return Menu(text="Silence", action=SILENCE, options=options)


def _roll_back(record: AlertGroup) -> Button | None:
    """Not after the end, which may well be what a rollback brought; the command is there all the same."""
    if _is_over(record) or record.suspect is None or not can_undo(record):
        return None
    change = record.suspect.change
    services = phrases.listed(change.services)
    asked = Confirm(
        f"Roll back {change.environment}?",
        f"{services} to {change.before[change.services[0]]}, which ran before the suspect ({change.what}). "
        "Where this needs an approval, it waits for one.",
        "Roll back",
        "Not yet",
    )
    return Button(text="Roll back", action=ROLL_BACK, value=record.id, style="danger", confirm=asked)


def _status(record: AlertGroup) -> tuple[Line, ...]:
    began = When(record.began_at)
    if _is_over(record):
        first = dotted(Strong(f"Resolved after {_lasted(record)}"), record.severity.value, count(record))
        times = line("fired from ", began, " to ", When(record.resolved_at, is_today=True)) if record.resolved_at else ()
    else:
        how_bad = SIGNS[record.severity]
        signed = line("" if sign(record) == how_bad else f"{how_bad} ", Strong(f"{record.severity} firing"))
        first, times = dotted(signed, line("since ", began), count(record)), ()
    looked_at, quiet = acknowledged(record), silenced(record)
    cared = (line("👀 ", looked_at) if looked_at else (), line("🔕 ", quiet) if quiet else ())
    more = (times, *cared, line(_again(record)), line(_flapping(record)), line(_truncated(record)))
    return (first, *filter(None, more))


def _told(record: AlertGroup) -> tuple[Line, ...]:
    """What the rule's author says, where it is, what the value is, which change is the suspect, whose it is."""
    value = line(Strong("Value"), f" {record.value}") if record.value and not _is_over(record) else ()
    suspect = suspect_line(record.suspect) if record.suspect else ()
    owner = () if _is_over(record) else _owner(record.route)
    labels = line(Strong("Labels"), f" {found}") if (found := labels_of(record)) else ()
    earlier = _earlier(record) if record.earlier and not _is_over(record) else ()
    return tuple(filter(None, (line(record.summary), line(_description(record)), labels, value, suspect, earlier, owner)))


def _description(record: AlertGroup) -> str:
    """Many rules say in their summary what, and only here of which pod or disk. Where the alerts differ, none speaks for all."""
    told = {each.annotations.get("description", "") for each in record.examples if each.firing}
    if _is_over(record) or len(told) != 1 or record.firing > len(record.examples):
        return ""
    said = clean(told.pop()).strip()
    return "" if said in clean(record.summary) else clip(said, _DESCRIPTION)


def suspect_line(suspect: Suspect) -> Line:
    """`Suspect deploy main-9f00d12 by @lee, 12 min before (op-h3c9)`."""
    change = suspect.change
    who: Span | None = Who(change.by) if change.by else change.by_name or None
    by = line(" by ", who) if who else ()
    why = line(f", {suspect.reasons[0]}") if suspect.reasons else line(", ", When(change.at, is_today=True))
    going_on = ", still going on" if change.running else ""
    operation = line(" (", Code(change.operation), ")") if change.operation else ()
    return line(Strong("Suspect"), " ", change.what, by, why, going_on, operation)


def _earlier(record: AlertGroup) -> Line:
    """`Last time al-k7m2, resolved 3 h before after 21 min`."""
    before = record.earlier
    if before is None:
        return ()
    ago, lasted = format_span(record.began_at - before.resolved_at), format_span(before.resolved_at - before.began_at)
    return line(Strong("Last time"), " ", Code(before.id), f", resolved {ago} before, after {lasted}")


def _examples(record: AlertGroup) -> tuple[Line, ...]:
    """What tells its alerts apart, where there are several."""
    if record.total < 2 or _is_over(record):
        return ()
    some = record.examples[:_EXAMPLES]
    shown = [line("🔴 " if each.firing else "✅ ", clip(clean(differing(each, record)), _SHORT * 3)) for each in some]
    more = record.total - len(some)
    return (*shown, *([line(f"and {more:,} more")] if more > 0 else []))


def _links(record: AlertGroup) -> Line:
    links = dotted(*(Link(each.text, each.url) for each in record.links))
    return line(Strong("Links"), " ", links) if links else ()


def _footer(record: AlertGroup) -> Line:
    can_be = not _is_over(record) and record.acknowledgement is None
    typed = line("or type ", Code(f"/deepecho ack {record.id}")) if can_be else None
    return dotted(Code(record.id), typed)


def _owner(route: Route) -> Line:
    """Whose it is, and whom the catalogue's rule calls. Only ids of the catalogue become mentions."""
    owner = line(Strong("Owner"), f" {route.owner}") if route.owner else ()
    return dotted(owner, _mentions(route.mentions))


def _mentions(ids: Sequence[str]) -> Line:
    spans = (Team(each) if each.startswith("S") else Who(Person(each, "")) for each in ids)
    return tuple(span for number, each in enumerate(spans) for span in ((" ", each) if number else (each,)))


def _again(record: AlertGroup) -> str:
    if record.episode < 2:
        return ""
    since = record.began_at - record.seen_at
    within = f" in {format_span(since)}" if since >= timedelta(minutes=1) else ""
    return f"🔁 {phrases.ordinal(record.episode)} time{within}"


def _flapping(record: AlertGroup) -> str:
    if not record.flapping:
        return ""
    since = f" since {record.flips[0]:%H:%M} UTC" if record.flips else ""
    return f"🎢 flapping: {phrases.counted(len(record.flips), 'change')}{since}. The thread stays quiet until it is steady."


def _truncated(record: AlertGroup) -> str:
    return "⚠️ Alertmanager left some alerts out of what it sent, so there may be more." if record.truncated else ""


def _until(at: datetime, until: datetime) -> When:
    return When(until, is_today=until - at < timedelta(hours=12))


def _is_over(record: AlertGroup) -> bool:
    return record.state is GroupState.RESOLVED


def _lasted(record: AlertGroup) -> str:
    return format_span((record.resolved_at or record.updated_at) - record.began_at)
