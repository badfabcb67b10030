"""What is drawn for a question about metrics, and what its lines say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from domain.answers.metrics import MetricAnswer, MetricLine
from domain.metrics.charts import Chart, Series
from domain.metrics.metric_chart import MetricChart
from domain.metrics.samples import Sample
from domain.people import Person
from runbooks.metrics.questions import MetricReader, Question
from storage.metric_messages import METRIC_CHART
from storage.store import Store
from tests.harness.outbox import NO_RATE_LIMITS

UNTIL = datetime(2026, 11, 23, 15, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass
class ScriptedPrometheus:
    """The series of now and of the day before."""

    now: tuple[Series, ...]
    before: tuple[Series, ...] = ()

    async def query(self, expression: str, *, only: Mapping[str, str], at: datetime | None = None) -> tuple[Sample, ...]:
        assert at is None
        assert expression.startswith("count(")
        assert not only
        return (Sample({}, float(len(self.now))),)

    async def query_range(self, expression: str, since: datetime, until: datetime, *, points: int = 240) -> tuple[Series, ...]:
        assert (expression, until - since, points) == ("errors", HOUR, 240)
        return self.now if until == UNTIL else self.before


def series(name: str, *values: float | None, until: datetime = UNTIL, **labels: str) -> Series:
    """One value a minute, the last one at the end."""
    start = until.timestamp() - 60 * (len(values) - 1)
    return Series(name=name, points=tuple((start + 60 * number, value) for number, value in enumerate(values)), labels=labels)


async def ask(store: Store, prometheus: ScriptedPrometheus) -> tuple[MetricAnswer, Chart | None]:
    """The answer, and what is sent."""
    reader = MetricReader(store=store, prometheus=lambda _: prometheus, answer_seconds=10)
    question = Question(
        person=Person("U0VIEWER", "T0HOME"),
        source="envelope-1",
        title="errors",
        environment="production",
        expression="errors",
        unit="%",
        since=UNTIL - HOUR,
        until=UNTIL,
        compare=DAY,
    )
    answer = await reader.answer(question)
    async with store.write() as tx:
        row = await tx.outbox.claim("replica", UNTIL, NO_RATE_LIMITS)
    if row is None:
        return answer, None
    assert row.channel == "U0VIEWER"
    sent = METRIC_CHART.load(row.fact)
    assert isinstance(sent, MetricChart)
    return answer, sent.chart


async def test_series_are_compared_by_their_labels_whatever_their_names(store: Store) -> None:
    now = (series("errors", 14.2, pod="a", zone="x"),)
    yesterday = UNTIL - DAY
    before = (
        series("pod=b", 99, until=yesterday, pod="b", zone="x"),
        series("pod=a", 7.1, until=yesterday, pod="a", zone="x"),
    )
    answer, chart = await ask(store, ScriptedPrometheus(now, before))
    assert answer.lines == (MetricLine("errors", 14.2, 7.1),)
    assert answer.note == "A chart follows in a direct message."
    assert chart is not None
    assert [(each.name, each.earlier, each.points) for each in chart.series] == [
        ("errors", "", ((UNTIL.timestamp(), 14.2),)),
        ("errors", "1 day before", ((UNTIL.timestamp(), 7.1),)),
    ]


async def test_a_series_that_has_ended_comes_after_those_of_now_and_says_when(store: Store) -> None:
    ended = UNTIL - timedelta(minutes=40)
    now = (series("old-pod", 900, until=ended), series("new-pod", 5), series("idle-pod", None))
    answer, _ = await ask(store, ScriptedPrometheus(now))
    assert answer.lines == (MetricLine("new-pod", 5), MetricLine("old-pod", 900, ended=ended), MetricLine("idle-pod", None))


@pytest.mark.parametrize("now", [(), (series("a", None, None), series("b", None))], ids=["none", "nan"])
async def test_without_a_number_nothing_is_drawn(store: Store, now: tuple[Series, ...]) -> None:
    answer, chart = await ask(store, ScriptedPrometheus(now))
    assert chart is None
    assert answer.note == ""


async def test_two_hundred_series_are_eight_lines_with_the_highest_values(store: Store) -> None:
    now = tuple(series(f"pod-{number}", number, number) for number in range(200))
    before = tuple(series(f"pod-{number}", 1, until=UNTIL - DAY) for number in range(200))
    answer, chart = await ask(store, ScriptedPrometheus(now, before))
    assert [line.name for line in answer.lines] == [f"pod-{number}" for number in range(199, 191, -1)]
    assert answer.total == 200
    assert chart is not None
    assert (len(chart.current), len(chart.series), chart.left_out) == (8, 16, 192)
