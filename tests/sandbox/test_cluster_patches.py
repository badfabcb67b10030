"""Writes of the stand-in's API: the four patch types, server-side apply, versions."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness.stand_in_calls import WEB, image, patched, refused
from tests.harness.stand_in_cluster import (
    APPLY,
    JSON_PATCH,
    MERGE,
    STRATEGIC,
    ClusterHarness,
    Json,
    manifest,
    open_cluster_harness,
)

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ClusterHarness]:
    async with open_cluster_harness(tmp_path) as harness:
        yield harness


async def test_json_patch(harness: ClusterHarness) -> None:
    before = await harness.deploy()
    template = manifest("main-2")["spec"]["template"]
    operations: list[Json] = [
        {"op": "test", "path": "/spec/replicas", "value": 3},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": before["metadata"]["resourceVersion"]},
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "add", "path": "/metadata/annotations/deepecho~1operation", "value": "op-1"},
    ]
    after = await patched(harness, operations, JSON_PATCH)
    assert image(after).endswith(":main-2")
    assert after["metadata"]["annotations"]["deepecho/operation"] == "op-1"
    stale = await refused(harness, "PATCH", WEB, operations[1:], JSON_PATCH)
    assert (stale["code"], stale["reason"]) == (409, "Conflict")
    assert stale["message"] == f'Operation cannot be fulfilled on deployments.apps "web": {MODIFIED}'


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/spec/replicas", "value": 4},
        {"op": "remove", "path": "/metadata/nothing"},
        {"op": "replace", "path": "/spec/template/spec/containers/7", "value": {}},
        {"op": "jump", "path": "/spec"},
        {"op": "add", "path": "no-slash", "value": 1},
    ],
)
async def test_a_json_patch_that_cannot_be_applied_is_invalid_without_a_cause(harness: ClusterHarness, operation: Json) -> None:
    await harness.deploy()
    answer = await refused(harness, "PATCH", WEB, [operation], JSON_PATCH)
    assert (answer["code"], answer["reason"], answer["details"]) == (422, "Invalid", {})
    assert answer["message"] == "the server rejected our request due to an error in our request"


async def test_merge_patch_replaces_lists_and_removes_with_null(harness: ClusterHarness) -> None:
    await harness.deploy()
    containers = [{"name": "other", "image": "registry.example/other:1"}]
    patch: Json = {"spec": {"template": {"spec": {"containers": containers}}}}
    patch["metadata"] = {"annotations": {"kubernetes.io/change-cause": None}}
    after = await patched(harness, patch, MERGE)
    assert [each["name"] for each in after["spec"]["template"]["spec"]["containers"]] == ["other"]
    assert "kubernetes.io/change-cause" not in after["metadata"]["annotations"]


async def test_strategic_merge_patch_merges_lists_by_their_keys(harness: ClusterHarness) -> None:
    await harness.deploy()
    pod = {
        "containers": [
            {"name": "main", "env": [{"name": "DEPTH", "value": "2"}, {"name": "GREETING", "$patch": "delete"}]},
            {"name": "side", "image": "registry.example/side:1", "ports": [{"containerPort": 80, "name": "http"}]},
        ],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    await patched(harness, {"spec": {"template": {"spec": pod}}}, STRATEGIC)
    again = {"containers": [{"name": "side", "ports": [{"containerPort": 81}]}], "volumes": [{"name": "tmp", "$patch": "delete"}]}
    after = await patched(harness, {"spec": {"template": {"spec": again}}}, STRATEGIC)
    main, side = after["spec"]["template"]["spec"]["containers"]
    assert main["env"] == [{"name": "DEPTH", "value": "2"}]
    assert main["image"] == "registry.example/web:main-1"
    assert [port["containerPort"] for port in side["ports"]] == [80, 81]
    assert after["spec"]["template"]["spec"].get("volumes", []) == []


async def test_server_side_apply_creates_merges_and_knows_owners(harness: ClusterHarness) -> None:
    path = f"{WEB}?fieldManager=pipeline"
    status, created = await harness.call("PATCH", path, manifest("main-1"), APPLY)
    assert status == 201
    assert created["metadata"]["managedFields"][0]["manager"] == "pipeline"
    await harness.call("PATCH", f"{WEB}?fieldManager=hand", {"spec": {"replicas": 5}}, MERGE)
    answer = await refused(harness, "PATCH", path, manifest("main-2"), APPLY)
    assert answer["message"] == 'Apply failed with 1 conflict: conflict with "hand" using apps/v1: .spec.replicas'
    assert answer["details"]["causes"][0]["reason"] == "FieldManagerConflict"
    forced = await patched(harness, manifest("main-2"), APPLY, f"{path}&force=true")
    assert (forced["spec"]["replicas"], image(forced)) == (3, "registry.example/web:main-2")
    wanted = manifest("main-2")
    del wanted["metadata"]["annotations"]
    dropped = await patched(harness, wanted, APPLY, path)
    assert "kubernetes.io/change-cause" not in dropped["metadata"].get("annotations", {})
    assert (await refused(harness, "PATCH", WEB, manifest(), APPLY))["code"] == 422


async def test_put_needs_the_newest_version(harness: ClusterHarness) -> None:
    read = await harness.deploy()
    read["spec"]["replicas"] = 2
    status, written = await harness.call("PUT", WEB, read)
    assert (status, written["spec"]["replicas"]) == (200, 2)
    assert (await refused(harness, "PUT", WEB, read))["reason"] == "Conflict"


async def test_a_change_that_changes_nothing_makes_no_version(harness: ClusterHarness) -> None:
    before = await harness.deploy()
    after = await patched(harness, {"spec": {"replicas": 3}}, MERGE)
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
