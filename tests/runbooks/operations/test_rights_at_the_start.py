"""What was approved is looked at again right before each change; while Slack cannot be asked, production waits."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain.catalogue.catalogue import Catalogue
from domain.operations.operation import OperationRecord, Phase, State
from domain.rich_text import plain_text
from sandbox.cluster import ClusterFault
from tests.harness.operations import OperationsHarness, open_operations_harness, open_operations_process
from tests.harness.rights import (
    MAIN,
    OUTAGE,
    approved_behind_a_lock,
    assert_untouched,
    catalogue_with,
    free_lock,
    gone,
    moved_service,
    other_cluster,
    without_environment,
    without_roles,
    without_service,
)
from tests.harness.samples.team import ANA, LEE, RAY, SAM, VIV, catalogue_data, team_catalogue


@pytest.mark.parametrize(
    ("lose", "words"),
    [
        pytest.param(
            lambda harness: harness.directory.change(gone(LEE)), "who approved op-.* has no active account", id="approver left"
        ),
        pytest.param(
            lambda harness: harness.directory.change(gone(ANA)), "who asked for op-.* has no active", id="requester left"
        ),
        pytest.param(
            lambda harness: harness.reload(without_roles("approver", "sre")),
            "who approved .* the role approver",
            id="approver's role",
        ),
        pytest.param(
            lambda harness: harness.reload(without_roles("deployer", "approver", "sre")),
            "the role deployer",
            id="requester's role",
        ),
        pytest.param(lambda harness: harness.reload(without_environment()), "production is no longer in the", id="environment"),
        pytest.param(lambda harness: harness.reload(without_service()), "deep-echo-main is no longer in the", id="service"),
        pytest.param(lambda harness: harness.reload(moved_service()), "names another place for deep-echo-main", id="deployment"),
        pytest.param(lambda harness: harness.reload(other_cluster()), "names another place for deep-echo-main", id="cluster"),
        pytest.param(
            lambda harness: harness.reload(catalogue_with(namespace="deep-echo-blue")), "names another place for", id="namespace"
        ),
        pytest.param(
            lambda harness: harness.reload(team_catalogue(workspaces=["T0OTHER"])), "does not hold the role", id="workspace"
        ),
        pytest.param(
            lambda harness: harness.reload(catalogue_with(approvals={"rollback": "sre"})), "the role sre", id="a stricter rule"
        ),
        pytest.param(
            lambda harness: harness.directory.change(replace(LEE, other_ids=frozenset({ANA.person.user_id}))),
            "asked for and approved by the same person",
            id="two ids of one",
        ),
    ],
)
async def test_rights_that_end_between_the_approval_and_the_change_end_the_operation(
    harness: OperationsHarness, lose: Callable[[OperationsHarness], None], words: str
) -> None:
    record = await approved_behind_a_lock(harness)
    lose(harness)
    await free_lock(harness)
    ended = await harness.wait_ended(record.id)
    assert ended.state in (State.FAILED, State.DRIFTED)
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(plain_text(ended.outcome))
    assert ended.end_state == ("Nothing was changed.",)
    await assert_untouched(harness)


async def test_an_environment_that_asks_for_an_approval_by_now_is_not_changed_without_one(tmp_path: Path) -> None:
    async with open_operations_harness(tmp_path, catalogue=catalogue_with(protected=False)) as harness:
        async with harness.store.write() as tx:
            await tx.locks.lock_services("op-other", "production", (MAIN,), RAY.person, harness.clock.now())
        record = await harness.start(ANA)
        await harness.wait_until(record.id, lambda each: "op-other" in each.progress[0].detail)
        harness.reload(team_catalogue())
        await free_lock(harness)
        ended = await harness.wait_ended(record.id)
        assert f"production asks for an approval by now, and {record.id} has none." in plain_text(ended.outcome)
        await assert_untouched(harness)


async def test_a_rollback_passes_a_lock_only_while_somebody_holds_the_role_for_it(harness: OperationsHarness) -> None:
    record = await approved_behind_a_lock(harness, by=SAM, approver=LEE)
    async with harness.store.write() as tx:
        await tx.locks.lock_environment("production", VIV.person, "database move", harness.clock.now(), None)
    data = catalogue_data()
    data["roles"]["*"]["deployer"].append(SAM.person.user_id)
    data["roles"]["*"]["sre"] = []
    harness.reload(Catalogue.model_validate(data))
    await free_lock(harness)
    ended = await harness.wait_ended(record.id)
    assert "database move" in plain_text(ended.outcome)
    assert await harness.revisions() == 6


async def test_the_second_service_is_not_changed_when_the_right_ended_after_the_first(tmp_path: Path) -> None:
    async with open_operations_harness(tmp_path) as harness:
        plan = await harness.planner.rollback("production", "abc1234")
        record = await harness.start_plan(plan)
        first = plan.changes[0].target.service
        await harness.wait_until(record.id, lambda each: each.progress_of(first).phase in (Phase.ROLLING, Phase.VERIFIED))
        harness.directory.change(gone(ANA))
        ended = await harness.wait_ended(record.id)
        assert ended.state is State.FAILED
        assert "has no active account any more" in plain_text(ended.outcome)
        assert [plain_text(line) for line in ended.end_state] == [
            "deep-echo-main runs main-abc1234, verified.",
            "deep-echo-cognitive was not touched; it runs main-9f00d12.",
        ]


async def test_production_waits_for_slack_says_so_and_goes_on(harness: OperationsHarness) -> None:
    record = await approved_behind_a_lock(harness)
    harness.directory.outage = OUTAGE
    await free_lock(harness)
    waiting = await harness.wait_until(record.id, lambda each: "Slack" in each.progress[0].detail)
    assert waiting.progress[0].detail == "waits for Slack to say who may still do this"
    assert waiting.progress[0].phase is Phase.WAITING
    harness.directory.outage = ""
    ended = await harness.wait_ended(record.id)
    assert ended.state is State.SUCCEEDED
    assert ended.progress[0].detail == ""


async def test_production_is_not_changed_when_slack_stays_silent(harness: OperationsHarness) -> None:
    record = await approved_behind_a_lock(harness)
    harness.directory.outage = OUTAGE
    await free_lock(harness)
    ended = await harness.wait_ended(record.id)
    assert plain_text(ended.outcome) == (
        "Slack could not be asked who may still do this, so nothing more was changed in production. "
        f"{OUTAGE} Ask again when Slack answers."
    )
    assert (ended.state, ended.end_state) == (State.FAILED, ("Nothing was changed.",))
    await assert_untouched(harness)


async def test_what_waits_for_slack_can_be_stopped(harness: OperationsHarness) -> None:
    record = await approved_behind_a_lock(harness)
    harness.directory.outage = OUTAGE
    await free_lock(harness)
    await harness.wait_until(record.id, lambda each: "Slack" in each.progress[0].detail)
    await harness.operations.cancel(record.id, ANA)
    ended = await harness.wait_ended(record.id)
    assert ended.state is State.CANCELLED
    await assert_untouched(harness)


async def test_what_needs_no_second_person_goes_on_while_slack_is_silent(harness: OperationsHarness) -> None:
    plan = await harness.planner.restart("staging", MAIN)
    harness.directory.outage = OUTAGE
    record = await harness.operations.start(plan, source="k", by=RAY, channel="C1")
    assert (await harness.wait_ended(record.id)).state is State.SUCCEEDED


async def behind_a_lock_in_staging(harness: OperationsHarness) -> OperationRecord:
    """A restart in an environment without approvals, which waits for a lock while Slack is silent."""
    async with harness.store.write() as tx:
        await tx.locks.lock_services("op-other", "staging", (MAIN,), VIV.person, harness.clock.now())
    plan = await harness.planner.restart("staging", MAIN)
    record = await harness.operations.start(plan, source="k", by=RAY, channel="C1")
    await harness.wait_until(record.id, lambda each: "op-other" in each.progress[0].detail)
    harness.directory.outage = OUTAGE
    return record


async def test_a_role_that_a_reload_took_away_counts_while_slack_is_silent(harness: OperationsHarness) -> None:
    record = await behind_a_lock_in_staging(harness)
    harness.reload(without_roles("responder", "deployer", "approver", "sre"))
    await free_lock(harness)
    ended = await harness.wait_ended(record.id)
    assert "does not hold the role responder in staging any more." in plain_text(ended.outcome)


async def test_a_persons_lock_counts_while_slack_is_silent(harness: OperationsHarness) -> None:
    record = await behind_a_lock_in_staging(harness)
    async with harness.store.write() as tx:
        await tx.locks.lock_environment("staging", VIV.person, "database move", harness.clock.now(), None)
    await free_lock(harness)
    ended = await harness.wait_ended(record.id)
    assert "database move" in plain_text(ended.outcome)
    assert ended.state is State.FAILED


async def test_what_the_bot_does_by_itself_asks_for_nobody(harness: OperationsHarness) -> None:
    plan = await harness.planner.scale("production", MAIN, 5)
    record = await harness.operations.start(
        plan, source="k", by=RAY, channel="C1", reason="the fair", duration=timedelta(hours=2)
    )
    await harness.wait_ended(record.id)
    harness.directory.outage = OUTAGE
    harness.clock.advance(timedelta(hours=2))
    await harness.timers.run_due()
    (reverted,) = [each for each in await harness.operations.recent() if each.id != record.id]
    assert (await harness.wait_ended(reverted.id)).state is State.SUCCEEDED


async def test_a_restart_before_the_change_looks_again(tmp_path: Path) -> None:
    async with open_operations_harness(tmp_path) as harness:
        record = await approved_behind_a_lock(harness)
        await harness.engine.close()
        url = f"sqlite:///{tmp_path / 'deepecho.sqlite'}"
        async with open_operations_process(
            url, harness.clock, harness.catalogue, harness.stand_in, harness.cluster, replica="replica-2"
        ) as after:
            after.directory.change(gone(LEE))
            await free_lock(after)
            await after.recovery.run_once()
            ended = await after.wait_ended(record.id)
            assert "has no active account any more" in plain_text(ended.outcome)
            await assert_untouched(after)


async def test_what_asks_for_an_approval_by_now_is_not_changed_while_slack_is_silent(tmp_path: Path) -> None:
    async with open_operations_harness(tmp_path, catalogue=catalogue_with(protected=False)) as harness:
        async with harness.store.write() as tx:
            await tx.locks.lock_services("op-other", "production", (MAIN,), RAY.person, harness.clock.now())
        record = await harness.start(ANA)
        await harness.wait_until(record.id, lambda each: "op-other" in each.progress[0].detail)
        harness.reload(catalogue_with(protected=False, approvals={"rollback": "approver"}))
        harness.directory.outage = OUTAGE
        await free_lock(harness)
        ended = await harness.wait_ended(record.id)
        assert "Slack could not be asked who may still do this" in plain_text(ended.outcome)
        await assert_untouched(harness)


async def test_a_lock_that_is_set_while_the_cluster_is_away_stops_the_change(harness: OperationsHarness) -> None:
    record = await approved_behind_a_lock(harness)
    harness.stand_in.inject_fault(ClusterFault(kind="status", status=503, times=1_000_000, method="PATCH"))
    await free_lock(harness)
    await harness.wait_until(record.id, lambda each: each.progress[0].phase is Phase.CHANGING)
    async with harness.store.write() as tx:
        await tx.locks.lock_environment("production", VIV.person, "database move", harness.clock.now(), None)
    harness.stand_in.control.clear_faults()
    ended = await harness.wait_ended(record.id)
    assert "database move" in plain_text(ended.outcome)
    assert ended.state is State.FAILED
    assert await harness.revisions() == 6
