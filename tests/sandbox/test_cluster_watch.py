"""Watches of the stand-in cluster, with the client library and bare."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from kubernetes_asyncio.client import ApiException
from kubernetes_asyncio.watch import Watch

from sandbox.cluster import ClusterFault
from tests.harness.stand_in_cluster import DEPLOYMENTS_PATH, MERGE, ClusterHarness, Json, manifest, open_cluster_harness

CONFIGS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ClusterHarness]:
    async with open_cluster_harness(tmp_path, bookmark_every=0.05) as harness:
        yield harness


def config(name: str, **labels: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": {}}


@asynccontextmanager
async def open_watch(harness: ClusterHarness, path: str, **query: str) -> AsyncIterator[aiohttp.StreamReader]:
    async with harness.http.get(harness.cluster.url + path, params={"watch": "true", **query}) as answer:
        assert answer.status == 200
        yield answer.content


async def next_event(lines: aiohttp.StreamReader) -> Json:
    async with asyncio.timeout(5):
        event: Json = json.loads(await lines.readline())
    return event


def type_and_name(event: Json) -> tuple[str, str]:
    return event["type"], event["object"]["metadata"].get("name", "")


async def test_what_is_there_then_what_changes_then_what_goes(harness: ClusterHarness) -> None:
    await harness.call("POST", CONFIGS, config("a"))
    async with open_watch(harness, CONFIGS) as lines:
        seen = [type_and_name(await next_event(lines))]
        await harness.call("POST", CONFIGS, config("b"))
        await harness.call("PATCH", f"{CONFIGS}/a", {"data": {"k": "v"}}, MERGE)
        await harness.call("DELETE", f"{CONFIGS}/b")
        seen += [type_and_name(await next_event(lines)) for _ in range(3)]
    assert seen == [("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]


async def test_a_watch_goes_on_from_a_list(harness: ClusterHarness) -> None:
    await harness.call("POST", CONFIGS, config("a"))
    version = (await harness.get(CONFIGS))["metadata"]["resourceVersion"]
    await harness.call("POST", CONFIGS, config("b"))
    async with open_watch(harness, CONFIGS, resourceVersion=version) as lines:
        assert type_and_name(await next_event(lines)) == ("ADDED", "b")


async def test_an_object_comes_into_sight_and_leaves_it_by_its_labels(harness: ClusterHarness) -> None:
    await harness.call("POST", CONFIGS, config("a", tier="back"))
    async with open_watch(harness, CONFIGS, labelSelector="tier=front") as lines:
        for tier in ("front", "back"):
            await harness.call("PATCH", f"{CONFIGS}/a", {"metadata": {"labels": {"tier": tier}}}, MERGE)
        assert [type_and_name(await next_event(lines)) for _ in range(2)] == [("ADDED", "a"), ("DELETED", "a")]


async def test_bookmarks_tell_how_far_it_is_though_nothing_happened_here(harness: ClusterHarness) -> None:
    async with open_watch(harness, CONFIGS, allowWatchBookmarks="true") as lines:
        first = await next_event(lines)
        await harness.call("POST", DEPLOYMENTS_PATH, manifest(replicas=0))
        await harness.wait_rolled_out(f"{DEPLOYMENTS_PATH}/web")
        later = await next_event(lines)
        while int(later["object"]["metadata"]["resourceVersion"]) == int(first["object"]["metadata"]["resourceVersion"]):
            later = await next_event(lines)
    assert (first["type"], later["type"]) == ("BOOKMARK", "BOOKMARK")
    assert later["object"]["kind"] == "ConfigMap"


async def test_a_watch_list_ends_its_beginning_with_a_marked_bookmark(harness: ClusterHarness) -> None:
    await harness.call("POST", CONFIGS, config("a"))
    query = {"sendInitialEvents": "true", "allowWatchBookmarks": "true", "resourceVersionMatch": "NotOlderThan"}
    async with open_watch(harness, CONFIGS, **query) as lines:
        assert type_and_name(await next_event(lines)) == ("ADDED", "a")
        assert (await next_event(lines))["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_the_client_library_is_told_410_after_a_compaction(harness: ClusterHarness) -> None:
    await harness.call("POST", CONFIGS, config("a"))
    version = (await harness.core.list_namespaced_config_map("default")).metadata.resource_version
    harness.cluster.compact()
    watch = Watch()
    stream: Any = watch.stream(harness.core.list_namespaced_config_map, "default", resource_version=version, timeout_seconds=5)
    with pytest.raises(ApiException) as gone:
        await anext(stream)
    await watch.close()
    assert gone.value.status == 410
    assert "too old resource version" in (gone.value.reason or "")


async def test_410_can_also_be_the_answer_itself(harness: ClusterHarness) -> None:
    harness.cluster.inject_fault(ClusterFault(kind="status", status=410, path_prefix=CONFIGS))
    status, answer = await harness.call("GET", f"{CONFIGS}?watch=true&resourceVersion=5")
    assert (status, answer["reason"]) == (410, "Expired")


async def test_a_short_history_forgets(tmp_path: Path) -> None:
    async with open_cluster_harness(tmp_path, history=3) as harness:
        version = (await harness.get(CONFIGS))["metadata"]["resourceVersion"]
        for name in "abcd":
            await harness.call("POST", CONFIGS, config(name))
        async with open_watch(harness, CONFIGS, resourceVersion=version) as lines:
            event = await next_event(lines)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


async def test_a_watch_ends_when_its_time_is_over(harness: ClusterHarness) -> None:
    async with open_watch(harness, CONFIGS, timeoutSeconds="1") as lines, asyncio.timeout(5):
        assert await lines.read() == b""


async def test_dropped_watches_end_at_once_and_can_be_taken_up_again(harness: ClusterHarness) -> None:
    await harness.call("POST", CONFIGS, config("a"))
    async with open_watch(harness, CONFIGS) as lines:
        version = (await next_event(lines))["object"]["metadata"]["resourceVersion"]
        assert harness.cluster.drop_watches() == 1
        with pytest.raises(aiohttp.ClientPayloadError):
            await lines.read()
    await harness.call("POST", CONFIGS, config("b"))
    async with open_watch(harness, CONFIGS, resourceVersion=version) as lines:
        assert type_and_name(await next_event(lines)) == ("ADDED", "b")


async def test_the_client_library_follows_a_rollout(harness: ClusterHarness) -> None:
    await harness.deploy()
    version = (await harness.get(DEPLOYMENTS_PATH))["metadata"]["resourceVersion"]
    await harness.set_tag("main-2")
    updated: list[int] = []
    watch = Watch()
    stream: Any = watch.stream(
        harness.apps.list_namespaced_deployment,
        "default",
        resource_version=version,
        timeout_seconds=10,
        field_selector="metadata.name=web",
    )
    async for event in stream:
        status = event["object"].status
        if status.observed_generation < event["object"].metadata.generation:
            continue
        updated.append(status.updated_replicas or 0)
        if status.updated_replicas == status.available_replicas == status.replicas == 3:
            break
    await watch.close()
    assert updated[-1] == 3
    assert 1 in updated


async def test_a_reader_who_leaves_leaves_nothing_behind(harness: ClusterHarness) -> None:
    async with open_watch(harness, CONFIGS, allowWatchBookmarks="true") as lines:
        await next_event(lines)
        assert (await harness.get("/_control/state"))["watches"] == 1

    async def gone() -> bool:
        return bool((await harness.get("/_control/state"))["watches"] == 0)

    await harness.wait_until(gone, "the watch is forgotten")
