"""Every procedure on a DaemonSet: how many pods it has is counted by its controller, and nobody scales it."""

import asyncio

import pytest

from domain.errors import Refused
from domain.operations.operation import State
from domain.rich_text import plain_text
from domain.targets import Target
from domain.workloads.deployments import Workload
from tests.harness.cluster_namespace import ROLLOUT_TIMEOUT, ClusterNamespace, Json
from tests.harness.operations import OperationsHarness
from tests.harness.samples.team import RAY

ON_STAND_IN_TOO = True

FIRST, SECOND, NEW = "main-aaaaaaa", "main-bbbbbbb", "main-0ddba11"
LABELS = {"app": "agent"}


class DaemonSetHarness:
    """A DaemonSet beside the operations. Its cluster has as many nodes as it has."""

    def __init__(self, namespace: ClusterNamespace, operations: OperationsHarness) -> None:
        self.namespace, self.operations = namespace, operations

    @property
    def path(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace.name}/daemonsets/agent"

    @property
    def target(self) -> Target:
        return self.operations.target("agent")

    async def workload(self) -> Workload:
        return await self.operations.cluster.workload(self.target)

    async def create(self, *, node_selector: Json | None = None, **strategy: object) -> int:
        """The DaemonSet, with every pod ready. Returns how many there are."""
        spec: Json = {"containers": [{"name": "main", "image": f"registry.example/web:{FIRST}"}]}
        spec |= {"nodeSelector": node_selector} if node_selector else {}
        template = {"metadata": {"labels": LABELS}, "spec": spec}
        body = {"selector": {"matchLabels": LABELS}, "template": template, **strategy}
        await self.namespace.create({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": body})
        await self.skip_without_controller()
        async with asyncio.timeout(ROLLOUT_TIMEOUT):
            while not (found := await self.workload()).has_arrived or (found.ready == 0 and not node_selector):
                await asyncio.sleep(0.05)
        return found.replicas

    async def skip_without_controller(self) -> None:
        """Skip the test on a cluster that runs no controller for DaemonSets: a reduced control plane has only some of them."""
        for _ in range(50):
            if (await self.namespace.api.call("GET", self.path)).get("status", {}).get("observedGeneration"):
                return
            await asyncio.sleep(0.1)
        pytest.skip("this cluster has no controller for DaemonSets")

    async def set_version(self, tag: str) -> None:
        container = {"name": "main", "image": f"registry.example/web:{tag}"}
        await self.namespace.api.merge(self.path, {"spec": {"template": {"spec": {"containers": [container]}}}})
        await self.namespace.kubectl("rollout", "status", "daemonset/agent", f"--timeout={ROLLOUT_TIMEOUT:.0f}s")


@pytest.fixture
async def daemon_set(namespace: ClusterNamespace, harness: OperationsHarness) -> DaemonSetHarness:
    return DaemonSetHarness(namespace, harness)


async def test_its_pods_and_its_history_are_read(daemon_set: DaemonSetHarness) -> None:
    pods = await daemon_set.create()
    await daemon_set.set_version(SECOND)
    found = await daemon_set.workload()
    assert [(each.number, each.image.rpartition(":")[2]) for each in found.revisions] == [(2, SECOND), (1, FIRST)]
    assert (found.revision, found.replicas, found.ready, found.has_arrived) == (2, pods, pods, True)
    assert await daemon_set.operations.cluster.workloads([daemon_set.target]) == {daemon_set.target: found}
    counted = (await daemon_set.operations.cluster.pod_counts([found]))[found.uid]
    assert [(each.version, each.total, each.is_current) for each in counted.groups] == [(SECOND, pods, True)]


async def test_deploy_restart_and_rollback_are_verified_on_every_node(daemon_set: DaemonSetHarness) -> None:
    pods = await daemon_set.create()
    planner = daemon_set.operations.planner
    first = (await daemon_set.workload()).template_hash
    run = "the pod runs" if pods == 1 else f"all {pods} pods run"
    deployed = await daemon_set.operations.run_plan(await planner.deploy("production", NEW, "agent"))
    assert (deployed.state, deployed.outcome) == (State.SUCCEEDED, f"Verified: {run} {NEW}.")
    restarted = await daemon_set.operations.run_plan(await planner.restart("production", "agent"), by=RAY)
    assert restarted.state is State.SUCCEEDED
    back = await daemon_set.operations.run_plan(await planner.rollback("production", "last", "agent"))
    assert (back.state, back.outcome) == (State.SUCCEEDED, f"Verified: {run} {FIRST}.")
    found = await daemon_set.workload()
    assert (found.template_hash, found.operation_id) == (first, back.id)


async def test_scaling_is_refused_in_a_sentence(daemon_set: DaemonSetHarness) -> None:
    await daemon_set.create()
    with pytest.raises(Refused) as refused:
        await daemon_set.operations.planner.scale("production", "agent", 3)
    assert plain_text(refused.value.sentence) == (
        "agent in production is a DaemonSet: it has one pod on each node that it selects, and no number of pods to set. "
        "Nothing was changed. Its node selector and the labels of nodes decide."
    )
    with pytest.raises(Refused, match="is a DaemonSet, which has no number of pods to set"):
        await daemon_set.operations.cluster.scale(daemon_set.target, 3, expected_replicas=1, operation_id="op-1")


async def test_with_on_delete_the_pods_that_keep_their_version_are_named(daemon_set: DaemonSetHarness) -> None:
    pods = await daemon_set.create(updateStrategy={"type": "OnDelete"})
    plan = await daemon_set.operations.planner.deploy("production", NEW, "agent")
    told = " ".join(map(plain_text, plan.warnings))
    assert f"agent: its update strategy is OnDelete, so this rolls none of its {pods} pods. All {pods} keep" in told
    ended = await daemon_set.operations.run_plan(plan)
    assert ended.state is State.SUCCEEDED
    text = plain_text(ended.outcome)
    assert text.startswith(f"{NEW} is set; 0 of {pods} pods of agent have it. Pod")
    assert f"{FIRST} until somebody deletes {'it' if pods == 1 else 'them'}: its update strategy is OnDelete." in text
    await daemon_set.namespace.kubectl("delete", "pod", "--selector=app=agent", "--wait=false")
    async with asyncio.timeout(ROLLOUT_TIMEOUT):
        while not (await daemon_set.workload()).has_arrived:
            await asyncio.sleep(0.05)


async def test_without_a_node_it_is_set_and_nothing_runs_it(daemon_set: DaemonSetHarness) -> None:
    assert await daemon_set.create(node_selector={"disk": "none-has-this"}) == 0
    plan = await daemon_set.operations.planner.deploy("production", NEW, "agent")
    assert "agent has 0 pods: this sets the version, and nothing runs it until it selects a node." in plan.warnings
    ended = await daemon_set.operations.run_plan(plan)
    assert ended.outcome == f"{NEW} is set, and nothing runs it: agent has 0 pods."
