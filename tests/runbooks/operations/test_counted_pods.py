"""What an end says about pods is counted when it is said, whatever the strategy and the number of replicas."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.errors import Refused
from domain.operations.operation import Phase, State
from domain.rich_text import plain_text
from sandbox.cluster import FAST, ClusterFault
from sandbox.cluster.resources import DEPLOYMENTS
from tests.harness.cluster_namespace import Json
from tests.harness.operations import OperationsHarness, open_operations_harness
from tests.harness.samples.team import ANA

MAIN = "deep-echo-main"
NAMESPACE = "deep-echo-prod"
PATH = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
STOP_LIMIT = 2.0
"""Seconds within which a person who asks to stop sees the end."""
DOWN = (
    'Internal error occurred: failed calling webhook "images.example.com": failed to call webhook: Post '
    '"https://images.guard.svc:443/validate?timeout=10s": dial tcp 10.0.0.7:443: connect: connection refused'
)


def set_strategy(harness: OperationsHarness, strategy: Json, replicas: int) -> None:
    def changed(deployment: Json) -> None:
        deployment["spec"].update(strategy=strategy, replicas=replicas, progressDeadlineSeconds=2)

    harness.stand_in.store.modify(DEPLOYMENTS, (NAMESPACE, MAIN), changed)


@pytest.mark.parametrize(
    ("strategy", "replicas", "counted"),
    [
        (
            {"type": "Recreate"},
            3,
            "3 of 3 pods are new, 0 of them ready (ImagePullBackOff). No earlier pod runs, and none is ready.",
        ),
        (
            {"type": "Recreate"},
            1,
            "1 of 1 pods is new, 0 of them ready (ImagePullBackOff). No earlier pod runs, and none is ready.",
        ),
        (
            {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%", "maxSurge": 0}},
            2,
            "2 of 2 pods are new, 0 of them ready (ImagePullBackOff). No earlier pod runs, and none is ready.",
        ),
        (
            {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            3,
            "1 of 3 pods is new, 0 of them ready (ImagePullBackOff). 3 pods of main-9f00d12 (3 ready) still exist.",
        ),
        (
            {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
            2,
            "1 of 2 pods is new, 0 of them ready (ImagePullBackOff). 1 pod of main-9f00d12 (1 ready) still exists.",
        ),
    ],
)
async def test_a_failed_deploy_says_what_runs(tmp_path: Path, strategy: Json, replicas: int, counted: str) -> None:
    async with open_operations_harness(tmp_path) as harness:
        set_strategy(harness, strategy, replicas)
        await settled(harness, replicas)
        ended = await harness.run_plan(await harness.planner.deploy("production", "bad-0ddba11", MAIN))

        assert ended.state is State.FAILED
        assert str(ended.end_state[0]) == f"deep-echo-main was set to bad-0ddba11; counted now, {counted}"


async def settled(harness: OperationsHarness, replicas: int) -> None:
    async with asyncio.timeout(20):
        while True:
            workload = await harness.cluster.workload(harness.target())
            counts = (await harness.cluster.pod_counts([workload]))[workload.uid]
            if (counts.total, counts.ready) == (replicas, replicas):
                return
            await asyncio.sleep(0.02)


async def test_a_webhook_out_of_reach_is_a_no_within_seconds(harness: OperationsHarness) -> None:
    harness.stand_in.inject_fault(
        ClusterFault(kind="status", status=500, message=DOWN, times=1_000, method="PATCH", path_prefix=PATH)
    )
    began = time.monotonic()
    ended = await harness.run_plan(await harness.planner.rollback("production", "abc1234", MAIN))

    assert time.monotonic() - began < 5
    assert ended.state is State.FAILED
    assert "The admission webhook images.example.com, which the cluster asks before such a change, does not answer" in str(
        ended.outcome
    )
    assert "may or may not" not in str(ended.outcome)
    assert tuple(map(str, ended.end_state)) == ("deep-echo-main was not changed; it ran main-9f00d12 when this was planned.",)
    assert len([each for each in harness.stand_in.control.writes(PATH) if each.method == "PATCH"]) == 1


TROUBLES: dict[str, tuple[Phase, dict[str, Any]]] = {
    "the plan is made again": (Phase.WAITING, {"kind": "hang"}),
    "the change hangs": (Phase.CHANGING, {"kind": "hang", "method": "PATCH"}),
    "the change is retried": (Phase.CHANGING, {"kind": "status", "status": 503, "retry_after": 30, "method": "PATCH"}),
    "the cluster cannot be read": (Phase.CHANGING, {"kind": "status", "status": 503, "retry_after": 30}),
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_stop_is_heard_within_two_seconds(harness: OperationsHarness, trouble: str) -> None:
    phase, fault = TROUBLES[trouble]
    plan = await harness.planner.rollback("production", "abc1234", MAIN)
    if "method" in fault or phase is Phase.WAITING:
        harness.stand_in.inject_fault(ClusterFault(**fault, times=1_000, path_prefix=PATH))
    else:
        harness.stand_in.inject_fault(ClusterFault(kind="hang", method="PATCH", path_prefix=PATH))
    record = await harness.start_plan(plan)
    await harness.wait_until(record.id, lambda one: one.progress_of(MAIN).phase is phase and one.state is State.RUNNING)
    harness.stand_in.inject_fault(ClusterFault(**fault, times=1_000, path_prefix=PATH))

    began = time.monotonic()
    await harness.operations.cancel(record.id, ANA)
    ended = await harness.wait_ended(record.id)

    assert time.monotonic() - began < STOP_LIMIT
    assert ended.state is State.CANCELLED
    known = "Nothing was changed." if phase is Phase.WAITING else "Whether deep-echo-main was changed is not known; "
    assert str(ended.end_state[0]).startswith(known)
    harness.stand_in.control.clear_faults()


async def test_a_card_that_waits_for_the_cluster_says_why(harness: OperationsHarness) -> None:
    plan = await harness.planner.rollback("production", "abc1234", MAIN)
    harness.stand_in.inject_fault(ClusterFault(kind="status", status=503, times=1_000, path_prefix=PATH))
    record = await harness.start_plan(plan)

    waiting = await harness.wait_until(record.id, lambda one: bool(one.progress_of(MAIN).detail))
    assert waiting.progress_of(MAIN).detail.startswith("trying again: Cluster main failed with HTTP 503")

    harness.stand_in.control.clear_faults()
    ended = await harness.wait_ended(record.id)
    assert (ended.state, ended.progress_of(MAIN).detail) == (State.SUCCEEDED, "")


async def test_a_burst_of_refusals_while_pods_come_up_is_waited_out(tmp_path: Path) -> None:
    async with open_operations_harness(tmp_path, pace=FAST.scaled(10)) as harness:
        record = await harness.start_plan(await harness.planner.rollback("production", "abc1234", MAIN))
        await harness.wait_until(record.id, lambda one: one.progress_of(MAIN).updated > 0)
        for status in (401, 403):
            harness.stand_in.inject_fault(ClusterFault(kind="status", status=status, times=4, path_prefix="/api"))
        harness.stand_in.drop_watches()

        ended = await harness.wait_ended(record.id)
        assert (ended.state, ended.outcome) == (State.SUCCEEDED, "Verified: all 3 pods run main-abc1234.")


async def test_a_scaling_in_a_pause_amid_a_rollout_is_done_with_pods_of_both_versions(harness: OperationsHarness) -> None:
    def stuck(deployment: Json) -> None:
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        container["image"] = f"{container['image'].rpartition(':')[0]}:main-51d2c44"
        rolling = {"maxSurge": 1, "maxUnavailable": 0}
        deployment["spec"].update(paused=True, strategy={"type": "RollingUpdate", "rollingUpdate": rolling})

    def change(happens: Callable[[Json], None]) -> None:
        harness.stand_in.store.modify(DEPLOYMENTS, (NAMESPACE, MAIN), happens)

    change(stuck)
    plan = await harness.planner.scale("production", MAIN, 5)
    told = list(map(plain_text, plan.warnings))
    assert f"The rollout of {MAIN} is paused: its number of pods changes all the same, and it stays paused." in told
    assert (
        f"{MAIN} does not run just what was asked for: that is main-51d2c44, and it has 3 pods of main-9f00d12 (3 ready). "
        "The Deployment is paused."
    ) in told

    ended = await harness.run_plan(plan)
    assert ended.state is State.SUCCEEDED, ended.outcome
    assert ended.outcome == "Verified: 5 pods are ready (there were 3). Its rollout stays paused."

    # Let one pod of the new version come up, then pause again: ReplicaSets then keep a pod more than is asked for.
    change(lambda deployment: deployment["spec"].update(paused=False))
    async with asyncio.timeout(20):
        while (await harness.cluster.running_pods(harness.target())).ready_updated == 0:
            await asyncio.sleep(0)
    change(lambda deployment: deployment["spec"].update(paused=True))
    for replicas in (6, 3):
        ended = await harness.run_plan(await harness.planner.scale("production", MAIN, replicas))
        assert ended.state is State.SUCCEEDED, ended.outcome
        assert str(ended.outcome).endswith("Its rollout stays paused.")


@pytest.mark.parametrize("verb", ["deploy", "rollback", "restart"])
async def test_what_would_start_nothing_in_a_pause_is_still_refused(harness: OperationsHarness, verb: str) -> None:
    harness.stand_in.store.modify(DEPLOYMENTS, (NAMESPACE, MAIN), lambda deployment: deployment["spec"].update(paused=True))
    planner = harness.planner
    plans = {
        "deploy": lambda: planner.deploy("production", "main-51d2c44", MAIN),
        "rollback": lambda: planner.rollback("production", "last", MAIN),
        "restart": lambda: planner.restart("production", MAIN),
    }
    with pytest.raises(Refused, match=r"is paused, so nothing new would start\. Nothing was changed\."):
        await plans[verb]()
