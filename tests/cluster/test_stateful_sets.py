"""Every procedure on a StatefulSet: its revisions are ControllerRevisions, and its strategy may keep pods at theirs."""

import asyncio

import pytest

from domain.errors import Refused
from domain.operations.operation import OperationRecord, State
from domain.operations.plans import Plan
from domain.rich_text import plain_text
from domain.targets import Target
from domain.workloads.deployments import Workload
from domain.workloads.pod_counts import PodGroup
from runbooks.operations.template_origins import with_proven_operations
from tests.harness.cluster_namespace import ROLLOUT_TIMEOUT, ClusterNamespace, Json
from tests.harness.operations import OperationsHarness
from tests.harness.samples.team import RAY

ON_STAND_IN_TOO = True

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

    async def groups(self) -> tuple[PodGroup, ...]:
        """What its pods run, counted now."""
        found = await self.workload()
        return (await self.operations.cluster.pod_counts([found]))[found.uid].groups

    async def create(self, strategy: Json | None = None, *, wait: bool = True) -> None:
        await self.namespace.create(manifest(FIRST, **(strategy or {})))
        async with asyncio.timeout(ROLLOUT_TIMEOUT):
            while (await self.workload()).ready < 2:
                await asyncio.sleep(0.05)
        if wait:
            await self.wait()

    async def set_version(self, tag: str, *, wait: bool = True, **env: str) -> None:
        container = {"name": "main", "image": f"registry.example/web:{tag}"}
        container["env"] = [{"name": name, "value": value} for name, value in env.items()]  # type: ignore[assignment]
        await self.namespace.api.merge(self.path, {"spec": {"template": {"spec": {"containers": [container]}}}})
        if wait:
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
    assert (found.revision, found.replicas, found.ready, found.strategy.reaches_all) == (2, 2, 2, True)
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
    # The revision keeps the annotations with which it was made first.
    proven = await with_proven_operations(stateful_set.operations.store, {found.target: found})
    assert proven[found.target].template_set_by == ended.id
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


ON_DELETE = {"updateStrategy": {"type": "OnDelete"}}
PARTITION = {"updateStrategy": {"rollingUpdate": {"partition": 1}}}


async def test_a_partition_is_told_before_the_approval_and_the_end_says_which_pods_run_what(
    stateful_set: StatefulSetHarness,
) -> None:
    await stateful_set.create(PARTITION)
    plan = await stateful_set.operations.planner.deploy("production", NEW, "db")
    assert (
        f"db: its partition is 1, so this rolls 1 of its 2 pods. Ordinal 0 keeps what runs there now ({FIRST}), "
        "even if somebody deletes it."
    ) in map(plain_text, plan.warnings)
    ended = await stateful_set.run(plan)
    assert ended.state is State.SUCCEEDED
    assert ended.outcome == (f"{NEW} is set; 1 of 2 pods of db has it, verified. Ordinal 0 keeps {FIRST}: its partition is 1.")
    found = await stateful_set.workload()
    assert (found.has_arrived, found.obstacle) == (False, "Its partition is 1, so that the others keep theirs.")
    back = await stateful_set.run(await stateful_set.operations.planner.rollback("production", "last", "db"))
    assert (back.state, back.outcome) == (State.SUCCEEDED, f"Verified: all 2 pods run {FIRST}.")


async def test_a_restart_behind_a_partition_says_what_was_not_restarted(stateful_set: StatefulSetHarness) -> None:
    await stateful_set.create(PARTITION)
    plan = await stateful_set.operations.planner.restart("production", "db")
    ended = await stateful_set.operations.run_plan(plan, by=RAY)
    assert ended.state is State.SUCCEEDED
    assert ended.outcome == (
        f"The restart is set; 1 of 2 pods of db has it, verified. Ordinal 0 keeps {FIRST}: its partition is 1."
    )


async def test_with_on_delete_the_template_is_set_and_the_pods_wait_for_whoever_deletes_them(
    stateful_set: StatefulSetHarness,
) -> None:
    await stateful_set.create(ON_DELETE, wait=False)
    plan = await stateful_set.operations.planner.deploy("production", NEW, "db")
    assert (
        f"db: its update strategy is OnDelete, so this rolls none of its 2 pods. Ordinals 0-1 keep what runs there now ({FIRST}) "
        "until somebody deletes them."
    ) in map(plain_text, plan.warnings)
    ended = await stateful_set.run(plan)
    assert ended.state is State.SUCCEEDED
    assert ended.outcome == (
        f"{NEW} is set; 0 of 2 pods of db have it. Ordinals 0-1 keep {FIRST} until somebody deletes them: "
        "its update strategy is OnDelete."
    )
    await stateful_set.namespace.kubectl("delete", "pod", "db-1", "--wait=false")
    async with asyncio.timeout(ROLLOUT_TIMEOUT):
        while [group.total for group in (await stateful_set.groups())] != [1, 1]:
            await asyncio.sleep(0.05)
    assert [(group.version, group.is_current) for group in await stateful_set.groups()] == [(NEW, True), (FIRST, False)]


async def test_a_restart_that_would_replace_no_pod_is_refused(stateful_set: StatefulSetHarness) -> None:
    await stateful_set.create(ON_DELETE, wait=False)
    with pytest.raises(Refused, match=r"would replace no pod: its update strategy is OnDelete\. Nothing was changed\."):
        await stateful_set.operations.planner.restart("production", "db")
    behind = {"spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}}
    await stateful_set.namespace.api.merge(stateful_set.path, behind)
    with pytest.raises(Refused, match=r"its partition is 2\. Nothing was changed\. Lower the partition first\."):
        await stateful_set.operations.planner.restart("production", "db")


@pytest.mark.parametrize("strategy", [ON_DELETE, PARTITION])
async def test_scaling_is_done_with_enough_pods_of_any_version(stateful_set: StatefulSetHarness, strategy: Json) -> None:
    await stateful_set.create(strategy, wait=False)
    await stateful_set.set_version(SECOND, wait=False)
    plan = await stateful_set.operations.planner.scale("production", "db", 3)
    ended = await stateful_set.run(plan)
    assert (ended.state, ended.outcome) == (State.SUCCEEDED, "Verified: 3 pods are ready (there were 2).")


async def test_a_strategy_that_changed_since_the_approval_stops_the_operation(stateful_set: StatefulSetHarness) -> None:
    await stateful_set.create()
    plan = await stateful_set.operations.planner.deploy("production", NEW, "db")
    await stateful_set.namespace.api.merge(stateful_set.path, {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 1}}}})
    ended = await stateful_set.run(plan)
    assert ended.state is State.DRIFTED
    assert "the update strategy of db was changed" in plain_text(ended.outcome)
