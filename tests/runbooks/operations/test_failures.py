"""The cluster misbehaves while an operation runs: it gets there all the same, or says what stands."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import stamina

from domain.operations.operation import OperationRecord, Phase, State
from sandbox.cluster import FAST, ClusterFault
from sandbox.cluster.resources import DEPLOYMENTS
from tests.harness.cluster_namespace import Json, wait_until
from tests.harness.operations import OperationsHarness, open_operations_harness
from tests.harness.samples.team import RAY, catalogue_data, team_catalogue

MAIN, COGNITIVE = "deep-echo-main", "deep-echo-cognitive"
NAMESPACE = "deep-echo-prod"
PATH = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
SLOW_PACE = FAST.scaled(10)
"""A pod is ready after half a second."""
OUTAGE = 0.8
"""Seconds; the engine's patience is 120."""


class StepHooks:
    """Makes something happen at one point of one step, once."""

    def __init__(self) -> None:
        self._hooks: dict[tuple[str, str], Callable[[], object]] = {}

    def at(self, step: str, point: str, happens: Callable[[], object]) -> None:
        self._hooks[step, point] = happens

    def __call__(self, _operation: str, step: str, point: str, /) -> None:
        self._hooks.pop((step, point), lambda: None)()


async def rolled_back(harness: OperationsHarness, service: str | None = MAIN) -> OperationRecord:
    return await harness.run_plan(await harness.planner.rollback("production", "abc1234", service))


async def assert_changed_once(harness: OperationsHarness, ended: OperationRecord) -> None:
    assert (ended.state, ended.outcome) == (State.SUCCEEDED, "Verified: all 3 pods run main-abc1234.")
    assert (await harness.image()).endswith(":main-abc1234")
    assert await harness.revisions() == 7
    assert await harness.locks() == ()


@pytest.mark.parametrize("step", ["replan", f"change {MAIN}", f"watch {MAIN}", f"verify {MAIN}"])
async def test_a_cluster_that_is_away_for_a_while_is_waited_for(tmp_path: Path, step: str) -> None:
    points = StepHooks()
    async with open_operations_harness(tmp_path, observer=points) as harness:

        def away() -> None:
            harness.stand_in.inject_fault(ClusterFault(kind="drop", times=1_000_000))
            harness.stand_in.drop_watches()
            asyncio.get_running_loop().call_later(OUTAGE, harness.stand_in.control.clear_faults)

        points.at(step, "before", away)
        await assert_changed_once(harness, await rolled_back(harness))


@pytest.mark.parametrize("trouble", ["dropped", "410", "away"])
async def test_a_watch_that_breaks_in_the_middle_loses_nothing(tmp_path: Path, trouble: str) -> None:
    async with open_operations_harness(tmp_path, pace=SLOW_PACE) as harness:
        record = await harness.start_plan(await harness.planner.rollback("production", "abc1234", MAIN))
        await harness.wait_until(
            record.id, lambda one: one.progress_of(MAIN).phase is Phase.ROLLING and one.progress_of(MAIN).updated > 0
        )
        if trouble == "410":
            harness.stand_in.compact()
            harness.stand_in.inject_fault(ClusterFault(kind="status", status=410, times=2, path_prefix=PATH))
        if trouble == "away":
            harness.stand_in.inject_fault(ClusterFault(kind="status", status=503, times=3, path_prefix=PATH))
        # A watch is opened right after the list that told of this progress.
        await wait_until(lambda: harness.stand_in.drop_watches() > 0)

        await assert_changed_once(harness, await harness.wait_ended(record.id))


@pytest.mark.parametrize("kind", ["fail_after_apply", "drop"])
async def test_a_lost_answer_changes_it_once(tmp_path: Path, kind: str) -> None:
    async with open_operations_harness(tmp_path) as harness:
        fault = ClusterFault(kind="drop" if kind == "drop" else "fail_after_apply", method="PATCH", path_prefix=PATH)
        harness.stand_in.inject_fault(fault)
        await assert_changed_once(harness, await rolled_back(harness))


async def test_a_cluster_that_falls_silent_after_the_change_leaves_it_unknown(harness: OperationsHarness) -> None:
    harness.stand_in.inject_fault(ClusterFault(kind="fail_after_apply", method="PATCH", path_prefix=PATH))

    async def silent() -> None:
        await wait_until(lambda: not harness.stand_in.control.faults)
        harness.stand_in.inject_fault(ClusterFault(kind="status", status=503, times=1_000, path_prefix=PATH))

    silence = asyncio.create_task(silent())
    with stamina.set_testing(True, attempts=2):  # as after two minutes
        ended = await rolled_back(harness)
    await silence
    harness.stand_in.control.clear_faults()

    assert ended.state is State.FAILED
    assert tuple(map(str, ended.end_state)) == (
        "Whether deep-echo-main was changed is not known; `status production deep-echo-main` shows it.",
    )
    assert ended.progress_of(MAIN).phase is Phase.UNKNOWN
    assert (await harness.image()).endswith(":main-abc1234")


@pytest.mark.parametrize(
    ("step", "verb", "stands"),
    [
        ("replan", "get", "Nothing was changed."),
        (f"change {MAIN}", "patch", "deep-echo-main was not changed; it ran main-9f00d12 when this was planned."),
        (
            f"watch {MAIN}",
            "list",
            "deep-echo-main was set to main-abc1234; counted now, ",
        ),
    ],
)
async def test_a_missing_permission_ends_it_in_words(tmp_path: Path, step: str, verb: str, stands: str) -> None:
    points = StepHooks()
    async with open_operations_harness(tmp_path, observer=points) as harness:
        method = "PATCH" if verb == "patch" else "GET"
        fault = ClusterFault(kind="status", status=403, times=1_000, method=method, path_prefix=PATH)
        points.at(step, "before", lambda: harness.stand_in.inject_fault(fault))
        points.at("progress snapshot", "before", harness.stand_in.control.clear_faults)

        ended = await rolled_back(harness)

        assert ended.state is State.FAILED
        assert str(ended.outcome).startswith("The bot may not ")
        assert f"its account needs the verb {verb} on deployments.apps" in str(ended.outcome)
        assert str(ended.end_state[0]).startswith(stands)
        assert ended.progress_of(MAIN).phase is (Phase.ROLLING if verb == "list" else Phase.UNTOUCHED)
        assert await harness.locks() == ()
        assert (await harness.notes(ended.id))[-1].text == ended.outcome


async def test_the_second_service_moved_meanwhile_so_it_is_left_alone_and_the_first_stays_changed(tmp_path: Path) -> None:
    points = StepHooks()
    async with open_operations_harness(tmp_path, observer=points) as harness:

        def shipped(deployment: Json) -> None:
            container = deployment["spec"]["template"]["spec"]["containers"][0]
            container["image"] = container["image"].replace("main-9f00d12", "main-77aa001")

        points.at(
            f"time: {COGNITIVE}",
            "recorded",
            lambda: harness.stand_in.store.modify(DEPLOYMENTS, (NAMESPACE, COGNITIVE), shipped),
        )
        ended = await rolled_back(harness, None)

        assert ended.state is State.DRIFTED
        assert ended.outcome == (
            "deep-echo-cognitive in production was changed after this was planned: it now runs main-77aa001."
        )
        assert ended.end_state == (
            "deep-echo-main runs main-abc1234, verified.",
            "deep-echo-cognitive was not changed; it ran main-9f00d12 when this was planned.",
        )
        assert (await harness.image(name=COGNITIVE)).endswith(":main-77aa001")


async def test_a_deployment_that_is_deleted_in_the_middle_is_said(tmp_path: Path) -> None:
    async with open_operations_harness(tmp_path, pace=SLOW_PACE) as harness:
        record = await harness.start_plan(await harness.planner.restart("production", MAIN), by=RAY)
        await harness.wait_until(
            record.id, lambda one: one.progress_of(MAIN).phase is Phase.ROLLING and one.progress_of(MAIN).updated > 0
        )
        harness.stand_in.store.remove(DEPLOYMENTS, (NAMESPACE, MAIN))

        ended = await harness.wait_ended(record.id)

        assert (ended.state, ended.outcome) == (
            State.FAILED,
            "deep-echo-main did not become ready: The Deployment was deleted.",
        )


async def test_a_rollout_that_takes_too_long_is_called_failed_with_the_reason_and_the_way_back(tmp_path: Path) -> None:
    environments = catalogue_data()["environments"]
    environments["production"]["rollout_minutes"] = 0.025
    async with open_operations_harness(tmp_path, catalogue=team_catalogue(environments=environments)) as harness:
        ended = await harness.run_plan(await harness.planner.deploy("production", "bad-0ddba11", MAIN))

        assert ended.state is State.FAILED
        assert ended.outcome == (
            "deep-echo-main did not become ready: "
            "The rollout of deep-echo-main in production has not finished within 1.5 s; it may still do so."
        )
        assert ended.progress_of(MAIN).phase is Phase.FAILED
        assert "0 of them ready (ImagePullBackOff). 3 pods of main-9f00d12 (3 ready) still exist." in str(ended.end_state[0])
        assert str(ended.end_state[1]) == "To put it back: `rollback production main-9f00d12 deep-echo-main`."
        assert ended.ended_at is not None
        assert (ended.ended_at - ended.requested_at).total_seconds() < 20

        back = await harness.run_plan(await harness.planner.rollback("production", "main-9f00d12", MAIN))
        assert back.outcome == "Verified: all 3 pods run main-9f00d12."


async def test_a_failure_sooner_than_the_first_look_at_pods_still_tells_why(harness: OperationsHarness) -> None:
    def hasty(deployment: Json) -> None:
        deployment["spec"]["progressDeadlineSeconds"] = 1

    harness.stand_in.store.modify(DEPLOYMENTS, (NAMESPACE, MAIN), hasty)
    ended = await harness.run_plan(await harness.planner.deploy("production", "bad-0ddba11", MAIN))

    assert ended.outcome == "deep-echo-main did not become ready: It made no progress for 1 s (Kubernetes' progress deadline)."
    troubles = [each for each in await harness.notes(ended.id) if each.key.startswith("pod-failure-")]
    assert troubles
    assert "PullBackOff" in str(ended.end_state[0]) or "ErrImagePull" in str(ended.end_state[0])
