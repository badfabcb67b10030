"""StatefulSets and DaemonSets of the stand-in cluster go as their controllers in a real one do."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.cluster import node
from sandbox.cluster.resources import NODES
from tests.harness.stand_in_cluster import MERGE, ClusterHarness, Json, manifest, open_cluster_harness

APPS = "/apis/apps/v1/namespaces/default"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ClusterHarness]:
    async with open_cluster_harness(tmp_path) as harness:
        yield harness


async def create(harness: ClusterHarness, kind: str, **spec: Any) -> str:
    """A workload of this kind that runs main-1, with all its pods ready. Returns its path."""
    created = manifest("main-1", **spec)
    created["kind"] = kind
    if kind == "DaemonSet":
        del created["spec"]["replicas"]
    path = f"{APPS}/{kind.lower()}s"
    status, answer = await harness.call("POST", path, created)
    assert status == 201, answer
    await ready(harness, 1 if kind == "DaemonSet" else spec.get("replicas", 3))
    return f"{path}/web"


async def ready(harness: ClusterHarness, count: int, tag: str = "") -> list[Json]:
    """The pods, once so many are ready, of this tag where one is given."""

    async def look() -> list[Json]:
        pods = [pod for pod in await harness.pods() if is_ready(pod)]
        found = [pod for pod in pods if tag in tag_of(pod)]
        return found if len(found) == count else []

    found: list[Json] = await harness.wait_until(look, f"{count} pods of {tag or 'any tag'} are ready")
    return found


def is_ready(pod: Json) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def tag_of(pod: Json) -> str:
    return str(pod["spec"]["containers"][0]["image"].rpartition(":")[2])


async def set_tag(harness: ClusterHarness, path: str, tag: str) -> None:
    container = {"name": "main", "image": f"registry.example/web:{tag}"}
    status, answer = await harness.call("PATCH", path, {"spec": {"template": {"spec": {"containers": [container]}}}}, MERGE)
    assert status == 200, answer


async def by_name(harness: ClusterHarness) -> dict[str, str]:
    return {pod["metadata"]["name"]: tag_of(pod) for pod in await harness.pods()}


async def revisions(harness: ClusterHarness) -> list[int]:
    items: list[Json] = (await harness.get(f"{APPS}/controllerrevisions"))["items"]
    return sorted(each["revision"] for each in items)


async def test_a_stateful_set_replaces_the_highest_pod_first_and_never_two_at_once(harness: ClusterHarness) -> None:
    path = await create(harness, "StatefulSet", serviceName="web")
    assert sorted(await by_name(harness)) == ["web-0", "web-1", "web-2"]
    await set_tag(harness, path, "main-2")
    seen: list[tuple[str, ...]] = []
    async with asyncio.timeout(20):
        while set((tags := await by_name(harness)).values()) != {"main-2"} or len(tags) < 3:
            new = tuple(sorted(name for name, tag in tags.items() if tag == "main-2"))
            seen += [new] if new not in seen else []
            assert len(tags) >= 2, "more than one pod was missing"
            await asyncio.sleep(0.002)
    assert all(new in ((), ("web-2",), ("web-1", "web-2"), ("web-1",), ("web-0", "web-1", "web-2")) for new in seen)
    assert await revisions(harness) == [1, 2]


async def test_a_bad_pod_holds_up_those_below_it(harness: ClusterHarness) -> None:
    path = await create(harness, "StatefulSet", serviceName="web")
    await set_tag(harness, path, "main-bad")

    async def highest_is_bad() -> bool:
        return (await by_name(harness)).get("web-2") == "main-bad"

    await harness.wait_until(highest_is_bad, "the highest pod is replaced")
    await ready(harness, 2, "main-1")
    status = (await harness.get(path))["status"]
    assert (status["readyReplicas"], status["updatedReplicas"], status["currentReplicas"]) == (2, 1, 2)
    assert status["currentRevision"] != status["updateRevision"]


async def test_behind_a_partition_a_deleted_pod_comes_back_as_it_was(harness: ClusterHarness) -> None:
    path = await create(
        harness, "StatefulSet", serviceName="web", ordinals={"start": 5}, updateStrategy={"rollingUpdate": {"partition": 2}}
    )
    await set_tag(harness, path, "main-2")
    await ready(harness, 1, "main-2")
    await harness.kubectl("delete", "pod", "web-5", "--namespace=default", "--wait=false")
    await ready(harness, 3)
    assert await by_name(harness) == {"web-5": "main-1", "web-6": "main-1", "web-7": "main-2"}


async def test_an_undo_numbers_the_earlier_revision_anew(harness: ClusterHarness) -> None:
    path = await create(harness, "StatefulSet", serviceName="web", replicas=1)
    await set_tag(harness, path, "main-2")
    await ready(harness, 1, "main-2")
    await harness.kubectl("rollout", "undo", "statefulset/web", "--namespace=default")
    await ready(harness, 1, "main-1")
    assert await revisions(harness) == [2, 3]


async def test_history_beyond_its_limit_is_forgotten(harness: ClusterHarness) -> None:
    path = await create(harness, "StatefulSet", serviceName="web", replicas=1, revisionHistoryLimit=1)
    for number in (2, 3, 4):
        await set_tag(harness, path, f"main-{number}")
        await ready(harness, 1, f"main-{number}")

    async def settled() -> bool:
        return await revisions(harness) == [3, 4]

    await harness.wait_until(settled, "one earlier revision is left")


async def test_a_daemon_set_follows_its_nodes(harness: ClusterHarness) -> None:
    path = await create(harness, "DaemonSet")
    harness.cluster.create(node("stand-in-2"))
    pods = await ready(harness, 2)
    assert sorted(pod["spec"]["nodeName"] for pod in pods) == ["stand-in-1", "stand-in-2"]
    assert (await harness.get(path))["status"]["desiredNumberScheduled"] == 2
    await set_tag(harness, path, "main-2")
    await ready(harness, 2, "main-2")
    await harness.kubectl("rollout", "status", "daemonset/web", "--namespace=default", "--timeout=20s")

    harness.cluster.store.modify(NODES, ("", "stand-in-2"), lambda each: each["metadata"].update(labels={"disk": "fast"}))
    selector = {"spec": {"template": {"spec": {"nodeSelector": {"disk": "fast"}}}}}
    assert (await harness.call("PATCH", path, selector, MERGE))[0] == 200

    async def moved() -> bool:
        pods = [pod for pod in await harness.pods() if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]]
        return [pod["spec"]["nodeName"] for pod in pods] == ["stand-in-2"]

    await harness.wait_until(moved, "only the selected node has a pod")


async def test_a_daemon_set_with_on_delete_waits_for_whoever_deletes_its_pod(harness: ClusterHarness) -> None:
    path = await create(harness, "DaemonSet", updateStrategy={"type": "OnDelete"})
    await set_tag(harness, path, "main-2")

    async def observed() -> bool:
        found = await harness.get(path)
        return bool(found["status"]["observedGeneration"] == found["metadata"]["generation"])

    await harness.wait_until(observed, "the controller knows the new template")
    (name,) = await by_name(harness)
    assert "updatedNumberScheduled" not in (await harness.get(path))["status"]
    await harness.kubectl("delete", "pod", name, "--namespace=default", "--wait=false")
    await ready(harness, 1, "main-2")
