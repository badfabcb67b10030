"""Every procedure on a StatefulSet of a real API server: its revisions are ControllerRevisions."""

import pytest

from domain.errors import Refused
from domain.operations.operation import OperationRecord, State
from domain.operations.plans import Plan
from domain.targets import Target
from domain.workloads.deployments import Workload
from tests.harness.cluster_namespace import ROLLOUT_TIMEOUT, ClusterNamespace, Json
from tests.harness.operations import OperationsHarness
from tests.harness.samples.team import RAY

pytestmark = pytest.mark.cluster

FIRST, SECOND, NEW = "main-aaaaaaa", "main-bbbbbbb", "main-0ddba11"
LABELS = {"app": "db"}


def manifest(tag: str, **strategy: object) -> Json:
    container = {"name": "main", "image": f"registry.example/web:{tag}"}
    spec: Json = {
        "serviceName": "db",
        "replicas": 2,
        "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}},
    }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {**spec, **strategy}}


class StatefulSetHarness:
    """A StatefulSet with two versions beside the operations."""

    def __init__(self, namespace: ClusterNamespace, operations: OperationsHarness) -> None:
        self.namespace, self.operations = namespace, operations

    @property
    def path(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace.name}/statefulsets/db"

    @property
    def target(self) -> Target:
        return self.operations.target("db")

    async def workload(self) -> Workload:
        return await self.operations.cluster.workload(self.target)

    async def create(self, **strategy: object) -> None:
        await self.namespace.create(manifest(FIRST, **strategy))
        await self.wait()

    async def set_version(self, tag: str, **env: str) -> None:
        container = {"name": "main", "image": f"registry.example/web:{tag}"}
        container["env"] = [{"name": name, "value": value} for name, value in env.items()]  # type: ignore[assignment]
        await self.namespace.api.merge(self.path, {"spec": {"template": {"spec": {"containers": [container]}}}})
        await self.wait()

    async def wait(self) -> None:
        await self.namespace.kubectl("rollout", "status", "statefulset/db", f"--timeout={ROLLOUT_TIMEOUT:.0f}s")

    async def run(self, plan: Plan) -> OperationRecord:
        return await self.operations.run_plan(plan)


@pytest.fixture
async def stateful_set(namespace: ClusterNamespace, harness: OperationsHarness) -> StatefulSetHarness:
    return StatefulSetHarness(namespace, harness)


async def test_its_history_is_read(stateful_set: StatefulSetHarness) -> None:
    await stateful_set.create()
    await stateful_set.set_version(SECOND)
    found = await stateful_set.workload()
    assert [(each.number, each.image.rpartition(":")[2]) for each in found.revisions] == [(2, SECOND), (1, FIRST)]
    assert (found.revision, found.replicas, found.ready, found.held_back) == (2, 2, 2, "")
    assert found.revisions[0].template_hash == found.template_hash
    assert await stateful_set.operations.cluster.workloads([stateful_set.target]) == {stateful_set.target: found}


async def test_a_rollback_restores_the_revision_and_is_verified(stateful_set: StatefulSetHarness) -> None:
    await stateful_set.create()
    first = (await stateful_set.workload()).template_hash
    await stateful_set.set_version(SECOND)
    ended = await stateful_set.run(await stateful_set.operations.planner.rollback("production", "last", "db"))
    assert (ended.state, ended.outcome) == (State.SUCCEEDED, f"Verified: all 2 pods run {FIRST}.")
    found = await stateful_set.workload()
    assert (found.template_hash, found.revision, found.operation_id) == (first, 3, ended.id)
    running = await stateful_set.operations.cluster.running_pods(stateful_set.target)
    assert (running.ready, running.total, running.ready_updated) == (2, 2, 2)


async def test_revisions_with_one_tag_are_named_by_their_numbers(stateful_set: StatefulSetHarness) -> None:
    await stateful_set.create()
    for size in ("512", "1024", "4"):
        await stateful_set.set_version("latest", MAX=size)
    plan = await stateful_set.operations.planner.rollback("production", "#2", "db")
    assert (plan.changes[0].before.label, plan.changes[0].after.label) == ("latest #4", "latest #2")
    ended = await stateful_set.run(plan)
    assert ended.state is State.SUCCEEDED
    assert (await stateful_set.workload()).template_hash == plan.changes[0].after.template_hash


async def test_deploy_restart_and_scale(stateful_set: StatefulSetHarness) -> None:
    await stateful_set.create()
    planner = stateful_set.operations.planner
    deployed = await stateful_set.run(await planner.deploy("production", NEW, "db"))
    assert (deployed.state, deployed.outcome) == (State.SUCCEEDED, f"Verified: all 2 pods run {NEW}.")
    restarted = await stateful_set.operations.run_plan(await planner.restart("production", "db"), by=RAY)
    assert (restarted.state, restarted.outcome) == (State.SUCCEEDED, "Verified: 2 new pods of db are ready.")
    for replicas in (3, 1):
        scaled = await stateful_set.run(await planner.scale("production", "db", replicas))
        assert scaled.state is State.SUCCEEDED
        assert (await stateful_set.operations.cluster.running_pods(stateful_set.target)).total == replicas


@pytest.mark.parametrize(
    ("strategy", "says"),
    [
        (
            {"type": "OnDelete", "rollingUpdate": None},
            "its update strategy is OnDelete, so that Kubernetes replaces a pod only when somebody deletes it",
        ),
        ({"rollingUpdate": {"partition": 1}}, "its partition is 1, so that the pods below number 1 keep their version"),
    ],
)
async def test_what_would_not_reach_all_pods_is_refused_before_anything_is_asked(
    stateful_set: StatefulSetHarness, strategy: Json, says: str
) -> None:
    await stateful_set.create()
    await stateful_set.set_version(SECOND)
    await stateful_set.namespace.api.merge(stateful_set.path, {"spec": {"updateStrategy": strategy}})
    planner = stateful_set.operations.planner
    plans = (
        planner.rollback("production", "last", "db"),
        planner.deploy("production", NEW, "db"),
        planner.restart("production", "db"),
    )
    for plan in plans:
        with pytest.raises(Refused, match=says):
            await plan
    assert (await planner.scale("production", "db", 3)).changes[0].after.replicas == 3
