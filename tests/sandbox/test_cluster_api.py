"""Answers of the stand-in's API: what is refused and how, the four patch types, selectors, pages, dry runs."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes_asyncio.client import ApiException, AutoscalingV2Api

from sandbox.cluster import EXPIRED_TOKEN, VIEWER_TOKEN
from tests.harness.stand_in_cluster import (
    APPLY,
    DEPLOYMENTS_PATH,
    JSON_PATCH,
    MERGE,
    STRATEGIC,
    ClusterHarness,
    Json,
    manifest,
    open_cluster_harness,
)

WEB = f"{DEPLOYMENTS_PATH}/web"
MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ClusterHarness]:
    async with open_cluster_harness(tmp_path) as harness:
        yield harness


async def refused(harness: ClusterHarness, method: str, path: str, body: object = None, kind: str = "application/json") -> Json:
    """The Status of a refusal, with the HTTP status equal to its code."""
    status, answer = await harness.call(method, path, body, kind)
    assert status >= 400, answer
    assert (answer["kind"], answer["status"], answer["code"]) == ("Status", "Failure", status)
    return answer


async def patched(harness: ClusterHarness, body: object, kind: str, path: str = WEB) -> Json:
    status, answer = await harness.call("PATCH", path, body, kind)
    assert status in (200, 201), answer
    return answer


def image(deployment: Json) -> str:
    found: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    return found


async def test_what_is_not_there_and_what_is_there_twice(harness: ClusterHarness) -> None:
    answer = await refused(harness, "GET", f"{DEPLOYMENTS_PATH}/nope")
    assert answer["message"] == 'deployments.apps "nope" not found'
    assert answer["details"] == {"name": "nope", "group": "apps", "kind": "deployments"}
    await harness.deploy()
    assert (await refused(harness, "POST", DEPLOYMENTS_PATH, manifest()))["reason"] == "AlreadyExists"
    elsewhere = DEPLOYMENTS_PATH.replace("default", "nowhere")
    assert (await refused(harness, "POST", elsewhere, manifest()))["message"] == 'namespaces "nowhere" not found'
    assert (await refused(harness, "GET", "/apis/apps/v1/namespaces/default/nothings"))["reason"] == "NotFound"


async def test_an_unknown_group_is_answered_in_plain_text(harness: ClusterHarness) -> None:
    async with harness.http.get(f"{harness.cluster.url}/apis/nope.example/v1/things") as answer:
        assert answer.status == 404
        assert await answer.text() == "404 page not found\n"


@pytest.mark.parametrize(
    ("spec", "field", "told"),
    [
        ({"replicas": -1}, "spec.replicas", "Invalid value: -1: must be greater than or equal to 0"),
        ({"template": {"spec": {"containers": []}}}, "spec.template.spec.containers", "Required value"),
        ({"template": {"spec": {"containers": [{"name": "x"}]}}}, "spec.template.spec.containers[0].image", "Required value"),
        (
            {"template": {"metadata": {"labels": {"app": "other"}}}},
            "spec.template.metadata.labels",
            'Invalid value: map[string]string{"app":"other"}: `selector` does not match template `labels`',
        ),
    ],
)
async def test_invalid_changes_name_the_field(harness: ClusterHarness, spec: Json, field: str, told: str) -> None:
    await harness.deploy()
    answer = await refused(harness, "PATCH", WEB, {"spec": spec}, MERGE)
    assert (answer["code"], answer["reason"]) == (422, "Invalid")
    assert answer["message"] == f'Deployment.apps "web" is invalid: {field}: {told}'
    assert answer["details"]["kind"] == "Deployment"
    assert [cause["field"] for cause in answer["details"]["causes"]] == [field]


async def test_other_refusals(harness: ClusterHarness) -> None:
    await harness.deploy()
    bare = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "bare"}}
    fields = [cause["field"] for cause in (await refused(harness, "POST", DEPLOYMENTS_PATH, bare))["details"]["causes"]]
    assert fields == ["spec.selector", "spec.template.metadata.labels", "spec.template.spec.containers"]
    selector = {"spec": {"selector": {"matchLabels": {"app": "other"}}}}
    assert "field is immutable" in (await refused(harness, "PATCH", WEB, selector, MERGE))["message"]
    assert (await refused(harness, "POST", DEPLOYMENTS_PATH, manifest(name="Bad_Name")))["code"] == 422
    assert (await refused(harness, "POST", WEB, {}))["code"] == 405
    assert (await refused(harness, "PUT", DEPLOYMENTS_PATH, {}))["reason"] == "MethodNotAllowed"
    assert (await refused(harness, "PATCH", WEB, {}, "text/plain"))["code"] == 415
    assert (await refused(harness, "PATCH", WEB, {"metadata": {"name": "other"}}, MERGE))["code"] == 400
    assert (await refused(harness, "PATCH", WEB, {"spec": {"replicas": "many"}}, MERGE))["code"] == 422
    assert (await refused(harness, "GET", f"{DEPLOYMENTS_PATH}?fieldSelector=spec.x%3D1"))["code"] == 400
    assert (await refused(harness, "GET", f"{DEPLOYMENTS_PATH}?resourceVersion=99999999999"))["code"] == 504


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"template": {"spec": {"containers": "web"}}}, "Deployment.spec.template.spec.containers of type []interface {}"),
        (
            {"template": {"spec": {"containers": [{"name": "x", "image": "y", "env": [{"name": "N", "value": 3}]}]}}},
            "type string",
        ),
        ({"replicas": True}, "cannot unmarshal bool into Go struct field Deployment.spec.replicas of type int32"),
        ({"selector": {"matchLabels": {"app": 1}}}, "cannot unmarshal number"),
    ],
)
async def test_what_cannot_be_decoded_is_refused(harness: ClusterHarness, spec: Json, told: str) -> None:
    await harness.deploy()
    answer = await refused(harness, "PATCH", WEB, {"spec": spec}, MERGE)
    assert (answer["code"], told in answer["message"]) == (422, True)
    posted = await refused(harness, "POST", DEPLOYMENTS_PATH, manifest(name="other", **spec))
    assert (posted["code"], told in posted["message"]) == (400, True)


@pytest.mark.parametrize("amount", ["many", "12", -1, "150 %"])
async def test_a_surge_is_a_number_or_a_percentage(harness: ClusterHarness, amount: object) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": amount}}
    answer = await refused(harness, "POST", DEPLOYMENTS_PATH, manifest(strategy=strategy))
    assert answer["details"]["causes"][0]["field"] == "spec.strategy.rollingUpdate.maxSurge"


async def test_notes_of_the_controller_may_be_garbled_by_hand(harness: ClusterHarness) -> None:
    await harness.deploy()
    (replica_set,) = await harness.replica_sets()
    notes = {"deployment.kubernetes.io/revision": "x", "deployment.kubernetes.io/max-replicas": "y"}
    path = f"/apis/apps/v1/namespaces/default/replicasets/{replica_set['metadata']['name']}"
    await patched(harness, {"metadata": {"annotations": notes}}, MERGE, path)
    await harness.set_tag("main-2")
    await harness.wait_rolled_out(WEB)


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


async def test_status_and_spec_are_written_through_their_own_doors(harness: ClusterHarness) -> None:
    before = await harness.deploy()
    main_door = await patched(harness, {"status": {"replicas": 9}}, MERGE)
    assert main_door["status"] == before["status"]
    status_door = await patched(harness, {"spec": {"replicas": 9}, "status": {"collisionCount": 1}}, MERGE, f"{WEB}/status")
    assert (status_door["spec"]["replicas"], status_door["status"]["collisionCount"]) == (3, 1)


async def test_the_scale_subresource(harness: ClusterHarness) -> None:
    await harness.deploy()
    scale = await harness.apps.read_namespaced_deployment_scale("web", "default")
    assert (scale.spec.replicas, scale.status.selector) == (3, "app=web")
    await harness.apps.patch_namespaced_deployment_scale("web", "default", {"spec": {"replicas": 5}})
    assert (await harness.wait_rolled_out(WEB))["status"]["replicas"] == 5
    answer = await refused(harness, "PATCH", f"{WEB}/scale", {"spec": {"replicas": -4}}, MERGE)
    assert answer["message"].startswith('Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -4')
    stale = {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 4}}
    assert (await refused(harness, "PATCH", f"{WEB}/scale", stale, MERGE))["code"] == 409


async def test_a_dry_run_answers_and_changes_nothing(harness: ClusterHarness) -> None:
    before = await harness.deploy()
    tried = await patched(harness, {"spec": {"replicas": 7}}, MERGE, f"{WEB}?dryRun=All")
    assert (tried["spec"]["replicas"], tried["metadata"]["generation"]) == (7, before["metadata"]["generation"] + 1)
    await harness.call("DELETE", f"{WEB}?dryRun=All")
    await harness.call("POST", f"{DEPLOYMENTS_PATH}?dryRun=All", manifest(name="other"))
    assert await harness.get(WEB) == before
    assert [each["metadata"]["name"] for each in (await harness.get(DEPLOYMENTS_PATH))["items"]] == ["web"]
    assert (await refused(harness, "DELETE", f"{WEB}?dryRun=Some"))["code"] == 422


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


async def test_who_may_do_what(harness: ClusterHarness) -> None:
    await harness.deploy()
    for method, path, body in (("PATCH", WEB, {}), ("POST", DEPLOYMENTS_PATH, manifest(name="x")), ("DELETE", WEB, None)):
        status, answer = await harness.call(method, path, body, MERGE if method == "PATCH" else "application/json", VIEWER_TOKEN)
        assert (status, answer["reason"]) == (403, "Forbidden")
        assert answer["details"]["kind"] == "deployments"
    assert (await harness.call("GET", WEB, token=VIEWER_TOKEN))[0] == 200
    assert (await harness.call("GET", "/api/v1/namespaces/default/secrets", token=VIEWER_TOKEN))[0] == 403
    assert (await harness.call("GET", WEB, token=EXPIRED_TOKEN)) == (401, _unauthorized())
    question = {"spec": {"resourceAttributes": {"verb": "patch", "group": "apps", "resource": "deployments"}}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    allowed = [
        (await harness.call("POST", path, question, token=token))[1]["status"]["allowed"] for token in ("any", VIEWER_TOKEN)
    ]
    assert allowed == [True, False]


def _unauthorized() -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "Unauthorized",
        "reason": "Unauthorized",
        "details": {},
        "code": 401,
    }


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
