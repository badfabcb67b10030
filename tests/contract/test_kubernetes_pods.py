"""What pods run, and why some do not."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing

import pytest

from domain.workloads.deployments import RunningPods
from domain.workloads.pod_failures import FailureCause, PodFailure
from integrations.kubernetes import Cluster
from sandbox.cluster import ClusterFault, StandInCluster
from tests.harness.cluster_namespace import ROLLOUT_TIMEOUT, ClusterNamespace, Json

SOON = 20.0
"""Seconds within which a pod's trouble must be told."""


async def test_all_pods_of_a_settled_deployment_share_one_image_id(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")

    found = await cluster.running_pods(namespace.target())

    assert (found.ready, found.total, found.ready_updated) == (2, 2, 2)
    assert [each.partition("@sha256:")[0] for each in found.image_ids] == ["registry.example/web"]


async def test_during_a_rollout_old_and_new_pods_are_told_apart(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    before = await cluster.running_pods(namespace.target())
    await namespace.set_version("main-bad", wait=False)
    await _wait_for_pods(cluster, namespace, lambda found: found.total == 3)

    stuck = await cluster.running_pods(namespace.target())
    await namespace.set_version("main-bbbbbbb")
    after = await _wait_for_pods(cluster, namespace, lambda found: found.total == 2)

    assert (stuck.ready, stuck.total, stuck.ready_updated, stuck.image_ids) == (2, 3, 0, ())
    assert (after.ready, after.ready_updated, len(after.image_ids)) == (2, 2, 1)
    assert after.image_ids != before.image_ids


async def test_a_deployment_without_pods_runs_nothing(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa", spec={"replicas": 0})

    pods = await cluster.running_pods(namespace.target())
    assert (pods.ready, pods.total, pods.ready_updated, pods.image_ids) == (0, 0, 0, ())
    assert await cluster.pod_failures(namespace.target()) == ()


async def _wait_for_pods(cluster: Cluster, namespace: ClusterNamespace, holds: Callable[[RunningPods], bool]) -> RunningPods:
    async with asyncio.timeout(ROLLOUT_TIMEOUT):
        while True:
            found = await cluster.running_pods(namespace.target())
            if holds(found):
                return found
            await asyncio.sleep(0.05)


async def test_an_image_that_cannot_be_pulled_is_told_with_its_reason(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    await namespace.set_version("main-bad", wait=False)

    trouble = await _trouble(cluster, namespace, {"ImagePullBackOff"})

    assert trouble.message
    assert trouble.where.startswith("main in web-")
    assert (trouble.restarts, trouble.log_tail) == (0, ())


async def test_a_crash_is_told_with_its_last_lines_and_no_secrets(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    await namespace.set_version("main-crash", wait=False)

    trouble = await _trouble(cluster, namespace, {"CrashLoopBackOff"})

    assert 0 < len(trouble.log_tail) <= 10
    assert "hunter2" not in " ".join(trouble.log_tail)
    assert "password=•••" in " ".join(trouble.log_tail)
    assert "back-off" in trouble.message


async def test_a_log_is_read_once_for_each_restart(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    await namespace.deploy("main-aaaaaaa", spec={"replicas": 1})
    await namespace.set_version("main-crash", wait=False)
    stand_in.control.requests.clear()
    restarts = 0
    for _ in range(200):
        failures = await cluster.pod_failures(namespace.target())
        restarts = max([restarts, *(each.restarts for each in failures)])
    logs = [each for each in stand_in.control.requests if each.path.endswith("/log")]
    assert 0 < len(logs) <= restarts + 1


async def test_a_cause_that_is_known_has_no_log_and_hides_no_other_container(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    await namespace.deploy("main-aaaaaaa", spec={"replicas": 1})
    name = (await namespace.kubectl("get", "pods", "-o", "name")).strip().removeprefix("pod/")
    crashing = {"restartCount": 4, "ready": False, "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}
    statuses = [
        {"name": "main", **crashing, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}},
        {"name": "proxy", "restartCount": 0, "ready": False, "state": waiting},
    ]
    path = f"/api/v1/namespaces/{namespace.name}/pods/{name}/status"
    unready = [{"type": "Ready", "status": "False"}]
    await namespace.api.merge(path, {"status": {"conditions": unready, "containerStatuses": statuses}})
    stand_in.control.requests.clear()

    known = [FailureCause(container="main", reason="CrashLoopBackOff")]
    told = await cluster.pod_failures(namespace.target(), known)

    assert {(each.where, each.reason) for each in told} == {
        (f"main in {name}", "CrashLoopBackOff"),
        (f"proxy in {name}", "ErrImagePull"),
    }
    assert [each for each in stand_in.control.requests if each.path.endswith("/log")] == []


async def test_trouble_of_an_older_version_is_no_longer_told(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    await namespace.set_version("main-bad", wait=False)
    await _trouble(cluster, namespace, {"ErrImagePull", "ImagePullBackOff"})
    await namespace.set_version("main-bbbbbbb")

    assert await cluster.pod_failures(namespace.target()) == ()


async def test_the_reason_stands_when_the_log_cannot_be_read(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    await namespace.deploy("main-aaaaaaa")
    pods = f"/api/v1/namespaces/{namespace.name}/pods/"
    stand_in.inject_fault(ClusterFault(kind="status", status=500, times=10_000, path_prefix=pods))
    await namespace.set_version("main-crash", wait=False)

    trouble = await _trouble(cluster, namespace, {"CrashLoopBackOff", "Error"})
    assert trouble.log_tail == ()

    # A log that could not be read is asked for again.
    stand_in.control.clear_faults()
    assert (await _trouble(cluster, namespace, {"CrashLoopBackOff", "Error"})).log_tail


async def test_trouble_is_told_while_the_rollout_is_watched(namespace: ClusterNamespace, cluster: Cluster) -> None:
    """Long before the deadline of ten minutes."""
    await namespace.deploy("main-aaaaaaa")
    await namespace.set_version("main-crash", wait=False)
    began = time.monotonic()

    async with aclosing(cluster.watch_rollout(namespace.target(), within=ROLLOUT_TIMEOUT)) as states:
        assert not (await anext(states)).done
        await _trouble(cluster, namespace, {"CrashLoopBackOff"})

    assert time.monotonic() - began < SOON


STARTING: Json = {"name": "main", "restartCount": 0, "ready": False, "state": {"waiting": {"reason": "ContainerCreating"}}}
NOT_READY: Json = {"name": "main", "restartCount": 0, "ready": False, "state": {"running": {}}}


def _waiting(reason: str, message: str, restarts: int = 0, **more: Json) -> Json:
    return {**STARTING, "restartCount": restarts, "state": {"waiting": {"reason": reason, "message": message}}, **more}


@pytest.mark.parametrize(
    ("status", "event", "reason", "message"),
    [
        (
            {"containerStatuses": [_waiting("CreateContainerConfigError", 'configmap "x" not found')]},
            None,
            "CreateContainerConfigError",
            'configmap "x" not found',
        ),
        (
            {
                "containerStatuses": [
                    _waiting(
                        "CrashLoopBackOff", "back-off 10s", 2, lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
                    )
                ]
            },
            None,
            "OOMKilled",
            "back-off 10s; exit code 137",
        ),
        (
            {"containerStatuses": [{**NOT_READY, "state": {"terminated": {"exitCode": 2, "reason": "Error"}}}]},
            None,
            "Error",
            "exit code 2",
        ),
        (
            {
                "containerStatuses": [
                    {**NOT_READY, "restartCount": 4, "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}
                ]
            },
            None,
            "Error",
            "exit code 1",
        ),
        (
            {"initContainerStatuses": [_waiting("ImagePullBackOff", "no image")], "containerStatuses": [STARTING]},
            None,
            "ImagePullBackOff",
            "no image",
        ),
        (
            {
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}
                ]
            },
            None,
            "Unschedulable",
            "0/3 nodes are available",
        ),
        ({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}, None, "Evicted", "low on memory"),
        ({"containerStatuses": [STARTING]}, ("FailedMount", "secret not found", 1), "FailedMount", "secret not found"),
        (
            {"containerStatuses": [NOT_READY]},
            ("Unhealthy", "Readiness probe failed: 503", 3),
            "Unhealthy",
            "Readiness probe failed: 503",
        ),
        ({"containerStatuses": [NOT_READY]}, ("Unhealthy", "Readiness probe failed: 503", 1), "", ""),
        ({"containerStatuses": [STARTING]}, None, "", ""),
    ],
)
async def test_every_way_not_to_start_has_its_words(
    namespace: ClusterNamespace,
    cluster: Cluster,
    status: Json,
    event: tuple[str, str, int] | None,
    reason: str,
    message: str,
) -> None:
    """A pod is put into a state that is hard to bring about."""
    await namespace.deploy("main-aaaaaaa", spec={"replicas": 1})
    name = (await namespace.kubectl("get", "pods", "-o", "name")).strip().removeprefix("pod/")
    not_ready = [{"type": "Ready", "status": "False"}]
    path = f"/api/v1/namespaces/{namespace.name}/pods/{name}/status"
    await namespace.api.merge(path, {"status": {"conditions": not_ready, **status}})
    if event is not None:
        await _create_event(namespace, name, *event)

    told = [each for each in await cluster.pod_failures(namespace.target()) if each.pod == name]

    assert [(each.reason, each.message) for each in told] == ([(reason, message)] if reason else [])


async def _create_event(namespace: ClusterNamespace, pod: str, reason: str, message: str, times: int) -> None:
    involved = {"kind": "Pod", "name": pod, "namespace": namespace.name, "fieldPath": "spec.containers{main}"}
    told = {"involvedObject": involved, "type": "Warning", "reason": reason, "message": message, "count": times}
    await namespace.create({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "odd.1"}, **told})


@pytest.mark.usefixtures("real_server")
async def test_a_replica_set_that_may_not_make_pods_says_why(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.api.call(
        "POST",
        f"/api/v1/namespaces/{namespace.name}/limitranges",
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "small"},
            "spec": {"limits": [{"type": "Container", "max": {"memory": "1Mi"}}]},
        },
    )
    await namespace.create(_unschedulable())

    trouble = await _trouble(cluster, namespace, {"FailedCreate"})

    assert "memory" in trouble.message
    assert trouble.pod.startswith("web-")


def _unschedulable() -> Json:
    container = {"name": "main", "image": "registry.example/web:v1", "resources": {"limits": {"memory": "1Gi"}}}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


async def _trouble(cluster: Cluster, namespace: ClusterNamespace, reasons: set[str]) -> PodFailure:
    """The first trouble with one of these reasons."""
    async with asyncio.timeout(SOON):
        while True:
            for each in await cluster.pod_failures(namespace.target()):
                if each.reason in reasons:
                    return each
            await asyncio.sleep(0.05)
