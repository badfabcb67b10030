"""The replies that enrichment adds to an alert's thread: chart, suspects, pods. Pure."""

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from domain.alerts.alerts import AlertGroup, AlertNote
from domain.changes.platform_changes import Suspect
from domain.metrics.chart_text import describe_chart, format_number
from domain.metrics.charts import Chart, Marker, Series
from domain.metrics.promql import Comparison, Threshold, expression_of, split_threshold, why_no_limit
from domain.metrics.samples import Sample
from domain.notes import Tone
from domain.rich_text import Code, Text, sentence
from domain.text import and_more, clip
from domain.workloads.pod_failures import PodFailure

MIN_CHART_LEAD = timedelta(minutes=30)
"""How much of the time before the alert began a chart shows at least."""
MAX_CHART_SPAN = timedelta(hours=6)
MAX_CHART_LINES = 8
MAX_SUSPECTS = 3
MAX_LOG_LINES = 20
MAX_PODS = 5
"""Maximum items of each kind in a reply: more of them nobody reads."""

_FAILURE_TEXTS = {
    "suspects": "What changed before it could not be found out.",
    "chart": "The chart could not be drawn.",
    "pods": "Whether pods fail could not be found out.",
}
MAX_CONDITION_LENGTH = 200
"""Maximum characters of a rule's further condition."""
_COMPARE: Mapping[Comparison, Callable[[float, float], bool]] = {
    Comparison.ABOVE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.EQUAL: operator.eq,
    Comparison.NOT_EQUAL: operator.ne,
}
_LEFT_MARGIN = 0.1
"""The empty part of a chart before its first value."""
_MIN_CHART_SPAN = timedelta(minutes=2)
"""The time that a chart shows at least, however little was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertQuery:
    """The query for a group: its alert's expression, without the comparison with its threshold."""

    expression: str
    since: datetime
    until: datetime
    present_expression: str = ""
    """The query for the present value. It is the whole rule where that demands more of a series than the drawn limit."""
    threshold: Threshold | None = None
    no_limit_because: str = ""
    """Why a rule that compares something has no limit to draw."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Series with other values of these labels belong to other alerts of the same rule."""


def query_of(group: AlertGroup, at: datetime) -> AlertQuery | None:
    """The query for the group's chart and value. None if no alert has an expression."""
    expressions = (expression_of(each.generator_url) for each in group.examples)
    expression = next((each for each in expressions if each), "")
    if not expression:
        return None
    threshold = split_threshold(expression)
    since = max(group.began_at - MIN_CHART_LEAD, at - MAX_CHART_SPAN)
    measured = threshold.left if threshold else expression
    demands_more = threshold is not None and bool(threshold.inner_limits or threshold.condition) and not threshold.boolean
    return AlertQuery(
        expression=measured,
        present_expression=expression if demands_more else measured,
        no_limit_because=why_no_limit(expression),
        since=min(since, at - MIN_CHART_LEAD),
        until=at,
        threshold=threshold,
        labels=group.common_labels,
    )


def value_of(query: AlertQuery, samples: Iterable[Sample]) -> str:
    """``14.2 (limit 10)``: the value that is furthest beyond the limit. Empty if there is none that is surely the alert's."""
    samples, threshold = tuple(samples), query.threshold
    values = [each.value for each in samples if each.value is not None]
    if any(each.differing_labels for each in samples):
        # Relabelling may have changed the alert's labels: only a single series that fires can be told to be the alert's.
        values = [each for each in values if threshold is None or breaches(each, threshold)]
        values = values if len(values) == 1 else []
    if not values:
        return ""
    worst = max(values, key=lambda value: distance_from_limit(value, threshold))
    limit = f" (limit {format_number(threshold.limit)})" if threshold and math.isfinite(threshold.limit) else ""
    return f"{format_number(worst)}{limit}"


def chart_note(
    group: AlertGroup, query: AlertQuery, series: Sequence[Series], suspects: Iterable[Suspect], at: datetime
) -> AlertNote:
    """The reply with the chart, which marks the limit, the alert's beginning and the likeliest suspects."""
    markers = [Marker(each.change.at, each.change.description) for each in suspects][:MAX_SUSPECTS]
    selected = sorted(series, key=lambda each: _worst_first(each, query.threshold))[:MAX_CHART_LINES]
    drawn = [replace(each, name=_shorten_name(each.name, group)) for each in selected]
    markers = [*markers, Marker(group.began_at, "alert")]
    chart = Chart(
        title=_chart_title(group),
        since=_chart_start(query, series, markers),
        until=query.until,
        series=tuple(sorted(drawn, key=lambda each: each.name)),
        threshold=query.threshold.limit if query.threshold else None,
        markers=tuple(markers),
        left_out=len(series) - len(selected),
    )
    text, lines = describe_chart(chart), _chart_lines(query, selected)
    return AlertNote(group_id=group.id, key=_note_key(group, "chart"), at=at, text=text, lines=lines, chart=chart)


def _chart_lines(query: AlertQuery, drawn: Sequence[Series]) -> tuple[Text, ...]:
    """What the chart does not show of the rule, and series that are not surely the alert's."""
    threshold, lines = query.threshold, []
    if threshold and threshold.inner_limits:
        limits = ", ".join(f"{comparison} {format_number(limit)}" for comparison, limit in threshold.inner_limits)
        lines.append(f"The rule has another limit, which is not drawn: {limits}.")
    if threshold and threshold.condition:
        lines.append(f"The rule demands besides: {clip(threshold.condition, MAX_CONDITION_LENGTH)}")
    if query.no_limit_because:
        lines.append(f"No limit is drawn: {query.no_limit_because}.")
    if labels := sorted({label for each in drawn for label in each.differing_labels}):
        other = "another value" if len(labels) == 1 else "other values"
        lines.append(f"No series has all labels of the alert; drawn are those with {other} of {', '.join(labels)}.")
    return tuple(lines)


def _chart_start(query: AlertQuery, series: Sequence[Series], markers: Sequence[Marker]) -> datetime:
    """The start of the chart: later than the query's if the first half has no values, which would squeeze the lines."""
    measured = [at for each in series for at, value in each.points if value is not None]
    middle = query.since + (query.until - query.since) / 2
    if not measured or min(measured) < middle.timestamp():
        return query.since
    seen = [each.at for each in markers if query.since <= each.at <= query.until]
    first = min([datetime.fromtimestamp(min(measured), UTC), *seen])
    return max(query.since, min(first - (query.until - first) * _LEFT_MARGIN, query.until - _MIN_CHART_SPAN))


def _shorten_name(name: str, group: AlertGroup) -> str:
    """The name of a line without the labels that are in the chart's title."""
    redundant = {
        f"{label}={value}" for label, value in group.common_labels.items() if value in (group.service, group.environment)
    }
    parts = [each for each in name.split(", ") if each not in redundant]
    return ", ".join(parts)


def suspects_note(group: AlertGroup, suspects: Sequence[Suspect], missing: Sequence[Text], at: datetime) -> AlertNote | None:
    """The reply with the suspects, the likeliest first. None without suspects and without missing sources."""
    if not suspects and not missing:
        return None
    lines = tuple(_suspect_line(each) for each in suspects[:MAX_SUSPECTS])
    return AlertNote(
        group_id=group.id,
        key=_note_key(group, "suspects"),
        at=at,
        text=_suspects_heading(len(lines)),
        lines=(*lines, *missing),
    )


def pods_note(group: AlertGroup, failures: Sequence[PodFailure], at: datetime) -> AlertNote:
    """The reply with pods that do not come up, and the end of the log of the first one that has any."""
    shown = failures[:MAX_PODS]
    lines = [f"{each.where}: {each.reason}{f', {each.message}' if each.message else ''}" for each in shown]
    if len(failures) > MAX_PODS:
        lines.append(and_more(len(failures) - MAX_PODS))
    log = next((each.log_tail for each in shown if each.log_tail), ())
    count = len({each.pod for each in failures})
    pods = "1 pod does" if count == 1 else f"{count} pods do"
    return AlertNote(
        group_id=group.id,
        key=_note_key(group, "pods"),
        at=at,
        text=f"{pods} not come up:",
        tone=Tone.BAD,
        lines=tuple(lines),
        log=log[-MAX_LOG_LINES:],
    )


def missing_part_note(group: AlertGroup, part: str, at: datetime, why: Text) -> AlertNote | None:
    """The reply for a part that failed. None for the value: the reply about the chart covers it."""
    if part not in _FAILURE_TEXTS:
        return None
    return AlertNote(group_id=group.id, key=_note_key(group, part), at=at, text=sentence(f"{_FAILURE_TEXTS[part]} ", why))


def _suspects_heading(suspects: int) -> str:
    if suspects == 0:
        return "No change before it was found."
    return "What changed before it:" if suspects == 1 else "What changed before it, the likeliest first:"


def _note_key(group: AlertGroup, part: str) -> str:
    return f"{part}-{group.episode}"


def _chart_title(group: AlertGroup) -> str:
    return " · ".join(each for each in (group.title, group.service, group.environment) if each)


def _suspect_line(suspect: Suspect) -> Text:
    change = suspect.change
    who = change.by or change.by_manager
    by = sentence(" by ", who) if who else ""
    operation = sentence(" (", Code(change.operation_id), ")") if change.operation_id else ""
    return sentence(change.description, by, operation, f": {', '.join(suspect.reasons)}")


def _worst_first(series: Series, threshold: Threshold | None) -> tuple[bool, float, str]:
    """A sort key: the line with the worst present value comes first."""
    value = next((value for _, value in reversed(series.points) if value is not None), None)
    return value is None, 0.0 if value is None else -distance_from_limit(value, threshold), series.name


def breaches(value: float, threshold: Threshold) -> bool:
    """Whether a value fulfils the condition of the alert, as far as the last limit goes."""
    return _COMPARE[threshold.comparison](value, threshold.limit)


def breaches_all(value: float, threshold: Threshold) -> bool:
    """Whether a value is beyond every limit of a chain: of ``3 <= x < 20`` only values between both."""
    inner = all(_COMPARE[comparison](value, limit) for comparison, limit in threshold.inner_limits)
    return inner and breaches(value, threshold)


def distance_from_limit(value: float, threshold: Threshold | None) -> float:
    """How far a value fulfils the alert's condition: of ``up == 0`` the instance that is down has the greatest distance."""
    match threshold.comparison if threshold else None:
        case Comparison.BELOW | Comparison.AT_MOST:
            return -value
        case Comparison.EQUAL if threshold:
            return -abs(value - threshold.limit)
        case Comparison.NOT_EQUAL if threshold:
            return abs(value - threshold.limit)
        case _:
            return value
