"""How services do right now, in the lines of a preview."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from domain.metrics.charts import Series
from domain.metrics.samples import Sample
from runbooks.metrics.indicators import IndicatorReader
from runbooks.metrics.present import present_lines
from tests.harness.samples.team import team_catalogue

AT = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
SLO = {
    "errors": {"expression": "errors", "below": 1, "unit": "%", "of_service": {"expression": 'errors{app="$service"}[$window]'}},
    "latency": {"expression": "latency[$window]", "below": 100, "unit": "ms"},
    "cache-hits": {"expression": "hits[$window]", "above": 50, "unit": "%"},
}


class Prometheus:
    async def query(self, expression: str, *, only: Mapping[str, str], at: datetime | None = None) -> tuple[Sample, ...]:
        assert only == {}
        if "latency" in expression:
            await asyncio.Event().wait()
        value = {"errors": 14.2 if at == AT else 0.3, "hits": None}["errors" if "errors" in expression else "hits"]
        return (Sample({}, value),)

    async def query_range(self, expression: str, since: datetime, until: datetime, *, points: int = 240) -> tuple[Series, ...]:
        raise AssertionError(f"{expression} from {since} to {until} in {points}: a preview is about now")


async def test_the_value_now_and_yesterday_and_what_is_not_known() -> None:
    known = team_catalogue(slo=SLO)
    indicators = IndicatorReader(catalogue=lambda: known, prometheus=lambda _: Prometheus())
    assert await present_lines(indicators, "staging", ["web"], AT) == (
        "errors of web 14.2 % (yesterday 0.3 %)",
        "not everything is known: Prometheus did not answer in time.",
    )


async def test_without_a_prometheus_there_are_no_lines() -> None:
    known = team_catalogue(slo=SLO)
    indicators = IndicatorReader(catalogue=lambda: known, prometheus=lambda _: None)
    assert await present_lines(indicators, "staging", ["web"], AT) == ()
