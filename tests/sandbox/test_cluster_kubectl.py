"""The real kubectl talks to the stand-in cluster as to any other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from sandbox.cluster import HUMAN, VIEWER_TOKEN
from tests.harness.stand_in_cluster import PRODUCTION, ClusterHarness, manifest, open_cluster_harness, revision_of

MAIN = f"/apis/apps/v1/namespaces/{PRODUCTION}/deployments/deep-echo-main"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ClusterHarness]:
    async with open_cluster_harness(tmp_path, seeded=True) as harness:
        yield harness


async def test_get_shows_the_usual_columns(harness: ClusterHarness) -> None:
    shown = await harness.kubectl("get", "deploy,rs,pods,hpa,cm,events")
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "NAME READY UP-TO-DATE AVAILABLE AGE" in lines
    assert any(line.startswith("deployment.apps/deep-echo-cognitive 6/6 6 6 ") for line in lines)
    assert "cpu: 61%/70%, memory: 68%/80% 3 20 6" in shown.replace("   ", " ").replace("  ", " ").replace("  ", " ")
    wide = await harness.kubectl("get", "deploy", "deep-echo-main", "-o", "wide")
    assert "ghcr.io/echocog/deep-tree-echo-rkwv:main-9f00d12" in wide


async def test_describe_finds_replica_sets_conditions_and_events(harness: ClusterHarness) -> None:
    await harness.kubectl("rollout", "restart", "deploy/deep-echo-main")
    await harness.kubectl("rollout", "status", "deploy/deep-echo-main", "--timeout=20s")
    told = await harness.kubectl("describe", "deploy", "deep-echo-main")
    assert "3 desired | 3 updated | 3 total | 3 available | 0 unavailable" in told
    assert "0 max unavailable, 1 max surge" in told
    assert "Scaled up replica set deep-echo-main-" in told
    pod = (await harness.kubectl("get", "pods", "-l", "app=deep-echo-main", "-o", "name")).split()[0]
    assert "Readiness:" in await harness.kubectl("describe", pod)
    assert "SuccessfulCreate" in await harness.kubectl("get", "events", "--field-selector", "reason=SuccessfulCreate")
    assert "ScalingReplicaSet" in await harness.kubectl("events", "--for", "deploy/deep-echo-main")


async def test_history_undo_and_status(harness: ClusterHarness) -> None:
    history = await harness.kubectl("rollout", "history", "deploy/deep-echo-main")
    assert "5         helm upgrade deep-echo-prod: image.tag=main-abc1234" in history
    assert "CACHE_TTL:	300" in await harness.kubectl("rollout", "history", "deploy/deep-echo-main", "--revision=5")
    assert "rolled back" in await harness.kubectl("rollout", "undo", "deploy/deep-echo-main", "--to-revision=5")
    status = await harness.kubectl("rollout", "status", "deploy/deep-echo-main", "--timeout=20s")
    assert status.rstrip().endswith("successfully rolled out")
    deployment = await harness.get(MAIN)
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":main-abc1234")
    assert revision_of(deployment) == 7
    revisions = [revision_of(each) for each in await harness.replica_sets("deep-echo-main", PRODUCTION)]
    assert revisions == [1, 2, 3, 4, 6, 7]
    assert "skipped rollback" in await harness.kubectl("rollout", "undo", "deploy/deep-echo-main", "--to-revision=7")


async def test_a_paused_deployment_is_not_rolled_back_nor_restarted(harness: ClusterHarness) -> None:
    await harness.kubectl("rollout", "pause", "deploy/deep-echo-main")
    refused = await harness.kubectl("rollout", "undo", "deploy/deep-echo-main", fails=True)
    assert "cannot rollback a paused deployment" in refused
    assert "can't restart paused deployment" in await harness.kubectl("rollout", "restart", "deploy/deep-echo-main", fails=True)
    await harness.kubectl("rollout", "resume", "deploy/deep-echo-main")
    await harness.kubectl("rollout", "undo", "deploy/deep-echo-main")


async def test_scale_patch_annotate_label_and_set(harness: ClusterHarness) -> None:
    await harness.kubectl("scale", "deploy/deep-echo-main", "--replicas=4")
    refused = await harness.kubectl("scale", "deploy/deep-echo-main", "--current-replicas=9", "--replicas=1", fails=True)
    assert "Expected replicas to be 9, was 4" in refused
    await harness.kubectl("annotate", "deploy/deep-echo-main", "note=here")
    await harness.kubectl("label", "deploy/deep-echo-main", "team=echo")
    await harness.kubectl("set", "image", "deploy/deep-echo-main", "main-app=ghcr.io/echocog/deep-tree-echo-rkwv:main-e0f9a31")
    await harness.kubectl("set", "env", "deploy/deep-echo-main", "CACHE_TTL-", "DEPTH=2")
    await harness.kubectl("patch", "deploy", "deep-echo-main", "-p", '{"spec":{"revisionHistoryLimit":4}}')
    deployment = await harness.wait_rolled_out(MAIN)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "LOG_LEVEL", "value": "info"}, {"name": "DEPTH", "value": "2"}]
    assert container["image"].endswith(":main-e0f9a31")
    assert deployment["spec"]["replicas"] == 4
    assert deployment["spec"]["revisionHistoryLimit"] == 4
    assert deployment["metadata"]["annotations"]["note"] == "here"
    assert deployment["metadata"]["labels"]["team"] == "echo"


async def test_apply_from_both_sides(harness: ClusterHarness) -> None:
    first = yaml.safe_dump(manifest("main-1"))
    assert "created" in await harness.kubectl("apply", "-f", "-", stdin=first)
    assert "unchanged" in await harness.kubectl("apply", "-f", "-", stdin=first)
    second = yaml.safe_dump(manifest("main-2", replicas=2))
    assert "configured" in await harness.kubectl("apply", "-f", "-", stdin=second)
    refused = await harness.kubectl("apply", "--server-side", "-f", "-", stdin=first, fails=True)
    assert 'conflict with "kubectl-client-side-apply" using apps/v1' in refused
    assert ".spec.replicas" in refused
    forced = await harness.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=first)
    assert "serverside-applied" in forced
    assert "rolled out" in await harness.kubectl("rollout", "status", "deploy/web", "--timeout=20s")
    assert "server dry run" in await harness.kubectl("delete", "deploy", "web", "--dry-run=server")
    assert "deleted" in await harness.kubectl("delete", "deploy", "web")
    assert "NotFound" in await harness.kubectl("get", "deploy", "web", fails=True)


async def test_small_things_can_be_created(harness: ClusterHarness) -> None:
    await harness.kubectl("create", "namespace", "trial")
    await harness.kubectl("-n", "trial", "create", "configmap", "settings", "--from-literal=depth=3")
    await harness.kubectl("-n", "trial", "create", "secret", "generic", "keys", "--from-literal=key=hunter2")
    await harness.kubectl("-n", "trial", "create", "deployment", "web", "--image=registry.example/web:1", "--replicas=2")
    await harness.kubectl("-n", "trial", "autoscale", "deploy", "web", "--min=1", "--max=4", "--cpu=50%")
    await harness.kubectl("-n", "trial", "rollout", "status", "deploy/web", "--timeout=20s")
    assert await harness.kubectl("-n", "trial", "get", "cm", "settings", "-o", "jsonpath={.data.depth}") == "3"
    assert await harness.kubectl("-n", "trial", "get", "secret", "keys", "-o", "jsonpath={.data.key}") == "aHVudGVyMg=="
    await harness.kubectl("delete", "namespace", "trial")
    assert "No resources found" in await harness.kubectl("-n", "trial", "get", "deploy,rs,cm,secrets,hpa")


async def test_logs_by_pod_and_by_deployment(harness: ClusterHarness) -> None:
    told = await harness.kubectl("logs", "deploy/deep-echo-main", "--tail=30")
    lines = told.splitlines()
    assert lines.pop(0).startswith("Found 3 pods, using pod/deep-echo-main-")
    assert len(lines) == 30
    assert any("password=hunter2" in line for line in lines)
    refused = await harness.kubectl("logs", "deploy/deep-echo-main", "-c", "sidecar", fails=True)
    assert "container sidecar is not valid for pod" in refused
    assert "previous terminated container" in await harness.kubectl("logs", "deploy/deep-echo-main", "--previous", fails=True)


async def test_waiting_and_watching(harness: ClusterHarness) -> None:
    await harness.kubectl("rollout", "undo", "deploy/deep-echo-main")
    await harness.kubectl("wait", "--for=condition=Available", "deploy/deep-echo-main", "--timeout=10s")
    await harness.kubectl("wait", "--for=jsonpath={.status.updatedReplicas}=3", "deploy/deep-echo-main", "--timeout=20s")
    shown = await harness.kubectl("get", "deploy", "-w", "--request-timeout=1s")
    assert "deep-echo-load-balancer" in shown


async def test_a_failed_rollout_is_told_by_status(harness: ClusterHarness) -> None:
    await harness.kubectl("patch", "deploy", "deep-echo-main", "-p", '{"spec":{"progressDeadlineSeconds":1}}')
    await harness.kubectl("set", "image", "deploy/deep-echo-main", "main-app=ghcr.io/echocog/deep-tree-echo-rkwv:main-bad")
    told = await harness.kubectl("rollout", "status", "deploy/deep-echo-main", "--timeout=20s", fails=True)
    assert 'deployment "deep-echo-main" exceeded its progress deadline' in told
    assert "ImagePull" in await harness.kubectl("get", "pods") or "ErrImagePull" in await harness.kubectl("get", "pods")


async def test_each_context_is_a_namespace_of_its_own(harness: ClusterHarness) -> None:
    images = {
        context: await harness.kubectl(
            "get", "deploy", "deep-echo-main", "-o", "jsonpath={.spec.template.spec.containers[0].image}", context=context
        )
        for context in ("development", "staging", "production")
    }
    tags = {context: image.rpartition(":")[2] for context, image in images.items()}
    assert tags == {"development": "main-e0f9a31", "staging": "main-51d2c44", "production": "main-9f00d12"}


async def test_the_viewer_only_looks(tmp_path: Path) -> None:
    async with open_cluster_harness(tmp_path, seeded=True) as harness:
        assert (await harness.kubectl("auth", "can-i", "patch", "deployments")).strip() == "yes"
        viewer = harness.cluster.kubeconfig(tmp_path / "viewer", token=VIEWER_TOKEN, context="production")
        as_viewer = ("--kubeconfig", str(viewer))
        assert (await harness.kubectl(*as_viewer, "auth", "can-i", "patch", "deployments", fails=True)).startswith("no")
        assert (await harness.kubectl(*as_viewer, "auth", "can-i", "list", "pods")).strip() == "yes"
        assert "deep-echo-main" in await harness.kubectl(*as_viewer, "get", "deploy")
        refused = await harness.kubectl(*as_viewer, "rollout", "restart", "deploy/deep-echo-main", fails=True)
        assert 'User "viewer" cannot patch resource "deployments" in API group "apps"' in refused
        assert "Forbidden" in await harness.kubectl(*as_viewer, "get", "secrets", fails=True)


async def test_owners_can_be_read(harness: ClusterHarness) -> None:
    automated = await harness.kubectl(
        "get", "applications", "-n", "argocd", "-o", "jsonpath={.items[0].spec.syncPolicy.automated}"
    )
    assert automated == '{"prune":true,"selfHeal":true}'
    assert "deep-echo-proxy" in await harness.kubectl("get", "kustomizations", "-A")


def test_pods_start_at_a_human_pace_by_default() -> None:
    ready_after = HUMAN.schedule + HUMAN.pull + HUMAN.start + HUMAN.ready
    assert ready_after * (1 - HUMAN.jitter) > 2
    assert ready_after * (1 + HUMAN.jitter) < 4
