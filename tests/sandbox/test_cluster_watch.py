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

from sandbox.cluster import Fault
from tests.harness.stand_in_cluster import APP, MERGE, Bench, Json, manifest, running

CONFIGS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with running(tmp_path, bookmark_every=0.05) as bench:
        yield bench


def config(name: str, **labels: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": {}}


@asynccontextmanager
async def watching(bench: Bench, path: str, **query: str) -> AsyncIterator[aiohttp.StreamReader]:
    async with bench.http.get(bench.cluster.url + path, params={"watch": "true", **query}) as answer:
        assert answer.status == 200
        yield answer.content


async def told(lines: aiohttp.StreamReader) -> Json:
    async with asyncio.timeout(5):
        event: Json = json.loads(await lines.readline())
    return event


def short(event: Json) -> tuple[str, str]:
    return event["type"], event["object"]["metadata"].get("name", "")


async def test_what_is_there_then_what_changes_then_what_goes(bench: Bench) -> None:
    await bench.call("POST", CONFIGS, config("a"))
    async with watching(bench, CONFIGS) as lines:
        seen = [short(await told(lines))]
        await bench.call("POST", CONFIGS, config("b"))
        await bench.call("PATCH", f"{CONFIGS}/a", {"data": {"k": "v"}}, MERGE)
        await bench.call("DELETE", f"{CONFIGS}/b")
        seen += [short(await told(lines)) for _ in range(3)]
    assert seen == [("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]


async def test_a_watch_goes_on_from_a_list(bench: Bench) -> None:
    await bench.call("POST", CONFIGS, config("a"))
    version = (await bench.get(CONFIGS))["metadata"]["resourceVersion"]
    await bench.call("POST", CONFIGS, config("b"))
    async with watching(bench, CONFIGS, resourceVersion=version) as lines:
        assert short(await told(lines)) == ("ADDED", "b")


async def test_an_object_comes_into_sight_and_leaves_it_by_its_labels(bench: Bench) -> None:
    await bench.call("POST", CONFIGS, config("a", tier="back"))
    async with watching(bench, CONFIGS, labelSelector="tier=front") as lines:
        for tier in ("front", "back"):
            await bench.call("PATCH", f"{CONFIGS}/a", {"metadata": {"labels": {"tier": tier}}}, MERGE)
        assert [short(await told(lines)) for _ in range(2)] == [("ADDED", "a"), ("DELETED", "a")]


async def test_bookmarks_tell_how_far_it_is_though_nothing_happened_here(bench: Bench) -> None:
    async with watching(bench, CONFIGS, allowWatchBookmarks="true") as lines:
        first = await told(lines)
        await bench.call("POST", APP, manifest(replicas=0))
        await bench.complete(f"{APP}/web")
        later = await told(lines)
        while int(later["object"]["metadata"]["resourceVersion"]) == int(first["object"]["metadata"]["resourceVersion"]):
            later = await told(lines)
    assert (first["type"], later["type"]) == ("BOOKMARK", "BOOKMARK")
    assert later["object"]["kind"] == "ConfigMap"


async def test_a_watch_list_ends_its_beginning_with_a_marked_bookmark(bench: Bench) -> None:
    await bench.call("POST", CONFIGS, config("a"))
    query = {"sendInitialEvents": "true", "allowWatchBookmarks": "true", "resourceVersionMatch": "NotOlderThan"}
    async with watching(bench, CONFIGS, **query) as lines:
        assert short(await told(lines)) == ("ADDED", "a")
        assert (await told(lines))["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_the_client_library_is_told_410_after_a_compaction(bench: Bench) -> None:
    await bench.call("POST", CONFIGS, config("a"))
    version = (await bench.core.list_namespaced_config_map("default")).metadata.resource_version
    bench.cluster.compact()
    watch = Watch()
    stream: Any = watch.stream(bench.core.list_namespaced_config_map, "default", resource_version=version, timeout_seconds=5)
    with pytest.raises(ApiException) as gone:
        await anext(stream)
    await watch.close()
    assert gone.value.status == 410
    assert "too old resource version" in (gone.value.reason or "")


async def test_410_can_also_be_the_answer_itself(bench: Bench) -> None:
    bench.cluster.fail(Fault(kind="status", status=410, path_prefix=CONFIGS))
    status, answer = await bench.call("GET", f"{CONFIGS}?watch=true&resourceVersion=5")
    assert (status, answer["reason"]) == (410, "Expired")


async def test_a_short_history_forgets(tmp_path: Path) -> None:
    async with running(tmp_path, history=3) as bench:
        version = (await bench.get(CONFIGS))["metadata"]["resourceVersion"]
        for name in "abcd":
            await bench.call("POST", CONFIGS, config(name))
        async with watching(bench, CONFIGS, resourceVersion=version) as lines:
            event = await told(lines)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


async def test_a_watch_ends_when_its_time_is_over(bench: Bench) -> None:
    async with watching(bench, CONFIGS, timeoutSeconds="1") as lines, asyncio.timeout(5):
        assert await lines.read() == b""


async def test_dropped_watches_end_at_once_and_can_be_taken_up_again(bench: Bench) -> None:
    await bench.call("POST", CONFIGS, config("a"))
    async with watching(bench, CONFIGS) as lines:
        version = (await told(lines))["object"]["metadata"]["resourceVersion"]
        assert bench.cluster.drop_watches() == 1
        with pytest.raises(aiohttp.ClientPayloadError):
            await lines.read()
    await bench.call("POST", CONFIGS, config("b"))
    async with watching(bench, CONFIGS, resourceVersion=version) as lines:
        assert short(await told(lines)) == ("ADDED", "b")


async def test_the_client_library_follows_a_rollout(bench: Bench) -> None:
    await bench.deploy()
    version = (await bench.get(APP))["metadata"]["resourceVersion"]
    await bench.set_tag("main-2")
    updated: list[int] = []
    watch = Watch()
    stream: Any = watch.stream(
        bench.apps.list_namespaced_deployment,
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


async def test_a_reader_who_leaves_leaves_nothing_behind(bench: Bench) -> None:
    async with watching(bench, CONFIGS, allowWatchBookmarks="true") as lines:
        await told(lines)
        assert (await bench.get("/_control/state"))["watches"] == 1

    async def gone() -> bool:
        return bool((await bench.get("/_control/state"))["watches"] == 0)

    await bench.until(gone, "the watch is forgotten")
