"""What enrichment found, in words: the notes under an alert's card. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.alerts import AlertGroup, AlertNote
from domain.chart_words import in_words, number
from domain.charts import Chart, Marker, Series
from domain.facts import Tone
from domain.promql import Comparison, Threshold, expression_of, split_threshold
from domain.rollouts import PodTrouble
from domain.samples import Sample
from domain.suspects import Suspect

BEFORE = timedelta(minutes=30)
"""What a chart shows of the time before the alert began, at least."""
LONGEST = timedelta(hours=6)
DRAWN = 8
SUSPECTS = 3
LOG_LINES = 20
PODS = 5
"""Of each, what a thread can take and a person at night still reads."""

_PARTS = {"suspects": "What changed before it", "chart": "The chart", "pods": "Whether pods fail"}
_FALLING = (Comparison.BELOW, Comparison.AT_MOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to ask Prometheus for a group: its alert's own expression, without the comparison where there is one."""

    expression: str
    since: datetime
    until: datetime
    threshold: Threshold | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """Series that say otherwise belong to other alerts of the same rule."""


def query_of(group: AlertGroup, at: datetime) -> Query | None:
    """None where no alert carries an expression."""
    expressions = (expression_of(each.generator_url) for each in group.examples)
    whole = next((each for each in expressions if each), "")
    if not whole:
        return None
    threshold = split_threshold(whole)
    since = max(group.began_at - BEFORE, at - LONGEST)
    return Query(
        expression=threshold.left if threshold else whole,
        since=min(since, at - BEFORE),
        until=at,
        threshold=threshold,
        labels=group.common_labels,
    )


def value_of(query: Query, samples: Iterable[Sample]) -> str:
    """`14.2 (limit 10)`: the value that is furthest beyond the limit. Empty where Prometheus has no number."""
    values = [each.value for each in samples if each.value is not None]
    if not values:
        return ""
    threshold = query.threshold
    worst = min(values) if threshold and threshold.comparison in _FALLING else max(values)
    limit = f" (limit {number(threshold.limit)})" if threshold else ""
    return f"{number(worst)}{limit}"


def of_chart(group: AlertGroup, query: Query, series: Sequence[Series], suspects: Iterable[Suspect], at: datetime) -> AlertNote:
    """The chart, with the limit, the alert's beginning and the likeliest changes."""
    markers = [Marker(each.change.at, each.change.what) for each in suspects][:SUSPECTS]
    falling = query.threshold is not None and query.threshold.comparison in _FALLING
    chosen = sorted(series, key=lambda each: _last(each, falling=falling))[:DRAWN]
    chart = Chart(
        title=_titled(group),
        since=query.since,
        until=query.until,
        series=tuple(sorted(chosen, key=lambda each: each.name)),
        threshold=query.threshold.limit if query.threshold else None,
        markers=(*markers, Marker(group.began_at, "alert")),
        left_out=len(series) - len(chosen),
    )
    return AlertNote(group=group.id, key=_key(group, "chart"), at=at, text=in_words(chart), chart=chart)


def of_suspects(group: AlertGroup, suspects: Sequence[Suspect], missing: Sequence[str], at: datetime) -> AlertNote | None:
    """Who is under suspicion and why, the likeliest first. None where there is nothing to say."""
    if not suspects and not missing:
        return None
    lines = tuple(_accused(each) for each in suspects[:SUSPECTS])
    return AlertNote(
        group=group.id,
        key=_key(group, "suspects"),
        at=at,
        text="What changed before it, the likeliest first:" if suspects else "No change before it was found.",
        lines=(*lines, *missing),
        people=tuple(each.change.by for each in suspects[:SUSPECTS] if each.change.by),
    )


def of_pods(group: AlertGroup, troubles: Sequence[PodTrouble], at: datetime) -> AlertNote:
    """Pods that do not come up, and the last words of the first one that has any."""
    some = troubles[:PODS]
    lines = [f"{each.pod}: {each.reason}{f', {each.message}' if each.message else ''}" for each in some]
    if len(troubles) > PODS:
        lines.append(f"and {len(troubles) - PODS} more")
    log = next((each.last_lines for each in some if each.last_lines), ())
    pods = "1 pod does" if len(troubles) == 1 else f"{len(troubles)} pods do"
    return AlertNote(
        group=group.id,
        key=_key(group, "pods"),
        at=at,
        text=f"{pods} not come up:",
        tone=Tone.BAD,
        lines=tuple(lines),
        log=log[-LOG_LINES:],
    )


def not_found(group: AlertGroup, part: str, at: datetime, why: str) -> AlertNote:
    """One part could not be found out; the others stand."""
    return AlertNote(group=group.id, key=_key(group, part), at=at, text=f"{_PARTS[part]} could not be found out. {why}")


def _key(group: AlertGroup, part: str) -> str:
    return f"{part}-{group.episode}"


def _titled(group: AlertGroup) -> str:
    return " · ".join(each for each in (group.title, group.service, group.environment) if each)


def _accused(suspect: Suspect) -> str:
    change = suspect.change
    who = f"<@{change.by.user_id}>" if change.by else change.by_name
    by = f" by {who}" if who else ""
    operation = f" (`{change.operation}`)" if change.operation else ""
    return f"{change.what}{by}{operation}: {', '.join(suspect.reasons)}"


def _last(series: Series, *, falling: bool) -> tuple[bool, float, str]:
    """What is worst now comes first."""
    value = next((value for _, value in reversed(series.points) if value is not None), None)
    return value is None, (value or 0.0) * (1 if falling else -1), series.name
