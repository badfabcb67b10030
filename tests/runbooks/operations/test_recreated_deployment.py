"""A Deployment that somebody deletes and makes again, to the letter, is not the one that was planned for."""

from contextlib import aclosing
from pathlib import Path

import pytest

from domain.errors import Drifted
from domain.operations.operation import Decision, OperationRecord, Phase, State
from domain.operations.plans import Plan
from sandbox.cluster import FAST, ClusterFault
from tests.harness.cluster_namespace import wait_until
from tests.harness.operations import OperationsHarness, open_operations_harness
from tests.harness.recreation import path_of, recreate
from tests.harness.samples.team import ANA, LEE

MAIN = "deep-echo-main"


class HeldRead:
    """Once the plan was made a second time, the next look at the Deployment waits on its way."""

    def __init__(self) -> None:
        self.harness: OperationsHarness | None = None

    def __call__(self, _operation: str, step: str, point: str, /) -> None:
        if self.harness is not None and (step, point) == ("replan", "done"):
            self.harness.stand_in.inject_fault(
                ClusterFault(kind="hold", method="GET", path_prefix=path_of(self.harness, "staging"))
            )


async def make_plan(harness: OperationsHarness, verb: str, environment: str = "staging") -> Plan:
    match verb:
        case "deploy":
            return await harness.planner.deploy(environment, "main-abc1234", MAIN)
        case "rollback":
            return await harness.planner.rollback(environment, "main-abc1234", MAIN)
        case "restart":
            return await harness.planner.restart(environment, MAIN)
        case _:
            return await harness.planner.scale(environment, MAIN, 5)


@pytest.mark.parametrize("verb", ["deploy", "rollback", "restart", "scale"])
async def test_between_the_last_look_at_the_plan_and_the_change(verb: str, tmp_path: Path) -> None:
    held_read = HeldRead()
    async with open_operations_harness(tmp_path, observer=held_read) as harness:
        held_read.harness = harness
        plan = await make_plan(harness, verb)
        record = await harness.operations.start(plan, source="k", by=ANA, channel="C1")
        await harness.wait_until(record.id, lambda now: now.progress[0].phase is Phase.CHANGING)
        await wait_until(lambda: not harness.stand_in.control.faults)
        await recreate(harness, "staging")
        harness.stand_in.control.clear_faults()
        ended = await harness.wait_ended(record.id)
        assert str(ended.outcome) == "deep-echo-main in staging was deleted and made anew in the meantime."
        await assert_left_alone(harness, ended, "staging")


async def assert_left_alone(harness: OperationsHarness, ended: OperationRecord, environment: str) -> None:
    assert ended.state is State.DRIFTED
    assert [line for line in map(str, ended.end_state) if "not changed" not in line and line != "Nothing was changed."] == []
    assert (await harness.cluster.workload(harness.target(environment=environment))).operation_id != ended.id


@pytest.mark.parametrize(
    ("verb", "says"),
    [
        ("deploy", "The cluster changed since this was planned: deep-echo-main was deleted and made anew."),
        ("rollback", "deep-echo-main in production was deleted and made anew in the meantime."),
    ],
)
async def test_while_its_approval_is_waited_for(harness: OperationsHarness, verb: str, says: str) -> None:
    plan = await make_plan(harness, verb, "production")
    record = await harness.operations.start(plan, source="k", by=ANA, channel="C1")
    assert record.state is State.WAITING
    await recreate(harness, "production")
    await harness.operations.decide(record.id, LEE, Decision.APPROVED)
    ended = await harness.wait_ended(record.id)
    assert str(ended.outcome) == says
    await assert_left_alone(harness, ended, "production")


async def test_while_it_rolls_out(tmp_path: Path) -> None:
    async with open_operations_harness(tmp_path, pace=FAST.scaled(100)) as harness:
        plan = await harness.planner.deploy("staging", "main-fffffff", MAIN)
        record = await harness.operations.start(plan, source="k", by=ANA, channel="C1")
        await harness.wait_until(record.id, lambda now: now.progress[0].phase is Phase.ROLLING)
        await recreate(harness, "staging")
        ended = await harness.wait_ended(record.id)
        assert ended.state is State.FAILED
        reasons = ("The Deployment was deleted.", "deep-echo-main in staging was deleted and made anew in the meantime.")
        assert str(ended.outcome) in [f"deep-echo-main did not become ready: {reason}" for reason in reasons]


async def test_a_change_that_comes_again_is_not_taken_for_done(harness: OperationsHarness) -> None:
    target = harness.target(environment="staging")
    before = await harness.cluster.workload(target)
    await harness.cluster.scale(target, 5, expected_replicas=before.replicas, operation_id="op-a1", uid=before.uid)
    await recreate(harness, "staging")
    with pytest.raises(Drifted, match="deep-echo-main in staging was deleted and made anew in the meantime"):
        await harness.cluster.scale(target, 5, expected_replicas=before.replicas, operation_id="op-a1", uid=before.uid)
    async with aclosing(harness.cluster.watch_rollout(target, within=5, uid=before.uid)) as states:
        assert (await anext(states)).failure == "deep-echo-main in staging was deleted and made anew in the meantime."
