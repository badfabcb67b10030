"""What a person reads about a Prometheus' targets and rules: shared, in trouble, slow, and far too many."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.answers.answers import ErrorAnswer
from domain.answers.monitoring import RulesAnswer, TargetsAnswer
from domain.catalogue.catalogue import Catalogue
from domain.errors import TemporaryError
from domain.metrics.monitoring_rules import AlertRule, RuleAlert, ScrapeTarget
from domain.metrics.samples import QueryNotice, QueryResult, Sample
from domain.rich_text import plain_text
from runbooks.metrics.monitoring import MonitoringReader
from tests.harness.commands import open_command_harness
from tests.harness.families import render_text
from tests.harness.samples.team import DEE, GUS, VIV, team_catalogue

SCRAPED = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
SHARED = {"production": "https://prometheus.example", "staging": "https://PROMETHEUS.example:443/"}
PRODUCTION, STAGING = {"environment": "production"}, {"environment": "staging"}


@dataclass
class ScriptedPrometheus:
    """``series`` exist; ``slow`` and ``down`` are what is asked: ``targets``, ``rules``, ``query`` or ``all``."""

    scraped: tuple[ScrapeTarget, ...] = ()
    alerting: tuple[AlertRule, ...] = ()
    series: tuple[str, ...] = ()
    up: tuple[Sample, ...] = ()
    notices: tuple[QueryNotice, ...] = ()
    slow: str = ""
    down: str = ""

    async def targets(self) -> QueryResult[ScrapeTarget]:
        await self._trouble("targets")
        return QueryResult(self.scraped, self.notices)

    async def rules(self) -> QueryResult[AlertRule]:
        await self._trouble("rules")
        return QueryResult(self.alerting, self.notices)

    async def query(self, expression: str, *, only: Mapping[str, str]) -> tuple[Sample, ...]:
        assert not only
        await self._trouble("query")
        if expression in ("up", 'up {environment="production"}'):
            return QueryResult(self.up, self.notices)
        return (Sample({}, 1.0),) if any(each in expression.replace(" ", "") for each in self.series) else ()

    async def _trouble(self, asked: str) -> None:
        if self.slow in (asked, "all"):
            await asyncio.Event().wait()
        if self.down in (asked, "all"):
            raise TemporaryError("Prometheus at prometheus.example cannot be reached. Nothing was sent.")


def target(job: str, labels: Mapping[str, str], health: str = "up", problem: str = "") -> ScrapeTarget:
    return ScrapeTarget(job, f"{job}:80", health, problem, SCRAPED, labels)


def rule(name: str, expression: str, *alerts: RuleAlert, **labels: str) -> AlertRule:
    return AlertRule(name, "group", expression, "ok", "", labels, alerts)


def catalogue(addresses: Mapping[str, str]) -> Catalogue:
    watchdog = {"name": "alerting", "match": ['alertname="Watchdog"']}
    known = team_catalogue(alerts={"default": {"channel": "C0OPS"}, "watchdogs": [watchdog]})
    data = known.model_dump()
    for name, address in addresses.items():
        data["environments"][name]["prometheus"] = address
    return Catalogue.model_validate(data)


async def ask(
    folder: Path,
    text: str,
    prometheus: ScriptedPrometheus,
    *,
    addresses: Mapping[str, str] | None = None,
    seconds: float = 10,
) -> str:
    known = catalogue({"production": "https://prometheus.example"} if addresses is None else addresses)
    async with open_command_harness(folder, known) as harness:
        reader = MonitoringReader(
            catalogue=lambda: known,
            prometheus=lambda name: prometheus if known.environments[name].prometheus else None,
            answer_seconds=seconds,
        )
        services = replace(harness.services, family_services={**harness.services.family_services, MonitoringReader: reader})
        answer = await replace(harness, services=services).run_command(VIV, text)
        assert isinstance(answer, TargetsAnswer | RulesAnswer), answer
        return render_text(answer)


def troubled(prometheus: ScriptedPrometheus, trouble: str, asked: str) -> ScriptedPrometheus:
    return replace(prometheus, slow=asked) if trouble == "slow" else replace(prometheus, down=asked)


async def test_targets_that_are_down_come_first_with_prometheus_own_words(tmp_path: Path) -> None:
    scraped = (
        target("main", {}),
        target("redis", {}, "down", "connection refused"),
        replace(target("new", {}, "unknown"), scraped_at=None),
    )
    text = await ask(tmp_path, "targets production", ScriptedPrometheus(scraped))
    assert "production · 1 of 3 targets up" in text
    assert "🔴 redis redis:80 · connection refused · tried " in text
    assert "❔ new new:80 · not scraped yet" in text
    assert "🟢 main (1)" in text
    assert text.index("redis") < text.index("🟢 main")


async def test_of_a_shared_prometheus_only_the_environments_targets_are_shown(tmp_path: Path) -> None:
    scraped = (target("main", PRODUCTION), target("secret", STAGING), target("prometheus", {}))
    text = await ask(tmp_path, "targets production", ScriptedPrometheus(scraped), addresses=SHARED)
    assert "production · 1 of 1 target up" in text
    assert "secret" not in text
    assert 'of a shared Prometheus, only what has environment="production"' in text


@pytest.mark.parametrize("addresses", [None, SHARED], ids=["own", "shared"])
async def test_without_a_list_of_targets_the_series_say_what_is_up(tmp_path: Path, addresses: Mapping[str, str] | None) -> None:
    values = {"main": 1.0, "cache": 1.0, "redis": 0.0}
    up = tuple(Sample({"job": job, "instance": f"{job}:80"}, value) for job, value in values.items())
    text = await ask(tmp_path, "targets production", ScriptedPrometheus(up=up, down="targets"), addresses=addresses)
    assert "production · 2 of 3 targets up" in text
    assert "there is no list with reasons, so this is what the series up say: Prometheus at prometheus.example cannot" in text
    assert "🔴 redis redis:80\n🟢 main (1), cache (1)" in text


async def test_rules_that_fire_are_broken_or_can_never_fire(tmp_path: Path) -> None:
    broken = AlertRule("Broken", "group", "up", "err", "many-to-many matching not allowed")
    alerting = (
        rule("High", "up == 0", RuleAlert({}, "firing"), RuleAlert({}, "firing")),
        rule("Soon", "up == 1", RuleAlert({}, "pending")),
        broken,
        rule("Never", "gone_total > 1"),
        rule("Silent", "absent(up)"),
    )
    text = await ask(tmp_path, "rules production", ScriptedPrometheus(alerting=alerting, series=("(up)",)))
    assert "production · 5 rules · 1 firing · 1 pending · 1 cannot be evaluated · 1 can never fire" in text
    assert "🔴 High firing: 2 alerts" in text
    assert "⚠️ Broken cannot be evaluated: many-to-many matching not allowed" in text
    assert "🕳️ Never can never fire: no series in the last 2 h of gone_total" in text
    assert "🟡 Soon pending: 1 alert" in text
    assert "1 rule not checked" in text


async def test_of_a_shared_prometheus_only_the_environments_rules_alerts_and_series_count(tmp_path: Path) -> None:
    alerting = (
        rule("Every", "up == 0", RuleAlert(STAGING, "firing"), RuleAlert(PRODUCTION, "pending")),
        rule("Labelled", "up == 2", environment="staging"),
        rule("Templated", "up == 3", environment="{{ $labels.environment }}"),
        rule("Selecting", 'absent(up{job="a",environment=~"stag.+"})'),
        rule("Both", 'up{environment=~"staging|production"} == 0'),
        rule("Quoted", 'label_replace(up, "a", "environment=\\"staging\\"", "", "") == 0'),
        rule("Elsewhere", "only_in_staging > 1"),
    )
    series = (
        'up{environment="production"}',
        'up{environment="production",environment=~',
        'only_in_staging{environment="staging"}',
    )
    text = await ask(tmp_path, "rules production", ScriptedPrometheus(alerting=alerting, series=series), addresses=SHARED)
    assert "5 rules · 1 pending · 1 can never fire" in text
    assert (
        'Elsewhere can never fire for production: no series with environment="production" in the last 2 h of only_in_staging'
        in text
    )
    assert "Labelled" not in text
    assert "Selecting" not in text


@pytest.mark.parametrize(
    ("alerts", "said"),
    [
        ((RuleAlert({}, "firing"),), "🟢 Watchdog fires, as a watchdog always does"),
        ((), "🔴 Watchdog does not fire: as a watchdog it always should"),
        ((RuleAlert({}, "pending"),), "🔴 Watchdog does not fire: as a watchdog it always should"),
    ],
)
async def test_a_watchdog_that_fires_is_well(tmp_path: Path, alerts: tuple[RuleAlert, ...], said: str) -> None:
    prometheus = ScriptedPrometheus(alerting=(rule("Watchdog", "vector(1)", *alerts, severity="none"),))
    text = await ask(tmp_path, "rules production", prometheus)
    assert said in text
    assert "1 firing" not in text
    assert "pending" not in text


async def test_everything_is_there(tmp_path: Path) -> None:
    text = await ask(tmp_path, "rules production", ScriptedPrometheus(alerting=(rule("High", "up == 0"),), series=("(up)",)))
    assert "production · 1 rule" in text
    assert "🟢 the series of all of them were there in the last 2 h" in text


@pytest.mark.parametrize("command", ["targets", "rules"])
@pytest.mark.parametrize(
    ("trouble", "said"),
    [("down", "prometheus.example cannot be reached"), ("slow", "Prometheus did not answer in time.")],
)
async def test_a_prometheus_in_trouble_is_said_in_time(tmp_path: Path, command: str, trouble: str, said: str) -> None:
    prometheus = troubled(ScriptedPrometheus(), trouble, "all")
    text = await ask(tmp_path, f"{command} production", prometheus, seconds=0.3 if trouble == "slow" else 10)
    assert "production · not known" in text
    assert said in text
    assert "no targets" not in text
    assert "no rules" not in text


@pytest.mark.parametrize("trouble", ["down", "slow"])
async def test_the_rules_are_there_also_where_their_series_could_not_be_asked_about(tmp_path: Path, trouble: str) -> None:
    alerting = (rule("High", "up == 0", RuleAlert({}, "firing")), rule("Never", "gone > 1"))
    prometheus = troubled(ScriptedPrometheus(alerting=alerting), trouble, "query")
    text = await ask(tmp_path, "rules production", prometheus, seconds=0.3 if trouble == "slow" else 10)
    assert "🔴 High firing: 1 alert" in text
    assert "whether the series of 2 rules exist is not known: Prometheus" in text
    assert "can never fire" not in text
    assert "were there" not in text


@pytest.mark.parametrize("command", ["targets", "rules"])
async def test_a_warning_of_prometheus_is_shown(tmp_path: Path, command: str) -> None:
    notice = QueryNotice("store 1 is not reached", is_warning=True)
    text = await ask(tmp_path, f"{command} production", ScriptedPrometheus(notices=(notice,)))
    assert "⚠️ This may be incomplete or wrong, Prometheus warns: store 1 is not reached" in text


async def test_all_environments_that_a_person_may_see(tmp_path: Path) -> None:
    text = await ask(tmp_path, "targets", ScriptedPrometheus((target("main", {}),)))
    assert "production · 1 of 1 target up" in text
    assert "staging · not known" in text
    assert "the catalogue names no Prometheus for it" in text


async def test_hundreds_of_targets_that_are_down(tmp_path: Path) -> None:
    scraped = tuple(target(f"job-{number}", {}, "down", "x" * 5000) for number in range(500))
    text = await ask(tmp_path, "targets production", ScriptedPrometheus(scraped))
    assert "0 of 500 targets up" in text
    assert "x" * 300 not in text


@pytest.mark.parametrize("command", ["targets", "rules"])
async def test_who_may_see_nothing_is_told_so(tmp_path: Path, command: str) -> None:
    async with open_command_harness(tmp_path, catalogue({})) as harness:
        answer = await harness.run_command(GUS, command)
        assert isinstance(answer, ErrorAnswer)
        denied = await harness.run_command(DEE, f"{command} production")
        assert isinstance(denied, ErrorAnswer)
        assert "production" in plain_text(denied.sentence)
