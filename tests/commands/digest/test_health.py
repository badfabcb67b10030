"""What a person sees who asks how an environment is."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain.answers.health import HealthAnswer
from domain.errors import TemporaryError
from domain.health import HealthCheck, HealthLevel, HealthLine
from domain.severities import Severity
from runbooks.digest.checks import HouseChecks
from runbooks.digest.measuring import HealthReader, HealthSources
from sandbox.cluster import ClusterFault
from storage.incidents import IncidentRepository
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.families import render_text
from tests.harness.samples.alerts import PAGED, group
from tests.harness.samples.incidents import incident
from tests.harness.samples.team import GUS, VIV


@dataclass(frozen=True)
class HealthHarness:
    commands: CommandHarness
    sources: HealthSources

    async def health(self, text: str) -> HealthAnswer:
        answer = await self.commands.run_command(VIV, text)
        assert isinstance(answer, HealthAnswer), answer
        return answer

    async def line(self, system: str) -> HealthLine:
        (production,) = (await self.health("health production")).environments
        return next(each for each in production.lines if each.system == system)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[HealthHarness]:
    async with open_command_harness(tmp_path) as commands:
        known = commands.services
        checks = HouseChecks(store=known.store, clock=commands.clock, catalogue=lambda: known.catalogue, clusters=known.clusters)
        # A busy machine makes no check unknown: only a test that is about it has a short time.
        sources = HealthSources(checks=[replace(check, timeout=timedelta(seconds=60)) for check in checks.all()])
        reader = HealthReader(sources, commands.clock)
        services = replace(known, family_services={**known.family_services, HealthReader: reader})
        yield HealthHarness(replace(commands, services=services), sources)


async def test_every_environment_is_shown_with_its_pods(harness: HealthHarness) -> None:
    answer = await harness.health("health")
    assert [each.environment for each in answer.environments] == ["development", "staging", "production"]
    text = render_text(answer)
    assert "ready" in text
    assert "none fires" in text


async def test_red_comes_first(harness: HealthHarness) -> None:
    await harness.commands.save_groups(group(environment="production"))
    (production,) = (await harness.health("health production")).environments
    assert [each.level.rank for each in production.lines] == sorted(each.level.rank for each in production.lines)
    assert (await harness.line("alerts")).level in {HealthLevel.RED, HealthLevel.YELLOW}


async def test_an_alert_of_another_environment_is_not_counted(harness: HealthHarness) -> None:
    await harness.commands.save_groups(group(environment="staging"))
    assert (await harness.line("alerts")).text == "none fires"


async def test_an_alert_and_an_incident_that_name_no_environment_may_be_of_each(harness: HealthHarness) -> None:
    await harness.commands.save_groups(group(environment="", title="NodeDown"))
    async with harness.commands.services.store.write() as tx:
        assert await tx.of(IncidentRepository).add(incident(environment=""))
    alerts, incidents = await harness.line("alerts"), await harness.line("incidents")
    assert "NodeDown (names no environment)" in str(alerts.text)
    assert alerts.commands == ("alerts",)
    assert "checkout is failing" in str(incidents.text)


async def test_where_alerts_may_not_arrive_it_is_not_well_that_none_fires(harness: HealthHarness) -> None:
    await harness.commands.save_groups(
        group(
            environment="", title="WatchdogMissing · main", group_key="watchdog/main", route=replace(PAGED, severity=Severity.P3)
        )
    )
    line = await harness.line("alerts")
    assert line.level is HealthLevel.RED
    assert "others may not arrive; 1 firing: P3 WatchdogMissing · main" in str(line.text)


@pytest.mark.parametrize("kind", ["hangs", "fails", "has a bug"])
async def test_a_check_that_could_not_be_made_says_so_and_sinks_no_other(harness: HealthHarness, kind: str) -> None:
    async def run(_environment: str) -> tuple[HealthLine, ...]:
        if kind == "hangs":
            await asyncio.Event().wait()
        raise TemporaryError("Jaeger is down.") if kind == "fails" else KeyError("data")

    harness.sources.checks.append(HealthCheck(name="traces", run=run, timeout=timedelta(milliseconds=20)))
    line = await harness.line("traces")
    assert line.level is HealthLevel.UNKNOWN
    expected = {"hangs": "no answer within 0.02 s", "fails": "Jaeger is down.", "has a bug": "an error of deepecho"}
    assert expected[kind] in str(line.text)
    assert (await harness.line("pods")).level is not HealthLevel.UNKNOWN


async def test_a_cluster_that_does_not_answer_is_unknown_and_the_rest_is_there(harness: HealthHarness) -> None:
    checks = harness.sources.checks
    checks[:] = [replace(each, timeout=timedelta(milliseconds=50)) if each.name == "pods" else each for each in checks]
    harness.commands.stand_in.inject_fault(ClusterFault(kind="hold", times=100))
    assert (await harness.line("pods")).level is HealthLevel.UNKNOWN
    assert (await harness.line("alerts")).level is HealthLevel.GREEN


async def test_who_may_see_nothing_is_told_so(harness: HealthHarness) -> None:
    answer = await harness.commands.run_command(GUS, "health production")
    assert not isinstance(answer, HealthAnswer)
