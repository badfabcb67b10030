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
from runbooks.operations.rollout import POD_STATUS_LAG
from sandbox.cluster import FAST
from tests.harness.cluster_namespace import Json
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


class Patcher:
    """Changes the Deployment of production at once, as soon as a step begins; then so much time passes."""

    def __init__(self, patch: Json, step: str = WATCH, later: timedelta = timedelta()) -> None:
        self.harness: OperationsHarness | None = None
        self._patch, self._step, self._later = patch, step, later
        self.done: asyncio.Task[None] | None = None

    def __call__(self, _operation: str, step: str, point: str, /) -> None:
        if (step, point) == (self._step, "before") and self.done is None:
            self.done = asyncio.get_running_loop().create_task(self.apply())

    async def apply(self) -> None:
        assert self.harness is not None
        target = self.harness.target()
        url = f"{self.harness.stand_in.url}/apis/apps/v1/namespaces/{target.namespace}/deployments/{target.deployment}"
        kind = {"Content-Type": "application/strategic-merge-patch+json"}
        async with aiohttp.ClientSession(raise_for_status=True, headers=kind) as session:
            await session.patch(url, json=self._patch)
        self.harness.clock.advance(self._later)


async def test_a_scaling_beside_somebodys_deploy_is_judged_by_its_number(tmp_path: Path) -> None:
    editor = ConcurrentEditor()
    async with open_operations_harness(tmp_path, observer=editor) as harness:
        editor.harness = harness
        ended = await harness.run_plan(await harness.planner.scale("production", "deep-echo-main", 5))
        assert ended.state is State.SUCCEEDED, ended.outcome
        assert "Somebody else changed it meanwhile: it asks for main-18be44a now." in str(ended.outcome)
        assert (await harness.cluster.workload(harness.target())).replicas == 5


async def test_a_scaling_that_somebody_undoes_has_failed(tmp_path: Path) -> None:
    patcher = Patcher({"spec": {"replicas": 2}}, "verify deep-echo-main")
    async with open_operations_harness(tmp_path, observer=patcher) as harness:
        patcher.harness = harness
        ended = await harness.run_plan(await harness.planner.scale("production", "deep-echo-main", 5))
        assert ended.state is State.FAILED
        assert "Somebody else changed it meanwhile: it is set to 2 replicas now." in str(ended.outcome)


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


@pytest.mark.parametrize(
    ("patch", "says"),
    [
        ({"metadata": {"annotations": {"policy": "on"}}}, "is not as planned: an admission webhook or"),
        (
            {"spec": {"containers": [{"name": "main-app", "image": "mirror.example/shop:main-abc1234"}]}},
            "is not as planned, and its image is mirror.example/shop:main-abc1234: an admission webhook or",
        ),
    ],
)
async def test_a_template_that_a_webhook_altered_is_no_failure_and_is_told(patch: Json, says: str, tmp_path: Path) -> None:
    editor = Patcher({"spec": {"template": patch}})
    async with open_operations_harness(tmp_path, observer=editor) as harness:
        editor.harness = harness
        ended = await harness.run_plan(await harness.planner.rollback("production", "abc1234", "deep-echo-main"))
        assert ended.state is State.SUCCEEDED, ended.outcome
        told = f"The template of deep-echo-main {says} somebody else has altered it."
        assert str(ended.outcome).startswith(f"Verified: all 3 pods run main-abc1234. {told}")


async def test_another_digest_under_the_same_tag_is_somebody_elses_change(tmp_path: Path) -> None:
    image = f"{REGISTRY}@sha256:{'e' * 64}"
    editor = Patcher({"spec": {"template": {"spec": {"containers": [{"name": "main-app", "image": image}]}}}})
    async with open_operations_harness(tmp_path, observer=editor) as harness:
        editor.harness = harness
        ended = await harness.run_plan(await harness.planner.rollback("production", "abc1234", "deep-echo-main"))
        assert ended.state is State.FAILED
        assert "Somebody else changed it meanwhile: it now asks for eeeeeeeeeeee." in str(ended.outcome)


async def test_pods_that_an_autoscaler_adds_after_the_rollout_are_not_its_failure(tmp_path: Path) -> None:
    editor = Patcher({"spec": {"replicas": 6}}, step="verify deep-echo-main", later=POD_STATUS_LAG * 2)
    async with open_operations_harness(tmp_path, observer=editor, pace=FAST.scaled(20)) as harness:
        editor.harness = harness
        ended = await harness.run_plan(await harness.planner.rollback("production", "abc1234", "deep-echo-main"))
        assert ended.state is State.SUCCEEDED, ended.outcome
        assert str(ended.outcome).startswith("Verified: all 3 pods run main-abc1234. Their number was raised to 6 since, and 3 ")


@pytest.mark.parametrize(("image", "is_ours"), [("mirror.example/shop:main-abc1234", True), ("mirror.example/shop:other", False)])
async def test_after_a_crash_an_altered_template_is_known_by_its_version(
    image: str, harness: OperationsHarness, *, is_ours: bool
) -> None:
    target = harness.target()
    now = await harness.cluster.workload(target)
    template = with_image(now.template, ("main-app",), f"{REGISTRY}:main-abc1234")

    async def change() -> bool:
        before = now.template_hash
        return await harness.cluster.set_template(
            target, template, expected_hash=before, operation_id="op-1", cause="deploy", annotations_from_revision=False
        )

    assert await change()
    webhook = Patcher({"spec": {"template": {"spec": {"containers": [{"name": "main-app", "image": image}]}}}})
    webhook.harness = harness
    await webhook.apply()
    if is_ours:
        assert not await change()
    else:
        with pytest.raises(Refused, match="by somebody else since"):
            await change()
