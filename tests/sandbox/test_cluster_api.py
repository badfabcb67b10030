"""Answers of the stand-in's API: what is refused and how, the four patch types, selectors, pages, dry runs."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.cluster import EXPIRED_TOKEN, VIEWER_TOKEN
from tests.harness.stand_in_calls import WEB, patched, refused
from tests.harness.stand_in_cluster import (
    DEPLOYMENTS_PATH,
    MERGE,
    ClusterHarness,
    Json,
    manifest,
    open_cluster_harness,
)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ClusterHarness]:
    async with open_cluster_harness(tmp_path) as harness:
        yield harness


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
