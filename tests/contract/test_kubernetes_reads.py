"""What the integration says a Deployment is, ran and belongs to."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import NotFound
from domain.workloads.deployments import Autoscaler, Owner, OwnerKind, template_hash
from integrations.kubernetes import Cluster
from integrations.kubernetes.client import METADATA_ONLY_MEDIA_TYPE, KubernetesClient
from integrations.kubernetes.resources import SECRETS
from sandbox.cluster import ClusterFault, StandInCluster
from tests.harness.cluster_namespace import ClusterNamespace, Json

AUTOMATED: Json = {"syncPolicy": {"automated": {"selfHeal": True}}}
ARGO = "argocd.argoproj.io/tracking-id"


async def test_a_deployment_is_told_with_its_whole_history(namespace: ClusterNamespace, cluster: Cluster) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    await namespace.deploy("main-aaaaaaa", annotations={"kubernetes.io/change-cause": "first"})
    await namespace.set_version("main-bbbbbbb", cause="second", annotations={"deepecho/operation": "op-b"})
    await namespace.set_version("main-ccccccc", cause="third")

    found = await cluster.workload(namespace.target())

    raw = await namespace.deployment()
    assert (found.uid, found.resource_version) == (raw["metadata"]["uid"], raw["metadata"]["resourceVersion"])
    assert (found.replicas, found.ready, found.paused) == (2, 2, False)
    assert found.image == "registry.example/web:main-ccccccc"
    assert found.template == raw["spec"]["template"]
    # The controller may leave out a number when its view of the ReplicaSets is late.
    numbers = [each.number for each in found.revisions]
    assert numbers == sorted({*numbers}, reverse=True)
    assert numbers[0] == found.revision == int(raw["metadata"]["annotations"]["deployment.kubernetes.io/revision"])
    assert [each.image.rpartition(":")[2] for each in found.revisions] == ["main-ccccccc", "main-bbbbbbb", "main-aaaaaaa"]
    assert [each.change_cause for each in found.revisions] == ["third", "second", "first"]
    assert found.revisions[1].operation_id == "op-b"
    assert [each.replicas for each in found.revisions] == [2, 0, 0]
    assert found.revisions[0].template_hash == found.template_hash
    assert all(before <= each.created_at <= datetime.now(UTC) for each in found.revisions)
    assert found.owner == Owner()
    assert found.autoscaler is None


async def test_an_old_template_is_what_the_deployment_once_said(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    once = (await namespace.deployment())["spec"]["template"]
    await namespace.set_version("main-bbbbbbb")

    assert await cluster.template_of(namespace.target(), template_hash(once)) == once


async def test_another_deployments_replica_sets_are_not_its_history(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    twin = await namespace.deploy("main-bbbbbbb", name="web2")
    labels = {"matchLabels": {"app": "web"}}
    await namespace.create(
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

    found = await cluster.workload(namespace.target())

    assert [each.image for each in found.revisions] == ["registry.example/web:main-aaaaaaa"]


async def test_what_does_not_exist_is_said_by_name(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")

    with pytest.raises(NotFound, match=f"no Deployment nothing in namespace {namespace.name} of cluster here"):
        await cluster.workload(namespace.target("nothing"))
    with pytest.raises(NotFound, match="no container sidecar; it has main"):
        await cluster.workload(namespace.target(container="sidecar"))
    with pytest.raises(NotFound, match="no longer keeps that version"):
        await cluster.template_of(namespace.target(), "0" * 16)


async def test_many_are_read_with_three_lists(namespace: ClusterNamespace, cluster: Cluster) -> None:
    names = ["api", "front", "web"]
    for name in names:
        await namespace.deploy("main-aaaaaaa", name=name)
    targets = [namespace.target(name) for name in [*names, "missing"]]
    if namespace.stand_in is not None:
        await cluster.version()
        namespace.stand_in.control.requests.clear()

    found = await cluster.workloads(targets)

    assert found == {target: await cluster.workload(target) for target in targets[:3]}
    assert await cluster.deployment_names(namespace.name) == ("api", "front", "web")
    if namespace.stand_in is not None:
        lists = [each.path.rpartition("/")[2] for each in namespace.stand_in.control.requests][:3]
        assert sorted(lists) == ["deployments", "horizontalpodautoscalers", "replicasets"]


async def test_an_autoscaler_is_found_on_any_version_of_the_api(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    await _autoscale(namespace, "web", 3, 20)
    await _autoscale(namespace, "other", 1, 2)

    assert (await cluster.workload(namespace.target())).autoscaler == Autoscaler("web", 3, 20)


async def test_a_server_without_autoscaling_v2_is_asked_only_once(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    await namespace.deploy("main-aaaaaaa")
    await _autoscale(namespace, "web", 3, 20)
    stand_in.inject_fault(ClusterFault(kind="status", status=404, times=5, path_prefix="/apis/autoscaling/v2"))

    for _ in range(2):
        assert (await cluster.workload(namespace.target())).autoscaler == Autoscaler("web", 3, 20)

    assert sum(each.path.startswith("/apis/autoscaling/v2/") and each.method == "GET" for each in stand_in.control.requests) == 1


async def _autoscale(namespace: ClusterNamespace, name: str, minimum: int, maximum: int) -> None:
    version = "v2" if namespace.stand_in is not None else "v1"
    aim = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    spec = {"scaleTargetRef": aim, "minReplicas": minimum, "maxReplicas": maximum}
    kind = "HorizontalPodAutoscaler"
    await namespace.create({"apiVersion": f"autoscaling/{version}", "kind": kind, "metadata": {"name": name}, "spec": spec})


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
    namespace: ClusterNamespace, cluster: Cluster, labels: dict[str, str], notes: dict[str, str], owner: Owner
) -> None:
    await namespace.deploy("main-aaaaaaa", labels=labels, annotations=notes, spec={"replicas": 0})

    assert (await cluster.workload(namespace.target())).owner == owner


@pytest.mark.parametrize(
    ("spec", "reverts"),
    [
        (AUTOMATED, True),
        ({"syncPolicy": {"automated": {}}}, True),
        ({"syncPolicy": {"automated": {"enabled": False}}}, False),
        ({}, False),
    ],
)
async def test_argo_cd_reverts_when_it_syncs_by_itself(
    namespace: ClusterNamespace,
    cluster: Cluster,
    spec: Json,
    reverts: bool,  # noqa: FBT001
) -> None:
    await _custom(namespace, "argoproj.io", "v1alpha1", "Application", {"metadata": {"name": "echo"}, "spec": spec})
    notes = {ARGO: f"{namespace.name}_echo:apps/Deployment:x/web"}
    await namespace.deploy("main-aaaaaaa", annotations=notes, spec={"replicas": 0})

    assert (await cluster.workload(namespace.target())).owner == Owner(OwnerKind.ARGO_CD, "echo", reverts=reverts)


@pytest.mark.parametrize("suspended", [True, False])
async def test_flux_reverts_unless_suspended(namespace: ClusterNamespace, cluster: Cluster, suspended: bool) -> None:  # noqa: FBT001
    group = "kustomize.toolkit.fluxcd.io"
    await _custom(namespace, group, "v1", "Kustomization", {"metadata": {"name": "apps"}, "spec": {"suspend": suspended}})
    labels = {f"{group}/name": "apps", f"{group}/namespace": namespace.name}
    await namespace.deploy("main-aaaaaaa", labels=labels, spec={"replicas": 0})

    assert (await cluster.workload(namespace.target())).owner == Owner(OwnerKind.FLUX, "apps", reverts=not suspended)


@pytest.mark.parametrize("listed", [True, False])
async def test_the_common_instance_label_is_argo_cds_only_where_its_application_lists_the_deployment(
    namespace: ClusterNamespace,
    cluster: Cluster,
    stand_in: StandInCluster,
    listed: bool,  # noqa: FBT001
) -> None:
    mine = {"group": "apps", "kind": "Deployment", "namespace": namespace.name, "name": "web" if listed else "another"}
    stand_in.create(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "echo", "namespace": "argocd"},
            "spec": AUTOMATED,
            "status": {"resources": [mine]},
        }
    )
    await namespace.deploy("main-aaaaaaa", labels={"app.kubernetes.io/instance": "echo"}, spec={"replicas": 0})

    found = (await cluster.workload(namespace.target())).owner

    assert found == (Owner(OwnerKind.ARGO_CD, "echo", reverts=True) if listed else Owner())


async def _custom(namespace: ClusterNamespace, group: str, version: str, kind: str, manifest: Json) -> None:
    """A custom object; a real server first has to learn its kind."""
    plural = kind.lower() + "s"
    if namespace.stand_in is None:
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
        status, answer = await namespace.api.call_unchecked(
            "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition
        )
        assert status in (201, 409), answer
        await namespace.kubectl("wait", "--for=condition=Established", f"crd/{plural}.{group}", "--timeout=30s")
    await namespace.create({"apiVersion": f"{group}/{version}", "kind": kind, **manifest})


async def test_config_changed_since_is_named_and_never_read(namespace: ClusterNamespace, cluster: Cluster) -> None:
    for kind, name in [("ConfigMap", "settings"), ("ConfigMap", "unused"), ("Secret", "password"), ("ConfigMap", "files")]:
        await namespace.create({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}})
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

    changed = await cluster.config_changes(namespace.target(), template, now - timedelta(minutes=1))

    named = {(each.kind, each.name) for each in changed}
    # The role in deploy/ does not let the bot look at Secrets; in the stand-in it may do everything.
    secrets = {("Secret", "password")} if namespace.stand_in else set()
    assert named == {("ConfigMap", "settings"), ("ConfigMap", "files")} | secrets
    assert all(abs(each.changed_at - now) < timedelta(seconds=30) for each in changed)
    assert await cluster.config_changes(namespace.target(), template, now + timedelta(minutes=1)) == ()


async def test_of_a_secret_only_its_metadata_travels(namespace: ClusterNamespace, connection: KubernetesClient) -> None:
    manifest: Json = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "password"}, "stringData": {"p": "hunter2"}}
    await namespace.create(manifest)

    found = await connection.get(SECRETS, namespace.name, "password", accept=METADATA_ONLY_MEDIA_TYPE)

    assert found["metadata"]["name"] == "password"
    assert "data" not in found


async def test_a_viewer_may_look_but_not_change(namespace: ClusterNamespace, viewer: Cluster, cluster: Cluster) -> None:
    allowed = {(each.verb, each.resource): each.allowed for each in await viewer.permissions(namespace.name)}
    everything = await cluster.permissions(namespace.name)

    assert allowed["patch", "deployments.apps"] is False
    assert ("get", "pods/log") in allowed
    assert all(each.allowed for each in everything)
    assert {(each.verb, each.resource) for each in everything} == set(allowed)


async def test_the_server_says_its_version(cluster: Cluster) -> None:
    assert (await cluster.version()).startswith("v1.")
