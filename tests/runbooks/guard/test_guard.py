"""A guarded deploy, from its verified end to its verdict and what follows, on a stand-in cluster."""

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from domain.catalogue.catalogue import Catalogue
from domain.errors import TemporaryError
from domain.guard.guard import GuardState
from domain.guard.verdict import Verdict, explain
from domain.metrics.slo import Reading
from domain.operations.operation import OperationRecord, State
from domain.operations.plans import Plan
from domain.rich_text import Text, plain_text
from runbooks.guard.listeners import save_guard
from runbooks.guard.stopping import stop_guard
from runbooks.operations.service import OperationService
from sandbox.cluster import ClusterFault
from sandbox.cluster.resources import DEPLOYMENTS
from storage.guard import GuardRepository, guard_timer
from tests.harness.cluster_namespace import Json
from tests.harness.guard import BAD, GOOD, MAIN, GuardHarness, few, guarded_catalogue, open_guard_harness
from tests.harness.samples.team import ANA, SAM

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[GuardHarness]:
    async with open_guard_harness(tmp_path) as opened:
        yield opened


async def test_a_deploy_that_does_well_ends_so_at_the_end_of_its_bake_time(harness: GuardHarness) -> None:
    deploy = await harness.deploy(version="0ddba11")
    await harness.pass_time(9 * MINUTE)
    assert (await harness.guard(deploy.id)).state is GuardState.BAKING
    await harness.pass_time(2 * MINUTE)
    guard = await harness.guard(deploy.id)
    assert (guard.state, guard.verdict) == (GuardState.ENDED, Verdict.WELL)
    assert plain_text(explain(guard.findings)).startswith(
        "well: errors of deep-echo-main 0.4 % (hour before 0.4, yesterday 0.4, last week 0.4; 4,120"
    )
    assert not await harness.is_due_again(deploy.id)
    assert await harness.rollbacks() == []
    (chart,) = await harness.charts()
    assert (chart.objective, chart.chart.threshold, chart.chart.since) == (
        "errors of deep-echo-main",
        1.0,
        guard.began_at - timedelta(hours=1),
    )


async def test_what_is_compared_is_since_the_deploy_and_three_hours_before(harness: GuardHarness) -> None:
    deploy = await harness.deploy()
    await harness.pass_time(MINUTE)
    guard = await harness.guard(deploy.id)
    began, changed = guard.began_at, guard.changed_at
    assert changed < began
    hour, day = timedelta(hours=1), timedelta(days=1)
    before = [(span, at) for span, at in harness.metrics.asked if span == hour]
    assert before == [(hour, changed), (hour, began - day + hour), (hour, began - 7 * day + hour)]
    now = [at - span for span, at in harness.metrics.asked if span != hour]
    assert len(now) >= 2
    assert set(now) == {began}


async def test_worse_puts_the_old_version_back_by_itself_once(harness: GuardHarness) -> None:
    before = await harness.operations.image("deep-echo-staging")
    harness.metrics.now = BAD
    deploy = await harness.deploy()
    await harness.pass_time(2 * MINUTE)
    (rollback,) = await harness.rollbacks()
    assert rollback.reason == (
        f"deploy {deploy.id} did worse: errors of deep-echo-main 6.1 % "
        "(hour before 0.4, yesterday 0.4, last week 0.4; 4,120 requests)"
    )
    ended = await harness.operations.wait_ended(rollback.id)
    assert ended.state is State.SUCCEEDED
    assert await harness.operations.image("deep-echo-staging") == before
    guard = await harness.guard(deploy.id)
    assert (guard.state, guard.rollback) == (GuardState.PUT_BACK, rollback.id)
    assert plain_text(guard.outcome).startswith(f"The guard put it back: `{rollback.id}`. Verified: ")
    await harness.pass_time(30 * MINUTE)
    assert len(await harness.rollbacks()) == 1
    assert not await harness.is_due_again(deploy.id)
    assert len(await harness.charts()) == 1


async def test_a_jaeger_that_hangs_keeps_no_guard_from_its_end(harness: GuardHarness) -> None:
    async def hang(*_: object) -> tuple[Text, ...]:
        await asyncio.Event().wait()
        raise AssertionError

    reader = replace(harness.watcher.reader, trace_lines=hang, trace_seconds=0.05)
    harness.watcher = replace(harness.watcher, reader=reader)
    harness.metrics.now = BAD
    deploy = await harness.deploy("production")
    async with asyncio.timeout(20):
        await harness.pass_time(2 * MINUTE)
    assert (await harness.guard(deploy.id)).state is GuardState.OFFERED
    assert not await harness.is_due_again(deploy.id)
    assert len(await harness.charts()) == 1


async def test_production_offers_it_and_changes_nothing(harness: GuardHarness) -> None:
    harness.metrics.now = BAD
    deploy = await harness.deploy("production")
    await harness.pass_time(2 * MINUTE)
    guard = await harness.guard(deploy.id)
    assert (guard.state, guard.verdict) == (GuardState.OFFERED, Verdict.WORSE)
    assert guard.traces == (f"2,100 ms GET /chat of {MAIN} in production",)
    assert plain_text(guard.outcome) == f"production leaves it to people. One tap puts {guard.previous} back."
    assert await harness.rollbacks() == []


async def test_an_offer_that_somebody_took_is_offered_to_nobody_else(harness: GuardHarness) -> None:
    harness.metrics.now = BAD
    deploy = await harness.deploy("production")
    await harness.pass_time(2 * MINUTE)
    record = await harness.operations.start(ANA, version="last", source="press")
    guard = await harness.guard(deploy.id)
    assert guard.state is GuardState.TAKEN_OVER
    assert plain_text(guard.outcome) == (
        f"@{ANA.person.user_id} asked for a rollback meanwhile (`{record.id}`), so the guard has ended."
    )


async def test_one_bad_minute_is_no_verdict(harness: GuardHarness) -> None:
    deploy = await harness.deploy()
    harness.metrics.now = BAD
    await harness.pass_time(timedelta(seconds=30))
    harness.metrics.now = GOOD
    await harness.pass_time(11 * MINUTE)
    assert (await harness.guard(deploy.id)).state is GuardState.ENDED
    assert await harness.rollbacks() == []


@pytest.mark.parametrize(
    ("now", "before", "sentence"),
    [
        (few(12), GOOD, "cannot tell: errors of deep-echo-main: 12 requests, 200 are needed"),
        (Reading(), GOOD, "cannot tell: errors of deep-echo-main: the number of requests is not known"),
        (
            Reading(problem="Prometheus did not answer in time."),
            GOOD,
            "cannot tell: errors of deep-echo-main: Prometheus did not answer in time.",
        ),
        (
            BAD,
            Reading(),
            "cannot tell: errors of deep-echo-main 6.1 % is beyond its limit, and nothing before can be compared with it",
        ),
    ],
)
async def test_without_enough_it_cannot_tell_and_does_nothing(
    harness: GuardHarness, now: Reading, before: Reading, sentence: str
) -> None:
    harness.metrics.now, harness.metrics.before = now, before
    deploy = await harness.deploy()
    await harness.pass_time(11 * MINUTE)
    guard = await harness.guard(deploy.id)
    assert guard.state is GuardState.ENDED
    assert plain_text(explain(guard.findings)).startswith(sentence)
    assert await harness.rollbacks() == []


async def test_what_only_the_environment_says_puts_nothing_back_and_is_offered(harness: GuardHarness) -> None:
    harness.metrics.environment = BAD
    deploy = await harness.deploy()
    await harness.pass_time(2 * MINUTE)
    guard = await harness.guard(deploy.id)
    assert (guard.state, guard.verdict) == (GuardState.OFFERED, Verdict.WORSE)
    assert plain_text(explain(guard.findings)).startswith("worse: latency of the environment 6.1 % (hour before 0.4")
    assert plain_text(guard.outcome) == (
        "What is worse is measured for the whole environment, and may be the work of another service. "
        f"So it is offered to people. One tap puts {guard.previous} back."
    )
    await harness.pass_time(MINUTE)
    assert await harness.rollbacks() == []


async def test_a_service_of_which_nothing_is_known_is_not_put_back_for_its_environment(harness: GuardHarness) -> None:
    harness.metrics.environment, harness.metrics.now = BAD, few(12)
    deploy = await harness.deploy()
    await harness.pass_time(2 * MINUTE)
    assert (await harness.guard(deploy.id)).state is GuardState.BAKING  # its own evidence may still come
    harness.operations.clock.advance(9 * MINUTE)
    await harness.run_due()
    assert (await harness.guard(deploy.id)).state is GuardState.OFFERED
    assert await harness.rollbacks() == []


async def test_evidence_of_the_service_that_comes_later_puts_it_back(harness: GuardHarness) -> None:
    harness.metrics.environment, harness.metrics.now = BAD, few(12)
    deploy = await harness.deploy()
    await harness.pass_time(2 * MINUTE)
    harness.metrics.now = BAD
    await harness.pass_time(MINUTE)
    (rollback,) = await harness.rollbacks()
    assert f"did worse: errors of {MAIN} 6.1 %" in rollback.reason
    await harness.operations.wait_ended(rollback.id)
    assert (await harness.guard(deploy.id)).state is GuardState.PUT_BACK


async def test_one_bad_minute_of_the_service_in_a_bad_environment_is_no_evidence(harness: GuardHarness) -> None:
    harness.metrics.environment, harness.metrics.now = BAD, few(12)
    deploy = await harness.deploy()
    for now in (few(12), BAD, few(12), BAD, few(12)):
        harness.metrics.now = now
        await harness.pass_time(timedelta(seconds=30))
    guard = await harness.guard(deploy.id)
    assert guard.state is GuardState.BAKING
    assert guard.worse_checks >= 4
    assert await harness.rollbacks() == []


async def test_a_guard_that_was_stored_on_the_word_of_the_environment_alone_puts_nothing_back(harness: GuardHarness) -> None:
    harness.metrics.environment = BAD
    deploy = await harness.deploy()
    await harness.pass_time(timedelta(seconds=30))
    async with harness.operations.store.write() as tx:
        guard = await tx.of(GuardRepository).get_for_update(deploy.id)
        assert guard is not None
        await save_guard(tx, replace(guard, state=GuardState.PUTTING_BACK), harness.operations.clock.now())
    await harness.pass_time(MINUTE)
    guard = await harness.guard(deploy.id)
    assert guard.state is GuardState.OFFERED
    assert "may be the work of another service" in plain_text(guard.outcome)
    assert await harness.rollbacks() == []


async def test_an_offer_says_that_it_is_the_environment(harness: GuardHarness) -> None:
    harness.metrics.environment = BAD
    deploy = await harness.deploy("production")
    await harness.pass_time(2 * MINUTE)
    outcome = plain_text((await harness.guard(deploy.id)).outcome)
    assert outcome.startswith("What is worse is measured for the whole environment")
    assert "production leaves it to people" in outcome


@pytest.mark.parametrize("verb", ["rollback", "deploy"])
async def test_a_decision_of_a_person_ends_it(harness: GuardHarness, verb: str) -> None:
    harness.metrics.now = BAD
    deploy = await harness.deploy()
    await harness.pass_time(timedelta(seconds=30))
    planner = harness.operations.planner
    if verb == "rollback":
        plan = await planner.rollback("staging", "last", MAIN)
    else:
        plan = await planner.deploy("staging", "main-0ddba11", MAIN)
    record = await harness.operations.run_plan(plan)
    await harness.pass_time(15 * MINUTE)
    guard = await harness.guard(deploy.id)
    assert guard.state is GuardState.TAKEN_OVER
    assert (
        plain_text(guard.outcome)
        == f"@{ANA.person.user_id} asked for a {verb} meanwhile (`{record.id}`), so the guard has ended."
    )
    assert [each.reason for each in await harness.rollbacks() if deploy.id in each.reason] == []


async def test_what_concerns_other_services_or_places_does_not_end_it(harness: GuardHarness) -> None:
    deploy = await harness.deploy()
    planner = harness.operations.planner
    await harness.operations.run_plan(await planner.rollback("development", "last", MAIN))
    await harness.operations.run_plan(await planner.rollback("staging", "last", "deep-echo-cognitive"))
    await harness.operations.run_plan(await planner.restart("staging", MAIN))
    assert (await harness.guard(deploy.id)).state is GuardState.BAKING


async def test_what_was_changed_by_hand_is_not_put_back(harness: GuardHarness) -> None:
    harness.metrics.now = BAD
    deploy = await harness.deploy()
    plan = await harness.operations.planner.restart("staging", MAIN)
    await harness.operations.run_plan(plan)
    await harness.pass_time(3 * MINUTE)
    guard = await harness.guard(deploy.id)
    assert guard.state is GuardState.OFFERED
    assert plain_text(guard.outcome) == f"{MAIN} was changed since the deploy. It is offered to people instead."
    assert await harness.rollbacks() == []


def pin_digest(deployment: Json) -> None:
    """As a policy engine does: the digest beside the tag, and a note of its own."""
    template = deployment["spec"]["template"]
    container = template["spec"]["containers"][0]
    container["image"] = f"{container['image'].partition('@')[0]}@sha256:{'d' * 64}"
    template["metadata"].setdefault("annotations", {})["policy/checked"] = "yes"


def add_note(deployment: Json) -> None:
    deployment["spec"]["template"]["metadata"].setdefault("annotations", {})["policy/checked"] = "yes"


async def set_by_hand(harness: GuardHarness, change: Callable[[Json], None]) -> None:
    """With kubectl edit: the operation's annotation stays, as kubectl leaves it."""
    key = ("deep-echo-staging", MAIN)
    url = f"{harness.operations.stand_in.url}/apis/apps/v1/namespaces/{key[0]}/deployments/{MAIN}"
    changed = copy.deepcopy(harness.operations.stand_in.store.get(DEPLOYMENTS, key))
    change(changed)
    patch = [{"op": "replace", "path": "/spec/template", "value": changed["spec"]["template"]}]
    headers = {"Content-Type": "application/json-patch+json"}
    async with aiohttp.ClientSession() as session, session.patch(url, json=patch, headers=headers) as response:
        assert response.status == 200, await response.text()


def set_cache_ttl(deployment: Json) -> None:
    deployment["spec"]["template"]["spec"]["containers"][0].setdefault("env", []).append({"name": "CACHE_TTL", "value": "1"})


def remove_note(deployment: Json) -> None:
    del deployment["spec"]["template"]["metadata"]["annotations"]["policy/checked"]


@pytest.mark.parametrize("alter", [add_note, pin_digest])
async def test_what_an_admission_webhook_altered_is_put_back_all_the_same(
    harness: GuardHarness, alter: Callable[[Json], None]
) -> None:
    before = await harness.operations.image("deep-echo-staging")
    harness.operations.stand_in.control.alter = alter
    harness.metrics.now = BAD
    deploy = await harness.deploy()
    assert "an admission webhook has altered it" in plain_text(deploy.outcome)
    assert await harness.template_set_by("staging") == deploy.id
    await harness.pass_time(2 * MINUTE)
    (rollback,) = await harness.rollbacks()
    assert (await harness.operations.wait_ended(rollback.id)).state is State.SUCCEEDED
    assert (await harness.operations.image("deep-echo-staging")).partition("@")[0] == before
    assert (await harness.guard(deploy.id)).state is GuardState.PUT_BACK


@pytest.mark.parametrize("change", [set_cache_ttl, remove_note], ids=["an edit", "the webhook's work undone"])
async def test_a_persons_edit_of_what_a_webhook_altered_is_not_put_back(
    harness: GuardHarness, change: Callable[[Json], None]
) -> None:
    harness.operations.stand_in.control.alter = add_note
    harness.metrics.now = BAD
    deploy = await harness.deploy()
    harness.operations.stand_in.control.alter = None
    await set_by_hand(harness, change)
    assert not await harness.template_set_by("staging")
    await harness.pass_time(3 * MINUTE)
    guard = await harness.guard(deploy.id)
    assert guard.state is GuardState.OFFERED
    assert plain_text(guard.outcome) == f"{MAIN} was changed since the deploy. It is offered to people instead."
    assert await harness.rollbacks() == []


@pytest.mark.parametrize("has_webhook", [True, False])
async def test_an_edit_while_it_rolls_out_is_a_persons_change(harness: GuardHarness, *, has_webhook: bool) -> None:
    """It keeps the version and the operation's annotation, so the deploy itself ends well."""
    edits: list[asyncio.Task[None]] = []

    def edit_once(_operation: str, step: str, point: str, /) -> None:
        if (step, point) == (f"watch {MAIN}", "before") and not edits:
            edits.append(asyncio.get_running_loop().create_task(set_by_hand(harness, set_cache_ttl)))

    harness.operations.stand_in.control.alter = add_note if has_webhook else None
    harness.observers.append(edit_once)
    harness.metrics.now = BAD
    deploy = await harness.deploy()
    await asyncio.gather(*edits)
    assert "an admission webhook or somebody else has altered it" in plain_text(deploy.outcome)
    await harness.pass_time(3 * MINUTE)
    assert (await harness.guard(deploy.id)).state is GuardState.OFFERED
    assert await harness.rollbacks() == []


async def test_without_the_answer_to_the_change_an_altered_template_is_nobodys(harness: GuardHarness) -> None:
    """It may be the webhook's or a person's: then it is left to people."""
    harness.operations.stand_in.control.alter = add_note
    harness.operations.stand_in.inject_fault(ClusterFault(kind="fail_after_apply", method="PATCH", path_prefix="/apis/apps"))
    harness.metrics.now = BAD
    deploy = await harness.deploy()
    assert "an admission webhook or somebody else has altered it" in plain_text(deploy.outcome)
    await harness.pass_time(3 * MINUTE)
    assert (await harness.guard(deploy.id)).state is GuardState.OFFERED
    assert await harness.rollbacks() == []


async def test_an_environment_that_somebody_locked_is_left_to_people(harness: GuardHarness) -> None:
    harness.metrics.now = BAD
    deploy = await harness.deploy()
    async with harness.operations.store.write() as tx:
        assert await tx.locks.lock_environment("staging", SAM.person, "database move", harness.operations.clock.now(), None)
    await harness.pass_time(3 * MINUTE)
    guard = await harness.guard(deploy.id)
    assert guard.state is GuardState.OFFERED
    assert plain_text(guard.outcome) == (
        f"staging is locked by @{SAM.person.user_id}: database move. So nothing was put back. It is offered to people instead."
    )
    assert await harness.rollbacks() == []


async def test_after_an_outage_of_ours_it_is_judged_by_its_own_time_and_left_to_people(harness: GuardHarness) -> None:
    deploy = await harness.deploy()
    harness.operations.clock.advance(timedelta(hours=3))
    harness.metrics.now = BAD
    await harness.run_due()
    guard = await harness.guard(deploy.id)
    assert guard.state is GuardState.OFFERED
    assert plain_text(guard.outcome).startswith("It was found too late to put it back without asking.")
    assert (timedelta(minutes=10), guard.until) in harness.metrics.asked
    assert await harness.rollbacks() == []


async def test_a_decision_while_the_way_back_is_planned_comes_first(harness: GuardHarness) -> None:
    """The guard has found it worse, and a person deploys before its rollback is stored."""
    harness.metrics.now = BAD
    deploy = await harness.deploy()
    service, planner = harness.operations.operations, harness.operations.planner

    class SlowStarter:
        async def start(self, plan: Plan, **how: Any) -> OperationRecord:
            await harness.operations.run_plan(await planner.deploy("staging", "main-0ddba11", MAIN))
            return await service.start(plan, **how)

    watcher = replace(harness.watcher, putting_back=replace(harness.watcher.putting_back, operations=SlowStarter))
    await replace(harness, watcher=watcher).pass_time(MINUTE)
    guard = await harness.guard(deploy.id)
    assert guard.state is GuardState.TAKEN_OVER
    assert "asked for a deploy meanwhile" in plain_text(guard.outcome)
    assert await harness.rollbacks() == []


async def test_a_deploy_that_was_asked_for_before_the_guard_began_comes_first(harness: GuardHarness) -> None:
    harness.metrics.now = BAD
    planner = harness.operations.planner
    waiting = await harness.operations.operations.start(
        await planner.deploy("production", "main-0ddba11", MAIN), source="waits", by=ANA, channel="C1", reason="next"
    )
    assert waiting.state is State.WAITING
    deploy = await harness.deploy("production")
    guard = await harness.guard(deploy.id)
    assert guard.state is GuardState.TAKEN_OVER
    assert waiting.id in plain_text(guard.outcome)


async def test_a_policy_that_was_withdrawn_meanwhile_counts(harness: GuardHarness) -> None:
    harness.metrics.now = BAD
    deploy = await harness.deploy()
    data = guarded_catalogue().model_dump()
    data["environments"]["staging"]["guard"]["on_worse"] = "offer"
    harness.operations.reload(Catalogue.model_validate(data))
    await harness.pass_time(2 * MINUTE)
    guard = await harness.guard(deploy.id)
    assert guard.state is GuardState.OFFERED
    assert plain_text(guard.outcome).startswith("The catalogue leaves it to people in staging by now.")
    assert await harness.rollbacks() == []


async def test_a_service_that_left_the_catalogue_is_offered_with_the_reason(harness: GuardHarness) -> None:
    harness.metrics.now = BAD
    deploy = await harness.deploy()
    data = guarded_catalogue().model_dump()
    del data["services"][MAIN]
    data["applications"]["deep-echo"]["services"] = ["deep-echo-cognitive"]
    harness.operations.reload(Catalogue.model_validate(data))
    await harness.pass_time(2 * MINUTE)
    guard = await harness.guard(deploy.id)
    assert guard.state is GuardState.OFFERED
    assert plain_text(guard.outcome).startswith(f"{MAIN} is no longer in the catalogue.")
    assert not await harness.is_due_again(deploy.id)


async def test_another_definition_of_the_indicator_is_not_compared_with_the_earlier_one(harness: GuardHarness) -> None:
    deploy = await harness.deploy()
    await harness.pass_time(timedelta(seconds=30))
    harness.metrics.now = BAD
    await harness.pass_time(timedelta(seconds=30))
    assert (await harness.guard(deploy.id)).worse_checks == 1
    data = guarded_catalogue().model_dump()
    data["slo"]["errors"]["below"] = 5
    harness.operations.reload(Catalogue.model_validate(data))
    asked = len(harness.metrics.asked)
    await harness.pass_time(timedelta(seconds=30))
    guard = await harness.guard(deploy.id)
    assert (guard.state, guard.worse_checks) == (GuardState.BAKING, 1)
    assert len(harness.metrics.asked) - asked == 4


async def test_putting_back_that_fails_is_offered(harness: GuardHarness) -> None:
    harness.metrics.now = BAD
    deploy = await harness.deploy()
    harness.operations.stand_in.inject_fault(
        ClusterFault(kind="status", times=1000, status=403, method="PATCH", path_prefix="/apis/apps")
    )
    await harness.pass_time(2 * MINUTE)
    (rollback,) = await harness.rollbacks()
    ended = await harness.operations.wait_ended(rollback.id)
    assert ended.state is not State.SUCCEEDED
    guard = await harness.guard(deploy.id)
    assert (guard.state, guard.rollback) == (GuardState.OFFERED, "")
    assert plain_text(guard.outcome).startswith(f"Putting back did not succeed (`{rollback.id}`): ")


async def test_a_person_stops_it(harness: GuardHarness) -> None:
    harness.metrics.now = BAD
    deploy = await harness.deploy()
    stopped = await stop_guard(harness.operations.store, deploy.id, ANA.person, harness.operations.clock.now())
    assert plain_text(stopped.outcome) == f"@{ANA.person.user_id} stopped the guard."
    await harness.pass_time(12 * MINUTE)
    assert await harness.rollbacks() == []
    assert [record.entry.what for record in await harness.operations.audit()][-1] == "guard-stop"


class CrashingStarter:
    """Dies once, before or after it has started the operation."""

    def __init__(self, service: OperationService, *, after: bool) -> None:
        self._service, self._after, self.crashes = service, after, 0

    async def start(self, plan: Plan, **how: Any) -> OperationRecord:
        if self.crashes == 0 and not self._after:
            self.crashes += 1
            raise TemporaryError("The database is away.")
        record = await self._service.start(plan, **how)
        if self.crashes == 0:
            self.crashes += 1
            raise TemporaryError("The database is away.")
        return record


@pytest.mark.parametrize("after", [False, True], ids=["before the start", "after the start"])
async def test_an_interruption_while_it_puts_back_neither_loses_nor_doubles_it(
    harness: GuardHarness,
    after: bool,  # noqa: FBT001
) -> None:
    starter = CrashingStarter(harness.operations.operations, after=after)
    watcher = replace(harness.watcher, putting_back=replace(harness.watcher.putting_back, operations=lambda: starter))
    interrupted = replace(harness, watcher=watcher)
    harness.metrics.now = BAD
    deploy = await harness.deploy()
    harness.operations.clock.advance(timedelta(seconds=30))
    await watcher.step(guard_timer(deploy.id, harness.operations.clock.now()))
    harness.operations.clock.advance(timedelta(seconds=30))
    with pytest.raises(TemporaryError):
        await watcher.step(guard_timer(deploy.id, harness.operations.clock.now()))
    assert (await harness.guard(deploy.id)).state is GuardState.PUTTING_BACK
    await interrupted.pass_time(2 * MINUTE)
    (rollback,) = await harness.rollbacks()
    await harness.operations.wait_ended(rollback.id)
    await interrupted.pass_time(2 * MINUTE)
    assert starter.crashes == 1
    assert [(each.id, each.state) for each in await harness.rollbacks()] == [(rollback.id, State.SUCCEEDED)]
    assert (await harness.guard(deploy.id)).state is GuardState.PUT_BACK
    assert not await harness.is_due_again(deploy.id)


async def test_two_replicas_count_one_measurement_once(harness: GuardHarness) -> None:
    harness.metrics.now = BAD
    deploy = await harness.deploy()
    harness.operations.clock.advance(timedelta(seconds=30))
    timer = guard_timer(deploy.id, harness.operations.clock.now())
    await asyncio.gather(harness.watcher.step(timer), replace(harness.watcher).step(timer))
    guard = await harness.guard(deploy.id)
    assert (guard.state, guard.worse_checks) == (GuardState.BAKING, 1)
    await harness.watcher.step(timer)
    assert (await harness.guard(deploy.id)).worse_checks == 1, "a timer that another replica has served counts nothing"
