"""Reads of the stand-in's API: selectors, pages, lists, metadata, the client library."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from kubernetes_asyncio.client import ApiException, AutoscalingV2Api

from tests.harness.stand_in_cluster import (
    DEPLOYMENTS_PATH,
    ClusterHarness,
    open_cluster_harness,
)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ClusterHarness]:
    async with open_cluster_harness(tmp_path) as harness:
        yield harness


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("labelSelector=tier%3Dfront", ["a"]),
        ("labelSelector=tier!%3Dfront", ["b", "c"]),
        ("labelSelector=tier+in+(front,back)", ["a", "b"]),
        ("labelSelector=tier+notin+(front),app", ["b"]),
        ("labelSelector=!tier", ["c"]),
        ("fieldSelector=metadata.name%3Db", ["b"]),
        ("fieldSelector=metadata.name!%3Db,metadata.namespace%3Ddefault", ["a", "c"]),
    ],
)
async def test_selectors(harness: ClusterHarness, selector: str, names: list[str]) -> None:
    labels: dict[str, dict[str, str]] = {"a": {"tier": "front", "app": "x"}, "b": {"tier": "back", "app": "x"}, "c": {}}
    for name, chosen in labels.items():
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": chosen}}
        harness.cluster.create(config)
    found = await harness.get(f"/api/v1/namespaces/default/configmaps?{selector}")
    assert [each["metadata"]["name"] for each in found["items"]] == names


async def test_events_are_chosen_by_what_they_are_about(harness: ClusterHarness) -> None:
    await harness.deploy()
    pod = (await harness.pods())[0]["metadata"]["name"]
    found = await harness.core.list_namespaced_event(
        "default", field_selector=f"involvedObject.name={pod},involvedObject.kind=Pod"
    )
    reasons = {event.reason for event in found.items}
    assert reasons == {"Scheduled", "Pulling", "Pulled", "Created", "Started"}
    newer = await harness.get(f"/apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=regarding.name={pod}")
    assert {event["reason"] for event in newer["items"]} == reasons
    assert {event["note"] for event in newer["items"]} == {event.message for event in found.items}


async def test_pages(harness: ClusterHarness) -> None:
    await harness.deploy(replicas=5)
    names: list[str] = []
    token = ""
    while not names or token:
        page = await harness.core.list_namespaced_pod("default", limit=2, _continue=token)
        names += [pod.metadata.name for pod in page.items]
        token = page.metadata._continue or ""
    assert len(names) == len(set(names)) == 5
    first = await harness.core.list_namespaced_pod("default", limit=2)
    harness.cluster.compact()
    with pytest.raises(ApiException) as gone:
        await harness.core.list_namespaced_pod("default", limit=2, _continue=first.metadata._continue)
    assert gone.value.status == 410


async def test_a_list_has_no_kinds_inside_and_an_object_has_one(harness: ClusterHarness) -> None:
    found = await harness.deploy()
    assert (found["kind"], found["apiVersion"]) == ("Deployment", "apps/v1")
    listed = await harness.get(DEPLOYMENTS_PATH)
    assert (listed["kind"], listed["items"][0].get("kind")) == ("DeploymentList", None)


async def test_metadata_alone_can_be_asked_for(harness: ClusterHarness) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"key": "hunter2"}}
    await harness.call("POST", "/api/v1/namespaces/default/secrets", secret)
    wish = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
    async with harness.http.get(f"{harness.cluster.url}/api/v1/namespaces/default/secrets", headers=wish) as answer:
        listed = await answer.json()
    assert listed["kind"] == "PartialObjectMetadataList"
    assert [each["metadata"]["name"] for each in listed["items"]] == ["keys"]
    assert "data" not in listed["items"][0]
    whole = await harness.get("/api/v1/namespaces/default/secrets/keys")
    assert whole["data"] == {"key": "aHVudGVyMg=="}
    assert "stringData" not in whole


async def test_the_client_library_reads_everything_it_knows(tmp_path: Path) -> None:
    async with open_cluster_harness(tmp_path, seeded=True) as harness:
        assert len((await harness.apps.list_deployment_for_all_namespaces()).items) == 14
        assert len((await harness.core.list_config_map_for_all_namespaces()).items) == 3
        assert len((await harness.core.list_namespace()).items) == 7
        (hpa,) = (await AutoscalingV2Api(harness.api).list_namespaced_horizontal_pod_autoscaler("deep-echo-prod")).items
        assert (hpa.spec.min_replicas, hpa.spec.max_replicas, hpa.status.current_replicas) == (3, 20, 6)
