"""Rollouts on the stand-in cluster go as they go on a real one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.cluster import image_id
from tests.harness.stand_in_cluster import (
    DEPLOYMENTS_PATH,
    MERGE,
    ClusterHarness,
    Json,
    condition,
    manifest,
    open_cluster_harness,
    revision_of,
)

WEB = f"{DEPLOYMENTS_PATH}/web"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ClusterHarness]:
    async with open_cluster_harness(tmp_path) as harness:
        yield harness


async def waiting_reason(harness: ClusterHarness, reason: str) -> Json | None:
    for pod in await harness.pods():
        for status in pod["status"].get("containerStatuses", []):
            if status["state"].get("waiting", {}).get("reason") == reason:
                return pod
    return None


async def events(harness: ClusterHarness, reason: str) -> list[Json]:
    items: list[Json] = (await harness.get("/api/v1/namespaces/default/events"))["items"]
    return [event for event in items if event["reason"] == reason]


async def test_a_new_deployment_gets_ready_pods_of_one_replica_set(harness: ClusterHarness) -> None:
    deployment = await harness.deploy("main-1")
    (replica_set,) = await harness.replica_sets()
    digest = replica_set["metadata"]["labels"]["pod-template-hash"]
    assert replica_set["metadata"]["name"] == f"web-{digest}"
    assert replica_set["metadata"]["annotations"] == {
        "deployment.kubernetes.io/revision": "1",
        "deployment.kubernetes.io/desired-replicas": "3",
        "deployment.kubernetes.io/max-replicas": "4",
        "kubernetes.io/change-cause": "first main-1",
    }
    assert condition(deployment, "Available")["reason"] == "MinimumReplicasAvailable"
    assert condition(deployment, "Progressing")["message"] == f'ReplicaSet "web-{digest}" has successfully progressed.'
    pods = await harness.pods()
    assert len(pods) == 3
    for pod in pods:
        (container,) = pod["status"]["containerStatuses"]
        assert container["ready"]
        assert container["imageID"] == image_id("registry.example/web:main-1")
        assert container["imageID"].startswith("registry.example/web@sha256:")
        assert pod["metadata"]["ownerReferences"][0]["uid"] == replica_set["metadata"]["uid"]
        assert {each["type"] for each in pod["status"]["conditions"]} >= {"Ready", "ContainersReady", "PodScheduled"}


async def test_a_rollout_never_has_fewer_ready_pods_than_it_may(harness: ClusterHarness) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    await harness.deploy("main-1", strategy=strategy)
    seen: list[tuple[int, int]] = []
    stop = asyncio.Event()

    async def look() -> None:
        while not stop.is_set():
            status = (await harness.get(WEB))["status"]
            seen.append((status.get("availableReplicas", 0), status["replicas"]))
            await asyncio.sleep(0.002)

    observation = asyncio.create_task(look())
    await harness.set_tag("main-2")
    await harness.wait_rolled_out(WEB)
    stop.set()
    await observation
    assert min(available for available, _ in seen) >= 3
    assert max(total for _, total in seen) == 4


async def test_an_undo_renumbers_the_old_replica_set_and_takes_its_annotations(harness: ClusterHarness) -> None:
    await harness.deploy("main-1")
    await harness.set_tag("main-2", {"kubernetes.io/change-cause": "second"})
    await harness.wait_rolled_out(WEB)
    first, second = await harness.replica_sets()
    await harness.kubectl("-n", "default", "rollout", "undo", "deploy/web", "--to-revision=1")
    deployment = await harness.wait_rolled_out(WEB)
    after = await harness.replica_sets()
    assert [each["metadata"]["name"] for each in after] == [second["metadata"]["name"], first["metadata"]["name"]]
    assert [revision_of(each) for each in after] == [2, 3]
    assert after[1]["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
    assert revision_of(deployment) == 3
    assert deployment["metadata"]["annotations"]["kubernetes.io/change-cause"] == "first main-1"
    labels = first["spec"]["template"]["metadata"]["labels"]
    assert labels.pop("pod-template-hash")
    assert deployment["spec"]["template"] == first["spec"]["template"]


async def test_an_image_that_is_missing_stops_the_rollout_and_passes_its_deadline(harness: ClusterHarness) -> None:
    await harness.deploy("main-1", progressDeadlineSeconds=1)
    await harness.set_tag("bad")
    pod = await harness.wait_until(lambda: waiting_reason(harness, "ImagePullBackOff"), "a pod cannot pull")
    assert pod["status"]["phase"] == "Pending"
    assert pod["status"]["containerStatuses"][0]["imageID"] == ""

    async def overdue() -> bool:
        return bool(condition(await harness.get(WEB), "Progressing")["reason"] == "ProgressDeadlineExceeded")

    await harness.wait_until(overdue, "the deadline passes")
    deployment = await harness.get(WEB)
    assert condition(deployment, "Progressing")["status"] == "False"
    assert deployment["status"]["availableReplicas"] == 3
    told = await events(harness, "Failed")
    assert any("not found" in event["message"] for event in told)
    assert max(event["count"] for event in await events(harness, "BackOff")) > 1


async def test_a_crashing_image_restarts_and_leaves_a_traceback(harness: ClusterHarness) -> None:
    await harness.deploy("main-1")
    await harness.set_tag("main-crash")

    async def restarted() -> Json | None:
        pod = await waiting_reason(harness, "CrashLoopBackOff")
        return pod if pod and pod["status"]["containerStatuses"][0]["restartCount"] >= 2 else None

    pod = await harness.wait_until(restarted, "a pod crashes twice")
    status = pod["status"]["containerStatuses"][0]
    assert status["lastState"]["terminated"]["exitCode"] == 1
    assert not status["ready"]
    for previous in (False, True):
        log = await harness.core.read_namespaced_pod_log(pod["metadata"]["name"], "default", previous=previous)
        assert log.rstrip().endswith("KeyError: 'CACHE_TTL_SECONDS'")
        assert "password=hunter2" in log


@pytest.mark.parametrize(("tag", "rolls_out"), [("main-bad5eed", True), ("badger", True), ("v2-slow", True), ("v2-bad", False)])
async def test_trouble_is_asked_for_by_a_whole_word_of_the_tag(harness: ClusterHarness, tag: str, *, rolls_out: bool) -> None:
    await harness.deploy("main-1", replicas=1)
    await harness.set_tag(tag)
    if rolls_out:
        await harness.wait_rolled_out(WEB)
    else:
        assert await harness.wait_until(lambda: waiting_reason(harness, "ImagePullBackOff"), "it cannot pull")


async def test_scaling_in_the_middle_of_a_rollout_shares_the_new_pods(harness: ClusterHarness) -> None:
    await harness.deploy("main-1", replicas=4)
    await harness.set_tag("bad")
    await harness.wait_until(lambda: waiting_reason(harness, "ImagePullBackOff"), "the rollout is stuck")
    await harness.call("PATCH", f"{WEB}/scale", {"spec": {"replicas": 8}}, MERGE)

    async def shared() -> list[int] | None:
        sizes = [each["spec"]["replicas"] for each in await harness.replica_sets()]
        return sizes if sum(sizes) == 10 else None

    old, new = await harness.wait_until(shared, "old and new grow to 8 + 25 %")
    assert old > 3
    assert new > 2


async def test_a_paused_deployment_scales_but_brings_no_new_template(harness: ClusterHarness) -> None:
    await harness.deploy("main-1")
    await harness.call("PATCH", WEB, {"spec": {"paused": True}}, MERGE)
    await harness.set_tag("main-2")
    await harness.call("PATCH", WEB, {"spec": {"replicas": 2}}, MERGE)

    async def shrunk() -> bool:
        deployment = await harness.get(WEB)
        return bool(deployment["status"].get("replicas") == 2 and deployment["status"]["observedGeneration"] == 4)

    await harness.wait_until(shrunk, "it scales")
    assert len(await harness.replica_sets()) == 1
    assert condition(await harness.get(WEB), "Progressing")["reason"] == "DeploymentPaused"
    await harness.call("PATCH", WEB, {"spec": {"paused": None}}, MERGE)
    deployment = await harness.wait_rolled_out(WEB)
    assert revision_of(deployment) == 2


async def test_recreate_ends_every_old_pod_before_the_first_new_one(harness: ClusterHarness) -> None:
    await harness.deploy("main-1", strategy={"type": "Recreate"})
    old = {pod["metadata"]["uid"] for pod in await harness.pods()}
    together: list[Any] = []

    async def rolled() -> bool:
        pods = await harness.pods()
        uids = {pod["metadata"]["uid"] for pod in pods}
        together.append(bool(uids & old) and bool(uids - old))
        return len(uids - old) == 3 and not uids & old

    await harness.set_tag("main-2")
    await harness.wait_until(rolled, "all pods are new")
    assert not any(together)
    await harness.wait_rolled_out(WEB)


async def test_old_replica_sets_beyond_the_limit_are_forgotten(harness: ClusterHarness) -> None:
    await harness.deploy("main-1", revisionHistoryLimit=2, replicas=1)
    for number in (2, 3, 4, 5):
        await harness.set_tag(f"main-{number}")
        await harness.wait_rolled_out(WEB)

    async def tidy() -> bool:
        return [revision_of(each) for each in await harness.replica_sets()] == [3, 4, 5]

    await harness.wait_until(tidy, "two old ones and the current one are left")


async def test_an_annotation_makes_a_generation_but_no_revision(harness: ClusterHarness) -> None:
    before = await harness.deploy("main-1")
    _, after = await harness.call("PATCH", WEB, {"metadata": {"annotations": {"deepecho/operation": "op-1"}}}, MERGE)
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
    await harness.wait_rolled_out(WEB)
    (replica_set,) = await harness.replica_sets()
    assert replica_set["metadata"]["annotations"]["deepecho/operation"] == "op-1"
    assert revision_of(await harness.get(WEB)) == 1
    _, labelled = await harness.call("PATCH", WEB, {"metadata": {"labels": {"team": "echo"}}}, MERGE)
    assert labelled["metadata"]["generation"] == after["metadata"]["generation"]


async def test_pods_that_are_deleted_are_replaced_and_a_deleted_deployment_takes_everything_along(
    harness: ClusterHarness,
) -> None:
    await harness.deploy("main-1")
    victim = (await harness.pods())[0]["metadata"]
    _, ending = await harness.call("DELETE", f"/api/v1/namespaces/default/pods/{victim['name']}")
    assert ending["metadata"]["deletionTimestamp"]

    async def healed() -> bool:
        pods = await harness.pods()
        ready = [pod for pod in pods if pod["status"].get("containerStatuses", [{"ready": False}])[0]["ready"]]
        return len(pods) == len(ready) == 3 and victim["uid"] not in {pod["metadata"]["uid"] for pod in pods}

    await harness.wait_until(healed, "three others")
    await harness.call("DELETE", WEB)

    async def gone() -> bool:
        return not await harness.pods() and not await harness.replica_sets()

    await harness.wait_until(gone, "nothing is left")


async def test_min_ready_seconds_are_waited_for(harness: ClusterHarness) -> None:
    await harness.call("POST", DEPLOYMENTS_PATH, manifest("main-1", replicas=1, minReadySeconds=1))

    async def ready_only() -> bool:
        status = (await harness.get(WEB)).get("status", {})
        return bool(status.get("readyReplicas") == 1 and "availableReplicas" not in status)

    await harness.wait_until(ready_only, "ready, but not yet available")
    await harness.wait_rolled_out(WEB)
