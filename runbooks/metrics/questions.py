"""Answers questions about metrics: the newest values in words, and the time before as a chart."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from domain.answers.metrics import MetricAnswer, MetricLine
from domain.errors import DeepechoError, PermanentError
from domain.metrics.chart_text import has_numbers, is_current, newest_point
from domain.metrics.charts import Chart, Series
from domain.metrics.metric_chart import MetricChart
from domain.metrics.samples import notices_of
from domain.people import Person
from domain.rich_text import Text
from domain.text import format_duration
from runbooks.metrics.queries import ANY_LABELS, Queries
from storage.metric_messages import chart_message
from storage.store import Store

ANSWER_SECONDS = 9.0
"""For everything that one question asks, because somebody waits."""
MAX_LINES = 8
MAX_CHARTED = 200
"""Series that are read over time. Of more, only the highest are read, and only now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to measure where: ``compare`` is how long before it is measured again. ``source`` is the key of the request."""

    person: Person
    source: str
    title: str
    environment: str
    expression: str
    unit: str
    since: datetime
    until: datetime
    compare: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricReader:
    """Answers with any expression, and sends its chart; ``indicators.IndicatorReader`` reads what objectives measure.

    ``prometheus`` gives the client of an environment, and None where the catalogue names no address.
    """

    store: Store
    prometheus: Callable[[str], Queries | None]
    answer_seconds: float = ANSWER_SECONDS

    async def answer(self, question: Question) -> MetricAnswer:
        """The values; where there is something to draw, the chart is sent. What could not be read is a problem in words."""
        answer, chart = await self._measure(question)
        if chart is None:
            return answer
        async with self.store.write() as tx:
            await tx.put_message(chart_message(chart, question.person, question.source), question.until)
        return replace(answer, note="A chart follows in a direct message.")

    async def _measure(self, question: Question) -> tuple[MetricAnswer, MetricChart | None]:
        blank = MetricAnswer(
            title=question.title,
            environment=question.environment,
            expression=question.expression,
            unit=question.unit,
            since=question.since,
            until=question.until,
            compared=question.compare,
        )
        prometheus = self.prometheus(question.environment)
        if prometheus is None:
            return replace(blank, problem=f"The catalogue names no Prometheus for {question.environment}."), None
        problem: Text
        try:
            async with asyncio.timeout(self.answer_seconds):
                return await _read(prometheus, question, blank)
        except TimeoutError:
            problem = f"Prometheus did not answer within {self.answer_seconds:g} s."
        except DeepechoError as error:
            problem = error.sentence
        return replace(blank, problem=problem), None


async def _read(prometheus: Queries, question: Question, blank: MetricAnswer) -> tuple[MetricAnswer, MetricChart | None]:
    total = await _count(prometheus, question.expression)
    if total is not None and total > MAX_CHARTED:
        return await _highest(prometheus, question, replace(blank, total=total)), None
    now, before = await asyncio.gather(
        prometheus.query_range(question.expression, question.since, question.until), _before(prometheus, question)
    )
    window = _chart(question, ())
    shown = sorted(now, key=lambda each: _rank(each, window))[:MAX_LINES]
    earlier = {_key(series): series for series in before}
    pairs = [(series, earlier.get(_key(series))) for series in shown]
    lines = tuple(_metric_line(series, was, window) for series, was in pairs)
    answer = replace(blank, lines=lines, total=len(now), notices=notices_of(now, before))
    chart = _chart(question, pairs, max(0, len(now) - len(shown)))
    return answer, MetricChart(chart) if has_numbers(chart) else None


async def _count(prometheus: Queries, expression: str) -> int | None:
    """How many series the expression has; None where it has none, or is a number and no vector."""
    try:
        # The line break ends a comment at the end of the expression.
        found = await prometheus.query(f"count({expression}\n)", only=ANY_LABELS)
    except PermanentError:
        return None
    return round(found[0].value) if found and found[0].value is not None else None


async def _highest(prometheus: Queries, question: Question, answer: MetricAnswer) -> MetricAnswer:
    found = await prometheus.query(f"topk({MAX_LINES}, {question.expression}\n)", only=ANY_LABELS)
    lines = [MetricLine(_name(sample.labels), sample.value) for sample in found]
    lines.sort(key=lambda each: -(each.value or 0.0))
    note = f"More than {MAX_CHARTED} series are not drawn; these have the highest values now."
    return replace(answer, lines=tuple(lines), note=note, notices=notices_of(found))


async def _before(prometheus: Queries, question: Question) -> tuple[Series, ...]:
    if question.compare is None:
        return ()
    since, until = question.since - question.compare, question.until - question.compare
    return await prometheus.query_range(question.expression, since, until)


def _chart(question: Question, pairs: Sequence[tuple[Series, Series | None]], left_out: int = 0) -> Chart:
    earlier = [_moved(before, now.name, question.compare) for now, before in pairs if question.compare and before]
    return Chart(
        title=f"{question.title} in {question.environment}{f' ({question.unit})' if question.unit else ''}",
        since=question.since,
        until=question.until,
        series=(*(now for now, _ in pairs), *earlier),
        left_out=left_out,
    )


def _moved(series: Series, name: str, by: timedelta) -> Series:
    """The series of the time before, drawn over the time of now."""
    points = tuple((at + by.total_seconds(), value) for at, value in series.points)
    return replace(series, name=name, points=points, earlier=f"{format_duration(by)} before")


def _key(series: Series) -> frozenset[tuple[str, str]] | str:
    """What a series of now and the one before have in common: their names depend on what else there was."""
    return frozenset(series.labels.items()) or series.name


def _metric_line(now: Series, before: Series | None, window: Chart) -> MetricLine:
    point = newest_point(window, now)
    was = next((value for _, value in reversed(before.points) if value is not None), None) if before else None
    ended = datetime.fromtimestamp(point.at, UTC) if point and not is_current(window, point) else None
    return MetricLine(now.name, point.value if point else None, was, ended)


def _rank(series: Series, window: Chart) -> tuple[bool, bool, float, str]:
    """What has no number comes last, what has ended before it."""
    point = newest_point(window, series)
    if point is None:
        return True, True, 0.0, series.name
    return False, not is_current(window, point), -point.value, series.name


def _name(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items()) if name != "__name__") or "value"
