"""Alerts whose series do not exist, as a real Prometheus tells of them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from domain.errors import TemporaryError
from domain.metrics.monitoring_rules import AlertRule
from domain.metrics.samples import Sample
from integrations.prometheus import open_prometheus
from runbooks.metrics.never_firing import MAX_SELECTORS, SeriesSearch
from runbooks.metrics.queries import InstantQueries
from tests.harness.monitoring_servers import running_prometheus
from tests.harness.wait import wait_until

NEVER = {
    "NoSuchMetric": ("rate(no_such_total[5m]) > 1", ("no_such_total",)),
    "NoSuchLabel": ('up{job="no}such"} == 0', ('up{job="no}such"}',)),
    "HalfMissing": ("sum by (job) (up) / on (job) sum by (job) (no_such) < 1", ("no_such",)),
    "Grouped": ("up * on (instance) group_left (version) no_such > 0", ("no_such",)),
    "BothMissing": ("no_such > 1 or nothing > 1", ("no_such", "nothing")),
}
CAN_FIRE = {
    "Down": "up == 0",
    "Alternative": "no_such > 1 or up == 0",
    "OrGroup": "no_such > 1 or (up == 0)",
    "Unless": "up == 0 unless no_such",
    "Absent": "absent(no_such)",
    "Always": "vector(1)",
    "Scalar": "up > scalar(no_such)",
    "LongAgo": "no_such offset 1d > 1",
    "At": "no_such @ 1000 > 1",
    "LongRange": "rate(no_such[1d]) > 1",
    "InText": 'label_replace(up, "a", "no_such", "job", ".*") == 0',
}

UNDECIDABLE = ("Absent", "Always", "Scalar", "LongAgo", "At", "LongRange")


@pytest.mark.parametrize(
    "at_least", [pytest.param(None, id="of-the-system"), pytest.param((3, 0), id="newer", marks=pytest.mark.alerts)]
)
async def test_only_rules_that_cannot_do_without_missing_series_never_fire(
    tmp_path: Path, at_least: tuple[int, int] | None
) -> None:
    rules = {name: expression for name, (expression, _) in NEVER.items()} | CAN_FIRE
    with running_prometheus(tmp_path, at_least, rules=rules) as address:
        async with open_prometheus(address) as client:

            async def is_up() -> bool:
                return any(each.health == "up" and each.scraped_at for each in await client.targets())

            await wait_until(is_up, within=30)
            known = await client.rules()
            verdicts = await search(client).verdicts(known)
    assert {each.name for each in known} == set(rules)
    assert {each.rule.name: each.missing for each in verdicts.never_firing} == {
        name: missing for name, (_, missing) in NEVER.items()
    }
    assert (verdicts.unsettled, verdicts.undecidable, verdicts.problem) == (0, len(UNDECIDABLE), "")


def search(prometheus: InstantQueries, seconds: float = 10) -> SeriesSearch:
    return SeriesSearch(prometheus=prometheus, scope=str, deadline=asyncio.get_running_loop().time() + seconds)


def rules_on(*expressions: str) -> list[AlertRule]:
    return [AlertRule(each, "alerts", each, "ok", "") for each in expressions]


@dataclass
class ScriptedPrometheus:
    """``now`` and ``earlier`` are the series that it has; ``hangs_at`` and ``refuses`` are words of expressions."""

    now: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    hangs_at: str = "nothing"
    refuses: str = "nothing"
    asked: list[str] = field(default_factory=list)

    async def query(self, expression: str, *, only: Mapping[str, str]) -> tuple[Sample, ...]:
        assert not only
        self.asked.append(expression)
        if self.hangs_at in expression:
            await asyncio.Event().wait()
        if self.refuses in expression:
            raise TemporaryError("Prometheus broke the connection.")
        known = self.earlier if "present_over_time" in expression else self.now
        return (Sample({}, 1.0),) if any(f"({each})" in expression or f"({each}[7200s])" in expression for each in known) else ()


async def test_only_what_is_not_there_now_is_looked_for_in_the_hours_before() -> None:
    prometheus = ScriptedPrometheus(now=("up",), earlier=("batch",))
    verdicts = await search(prometheus).verdicts(rules_on("up", "batch", "gone"))
    assert [each.rule.name for each in verdicts.never_firing] == ["gone"]
    assert sorted(each for each in prometheus.asked if "7200s" in each) == [
        "count(present_over_time(batch[7200s]))",
        "count(present_over_time(gone[7200s]))",
    ]


async def test_a_prometheus_that_breaks_gives_no_verdict() -> None:
    verdicts = await search(ScriptedPrometheus(refuses="count")).verdicts(rules_on("up", "down"))
    assert (verdicts.never_firing, verdicts.unsettled) == ((), 2)
    assert verdicts.problem == "Prometheus broke the connection."


async def test_what_is_late_has_no_verdict_and_the_rest_has() -> None:
    prometheus = ScriptedPrometheus(now=("up",), hangs_at="(slow")
    verdicts = await search(prometheus, seconds=0.5).verdicts(rules_on("up", "gone", "slow", "gone and slow", "up or slow"))
    assert [each.rule.name for each in verdicts.never_firing] == ["gone", "gone and slow"]
    assert (verdicts.unsettled, verdicts.problem) == (1, "Prometheus did not answer in time.")


async def test_of_very_many_selectors_the_first_are_asked_about() -> None:
    prometheus = ScriptedPrometheus()
    verdicts = await search(prometheus).verdicts(rules_on(*(f"metric_{number}" for number in range(MAX_SELECTORS + 20))))
    assert len(prometheus.asked) == 2 * MAX_SELECTORS
    assert (len(verdicts.never_firing), verdicts.unsettled) == (MAX_SELECTORS, 20)
    assert verdicts.problem == f"only the first {MAX_SELECTORS} of {MAX_SELECTORS + 20} selectors were asked about"
