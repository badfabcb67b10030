"""What the end of a watch shows: each part alone, and what could not be shown with its reason."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.alerts.alerts import AlertGroup, GroupState
from domain.alerts.watchdogs import RECEIVER
from domain.errors import NotFound, PermanentError, TemporaryError
from domain.matchers import parse_matcher
from domain.operations.operation import OperationRecord, Phase, State
from domain.operations.plans import Plan, Verb, VersionState
from domain.severities import Severity
from domain.workloads.deployments import Revision
from runbooks.incidents.watch_alerts import MAX_GROUPS
from storage.store import Store
from tests.harness.samples.alerts import PAGED
from tests.harness.samples.operations import change, progress, record
from tests.harness.samples.workloads import revision, target, workload
from tests.harness.watch import (
    ENDS_AT,
    MINUTE,
    ONE,
    PROMETHEUS,
    RESOLVED_AT,
    TWO,
    WatchHarness,
    ended_alert,
    ended_group,
    steady,
)

OLD, NEW = revision(1, "main-9f00d12"), revision(2, "main-abc1234")
GROUP = ended_group(ended_alert())
RESOLVED = "Resolved 2026-11-23 14:02 UTC"
RATE, SILENCE, PODS, CLOCK = "HighErrorRate 0.4 (limit 10)", "no silence hides it", "all 9 pods run main-abc1234", "no clock runs"
SILENCES = "Whether a silence hides an alert is not known: "


def _state(of: Revision, replicas: int) -> VersionState:
    return VersionState(version=of.image.rpartition(":")[2], image=of.image, template_hash=of.template_hash, replicas=replicas)


def rollback(*services: str, replicas: int = 3) -> OperationRecord:
    """A rollback of these services to main-abc1234, with success."""
    changes = tuple(
        replace(
            change(service),
            target=target(service),
            uid=f"uid-of-{service}",
            before=_state(OLD, replicas),
            after=_state(NEW, replicas),
        )
        for service in services
    )
    plan = Plan(verb=Verb.ROLLBACK, environment="production", changes=changes)
    done = tuple(progress(service, Phase.VERIFIED, ready=replicas, seconds=9) for service in services)
    return record(State.SUCCEEDED, plan=plan, progress=done, ended_at=RESOLVED_AT - 5 * MINUTE)


@pytest.fixture
def harness(store: Store) -> WatchHarness:
    opened = WatchHarness(store)
    opened.pods.found = {
        "web": workload(OLD, NEW, service="web"),
        "worker": workload(OLD, NEW, service="worker", replicas=6),
    }
    return opened


async def whole(harness: WatchHarness, *groups: AlertGroup) -> Any:
    operation = rollback("web")
    workers = replace(rollback("worker", replicas=6), id="op-h3c9", source="envelope-2")
    return await harness.resolved(*groups or (GROUP,), operations=[operation, workers])


async def test_all_is_shown_in_one_line_and_then_its_details(harness: WatchHarness) -> None:
    incident = await whole(harness)
    proof = await harness.prove(incident)
    assert (proof.complete, proof.try_again) == (True, False)
    assert await harness.lines(incident) == [
        f"{RESOLVED} · for 30 min: {RATE}, {SILENCE}, {PODS}, {CLOCK}",
        "HighErrorRate 0.4 (limit 10), inside it for 30 min, 0.4 at most.",
        "No silence hides it, says Alertmanager.",
        "web: 3 pods run main-abc1234, as rollback `op-k7m2` left it.",
        "worker: 6 pods run main-abc1234, as rollback `op-h3c9` left it.",
        "No clock runs but the post-mortem's, due 2026-11-25 14:02 UTC.",
    ]


def _prometheus(error: Exception) -> Callable[[WatchHarness], None]:
    return lambda harness: setattr(harness.metrics, "error", error)


def _cluster(error: Exception) -> Callable[[WatchHarness], None]:
    return lambda harness: setattr(harness.pods, "error", error)


def _alertmanager(harness: WatchHarness) -> None:
    harness.alertmanagers[ONE].unreachable = True


@pytest.mark.parametrize(
    ("trouble", "headline", "said", "try_again"),
    [
        (
            _prometheus(TemporaryError("Prometheus cannot be reached.")),
            f"could not be shown: HighErrorRate · for 30 min: {SILENCE}, {PODS}, {CLOCK}",
            "HighErrorRate: Prometheus cannot be reached.",
            True,
        ),
        (
            _prometheus(PermanentError("Prometheus does not take the expression: parse error")),
            f"could not be shown: HighErrorRate · for 30 min: {SILENCE}, {PODS}, {CLOCK}",
            "HighErrorRate: Prometheus does not take the expression: parse error",
            False,
        ),
        (
            _prometheus(KeyError("values")),
            f"could not be shown: HighErrorRate · for 30 min: {SILENCE}, {PODS}, {CLOCK}",
            "HighErrorRate: An error in the program: KeyError.",
            False,
        ),
        (
            lambda harness: setattr(harness.metrics, "default", None),
            f"could not be shown: HighErrorRate · for 30 min: {SILENCE}, {PODS}, {CLOCK}",
            "HighErrorRate: its expression has had no value since the resolution, and no value is not a good one.",
            False,
        ),
        (
            lambda harness: setattr(harness.metrics, "default", 14.2),
            f"HighErrorRate 14.2 (limit 10) · for 30 min: {SILENCE}, {PODS}, {CLOCK}",
            "HighErrorRate 14.2 (limit 10), beyond it now; 14.2 at worst since the resolution.",
            False,
        ),
        (
            lambda harness: harness.open_addresses.discard(PROMETHEUS),
            f"could not be shown: HighErrorRate · for 30 min: {SILENCE}, {PODS}, {CLOCK}",
            "HighErrorRate: Its Prometheus is not open yet.",
            True,
        ),
        (
            _alertmanager,
            f"could not be shown: the silences · for 30 min: {RATE}, {PODS}, {CLOCK}",
            f"{SILENCES}Alertmanager at alertmanager.example did not answer in time.",
            True,
        ),
        (
            lambda harness: harness.open_addresses.discard(ONE),
            f"could not be shown: the silences · for 30 min: {RATE}, {PODS}, {CLOCK}",
            f"{SILENCES}The catalogue was just read again, and {ONE} is not open yet.",
            True,
        ),
        (
            _cluster(TemporaryError("The cluster main did not answer.")),
            f"could not be shown: what web runs, what worker runs · for 30 min: {RATE}, {SILENCE}, {CLOCK}",
            "What web runs is not known: The cluster main did not answer.",
            True,
        ),
        (
            _cluster(NotFound("There is no Deployment web in ns-production.")),
            f"web no longer exists, worker no longer exists · for 30 min: {RATE}, {SILENCE}, {CLOCK}",
            "After rollback `op-k7m2`: There is no Deployment web in ns-production.",
            False,
        ),
        (
            lambda harness: harness.pods.ready.update(web=2),
            f"only 2 of 3 pods of web are ready · for 30 min: {RATE}, {SILENCE}, 6 pods run main-abc1234, {CLOCK}",
            "only 2 of 3 pods of web are ready; it has 3 pods of main-abc1234 (2 ready).",
            True,
        ),
    ],
)
async def test_each_part_fails_alone_and_says_why(
    harness: WatchHarness,
    trouble: Callable[[WatchHarness], None],
    headline: str,
    said: str,
    try_again: bool,  # noqa: FBT001 -- a table
) -> None:
    incident = await whole(harness)
    trouble(harness)
    proof, lines = await harness.prove(incident), await harness.lines(incident)
    assert (proof.complete, proof.try_again) == (False, try_again)
    assert lines[0] == f"{RESOLVED} · {headline}"
    assert any(line.endswith(said) for line in lines), lines


@pytest.mark.parametrize("hanging", ["metrics", "pods"])
async def test_what_hangs_holds_up_nothing_else(store: Store, hanging: str) -> None:
    harness = WatchHarness(store, seconds=0.4)
    harness.pods.found = {"web": workload(OLD, NEW, service="web"), "worker": workload(OLD, NEW, service="worker", replicas=6)}
    incident = await whole(harness)
    getattr(harness, hanging).hangs = True
    began = time.monotonic()
    lines = await harness.lines(incident)
    assert time.monotonic() - began < 5
    missing = {"metrics": "HighErrorRate", "pods": "what web runs, what worker runs"}[hanging]
    assert f"could not be shown: {missing} · for 30 min: " in lines[0]
    assert any(line.endswith("It took too long.") for line in lines)


async def test_many_rules_of_a_prometheus_that_hangs_end_at_the_limit_of_the_whole(store: Store) -> None:
    harness = WatchHarness(store, seconds=0.3)
    harness.metrics.hangs = True
    groups = [ended_group(ended_alert(f"n{number}"), id=f"al-{number}") for number in range(30)]
    incident = await harness.resolved(*groups)
    async with asyncio.timeout(10):
        lines = await harness.lines(incident)
    assert "25 more alerts: 25 could not be shown." in lines


async def test_a_group_that_fires_by_what_is_stored_is_not_measured(harness: WatchHarness) -> None:
    firing = replace(ended_alert(), firing=True, ends_at=None)
    group = ended_group(firing, state=GroupState.FIRING, firing=1, resolved_at=None)
    lines = await harness.lines(await harness.resolved(group))
    assert lines[0] == f"{RESOLVED} · HighErrorRate still fires · for 30 min: {SILENCE}, {CLOCK}"
    assert lines[1] == "HighErrorRate still fires, with 1 alert, since 2026-11-23 13:42 UTC."
    assert harness.metrics.asked == []


async def test_a_group_that_alertmanager_lists_fires(harness: WatchHarness) -> None:
    incident = await harness.resolved(GROUP)
    harness.clock.advance(12 * MINUTE)
    harness.alertmanagers[ONE].hear(replace(ended_alert(), firing=True, ends_at=None))
    lines = await harness.lines(incident)
    assert lines[0].startswith(f"{RESOLVED} · HighErrorRate still fires · ")
    assert lines[1] == "HighErrorRate fires: Alertmanager lists it, and Prometheus sent it last at 2026-11-23 14:14 UTC."


async def test_what_alertmanager_listed_before_the_end_does_not_fire(harness: WatchHarness) -> None:
    incident = await harness.resolved(GROUP)
    harness.clock.advance(-5 * MINUTE)
    harness.alertmanagers[ONE].hear(replace(ended_alert(), firing=True, ends_at=None))
    harness.clock.advance(5 * MINUTE)
    assert (await harness.prove(incident)).complete


@pytest.mark.parametrize(("away", "complete"), [((), True), ((TWO,), False), ((ONE,), False), ((ONE, TWO), False)])
async def test_both_members_of_a_pair_are_asked(harness: WatchHarness, away: tuple[str, ...], complete: bool) -> None:  # noqa: FBT001 -- a table
    incident = await harness.resolved(ended_group(ended_alert(), source="pair"))
    for address in away:
        harness.alertmanagers[address].unreachable = True
    assert (await harness.prove(incident)).complete is complete


@pytest.mark.parametrize("member", [ONE, TWO])
async def test_a_silence_of_either_member_is_named_with_its_end(harness: WatchHarness, member: str) -> None:
    incident = await harness.resolved(ended_group(ended_alert(), source="pair"))
    await harness.alertmanagers[member].create_silence(
        (parse_matcher("service=deep-echo-main"),),
        starts_at=RESOLVED_AT,
        ends_at=ENDS_AT + timedelta(hours=2),
        by="lee (U1)",
        comment="known",
    )
    harness.clock.advance(30 * MINUTE)
    lines = await harness.lines(incident)
    assert lines[0] == (
        f"{RESOLVED} · a silence by lee (U1) hides HighErrorRate until 2026-11-23 16:32 UTC · for 30 min: {RATE}, {CLOCK}"
    )


async def test_a_watchdog_that_arrives_again_needs_nobody_to_be_asked(harness: WatchHarness) -> None:
    labels = {"alertname": "WatchdogMissing", "watchdog": "prometheus-production"}
    missing = replace(ended_alert(), fingerprint="@prometheus-production", labels=labels, generator_url="")
    group = ended_group(missing, title="WatchdogMissing", labels=labels, receiver=RECEIVER, group_key="watchdog/p")
    for each in harness.alertmanagers.values():
        each.unreachable = True
    harness.metrics.error = TemporaryError("Prometheus is away.")
    proof = await harness.prove(await harness.resolved(group))
    assert proof.complete
    assert str(proof.lines[1]) == "WatchdogMissing: the watchdog prometheus-production arrives again."


async def test_a_receiver_of_alertmanager_that_is_called_deepecho_makes_no_watchdog(harness: WatchHarness) -> None:
    proof = await harness.prove(await harness.resolved(ended_group(ended_alert(), receiver=RECEIVER)))
    assert not any("watchdog" in str(line) for line in proof.lines)


async def test_a_reload_that_takes_the_environment_away_is_said_of_each_part(harness: WatchHarness) -> None:
    incident = await whole(harness)
    environments = {name: each for name, each in harness.catalogue.environments.items() if name != "production"}
    harness.catalogue = harness.catalogue.model_copy(update={"environments": environments})
    proof, lines = await harness.prove(incident), await harness.lines(incident)
    assert (proof.complete, proof.try_again) == (False, False)
    assert lines == [
        f"{RESOLVED} · could not be shown: HighErrorRate, the silences, what web runs, what worker runs · for 30 min: {CLOCK}",
        "HighErrorRate: production is no longer in the catalogue.",
        f"{SILENCES}production is no longer in the catalogue.",
        "What web runs is not known: production is no longer in the catalogue.",
        "What worker runs is not known: production is no longer in the catalogue.",
        "No clock runs but the post-mortem's, due 2026-11-25 14:02 UTC.",
    ]


async def test_where_the_catalogue_names_nobody_to_ask_it_says_so(harness: WatchHarness) -> None:
    production = harness.catalogue.environments["production"].model_copy(update={"prometheus": "", "alertmanager": ""})
    environments = {**harness.catalogue.environments, "production": production}
    harness.catalogue = harness.catalogue.model_copy(update={"environments": environments})
    proof, lines = await harness.prove(await harness.resolved(GROUP)), await harness.lines(await harness.incident())
    assert (proof.complete, proof.try_again) == (False, False)
    assert lines[1:3] == [
        "HighErrorRate: The catalogue names no Prometheus of production.",
        f"{SILENCES}The catalogue names no Alertmanager of production.",
    ]


async def test_without_a_linked_alert_nothing_measures_the_end(harness: WatchHarness) -> None:
    proof = await harness.prove(await harness.resolved())
    assert not proof.complete
    assert str(proof.lines[1]) == "No alert is linked, so no measurement shows that it is over."


async def test_a_rule_without_a_limit_is_judged_by_its_record(harness: WatchHarness) -> None:
    harness.metrics.by_expression = {"error_ratio > allowed_ratio": None, "count(up)": 12.0}
    group = ended_group(ended_alert(expression="error_ratio > allowed_ratio"))
    incident = await harness.resolved(group)
    proof, lines = await harness.prove(incident), await harness.lines(incident)
    assert proof.complete, lines
    assert lines[1].startswith("HighErrorRate did not fire for 30 min, by Prometheus' own record")
    firing = 'ALERTS{alertstate="firing",alertname="HighErrorRate"}'
    assert f"max_over_time(timestamp({firing})[3600s:5s])" in harness.metrics.asked


async def test_a_value_beyond_its_limit_does_not_fire_where_the_rule_demands_more(harness: WatchHarness) -> None:
    expression = "error_ratio > 10 and on() requests > 100"
    harness.metrics.by_expression = {"error_ratio": 14.2, expression: None, "count(up)": 12.0}
    incident = await harness.resolved(ended_group(ended_alert(expression=expression)))
    assert (await harness.prove(incident)).complete
    harness.metrics.by_expression[expression] = 14.2
    assert "its condition held" in (await harness.lines(incident))[1]


async def test_of_very_many_groups_the_worst_are_looked_at(harness: WatchHarness) -> None:
    minor = replace(PAGED, severity=Severity.P3)
    groups = [ended_group(ended_alert(f"n{number}"), id=f"al-{number:03}", route=minor) for number in range(MAX_GROUPS + 9)]
    worst = ended_group(ended_alert("worst", "latency > 2", alertname="Latency"), id="al-worst", title="Latency")
    incident = await harness.resolved(*groups, worst)
    proof, lines = await harness.prove(incident), await harness.lines(incident)
    assert not proof.complete
    assert lines[1] == "10 more linked alerts were not looked at."
    assert lines[2] == "Latency 0.4 (limit 2), inside it for 30 min, 0.4 at most."
    assert f"{MAX_GROUPS - 4} more alerts: {MAX_GROUPS - 4} in order." in lines


async def test_a_group_that_is_no_longer_stored_shows_nothing(harness: WatchHarness) -> None:
    incident = await harness.resolved(GROUP)
    async with harness.store.write() as tx:
        await tx.alerts.prune(ENDS_AT)
    assert (await harness.lines(incident))[1] == "HighErrorRate (al-k7m2) is no longer stored."


def test_the_fake_prometheus_measures_all_the_time() -> None:
    points = steady(0.4, RESOLVED_AT, ENDS_AT).points
    assert points[-1][0] == ENDS_AT.timestamp()
