"""The card of an alert group in each of its states, and the replies in its thread."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.views import phrases
from bot.views.alert_buttons import card_buttons
from bot.views.markup.document import Actions, Block, CodeBlock, Context, Document, Header, Paragraph
from bot.views.markup.mrkdwn import clean
from bot.views.markup.spans import Hyperlink, Line, Span, Strong, join_dots, line
from domain.alerts.alerts import Alert, AlertGroup, AlertNote, GroupState, Route
from domain.alerts.group_changes import distinguishing_labels
from domain.alerts.silences import OnNew
from domain.changes.platform_changes import Suspect
from domain.metrics.chart_text import describe_chart, format_number, has_numbers
from domain.metrics.charts import Chart
from domain.people import Person
from domain.rich_text import Code, CommandMention, GroupMention, Timestamp, UserMention
from domain.severities import Severity
from domain.text import and_more, clip, format_duration

SEVERITY_EMOJI = {Severity.P0: "🚨", Severity.P1: "🔴", Severity.P2: "🟠", Severity.P3: "🟡"}
_MAX_EXAMPLES = 3
_MAX_LABELS = 6
_LOCATION_LABELS = (
    "namespace",
    "node",
    "instance",
    "pod",
    "container",
    "deployment",
    "device",
    "mountpoint",
    "persistentvolumeclaim",
)
"""Labels that locate the problem; shown where all alerts of a group share them."""
_MAX_LABEL_LENGTH = 60
"""Characters of a label's value."""
_MAX_DESCRIPTION_LENGTH = 300
"""Characters of the alert's ``description`` annotation: four lines on a phone."""


def card(record: AlertGroup) -> Document:
    """The card of an alert group. It is edited in place as the group changes."""
    buttons = card_buttons(record)
    blocks: list[Block] = [Header(f"{emoji(record)} {record.full_title}"), Paragraph(_status(record))]
    blocks += [Paragraph(details)] if (details := _details(record)) else []
    blocks += [Paragraph(examples)] if (examples := _examples(record)) else []
    blocks += [Paragraph((links,))] if (links := _links(record)) else []
    blocks += [Actions(buttons)] if buttons else []
    blocks += [Context(_footer(record))]
    return Document(summary=summary(record), blocks=tuple(blocks), overflows_to_file=False)


def note(fact: AlertNote) -> Document:
    """A reply in the group's thread. A chart's numbers are also in the text."""
    numbers = _numbers(fact.chart) if fact.chart else ()
    is_chart_text = fact.chart is not None and fact.text == describe_chart(fact.chart)
    text = line(phrases.TONE_EMOJI[fact.tone], numbers if is_chart_text else fact.text)
    bullet = "• " if len(fact.lines) > 1 else ""
    details = [() if is_chart_text else numbers, *(line(bullet, each) for each in fact.lines)]
    blocks: list[Block] = [Paragraph((text, *filter(None, details)))]
    blocks += [CodeBlock(fact.log)] if fact.log else []
    blocks += [Context(line(Timestamp(fact.at, time_only=True)))]
    return Document(summary=join_dots(text, fact.group_id), blocks=tuple(blocks), chart=fact.chart)


def _numbers(chart: Chart) -> Line:
    """`Value now 14.2, limit 10`, or `No data between 14:02 and 15:02 UTC`."""
    text = describe_chart(chart)
    return line(Strong("Value"), f" {text}") if has_numbers(chart) else line(f"{text[0].upper()}{text[1:]}")


def summary(record: AlertGroup) -> Line:
    """One line for a lock screen: emoji, title, severity, summary, id."""
    state = f"resolved after {_duration(record)}" if _is_over(record) else f"{record.severity} firing"
    return join_dots(f"{emoji(record)} {record.full_title}", state, None if _is_over(record) else record.summary, record.id)


def emoji(record: AlertGroup) -> str:
    """The state's emoji; the severity's while the group is neither acknowledged nor silenced."""
    if _is_over(record):
        return "✅"
    if record.silence is not None:
        return "🔕"
    return "👀" if record.acknowledgement is not None else SEVERITY_EMOJI[record.severity]


def alert_count(record: AlertGroup) -> str:
    """`1 alert`, `3 alerts`, `2 of 5 alerts`."""
    if _is_over(record) or record.firing == record.total:
        return phrases.pluralize(record.total, "alert")
    return f"{record.firing:,} of {phrases.pluralize(record.total, 'alert')}"


def labels_of(record: AlertGroup) -> str:
    """The group's labels and shared location labels, without values that the title has."""
    shared = {name: value for name in _LOCATION_LABELS if (value := record.common_labels.get(name))}
    in_title = {record.title, record.environment, record.service, ""}
    labels = {name: value for name, value in {**record.labels, **shared}.items() if name != "alertname" and value not in in_title}
    return phrases.shortened(
        [f"{name}={clip(clean(value), _MAX_LABEL_LENGTH)}" for name, value in sorted(labels.items())], max_names=_MAX_LABELS
    )


def acknowledgement_line(record: AlertGroup) -> Line:
    """Who acknowledged the group and until when; empty where nobody did."""
    acknowledgement = record.acknowledgement
    if acknowledgement is None or _is_over(record):
        return ()
    return line("acknowledged by ", UserMention(acknowledgement.by), " until ", _until(acknowledgement.at, acknowledgement.until))


def silence_line(record: AlertGroup) -> Line:
    """Who silenced the group, until when and why; empty where nobody did."""
    silence = record.silence
    if silence is None:
        return ()
    return line(
        "silenced by ",
        UserMention(silence.by),
        " until ",
        _until(silence.at, silence.until),
        line(", extended by ", UserMention(silence.extended_by)) if silence.extended_by else "",
        f": {silence.reason}" if silence.reason else "",
        " (something new lifts it)" if silence.on_new is OnNew.LIFT else "",
    )


def _status(record: AlertGroup) -> tuple[Line, ...]:
    began = Timestamp(record.began_at)
    if _is_over(record):
        first = join_dots(Strong(f"Resolved after {_duration(record)}"), record.severity.value, alert_count(record))
        times = line("fired from ", began, " to ", Timestamp(record.resolved_at, time_only=True)) if record.resolved_at else ()
    else:
        severity_emoji = SEVERITY_EMOJI[record.severity]
        severity_line = line("" if emoji(record) == severity_emoji else f"{severity_emoji} ", Strong(f"{record.severity} firing"))
        first, times = join_dots(severity_line, line("since ", began), alert_count(record)), ()
    acknowledgement, silence = acknowledgement_line(record), silence_line(record)
    handling = (line("👀 ", acknowledgement) if acknowledgement else (), line("🔕 ", silence) if silence else ())
    more = (times, *handling, line(_episode(record)), line(_flapping(record)), line(_truncated(record)))
    return (first, *filter(None, more))


def _details(record: AlertGroup) -> tuple[Line, ...]:
    """Summary, description, labels, value, suspect, previous group and owner."""
    present = record.value or (_reported_values(*record.examples[:1]) if record.firing == 1 else "")
    value = line(Strong("Value"), f" {present}") if present and not _is_over(record) else ()
    suspect = suspect_line(record.suspect) if record.suspect else ()
    owner = () if _is_over(record) else _owner(record.route)
    labels = line(Strong("Labels"), f" {label_text}") if (label_text := labels_of(record)) else ()
    previous = _previous_group(record) if record.previous and not _is_over(record) else ()
    return tuple(filter(None, (line(record.summary), line(_description(record)), labels, value, suspect, previous, owner)))


def _reported_values(alert: Alert | None = None) -> str:
    """`B 44.24, C 1`: the values of the expressions of a rule of Grafana, which reports them with the alert."""
    values = alert.grafana.values if alert and alert.grafana and alert.firing else {}
    return ", ".join(f"{clip(clean(name), _MAX_LABEL_LENGTH)} {format_number(value)}" for name, value in values.items())


def _description(record: AlertGroup) -> str:
    """The description annotation, which often has details that the summary lacks. Empty where the firing alerts differ."""
    descriptions = {each.annotations.get("description", "") for each in record.examples if each.firing}
    if _is_over(record) or len(descriptions) != 1 or record.firing > len(record.examples):
        return ""
    description = clean(descriptions.pop()).strip()
    return "" if description in clean(record.summary) else clip(description, _MAX_DESCRIPTION_LENGTH)


def suspect_line(suspect: Suspect) -> Line:
    """`Suspect deploy main-9f00d12 by @lee, 12 min before (op-h3c9)`."""
    change = suspect.change
    author: Span | None = UserMention(change.by) if change.by else change.by_manager or None
    by = line(" by ", author) if author else ()
    reason = line(f", {suspect.reasons[0]}") if suspect.reasons else line(", ", Timestamp(change.at, time_only=True))
    still_running = ", still going on" if change.running else ""
    operation = line(" (", Code(change.operation_id), ")") if change.operation_id else ()
    return line(Strong("Suspect"), " ", change.description, by, reason, still_running, operation)


def _previous_group(record: AlertGroup) -> Line:
    """`Last time al-k7m2, resolved 3 h before after 21 min`."""
    previous = record.previous
    if previous is None:
        return ()
    ago, duration = (
        format_duration(record.began_at - previous.resolved_at),
        format_duration(previous.resolved_at - previous.began_at),
    )
    return line(Strong("Last time"), " ", Code(previous.id), f", resolved {ago} before, after {duration}")


def _examples(record: AlertGroup) -> tuple[Line, ...]:
    """The distinguishing labels of the first alerts, where there are several."""
    if record.total < 2 or _is_over(record):
        return ()
    examples = record.examples[:_MAX_EXAMPLES]
    lines = [
        line(
            "🔴 " if each.firing else "✅ ",
            clip(clean(distinguishing_labels(each, record)), _MAX_LABEL_LENGTH * 3),
            f": {values}" if (values := _reported_values(each)) else "",
        )
        for each in examples
    ]
    more = and_more(record.total - len(examples))
    return (*lines, *([line(more)] if more else []))


def _links(record: AlertGroup) -> Line:
    links = join_dots(*(Hyperlink(each.text, each.url) for each in record.links))
    return line(Strong("Links"), " ", links) if links else ()


def _footer(record: AlertGroup) -> Line:
    can_acknowledge = not _is_over(record) and record.acknowledgement is None
    command = line("or type ", CommandMention(f"ack {record.id}")) if can_acknowledge else None
    incident = line("part of ", Code(record.incident)) if record.incident else None
    return join_dots(Code(record.id), incident, command)


def _owner(route: Route) -> Line:
    """The owner and the mentions of the matching rule. Only ids from the catalogue become mentions."""
    owner = line(Strong("Owner"), f" {route.owner}") if route.owner else ()
    return join_dots(owner, _mentions(route.mentions))


def _mentions(ids: Sequence[str]) -> Line:
    spans = (GroupMention(each) if each.startswith("S") else UserMention(Person(each, "")) for each in ids)
    return tuple(span for number, each in enumerate(spans) for span in ((" ", each) if number else (each,)))


def _episode(record: AlertGroup) -> str:
    if record.episode < 2:
        return ""
    since = record.began_at - record.seen_at
    within = f" in {format_duration(since)}" if since >= timedelta(minutes=1) else ""
    return f"🔁 {phrases.ordinal(record.episode)} time{within}"


def _flapping(record: AlertGroup) -> str:
    if not record.flapping:
        return ""
    since = f" since {record.state_changes[0]:%H:%M} UTC" if record.state_changes else ""
    changes = phrases.pluralize(len(record.state_changes), "change")
    return f"🎢 flapping: {changes}{since}. The thread stays quiet until it is steady."


def _truncated(record: AlertGroup) -> str:
    return "⚠️ Alertmanager left some alerts out of what it sent, so there may be more." if record.truncated else ""


def _until(at: datetime, until: datetime) -> Timestamp:
    return Timestamp(until, time_only=until - at < timedelta(hours=12))


def _is_over(record: AlertGroup) -> bool:
    return record.state is GroupState.RESOLVED


def _duration(record: AlertGroup) -> str:
    return format_duration((record.resolved_at or record.updated_at) - record.began_at)
