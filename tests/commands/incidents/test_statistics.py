"""Statistics, as people ask for them."""

from datetime import timedelta

import pytest

from domain.answers.answers import ErrorAnswer
from domain.incidents.statistics import IncidentStatistics
from domain.severities import Severity
from tests.commands.incidents.test_reports import declare, sent_facts
from tests.harness.commands import CommandHarness
from tests.harness.samples.team import GUS, RAY, VIV


async def test_without_incidents_it_says_so_and_sends_nothing(harness: CommandHarness) -> None:
    fact = await harness.run_command(VIV, "incident stats")
    assert isinstance(fact, IncidentStatistics)
    assert (fact.total, fact.chart_sent) == (0, False)
    assert await sent_facts(harness) == []


async def test_it_counts_and_sends_the_chart_in_private(harness: CommandHarness) -> None:
    incident = await declare(harness)
    harness.clock.advance(timedelta(minutes=4))
    await harness.run_command(RAY, f"incident ack {incident.id}")
    fact = await harness.run_command(VIV, "incident stats 7d")
    assert isinstance(fact, IncidentStatistics)
    assert fact.counts[Severity.P1] == 1
    assert fact.durations[0].median == timedelta(minutes=4)
    assert (fact.unresolved, fact.chart_sent, fact.without_security) == (1, True, True)
    channel, sent = (await sent_facts(harness))[-1]
    assert channel == VIV.person.user_id
    assert isinstance(sent, IncidentStatistics)
    assert not sent.chart_sent


async def test_security_incidents_do_not_count_for_others(harness: CommandHarness) -> None:
    await declare(harness, "P0 keys leaked --environment production --security")
    fact = await harness.run_command(VIV, "incident stats")
    assert isinstance(fact, IncidentStatistics)
    assert fact.total == 0


@pytest.mark.parametrize(("words", "problem"), [("soon", "is not a span of time"), ("2000d", "is too long"), ("0d", "no time")])
async def test_what_is_no_period_is_refused(harness: CommandHarness, words: str, problem: str) -> None:
    answer = await harness.run_command(VIV, f"incident stats {words}")
    assert isinstance(answer, ErrorAnswer)
    assert problem in str(answer.sentence)


async def test_guests_count_nothing(harness: CommandHarness) -> None:
    assert isinstance(await harness.run_command(GUS, "incident stats"), ErrorAnswer)
