"""What ``health`` and ``deepecho check`` say about Jaeger."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from bot.components.families import FAMILIES
from bot.components.traces import check_jaeger
from bot.core.check_result import CheckResult
from bot.core.settings import Settings
from domain.catalogue.catalogue import Catalogue
from domain.health import HealthLevel
from domain.rich_text import plain_text
from integrations.jaeger import Jaeger, open_jaeger
from runbooks.traces.health import JaegerHealth
from sandbox.jaeger import StandInJaeger, StoredSpan, Trouble
from tests.harness.fakes.clock import StoppedClock
from tests.harness.samples.team import catalogue_data

SPAN = StoredSpan(trace_id="a" * 32, span_id="1" * 16, service="echo.main", name="GET /", start=10**18, duration=10**6)


@dataclass
class JaegerHarness:
    stand_in: StandInJaeger
    client: Jaeger
    catalogue: Catalogue

    async def health(self, environment: str = "production", seconds: float = 10) -> list[tuple[HealthLevel, str]]:
        check = JaegerHealth(StoppedClock(), lambda name: self.client if name == "production" else None, seconds)
        return [(each.level, plain_text(each.text)) for each in await check.check(environment)]

    async def check(self) -> list[CheckResult]:
        return [each async for each in check_jaeger(Settings.model_construct(), self.catalogue)]


@pytest.fixture
async def harness() -> AsyncIterator[JaegerHarness]:
    async with StandInJaeger() as stand_in, open_jaeger(stand_in.url, timeout_seconds=10) as client:
        stand_in.state.spans.append(SPAN)
        data = catalogue_data()
        data["environments"]["production"]["jaeger"] = stand_in.url
        data["services"]["deep-echo-main"]["jaeger_service"] = "echo.main"
        yield JaegerHarness(stand_in, client, Catalogue.model_validate(data))


@pytest.mark.parametrize("has_v3", [True, False])
async def test_health_says_that_it_answers_and_of_how_many_services(harness: JaegerHarness, *, has_v3: bool) -> None:
    harness.stand_in.state.trouble = Trouble(has_v3=has_v3)
    assert await harness.health() == [(HealthLevel.GREEN, "answers, has traces of 1 service")]
    harness.stand_in.state.spans.append(replace(SPAN, service="echo.cache"))
    assert await harness.health() == [(HealthLevel.GREEN, "answers, has traces of 2 services")]


async def test_a_jaeger_to_which_nothing_is_sent_is_not_green(harness: JaegerHarness) -> None:
    harness.stand_in.state.spans.clear()
    assert await harness.health() == [(HealthLevel.YELLOW, "answers, but no service has sent it spans")]


async def test_an_environment_without_a_jaeger_has_no_line(harness: JaegerHarness) -> None:
    assert await harness.health("staging") == []


@pytest.mark.parametrize("trouble", [Trouble(status=503), Trouble(body=b"<html>"), Trouble(body=b'{"services": 7}')])
async def test_a_jaeger_in_trouble_is_yellow_with_its_reason(harness: JaegerHarness, trouble: Trouble) -> None:
    harness.stand_in.state.trouble = trouble
    ((level, text),) = await harness.health()
    assert level is HealthLevel.YELLOW
    assert text.startswith("gives no usable answer: Jaeger at ")


async def test_health_does_not_wait_for_a_jaeger_that_hangs(harness: JaegerHarness) -> None:
    harness.stand_in.state.trouble = Trouble(delay_seconds=30)
    assert await harness.health(seconds=0.3) == [(HealthLevel.YELLOW, "did not answer within 0.3 s")]


async def test_the_check_names_the_services_without_traces(harness: JaegerHarness) -> None:
    (found,) = await harness.check()
    assert (found.name, found.ok) == ("Jaeger of production", True)
    assert found.detail.startswith("answers, 1 service known; no traces of ")
    assert "echo.main" not in found.detail
    harness.stand_in.state.spans += [replace(SPAN, service=name) for name in harness.catalogue.services]
    (whole,) = await harness.check()
    assert whole.detail == f"answers, {len(harness.catalogue.services) + 1} services known"


@pytest.mark.parametrize("trouble", [Trouble(status=403), Trouble(body=b"[]")])
async def test_the_check_fails_where_jaeger_gives_no_answer(harness: JaegerHarness, trouble: Trouble) -> None:
    harness.stand_in.state.trouble = trouble
    (found,) = await harness.check()
    assert not found.ok
    assert "Jaeger at " in found.detail


def test_the_family_is_looked_at_by_the_check() -> None:
    assert check_jaeger in [check for family in FAMILIES for check in family.checks]
