"""What the integration says a Deployment is, ran and belongs to."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import NotFound
from domain.workloads.deployments import Autoscaler, Owner, OwnerKind, template_hash
from integrations.kubernetes import Cluster
from integrations.kubernetes.client import ONLY_METADATA, Connection
from integrations.kubernetes.resources import SECRETS
from sandbox.cluster import Fault, StandInCluster
from tests.harness.cluster_namespace import Json, Place

AUTOMATED: Json = {"syncPolicy": {"automated": {"selfHeal": True}}}
ARGO = "argocd.argoproj.io/tracking-id"


async def test_a_deployment_is_told_with_its_whole_history(place: Place, cluster: Cluster) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    await place.deploy("main-aaaaaaa", annotations={"kubernetes.io/change-cause": "first"})
    await place.ship("main-bbbbbbb", cause="second", notes={"deepecho/operation": "op-b"})
    await place.ship("main-ccccccc", cause="third")

    found = await cluster.workload(place.target())

    raw = await place.deployment()
    assert (found.uid, found.resource_version) == (raw["metadata"]["uid"], raw["metadata"]["resourceVersion"])
    assert (found.replicas, found.ready, found.paused, found.revision) == (2, 2, False, 3)
    assert found.image == "registry.example/web:main-ccccccc"
    assert found.template == raw["spec"]["template"]
    assert [each.number for each in found.revisions] == [3, 2, 1]
    assert [each.image.rpartition(":")[2] for each in found.revisions] == ["main-ccccccc", "main-bbbbbbb", "main-aaaaaaa"]
    assert [each.change_cause for each in found.revisions] == ["third", "second", "first"]
    assert found.revisions[1].operation_id == "op-b"
    assert [each.replicas for each in found.revisions] == [2, 0, 0]
    assert found.revisions[0].template_hash == found.template_hash
    assert all(before <= each.created_at <= datetime.now(UTC) for each in found.revisions)
    assert found.owner == Owner()
    assert found.autoscaler is None


async def test_an_old_template_is_what_the_deployment_once_said(place: Place, cluster: Cluster) -> None:
    await place.deploy("main-aaaaaaa")
    once = (await place.deployment())["spec"]["template"]
    await place.ship("main-bbbbbbb")

    assert await cluster.template_of(place.target(), template_hash(once)) == once


async def test_another_deployments_replica_sets_are_not_its_history(place: Place, cluster: Cluster) -> None:
    await place.deploy("main-aaaaaaa")
    twin = await place.deploy("main-bbbbbbb", name="web2")
    labels = {"matchLabels": {"app": "web"}}
    await place.create(
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": "stray"},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {"app": "web", "who": "stray"}},
                "template": {
                    "metadata": {"labels": labels["matchLabels"] | {"who": "stray"}},
                    "spec": twin["spec"]["template"]["spec"],
                },
            },
        }
    )

    found = await cluster.workload(place.target())

    assert [each.image for each in found.revisions] == ["registry.example/web:main-aaaaaaa"]


async def test_what_does_not_exist_is_said_by_name(place: Place, cluster: Cluster) -> None:
    await place.deploy("main-aaaaaaa")

    with pytest.raises(NotFound, match=f"no Deployment nothing in namespace {place.namespace} of cluster here"):
        await cluster.workload(place.target("nothing"))
    with pytest.raises(NotFound, match="no container sidecar; it has main"):
        await cluster.workload(place.target(container="sidecar"))
    with pytest.raises(NotFound, match="no longer keeps that version"):
        await cluster.template_of(place.target(), "0" * 16)


async def test_many_are_read_with_three_lists(place: Place, cluster: Cluster) -> None:
    names = ["api", "front", "web"]
    for name in names:
        await place.deploy("main-aaaaaaa", name=name)
    targets = [place.target(name) for name in [*names, "missing"]]
    if place.stand_in is not None:
        await cluster.version()
        place.stand_in.control.seen.clear()

    found = await cluster.workloads(targets)

    assert found == {target: await cluster.workload(target) for target in targets[:3]}
    assert await cluster.deployments(place.namespace) == ("api", "front", "web")
    if place.stand_in is not None:
        lists = [each.path.rpartition("/")[2] for each in place.stand_in.control.seen][:3]
        assert sorted(lists) == ["deployments", "horizontalpodautoscalers", "replicasets"]


async def test_an_autoscaler_is_found_on_any_version_of_the_api(place: Place, cluster: Cluster) -> None:
    await place.deploy("main-aaaaaaa")
    await _autoscale(place, "web", 3, 20)
    await _autoscale(place, "other", 1, 2)

    assert (await cluster.workload(place.target())).autoscaler == Autoscaler("web", 3, 20)


async def test_a_server_without_autoscaling_v2_is_asked_only_once(
    place: Place, cluster: Cluster, stand_in: StandInCluster
) -> None:
    await place.deploy("main-aaaaaaa")
    await _autoscale(place, "web", 3, 20)
    stand_in.fail(Fault(kind="status", status=404, times=5, path_prefix="/apis/autoscaling/v2"))

    for _ in range(2):
        assert (await cluster.workload(place.target())).autoscaler == Autoscaler("web", 3, 20)

    assert sum(each.path.startswith("/apis/autoscaling/v2/") and each.method == "GET" for each in stand_in.control.seen) == 1


async def _autoscale(place: Place, name: str, minimum: int, maximum: int) -> None:
    version = "v2" if place.stand_in is not None else "v1"
    aim = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    spec = {"scaleTargetRef": aim, "minReplicas": minimum, "maxReplicas": maximum}
    kind = "HorizontalPodAutoscaler"
    await place.create({"apiVersion": f"autoscaling/{version}", "kind": kind, "metadata": {"name": name}, "spec": spec})


@pytest.mark.parametrize(
    ("labels", "notes", "owner"),
    [
        ({}, {}, Owner()),
        ({"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "echo"}, {}, Owner(OwnerKind.HELM, "echo")),
        ({}, {"meta.helm.sh/release-name": "echo-prod"}, Owner(OwnerKind.HELM, "echo-prod")),
        ({"app.kubernetes.io/managed-by": "kustomize"}, {}, Owner()),
        ({"kustomize.toolkit.fluxcd.io/name": "apps"}, {}, Owner(OwnerKind.FLUX, "apps", reverts=True)),
        (
            {"helm.toolkit.fluxcd.io/name": "echo"},
            {"meta.helm.sh/release-name": "e"},
            Owner(OwnerKind.FLUX, "echo", reverts=True),
        ),
        ({}, {ARGO: "echo:apps/Deployment:x/web"}, Owner(OwnerKind.ARGO_CD, "echo", reverts=True)),
        ({}, {ARGO: "team-a_echo:apps/Deployment:x/web"}, Owner(OwnerKind.ARGO_CD, "echo", reverts=True)),
        (
            {"kustomize.toolkit.fluxcd.io/name": "apps", "app.kubernetes.io/managed-by": "Helm"},
            {ARGO: "echo:apps/Deployment:x/web", "meta.helm.sh/release-name": "e"},
            Owner(OwnerKind.ARGO_CD, "echo", reverts=True),
        ),
    ],
)
async def test_the_owner_is_recognised_and_assumed_to_revert_when_unreadable(
    place: Place, cluster: Cluster, labels: dict[str, str], notes: dict[str, str], owner: Owner
) -> None:
    await place.deploy("main-aaaaaaa", labels=labels, annotations=notes, spec={"replicas": 0})

    assert (await cluster.workload(place.target())).owner == owner


@pytest.mark.parametrize(
    ("spec", "reverts"),
    [
        (AUTOMATED, True),
        ({"syncPolicy": {"automated": {}}}, True),
        ({"syncPolicy": {"automated": {"enabled": False}}}, False),
        ({}, False),
    ],
)
async def test_argo_cd_reverts_when_it_syncs_by_itself(place: Place, cluster: Cluster, spec: Json, reverts: bool) -> None:  # noqa: FBT001
    await _custom(place, "argoproj.io", "v1alpha1", "Application", {"metadata": {"name": "echo"}, "spec": spec})
    notes = {ARGO: f"{place.namespace}_echo:apps/Deployment:x/web"}
    await place.deploy("main-aaaaaaa", annotations=notes, spec={"replicas": 0})

    assert (await cluster.workload(place.target())).owner == Owner(OwnerKind.ARGO_CD, "echo", reverts=reverts)


@pytest.mark.parametrize("suspended", [True, False])
async def test_flux_reverts_unless_suspended(place: Place, cluster: Cluster, suspended: bool) -> None:  # noqa: FBT001
    group = "kustomize.toolkit.fluxcd.io"
    await _custom(place, group, "v1", "Kustomization", {"metadata": {"name": "apps"}, "spec": {"suspend": suspended}})
    labels = {f"{group}/name": "apps", f"{group}/namespace": place.namespace}
    await place.deploy("main-aaaaaaa", labels=labels, spec={"replicas": 0})

    assert (await cluster.workload(place.target())).owner == Owner(OwnerKind.FLUX, "apps", reverts=not suspended)


@pytest.mark.parametrize("listed", [True, False])
async def test_the_common_instance_label_is_argo_cds_only_where_its_application_lists_the_deployment(
    place: Place,
    cluster: Cluster,
    stand_in: StandInCluster,
    listed: bool,  # noqa: FBT001
) -> None:
    mine = {"group": "apps", "kind": "Deployment", "namespace": place.namespace, "name": "web" if listed else "another"}
    stand_in.create(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "echo", "namespace": "argocd"},
            "spec": AUTOMATED,
            "status": {"resources": [mine]},
        }
    )
    await place.deploy("main-aaaaaaa", labels={"app.kubernetes.io/instance": "echo"}, spec={"replicas": 0})

    found = (await cluster.workload(place.target())).owner

    assert found == (Owner(OwnerKind.ARGO_CD, "echo", reverts=True) if listed else Owner())


async def _custom(place: Place, group: str, version: str, kind: str, manifest: Json) -> None:
    """A custom object; a real server first has to learn its kind."""
    plural = kind.lower() + "s"
    if place.stand_in is None:
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        names = {"plural": plural, "singular": kind.lower(), "kind": kind}
        definition = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {
                "group": group,
                "scope": "Namespaced",
                "names": names,
                "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
            },
        }
        status, answer = await place.api.try_call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        assert status in (201, 409), answer
        await place.kubectl("wait", "--for=condition=Established", f"crd/{plural}.{group}", "--timeout=30s")
    await place.create({"apiVersion": f"{group}/{version}", "kind": kind, **manifest})


async def test_config_changed_since_is_named_and_never_read(place: Place, cluster: Cluster) -> None:
    for kind, name in [("ConfigMap", "settings"), ("ConfigMap", "unused"), ("Secret", "password"), ("ConfigMap", "files")]:
        await place.create({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}})
    template = {
        "spec": {
            "containers": [
                {
                    "name": "main",
                    "envFrom": [{"configMapRef": {"name": "settings"}}, {"configMapRef": {"name": "gone"}}],
                    "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "password", "key": "p"}}}],
                }
            ],
            "volumes": [{"name": "all", "projected": {"sources": [{"configMap": {"name": "files"}}]}}],
        }
    }
    now = datetime.now(UTC)

    changed = await cluster.config_changes(place.target(), template, now - timedelta(minutes=1))

    named = {(each.kind, each.name) for each in changed}
    assert named == {("ConfigMap", "settings"), ("Secret", "password"), ("ConfigMap", "files")}
    assert all(abs(each.changed_at - now) < timedelta(seconds=30) for each in changed)
    assert await cluster.config_changes(place.target(), template, now + timedelta(minutes=1)) == ()


async def test_of_a_secret_only_its_metadata_travels(place: Place, connection: Connection) -> None:
    manifest: Json = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "password"}, "stringData": {"p": "hunter2"}}
    await place.create(manifest)

    found = await connection.get(SECRETS, place.namespace, "password", accept=ONLY_METADATA)

    assert found["metadata"]["name"] == "password"
    assert "data" not in found


async def test_a_viewer_may_look_but_not_change(place: Place, viewer: Cluster, cluster: Cluster) -> None:
    allowed = {(each.verb, each.resource): each.allowed for each in await viewer.permissions(place.namespace)}
    everything = await cluster.permissions(place.namespace)

    assert allowed["patch", "deployments.apps"] is False
    assert ("get", "pods/log") in allowed
    assert all(each.allowed for each in everything)
    assert {(each.verb, each.resource) for each in everything} == set(allowed)


async def test_the_server_says_its_version(cluster: Cluster) -> None:
    assert (await cluster.version()).startswith("v1.")
