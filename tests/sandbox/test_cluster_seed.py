"""The sandbox's platform: believable, consistent, and at rest."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sandbox.cluster import CONTEXTS, image_id
from sandbox.cluster.model import utc_now
from tests.harness.stand_in_cluster import PRODUCTION, ClusterHarness, Json, open_cluster_harness, revision_of

MAIN = f"/apis/apps/v1/namespaces/{PRODUCTION}/deployments/deep-echo-main"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ClusterHarness]:
    async with open_cluster_harness(tmp_path, seeded=True) as harness:
        yield harness


def tag(obj: Json) -> str:
    image: str = obj["spec"]["template"]["spec"]["containers"][0]["image"]
    return image.rpartition(":")[2]


def created(obj: Json) -> datetime:
    return datetime.fromisoformat(obj["metadata"]["creationTimestamp"])


async def test_nothing_moves_by_itself(harness: ClusterHarness) -> None:
    before = (await harness.get("/_control/state"))["version"]
    await asyncio.sleep(0.4)
    assert (await harness.get("/_control/state"))["version"] == before


@pytest.mark.parametrize(
    ("namespace", "tags"),
    [
        (CONTEXTS["development"], ["main-77aa001", "main-abc1234", "main-9f00d12", "main-51d2c44", "main-e0f9a31"]),
        (CONTEXTS["staging"], ["main-3c21f0e", "main-77aa001", "main-abc1234", "main-9f00d12", "main-51d2c44"]),
        (PRODUCTION, ["main-d40c3e7", "main-18be44a", "main-3c21f0e", "main-77aa001", "main-abc1234", "main-9f00d12"]),
    ],
)
async def test_both_parts_of_the_application_have_the_same_history(
    harness: ClusterHarness, namespace: str, tags: list[str]
) -> None:
    for name in ("deep-echo-main", "deep-echo-cognitive"):
        history = await harness.replica_sets(name, namespace)
        assert [tag(each) for each in history] == tags
        assert [revision_of(each) for each in history] == list(range(1, len(tags) + 1))
        assert sorted(history, key=created) == history
        assert [each["spec"]["replicas"] > 0 for each in history] == [False] * (len(tags) - 1) + [True]
        causes = [each["metadata"]["annotations"]["kubernetes.io/change-cause"] for each in history]
        assert all(cause.endswith(each) for cause, each in zip(causes, tags, strict=True))


async def test_production_runs_its_version_since_yesterday_afternoon(harness: ClusterHarness) -> None:
    *_, before, current = await harness.replica_sets("deep-echo-main", PRODUCTION)
    yesterday = utc_now() - timedelta(days=1)
    assert (created(current).date(), created(current).strftime("%H:%M")) == (yesterday.date(), "16:20")
    env = [each["spec"]["template"]["spec"]["containers"][0]["env"] for each in (before, current)]
    assert {"name": "CACHE_TTL", "value": "300"} in env[0]
    assert {"name": "CACHE_TTL", "value": "600"} in env[1]


async def test_every_pod_is_ready_and_of_the_image_it_says(harness: ClusterHarness) -> None:
    for namespace in CONTEXTS.values():
        pods = (await harness.get(f"/api/v1/namespaces/{namespace}/pods"))["items"]
        assert pods
        for pod in pods:
            (status,) = pod["status"]["containerStatuses"]
            assert status["ready"]
            assert status["imageID"] == image_id(pod["spec"]["containers"][0]["image"])
            assert pod["status"]["phase"] == "Running"
    assert len(await harness.pods("deep-echo-cognitive", PRODUCTION)) == 6
    assert len(await harness.pods("deep-echo-main", PRODUCTION)) == 3


async def test_the_config_map_of_production_was_changed_after_the_deploy_and_says_when(harness: ClusterHarness) -> None:
    *_, current = await harness.replica_sets("deep-echo-main", PRODUCTION)
    config = await harness.get(f"/api/v1/namespaces/{PRODUCTION}/configmaps/deep-echo-config")
    entries = {entry["manager"]: entry for entry in config["metadata"]["managedFields"]}
    assert set(entries) == {"helm", "kubectl-edit"}
    assert datetime.fromisoformat(entries["kubectl-edit"]["time"]) > created(current)
    assert entries["kubectl-edit"]["fieldsV1"] == {"f:data": {"f:COGNITIVE_DEPTH": {}, "f:SESSION_LIMIT": {}}}
    staging = await harness.get(f"/api/v1/namespaces/{CONTEXTS['staging']}/configmaps/deep-echo-config")
    assert [entry["manager"] for entry in staging["metadata"]["managedFields"]] == ["helm"]


async def test_owners_are_told_by_labels_and_annotations(harness: ClusterHarness) -> None:
    main = await harness.get(MAIN)
    assert main["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
    assert main["metadata"]["annotations"]["meta.helm.sh/release-name"] == "deep-echo-prod"
    docs = await harness.get(f"/apis/apps/v1/namespaces/{PRODUCTION}/deployments/deep-echo-docs")
    assert docs["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"].startswith("deep-echo-docs:apps/Deployment:")
    application = await harness.get("/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/deep-echo-docs")
    assert application["spec"]["syncPolicy"]["automated"]["selfHeal"] is True
    proxy = await harness.get(f"/apis/apps/v1/namespaces/{CONTEXTS['staging']}/deployments/deep-echo-proxy")
    assert proxy["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] == "deep-echo-proxy"
    flux = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/deep-echo-proxy"
    assert (await harness.get(flux))["spec"]["suspend"] is False


async def test_main_rolls_out_one_pod_at_a_time_without_losing_any(harness: ClusterHarness) -> None:
    strategy = (await harness.get(MAIN))["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


async def test_rolling_back_finds_the_seeded_replica_set(harness: ClusterHarness) -> None:
    history = await harness.replica_sets("deep-echo-main", PRODUCTION)
    target = next(each for each in history if tag(each) == "main-abc1234")
    await harness.kubectl("rollout", "undo", "deploy/deep-echo-main", f"--to-revision={revision_of(target)}")
    await harness.wait_rolled_out(MAIN)
    *_, current = await harness.replica_sets("deep-echo-main", PRODUCTION)
    assert current["metadata"]["uid"] == target["metadata"]["uid"]
    assert len(await harness.replica_sets("deep-echo-main", PRODUCTION)) == len(history)
