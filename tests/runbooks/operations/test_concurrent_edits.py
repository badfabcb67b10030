"""What others do while an operation is on its way is never taken for its success, and never for its failure to act."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from domain.errors import Refused
from domain.operations.operation import Decision, Phase, State
from domain.workloads.containers import with_image
from sandbox.cluster import FAST
from tests.harness.operations import OperationsHarness, open_operations_harness
from tests.harness.samples.team import ANA, LEE, RAY, TEAM, member, team_catalogue

REGISTRY = "ghcr.io/echocog/deep-tree-echo-rkwv"
WATCH = "watch deep-echo-main"


class ConcurrentEditor:
    """Somebody with kubectl, who sets another image as soon as our rollout is watched."""

    def __init__(self) -> None:
        self.harness: OperationsHarness | None = None
        self.done: asyncio.Task[bool] | None = None

    def __call__(self, _operation: str, step: str, point: str, /) -> None:
        if (step, point) == (WATCH, "before") and self.done is None:
            self.done = asyncio.get_running_loop().create_task(self.set_image())

    async def set_image(self) -> bool:
        assert self.harness is not None
        target = self.harness.target()
        now = await self.harness.cluster.workload(target)
        template = with_image(now.template, ("main-app",), f"{REGISTRY}:main-18be44a")
        return await self.harness.cluster.set_template(
            target, template, expected_hash=now.template_hash, operation_id="", cause="by hand", annotations_from_revision=False
        )


@pytest.mark.parametrize("verb", ["rollback", "restart"])
async def test_pods_of_somebody_elses_version_are_not_our_success(verb: str, tmp_path: Path) -> None:
    editor = ConcurrentEditor()
    async with open_operations_harness(tmp_path, observer=editor) as harness:
        editor.harness = harness
        planner, name = harness.planner, "deep-echo-main"
        asked = planner.rollback("production", "abc1234", name) if verb == "rollback" else planner.restart("production", name)
        plan = await asked
        ended = await harness.run_plan(plan)
        assert ended.state is State.FAILED
        assert "Somebody else changed it meanwhile: it now asks for main-18be44a." in str(ended.outcome)
        async with harness.store.read() as tx:
            assert await tx.images.verified_as(plan.changes[0].after.image) == ()


async def test_what_was_changed_as_planned_and_again_since_is_not_called_unchanged(harness: OperationsHarness) -> None:
    plan = await harness.planner.scale("staging", "deep-echo-main", 5)
    target = harness.target(environment="staging")
    record = await harness.operations.start(plan, source="k", by=RAY, channel="C1")
    await harness.wait_ended(record.id)
    path = f"/apis/apps/v1/namespaces/{target.namespace}/deployments/{target.deployment}"
    kind = {"Content-Type": "application/merge-patch+json"}
    async with aiohttp.ClientSession() as session:
        await session.patch(f"{harness.stand_in.url}{path}", json={"spec": {"replicas": 6}}, headers=kind)
    with pytest.raises(Refused, match="was changed as planned, and by somebody else since"):
        await harness.cluster.scale(target, 5, expected_replicas=3, operation_id=record.id)


async def test_one_account_met_under_two_workspaces_does_not_approve_its_own(tmp_path: Path) -> None:
    elsewhere = member(LEE.person.user_id, "lee", team="T0SECOND")
    catalogue = team_catalogue(workspaces=[TEAM, "T0SECOND"])
    async with open_operations_harness(tmp_path, catalogue=catalogue) as harness:
        record = await harness.operations.start(
            await harness.planner.rollback("production", "abc1234", "deep-echo-main"),
            source="k",
            by=LEE,
            channel="C1",
            reason="r",
        )
        with pytest.raises(Refused, match="another person has to approve"):
            await harness.operations.decide(record.id, elsewhere, Decision.APPROVED)


async def test_a_scale_for_a_while_that_was_stopped_goes_back_all_the_same(tmp_path: Path) -> None:
    never_ready = replace(FAST, ready=600)
    async with open_operations_harness(tmp_path, pace=never_ready) as harness:
        await assert_goes_back_after_a_stop(harness)


async def assert_goes_back_after_a_stop(harness: OperationsHarness) -> None:
    plan = await harness.planner.scale("staging", "deep-echo-main", 5)
    record = await harness.operations.start(plan, source="k", by=ANA, channel="C1", duration=timedelta(hours=1))
    await harness.wait_until(record.id, lambda now: now.progress[0].phase is Phase.ROLLING)
    await harness.operations.cancel(record.id, ANA)
    ended = await harness.wait_ended(record.id)
    assert (ended.state, str(ended.outcome)) == (State.CANCELLED, "Stopped while it was rolling out.")
    harness.clock.advance(timedelta(hours=2))
    await harness.timers.run_due()
    async with asyncio.timeout(30):
        while (await harness.cluster.workload(harness.target(environment="staging"))).replicas != 3:
            await asyncio.sleep(0.1)
