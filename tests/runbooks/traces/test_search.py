"""Searches for traces of a service, under its name in Jaeger."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.catalogue.catalogue import Catalogue
from domain.traces.listing import TraceOrder
from integrations.jaeger import Jaeger, open_jaeger
from runbooks.traces.search import TraceSearch, TraceWindow
from sandbox.jaeger import StandInJaeger, StoredSpan
from tests.harness.samples.team import catalogue_data

AT = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
SPAN = StoredSpan(
    trace_id="1" * 32, span_id="1" * 16, service="echo.main", name="GET /", start=int(AT.timestamp()) * 10**9, duration=10**8
)
WINDOW = TraceWindow(
    environment="production",
    service="deep-echo-main",
    since=AT - timedelta(minutes=30),
    until=AT + timedelta(minutes=1),
    order=TraceOrder.SLOW,
)


def catalogue(jaeger_service: str) -> Catalogue:
    data = catalogue_data()
    data["services"]["deep-echo-main"]["jaeger_service"] = jaeger_service
    return Catalogue.model_validate(data)


@pytest.fixture
async def jaeger() -> AsyncIterator[Jaeger]:
    async with StandInJaeger() as server, open_jaeger(server.url, timeout_seconds=10) as opened:
        server.state.spans += [
            SPAN,
            replace(SPAN, trace_id="2" * 32, duration=2 * 10**8),
            replace(SPAN, trace_id="3" * 32, is_error=True),
            replace(SPAN, trace_id="4" * 32, service="other"),
        ]
        yield opened


async def test_traces_are_looked_for_under_the_name_in_jaeger_which_is_told(jaeger: Jaeger) -> None:
    search = TraceSearch(catalogue=lambda: catalogue("echo.main"), jaeger=lambda _environment: jaeger)
    found = await search.find(WINDOW)
    assert found is not None
    assert (found.jaeger_service, found.cut_at) == ("echo.main", "")
    assert [line.id[0] for line in found.lines][:1] == ["2"]
    assert len(found.lines) == 3
    failed = await search.find(replace(WINDOW, order=TraceOrder.ERRORS))
    assert failed is not None
    assert [line.id[0] for line in failed.lines] == ["3"]


async def test_without_another_name_the_service_has_its_own(jaeger: Jaeger) -> None:
    found = await TraceSearch(catalogue=lambda: catalogue(""), jaeger=lambda _environment: jaeger).find(WINDOW)
    assert found is not None
    assert (found.jaeger_service, found.lines) == ("deep-echo-main", ())


async def test_an_environment_without_a_jaeger_has_no_answer() -> None:
    assert await TraceSearch(catalogue=lambda: catalogue(""), jaeger=lambda _environment: None).find(WINDOW) is None
