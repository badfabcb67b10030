"""A Deployment that somebody deletes and makes again, to the letter, is not the one that was planned for."""

from pathlib import Path

import aiohttp
import pytest

from domain.operations.operation import Decision, OperationRecord, Phase, State
from domain.operations.plans import Plan
from sandbox.cluster import ClusterFault
from tests.harness.cluster_namespace import wait_until
from tests.harness.operations import OperationsHarness, open_operations_harness
from tests.harness.samples.team import ANA, LEE

MAIN = "deep-echo-main"
KEPT_METADATA = ("name", "namespace", "labels", "annotations")


def path_of(harness: OperationsHarness, environment: str) -> str:
    target = harness.target(environment=environment)
    return f"/apis/apps/v1/namespaces/{target.namespace}/deployments/{target.deployment}"


async def recreate(harness: OperationsHarness, environment: str) -> None:
    url = f"{harness.stand_in.url}{path_of(harness, environment)}"
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        async with session.get(url) as response:
            manifest = await response.json()
        metadata = {name: value for name, value in manifest["metadata"].items() if name in KEPT_METADATA}
        await session.delete(url)
        await session.post(url.rpartition("/")[0], json={**manifest, "metadata": metadata, "status": {}})


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
        case "restart":
            return await harness.planner.restart(environment, MAIN)
        case _:
            return await harness.planner.scale(environment, MAIN, 5)


@pytest.mark.parametrize("verb", ["deploy", "restart", "scale"])
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


async def test_while_its_approval_is_waited_for(harness: OperationsHarness) -> None:
    plan = await make_plan(harness, "deploy", "production")
    record = await harness.operations.start(plan, source="k", by=ANA, channel="C1")
    assert record.state is State.WAITING
    await recreate(harness, "production")
    await harness.operations.decide(record.id, LEE, Decision.APPROVED)
    ended = await harness.wait_ended(record.id)
    assert str(ended.outcome) == "The cluster changed since this was planned: deep-echo-main was deleted and made anew."
    await assert_left_alone(harness, ended, "production")
