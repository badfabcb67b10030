"""Every procedure through the planner, the engine and the store against a real API server, as a person reads it afterwards."""

import asyncio
import re
import time

import pytest

from domain.errors import Refused
from domain.notes import OperationNote
from domain.operations.operation import Decision, OperationRecord, Phase, State
from domain.operations.plans import Plan
from tests.harness.cluster_namespace import ClusterNamespace, Json
from tests.harness.operations import OPERATION_TIMEOUT, OperationsHarness
from tests.harness.samples.team import ANA, LEE, RAY

pytestmark = pytest.mark.cluster

FIRST, SECOND, NEW = "main-aaaaaaa", "main-bbbbbbb", "main-0ddba11"
SOON = 10.0
"""Seconds within which a pod's trouble is told, long before the progress deadline."""
DEADLINE = 15
"""``progressDeadlineSeconds`` of the Deployments that are to fail."""


async def deploy_two_versions(namespace: ClusterNamespace, name: str = "web") -> None:
    """A Deployment that runs the second version and ran the first."""
    await namespace.deploy(FIRST, name)
    await namespace.set_version(SECOND, name)


async def revision(harness: OperationsHarness, service: str = "web") -> int:
    return (await harness.cluster.workload(harness.target(service))).revision


async def assert_runs(harness: OperationsHarness, version: str, *, pods: int, revision: int, service: str = "web") -> None:
    found = await harness.cluster.workload(harness.target(service))
    running = await harness.cluster.running_pods(harness.target(service))
    assert (found.image, found.revision) == (f"registry.example/web:{version}", revision)
    assert (running.ready, running.total, running.ready_updated, len(running.image_ids)) == (pods, pods, pods, 1)


async def thread_texts(harness: OperationsHarness, record: OperationRecord) -> list[str]:
    return [str(each.text) for each in await harness.notes(record.id)]


async def test_a_rollback_is_asked_for_approved_done_and_verified(
    harness: OperationsHarness, namespace: ClusterNamespace
) -> None:
    await deploy_two_versions(namespace)

    ended = await harness.run_plan(await harness.planner.rollback("production", "aaaaaaa", "web"))

    assert (ended.state, ended.outcome, ended.end_state) == (State.SUCCEEDED, f"Verified: all 2 pods run {FIRST}.", ())
    assert [(each.phase, each.updated, each.ready, each.desired) for each in ended.progress] == [(Phase.VERIFIED, 2, 2, 2)]
    await assert_runs(harness, FIRST, pods=2, revision=3)
    assert await harness.locks() == ()
    assert await thread_texts(harness, ended) == [
        f"@{ANA.person.user_id} asked to roll web back to {FIRST} in production: errors since yesterday",
        f"@{LEE.person.user_id} approved this.",
        f"Verified: all 2 pods run {FIRST}.",
    ]
    assert [each.entry.key for each in await harness.audit()] == [
        f"{ended.id}/{event}" for event in ("requested", "decided", "ended")
    ]
    history = await namespace.kubectl("rollout", "history", "deployment/web")
    assert f"deepecho {ended.id}: rollback to {FIRST}" in history


async def test_a_deploy_of_a_version_never_seen_here_is_verified(harness: OperationsHarness, namespace: ClusterNamespace) -> None:
    await deploy_two_versions(namespace)
    plan = await harness.planner.deploy("production", NEW, "web")
    assert plan.changes[0].never_seen

    ended = await harness.run_plan(plan)

    assert (ended.state, ended.outcome) == (State.SUCCEEDED, f"Verified: all 2 pods run {NEW}.")
    await assert_runs(harness, NEW, pods=2, revision=3)
    async with harness.store.read() as tx:
        (recorded,) = await tx.images.verified_as(f"registry.example/web:{NEW}")
    assert recorded.image_id.startswith("registry.example/web@sha256:")


async def test_a_restart_replaces_every_pod_by_one_of_the_same_version(
    harness: OperationsHarness, namespace: ClusterNamespace
) -> None:
    await deploy_two_versions(namespace)
    before = await pods(namespace)

    ended = await harness.run_plan(await harness.planner.restart("production", "web"), by=RAY)

    assert (ended.state, ended.outcome) == (State.SUCCEEDED, "Verified: 2 new pods of web are ready.")
    await assert_runs(harness, SECOND, pods=2, revision=3)
    assert len(await pods(namespace) - before) == 2


async def pods(namespace: ClusterNamespace) -> set[str]:
    return set((await namespace.kubectl("get", "pods", "-o", "name")).split())


async def test_scaling_up_asks_nobody_and_scaling_down_a_second_person(
    harness: OperationsHarness, namespace: ClusterNamespace
) -> None:
    await deploy_two_versions(namespace)

    up = await harness.run_plan(await harness.planner.scale("production", "web", 4), by=RAY)
    assert (up.approval, up.outcome) == (None, "Verified: 4 pods are ready (there were 2).")
    await assert_runs(harness, SECOND, pods=4, revision=2)

    down = await harness.start_plan(await harness.planner.scale("production", "web", 1), by=RAY)
    ended = await harness.wait_ended(down.id)
    assert ended.approval is not None
    assert ended.approval.decided_by == LEE.person
    assert (ended.state, ended.outcome) == (State.SUCCEEDED, "Verified: 1 pod is ready (there were 4).")
    found = await harness.cluster.workload(harness.target("web"))
    assert (found.replicas, found.revision) == (1, 2)


async def test_an_autoscaler_and_the_number_it_chose_are_left_alone(
    harness: OperationsHarness, namespace: ClusterNamespace
) -> None:
    """It moves the number while the approval waits; the server is so old that it only knows ``autoscaling/v1``."""
    await deploy_two_versions(namespace)
    scaler = await namespace.create(autoscaler("web"))
    plan = await harness.planner.rollback("production", FIRST, "web")
    assert "web is autoscaled 2 to 6; its number of pods is left alone." in plan.warnings
    record = await harness.operations.start(plan, source="k", by=ANA, channel="C1", reason="r")

    await namespace.kubectl("scale", "deployment/web", "--replicas=5")
    await namespace.kubectl("rollout", "status", "deployment/web", f"--timeout={OPERATION_TIMEOUT:.0f}s")
    await harness.operations.decide(record.id, LEE, Decision.APPROVED)

    ended = await harness.wait_ended(record.id)
    assert (ended.state, ended.outcome) == (State.SUCCEEDED, f"Verified: all 5 pods run {FIRST}.")
    await assert_runs(harness, FIRST, pods=5, revision=3)
    now = await namespace.api.call("GET", f"/apis/autoscaling/v1/namespaces/{namespace.name}/horizontalpodautoscalers/web")
    assert (now["spec"], now["metadata"]["uid"]) == (scaler["spec"], scaler["metadata"]["uid"])
    with pytest.raises(Refused, match="web in production is autoscaled between 2 and 6 by web"):
        await harness.planner.scale("production", "web", 9)


def autoscaler(name: str) -> Json:
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 2,
            "maxReplicas": 6,
            "targetCPUUtilizationPercentage": 70,
        },
    }


@pytest.mark.parametrize(
    ("tag", "reasons"), [("bad-0ddba11", "ErrImagePull|ImagePullBackOff"), ("crash-0ddba11", "Error|CrashLoopBackOff")]
)
async def test_a_deploy_that_fails_tells_why_within_seconds_and_what_stands_and_can_be_put_back(
    harness: OperationsHarness, namespace: ClusterNamespace, tag: str, reasons: str
) -> None:
    await deploy_two_versions(namespace)
    await namespace.set_progress_deadline(DEADLINE)
    began = time.monotonic()
    record = await harness.start_plan(await harness.planner.deploy("production", tag, "web"))

    note = await first_pod_failure_note(harness, record)
    assert time.monotonic() - began < SOON
    assert (await harness.operations.find(record.id)).state is State.RUNNING
    # When a kubelet is asked decides which of the words it has, and how often the container was started again by then.
    restarted = r"(, restarted (once|[0-9]+ times))?" if "crash" in tag else ""
    told = re.fullmatch(rf"main in web-\S+ does not come up: ({reasons}){restarted}\.", str(note.text))
    assert told, note.text
    if "crash" in tag:
        assert 0 < len(note.log) <= 10
        assert "password=•••" in note.log[-1]
        assert "hunter2" not in " ".join(note.log)

    ended = await harness.wait_ended(record.id)
    assert (ended.state, ended.progress_of("web").phase) == (State.FAILED, Phase.FAILED)
    deadline = f"It made no progress for {DEADLINE} s (Kubernetes' progress deadline)."
    assert ended.outcome == f"web did not become ready: {deadline}"
    cause = "CrashLoopBackOff" if "crash" in tag else "ImagePullBackOff"
    counted = f"counted now, 1 of 2 pods is new, 0 of them ready ({cause})."
    assert tuple(map(str, ended.end_state)) == (
        f"web was set to {tag}; {counted} 2 pods of {SECOND} (2 ready) still exist.",
        f"To put it back: `rollback production {SECOND} web`.",
    )
    assert await harness.locks() == ()
    assert (await thread_texts(harness, ended))[-1] == str(ended.outcome)

    back = await harness.run_plan(await harness.planner.rollback("production", SECOND, "web"))
    assert (back.state, back.outcome) == (State.SUCCEEDED, f"Verified: all 2 pods run {SECOND}.")
    await assert_runs(harness, SECOND, pods=2, revision=4)


async def first_pod_failure_note(harness: OperationsHarness, record: OperationRecord) -> OperationNote:
    """The first note about a pod that does not come up."""
    async with asyncio.timeout(OPERATION_TIMEOUT):
        while True:
            for each in await harness.notes(record.id):
                if each.key.startswith("pod-failure-"):
                    return each
            await asyncio.sleep(0.1)


async def test_a_stuck_rollout_is_stopped_when_somebody_asks(harness: OperationsHarness, namespace: ClusterNamespace) -> None:
    await deploy_two_versions(namespace)
    record = await harness.start_plan(await harness.planner.deploy("production", "bad-0ddba11", "web"))
    await harness.wait_until(record.id, lambda one: one.progress_of("web").updated == 1)

    await harness.operations.cancel(record.id, ANA)

    ended = await harness.wait_ended(record.id)
    assert (ended.state, ended.outcome) == (State.CANCELLED, "Stopped while it was rolling out.")
    assert str(ended.end_state[0]).startswith("web was set to bad-0ddba11; counted now, 1 of 2 pods is new, 0 of them ready")


async def test_what_moved_while_the_approval_waited_is_not_overwritten(
    harness: OperationsHarness, namespace: ClusterNamespace
) -> None:
    await deploy_two_versions(namespace)
    record = await start_plan(harness, await harness.planner.rollback("production", FIRST, "web"))
    await namespace.set_version(NEW)

    await harness.operations.decide(record.id, LEE, Decision.APPROVED)

    ended = await harness.wait_ended(record.id)
    assert ended.state is State.DRIFTED
    assert ended.outcome == f"The cluster changed since this was planned: web now runs {NEW} (was {SECOND})."
    assert ended.end_state == ("Nothing was changed.",)
    await assert_runs(harness, NEW, pods=2, revision=3)


async def start_plan(harness: OperationsHarness, plan: Plan) -> OperationRecord:
    return await harness.operations.start(plan, source="k", by=ANA, channel="C1", reason="r")


async def test_a_paused_deployment_is_refused_before_and_after_the_approval(
    harness: OperationsHarness, namespace: ClusterNamespace
) -> None:
    await deploy_two_versions(namespace)
    record = await start_plan(harness, await harness.planner.rollback("production", FIRST, "web"))
    await namespace.kubectl("rollout", "pause", "deployment/web")

    with pytest.raises(Refused, match="The rollout of web in production is paused, so nothing new would start"):
        await harness.planner.rollback("production", FIRST, "web")
    await harness.operations.decide(record.id, LEE, Decision.APPROVED)

    ended = await harness.wait_ended(record.id)
    assert (ended.state, ended.outcome) == (State.DRIFTED, "The cluster changed since this was planned: web was paused.")
    assert await revision(harness) == 2


async def test_two_services_are_changed_one_after_the_other(harness: OperationsHarness, namespace: ClusterNamespace) -> None:
    await deploy_two_versions(namespace)
    await deploy_two_versions(namespace, "api")
    plan = await harness.planner.rollback("production", FIRST)
    assert plan.services == ("web", "api")

    ended = await harness.run_plan(plan)

    assert (ended.state, ended.outcome) == (State.SUCCEEDED, f"Verified: all 4 pods run {FIRST}.")
    web, api = ended.progress
    assert web.ended_at is not None
    assert api.started_at is not None
    assert web.ended_at <= api.started_at
    for name in ("web", "api"):
        await assert_runs(harness, FIRST, pods=2, revision=3, service=name)


async def test_the_second_service_is_left_alone_where_the_first_fails(
    harness: OperationsHarness, namespace: ClusterNamespace
) -> None:
    await deploy_two_versions(namespace)
    await deploy_two_versions(namespace, "api")
    await namespace.set_progress_deadline(3)

    ended = await harness.run_plan(await harness.planner.deploy("production", "bad-0ddba11"))

    assert ended.state is State.FAILED
    assert ended.end_state[-1] == f"api was not touched; it runs {SECOND}."
    assert await revision(harness, "api") == 2
