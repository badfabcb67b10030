"""What a person sees who asks for the objectives: Prometheus as it should be, without data, down, and slow."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from domain.answers.answers import ErrorAnswer
from domain.answers.slo import SloAnswer
from domain.catalogue.catalogue import Catalogue
from domain.errors import PermanentError, TemporaryError
from domain.health import HealthLevel, HealthLine
from domain.metrics.charts import Series
from domain.metrics.samples import QueryNotice, QueryResult, Sample
from runbooks.metrics.indicators import IndicatorReader
from runbooks.metrics.objectives_check import VALUE_SECONDS, ObjectivesCheck
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.fakes.clock import StoppedClock
from tests.harness.families import render_text
from tests.harness.samples.team import GUS, VIV, team_catalogue

Answering = Callable[[str], Awaitable[tuple[Sample, ...]]]
SLO = {
    "errors": {"expression": 'errors{environment="$environment"}', "below": 1, "unit": "%"},
    "throughput": {"expression": "requests", "above": 1000, "unit": "/min"},
}


class ScriptedPrometheus:
    """Answers every expression by a function, and each range by what ``past`` has left.

    An error in it is raised; where nothing is left, it waits for ever. It refuses ranges where there is no ``past``.
    """

    def __init__(self, answering: Answering, past: Sequence[tuple[Series, ...] | Exception] | None = None) -> None:
        self._answering = answering
        self._past = list(past) if past is not None else None
        self.asked: list[str] = []

    async def query(self, expression: str, *, only: Mapping[str, str], at: datetime | None = None) -> tuple[Sample, ...]:
        assert not only
        assert at is None
        self.asked.append(expression)
        return await self._answering(expression)

    async def query_range(self, _expression: str, since: datetime, until: datetime, *, points: int = 240) -> tuple[Series, ...]:
        assert (until - since, points) == (timedelta(days=1), 24)
        if self._past is None:
            raise PermanentError("It takes no range.")
        if not self._past:
            await asyncio.Event().wait()
        answer = self._past.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def catalogue(**more: object) -> Catalogue:
    known = team_catalogue(**{"slo": SLO, **more})
    production = known.environments["production"].model_copy(update={"prometheus": "https://prometheus.example"})
    return known.model_copy(update={"environments": {**known.environments, "production": production}})


async def ask(
    folder: Path, answering: Answering, text: str = "slo production", *, seconds: float = 10
) -> tuple[str, ScriptedPrometheus]:
    """What viv reads."""
    prometheus = ScriptedPrometheus(answering)
    async with open_command_harness(folder, catalogue()) as harness:
        answer = await _with_reader(harness, prometheus, seconds).run_command(VIV, text)
    assert isinstance(answer, SloAnswer), answer
    return render_text(answer), prometheus


def _with_reader(harness: CommandHarness, prometheus: ScriptedPrometheus, seconds: float) -> CommandHarness:
    reader = IndicatorReader(
        catalogue=lambda: harness.services.catalogue,
        prometheus=lambda name: prometheus if name == "production" else None,
        answer_seconds=seconds,
    )
    known = {**harness.services.family_services, IndicatorReader: reader}
    return replace(harness, services=replace(harness.services, family_services=known))


async def test_the_value_the_budget_and_how_fast_it_is_spent(tmp_path: Path) -> None:
    async def answering(expression: str) -> tuple[Sample, ...]:
        if expression.startswith("avg_over_time") and "errors" in expression:
            return (Sample({}, 0.004 if "[604800s" in expression else 0.02),)
        return (Sample({}, {"r": 1410.0, "e": 6.12, "a": 0.0}[expression[0]]),)

    text, prometheus = await ask(tmp_path, answering)
    assert "🔴 errors 6.12 % (below 1 %) · 60 % of the budget left · burn rate 2 in 1 h, 2 in 6 h, 2 in 1 day" in text
    assert "🟢 throughput 1,410/min (above 1,000/min) · 100 % of the budget left" in text
    assert text.index("errors") < text.index("throughput")
    assert prometheus.asked[0] == 'errors{environment="production"}'


async def test_no_data_is_neither_kept_nor_broken(tmp_path: Path) -> None:
    async def answering(expression: str) -> tuple[Sample, ...]:
        return () if "errors" in expression else (Sample({}, None),)

    text, _ = await ask(tmp_path, answering)
    assert "❔ errors no data (below 1 %)" in text
    assert "❔ throughput no data (above 1,000/min)" in text


async def test_what_was_read_is_there_also_where_the_rest_fails(tmp_path: Path) -> None:
    async def answering(expression: str) -> tuple[Sample, ...]:
        if expression == "requests":
            return (Sample({}, 900.0),)
        raise PermanentError("Prometheus does not take the expression: bad_data")

    text, _ = await ask(tmp_path, answering)
    assert "🔴 throughput 900/min (above 1,000/min) · Prometheus does not take the expression: bad_data" in text


async def test_what_prometheus_warns_of_is_said_once(tmp_path: Path) -> None:
    async def answering(expression: str) -> tuple[Sample, ...]:
        is_budget = expression.startswith("avg_over_time")
        notice = QueryNotice("store 1 is not reached" if is_budget else "a hint", is_warning=is_budget)
        return QueryResult((Sample({}, 0.5),), (notice,))

    text, _ = await ask(tmp_path, answering)
    assert text.count("⚠️ This may be incomplete or wrong, Prometheus warns: store 1 is not reached") == 1
    assert text.count("Prometheus remarks: a hint") == 1
    assert text.index("store 1") < text.index("a hint")


async def test_health_says_where_a_value_may_be_of_a_part() -> None:
    async def answering(_expression: str) -> tuple[Sample, ...]:
        return QueryResult((Sample({}, 0.5),), (QueryNotice("store 1 is not reached", is_warning=True),))

    prometheus = ScriptedPrometheus(answering)
    check = ObjectivesCheck(
        reader=IndicatorReader(catalogue=catalogue, prometheus=lambda _: prometheus), clock=StoppedClock()
    ).check
    line, _ = await check.run("production")
    assert line.text == "0.5 % (below 1 %), maybe of a part of the data: Prometheus warns"


@pytest.mark.parametrize("is_slow", [True, False])
async def test_a_prometheus_that_is_down_or_slow_is_said_in_time(tmp_path: Path, is_slow: bool) -> None:  # noqa: FBT001
    async def answering(_expression: str) -> tuple[Sample, ...]:
        if is_slow:
            await asyncio.Event().wait()
        raise TemporaryError("Prometheus at prometheus.example did not answer.")

    text, _ = await ask(tmp_path, answering, seconds=0.2 if is_slow else 10)
    assert text.count("Prometheus did not answer in time." if is_slow else "prometheus.example did not answer.") == 2


async def test_health_has_a_line_for_each_objective() -> None:
    async def answering(expression: str) -> tuple[Sample, ...]:
        return (Sample({}, 6.12),) if "errors" in expression else ()

    prometheus = ScriptedPrometheus(answering)
    reader = IndicatorReader(catalogue=catalogue, prometheus=lambda name: prometheus if name == "production" else None)
    check = ObjectivesCheck(reader=reader, clock=StoppedClock()).check
    errors, throughput = await check.run("production")
    assert (errors.level, str(errors.text), errors.value) == (HealthLevel.RED, "6.12 % (below 1 %)", 6.12)
    assert (throughput.level, str(throughput.text)) == (HealthLevel.UNKNOWN, "no data (above 1,000/min)")
    assert len(prometheus.asked) == 2
    assert await check.run("staging") == ()


async def _with_past(*answers: tuple[Series, ...] | Exception) -> tuple[HealthLine, ...]:
    async def answering(_expression: str) -> tuple[Sample, ...]:
        return (Sample({}, 0.5),)

    prometheus = ScriptedPrometheus(answering, answers)
    reader = IndicatorReader(catalogue=catalogue, prometheus=lambda _: prometheus)
    return await ObjectivesCheck(reader=reader, clock=StoppedClock()).run("production")


async def test_health_shows_the_worst_of_each_hour_of_the_last_day_and_ends_with_now() -> None:
    now = StoppedClock().now().timestamp()
    one = Series(name="a", points=((now - 7200, 1.0), (now - 3600, None), (now - 10_000, 3.0), (now - 200_000, 9.0)))
    other = Series(name="b", points=((now - 7200, 2.0), (now - 10_000, 2.0)))
    errors, throughput = await _with_past((one, other), (one, other))
    assert errors.series == (*[None] * 21, 3.0, 2.0, 0.5)
    assert throughput.series == (*[None] * 21, 2.0, 1.0, 0.5)  # the objective is a lower limit


@pytest.mark.parametrize("answers", [(), (TemporaryError("down"),), ((), ())], ids=["slow", "down", "no data"])
async def test_without_the_last_day_the_values_of_now_stand(answers: tuple[tuple[Series, ...] | Exception, ...]) -> None:
    lines = await _with_past(*answers)
    assert [(each.value, each.series) for each in lines] == [(0.5, ()), (0.5, ())]


async def test_an_objective_that_cannot_be_read_does_not_hide_the_others_of_health() -> None:
    async def answering(expression: str) -> tuple[Sample, ...]:
        if "errors" in expression:
            raise PermanentError("Prometheus does not take the expression: bad_data")
        return (Sample({}, 1410.0),)

    prometheus = ScriptedPrometheus(answering)
    reader = IndicatorReader(catalogue=catalogue, prometheus=lambda _: prometheus)
    errors, throughput = await ObjectivesCheck(reader=reader, clock=StoppedClock()).run("production")
    assert (errors.level, str(errors.text)) == (HealthLevel.UNKNOWN, "Prometheus does not take the expression: bad_data")
    assert throughput.level is HealthLevel.GREEN


async def test_a_prometheus_too_slow_for_a_command_is_waited_for_where_nobody_waits() -> None:
    async def answering(_expression: str) -> tuple[Sample, ...]:
        await asyncio.sleep(VALUE_SECONDS + 0.1)
        return (Sample({}, 0.5),)

    prometheus = ScriptedPrometheus(answering)
    reader = IndicatorReader(catalogue=catalogue, prometheus=lambda _: prometheus)
    check = ObjectivesCheck(reader=reader, clock=StoppedClock()).check
    assert check.unhurried is not None
    hurried, unhurried = await asyncio.gather(check.run("production"), check.unhurried("production"))
    assert [each.value for each in hurried] == [None, None]
    assert [each.value for each in unhurried] == [0.5, 0.5]


async def test_one_prometheus_is_never_asked_for_two_budgets_at_once() -> None:
    running, most = set[str](), 0

    async def answering(expression: str) -> tuple[Sample, ...]:
        nonlocal most
        if expression.startswith("avg_over_time"):
            running.add(expression)
            most = max(most, len(running))
            await asyncio.sleep(0)
            running.discard(expression)
        return (Sample({}, 0.5),)

    prometheus = ScriptedPrometheus(answering)
    reader = IndicatorReader(catalogue=catalogue, prometheus=lambda _: prometheus)
    await asyncio.gather(*(reader.budgets(name) for name in ("production", "staging", "development")))
    assert (most, len(prometheus.asked)) == (1, 3 * 2 * 5)


@pytest.mark.parametrize("expression", ['requests{environment="$environment_x"}', "rate(x[$span])"])
def test_another_placeholder_is_refused(expression: str) -> None:
    with pytest.raises(ValidationError, match="the placeholders of an expression are"):
        catalogue(slo={"x": {"expression": expression, "below": 1}})


def test_what_would_mix_environments_of_one_prometheus_is_refused() -> None:
    data = catalogue().model_dump(mode="json", exclude_unset=True)
    data["environments"]["staging"]["prometheus"] = "https://prometheus.example"
    with pytest.raises(ValidationError, match=r"slo\.throughput: environments share a Prometheus"):
        Catalogue.model_validate(data)


async def test_every_environment_that_one_may_see_without_a_name(tmp_path: Path) -> None:
    async def answering(_expression: str) -> tuple[Sample, ...]:
        return (Sample({}, 0.5),)

    text, _ = await ask(tmp_path, answering, "slo")
    assert "staging · the catalogue names no Prometheus for it" in text


async def test_a_guest_sees_nothing_and_without_objectives_it_is_said_where_they_go(tmp_path: Path) -> None:
    async with open_command_harness(tmp_path, catalogue(slo={})) as harness:
        denied, without = await harness.run_command(GUS, "slo production"), await harness.run_command(VIV, "slo")
    assert isinstance(denied, ErrorAnswer)
    assert isinstance(without, ErrorAnswer)
    assert "The catalogue names no objectives." in str(without.sentence)
