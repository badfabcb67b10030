"""Objectives over times that have passed: what Prometheus is asked, and what cannot be read."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.slo import SloConfig
from domain.errors import PermanentError
from domain.metrics.charts import Series
from domain.metrics.samples import QueryNotice, QueryResult, Sample
from domain.metrics.slo import Reading
from integrations.prometheus import open_prometheus
from runbooks.metrics.indicators import IndicatorReader
from runbooks.metrics.readings import IndicatorKey
from tests.harness.monitoring_servers import running_prometheus
from tests.harness.samples.team import team_catalogue
from tests.harness.wait import wait_until

AT = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
SPAN = timedelta(minutes=10)
ERRORS = {"expression": 'errors{env="$environment"}[$window]', "below": 1, "requests": 'requests{env="$environment"}[$window]'}
ERRORS_KEY, LATENCY_KEY = ("errors", ""), ("latency", "")
LATENCY = {"expression": 'latency{env="$environment"}[5m]', "above": 100}


def catalogue(**objectives: Mapping[str, object]) -> Catalogue:
    return team_catalogue(slo=objectives)


class ScriptedPrometheus:
    """Answers by the first letter of the expression, and remembers what was asked for which time."""

    def __init__(self, **answers: tuple[Sample, ...] | Exception | None) -> None:
        self.answers, self.asked = answers, list[tuple[str, datetime | None]]()

    async def query(self, expression: str, *, only: Mapping[str, str], at: datetime | None = None) -> tuple[Sample, ...]:
        assert only == {}
        self.asked.append((expression, at))
        answer = next(each for name, each in self.answers.items() if name in expression)
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        return answer or ()

    async def query_range(self, expression: str, since: datetime, until: datetime, *, points: int = 240) -> tuple[Series, ...]:
        assert points == 240
        values = await self.query(expression, only={}, at=until)
        return tuple(Series(name=expression, points=((since.timestamp(), each.value),)) for each in values)


async def read(
    prometheus: ScriptedPrometheus, seconds: float = 10, **objectives: Mapping[str, object]
) -> Mapping[IndicatorKey, Reading]:
    known = catalogue(**objectives)
    reader = IndicatorReader(catalogue=lambda: known, prometheus=lambda _: prometheus, answer_seconds=seconds)
    return await reader.over("staging", SPAN, AT)


@pytest.mark.parametrize("partial", ["errors", "requests"])
async def test_what_may_be_a_part_of_the_data_is_a_problem_and_a_hint_is_none(partial: str) -> None:
    values: dict[str, tuple[Sample, ...]] = {"errors": (Sample({}, 6.1),), "requests": (Sample({}, 40),)}
    for is_warning, problem in ((True, "what was read may be incomplete, Prometheus warns: store 1 is away"), (False, "")):
        said = QueryResult(values[partial], (QueryNotice("store 1 is away", is_warning),))
        found = await read(ScriptedPrometheus(**(values | {partial: said})), errors=ERRORS)
        assert found[ERRORS_KEY] == Reading(value=6.1, requests=40, problem=problem)


async def test_an_expression_of_the_window_is_asked_as_it_is_and_another_is_averaged() -> None:
    prometheus = ScriptedPrometheus(
        errors=(Sample({}, 0.4), Sample({}, 6.1)), latency=(Sample({}, 90),), requests=(Sample({}, 40), Sample({}, 2))
    )
    found = await read(prometheus, errors=ERRORS, latency=LATENCY)
    assert found == {ERRORS_KEY: Reading(value=6.1, requests=42, series=2), LATENCY_KEY: Reading(value=90)}
    assert ('errors{env="staging"}[600s]', AT) in prometheus.asked
    assert ('requests{env="staging"}[600s]', AT) in prometheus.asked
    assert ('avg_over_time((((latency{env="staging"}[5m]\n) > -Inf) < Inf)[600s:10s])', AT) in prometheus.asked


async def test_an_objective_of_services_is_read_for_each_that_was_named() -> None:
    of_service = {
        "expression": 'errors{env="$environment",app="$service"}[$window]',
        "requests": 'requests{app="$service"}[$window]',
    }
    known = catalogue(errors=ERRORS | {"of_service": of_service}, latency=LATENCY)
    prometheus = ScriptedPrometheus(errors=(Sample({}, 0.4),), latency=(Sample({}, 90),), requests=(Sample({}, 7),))
    reader = IndicatorReader(catalogue=lambda: known, prometheus=lambda _: prometheus)
    found = await reader.over("staging", SPAN, AT, ["web", "worker"])
    each = Reading(value=0.4, requests=7)
    assert found == {("errors", "web"): each, ("errors", "worker"): each, LATENCY_KEY: Reading(value=90)}
    assert ('errors{env="staging",app="web"}[600s]', AT) in prometheus.asked
    assert await reader.over("staging", SPAN, AT) == {ERRORS_KEY: each, LATENCY_KEY: Reading(value=90)}


async def test_what_cannot_be_read_says_so_and_the_rest_is_there() -> None:
    prometheus = ScriptedPrometheus(errors=PermanentError("bad_data"), latency=(Sample({}, None),))
    found = await read(prometheus, errors=ERRORS, latency=LATENCY)
    assert found == {ERRORS_KEY: Reading(problem="bad_data"), LATENCY_KEY: Reading()}


async def test_one_that_hangs_is_late_and_the_rest_is_there() -> None:
    prometheus = ScriptedPrometheus(errors=None, latency=(Sample({}, 90),))
    found = await read(prometheus, 0.3, errors=ERRORS, latency=LATENCY)
    assert found == {ERRORS_KEY: Reading(problem="Prometheus did not answer in time."), LATENCY_KEY: Reading(value=90)}


async def test_an_indicator_is_drawn_of_the_service_where_it_can_be() -> None:
    of_service = {"expression": 'errors{app="$service"}[$window]'}
    known = catalogue(errors=ERRORS | {"of_service": of_service}, latency=LATENCY)
    prometheus = ScriptedPrometheus(errors=(Sample({}, 6.1),), latency=PermanentError("bad_data"))
    reader = IndicatorReader(catalogue=lambda: known, prometheus=lambda _: prometheus)
    (series,) = await reader.series("staging", ("errors", "web"), AT - SPAN, AT) or ()
    assert (series.name, series.points) == ('errors{app="web"}[300s]', (((AT - SPAN).timestamp(), 6.1),))
    (series,) = await reader.series("staging", ERRORS_KEY, AT - SPAN, AT) or ()
    assert series.name == 'errors{env="staging"}[300s]'
    assert await reader.series("staging", LATENCY_KEY, AT - SPAN, AT) is None
    assert await reader.series("staging", ("gone", ""), AT - SPAN, AT) is None


async def test_an_environment_without_a_prometheus_has_no_readings() -> None:
    reader = IndicatorReader(catalogue=lambda: catalogue(errors=ERRORS), prometheus=lambda _: None)
    assert await reader.over("staging", SPAN, AT) == {}


async def test_a_real_prometheus_tells_how_it_was(tmp_path: Path) -> None:
    with running_prometheus(tmp_path) as address:
        async with open_prometheus(address) as client:
            at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
            found = await client.query("time()", at=at)
            assert [sample.value for sample in found] == [at.timestamp()]
            known = catalogue(
                up={"expression": "count_over_time(up[$window])", "above": 0, "requests": "sum(count_over_time(up[$window]))"},
                steady={"expression": "vector(3)", "below": 1},
            )
            reader = IndicatorReader(catalogue=lambda: known, prometheus=lambda _: client)

            async def is_counted() -> bool:
                found = await reader.over("staging", SPAN, datetime.now(UTC))
                return (found["up", ""].requests or 0) > 0 and found["up", ""].value == found["up", ""].requests

            await wait_until(is_counted, within=30)
            assert await reader.over("staging", SPAN, at) == {("up", ""): Reading(), ("steady", ""): Reading(value=3)}


@pytest.mark.parametrize("requests", ["requests_total", "increase(requests_total[$windows])", "increase(x[$window]) + $other"])
def test_requests_are_counted_over_the_window(requests: str) -> None:
    with pytest.raises(ValidationError, match=r"requests has to count|the placeholders of an expression"):
        SloConfig(expression="up", below=1, requests=requests)


def test_requests_of_others_do_not_count_as_those_of_a_service() -> None:
    of_service = {"expression": 'errors{app="$service"}[$window]', "requests": "requests[$window]"}
    with pytest.raises(ValidationError, match=r"of_service needs \$service in its requests"):
        SloConfig.model_validate(ERRORS | {"of_service": of_service})
