"""A name that belongs to another kind of workload is refused with that kind, and nothing is changed."""

from dataclasses import replace

import pytest

from domain.errors import NotFound
from domain.rich_text import plain_text
from domain.targets import WorkloadKind
from integrations.kubernetes import Cluster
from sandbox.cluster import ClusterFault, StandInCluster
from tests.harness.cluster_namespace import ClusterNamespace, Json

LABELS = {"app": "db"}
POD_TEMPLATE: Json = {
    "metadata": {"labels": LABELS},
    "spec": {"containers": [{"name": "main", "image": "registry.example/db:16.4"}]},
}
SPEC: Json = {"selector": {"matchLabels": LABELS}, "template": POD_TEMPLATE}
OTHER_KINDS: dict[str, Json] = {
    "StatefulSet": {"apiVersion": "apps/v1", "spec": {**SPEC, "serviceName": "db", "replicas": 0}},
    "DaemonSet": {"apiVersion": "apps/v1", "spec": {**SPEC, "updateStrategy": {"type": "OnDelete"}}},
}


@pytest.mark.parametrize(("kind", "key"), [("StatefulSet", "`statefulset: db`"), ("DaemonSet", "`daemonset: db`")])
async def test_a_built_in_kind_is_named(namespace: ClusterNamespace, cluster: Cluster, kind: str, key: str) -> None:
    await namespace.create({"kind": kind, "metadata": {"name": "db"}, **OTHER_KINDS[kind]})
    with pytest.raises(NotFound) as refused:
        await cluster.workload(namespace.target("db"))
    said = plain_text(refused.value.sentence)
    told = f"is a {kind}, and the catalogue calls it a Deployment. There it has to be {key}."
    assert said == f"db in production {told} Nothing was changed."
    others = await cluster.other_kinds([namespace.target("db"), namespace.target("web")])
    assert {target.service: plain_text(text) for target, text in others.items()} == {"db": f"It {told}"}


async def test_a_rollout_of_argo_is_named(namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster) -> None:
    await namespace.create({"kind": "Rollout", "apiVersion": "argoproj.io/v1alpha1", "metadata": {"name": "db"}, "spec": SPEC})
    with pytest.raises(NotFound, match="db in production is a Rollout of Argo Rollouts") as refused:
        await cluster.workload(namespace.target("db"))
    assert "Such a one is not changed from here." in str(refused.value)
    assert f"kubectl argo rollouts get rollout db --namespace {namespace.name}" in str(refused.value)
    assert stand_in.control.writes(f"/apis/argoproj.io/v1alpha1/namespaces/{namespace.name}/rollouts/db") == []


async def test_without_the_right_to_look_the_deployment_is_missing(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    await namespace.create({"kind": "StatefulSet", "metadata": {"name": "db"}, **OTHER_KINDS["StatefulSet"]})
    for path in (f"/apis/apps/v1/namespaces/{namespace.name}/statefulsets", "/apis/argoproj.io/", "/apis/batch/"):
        stand_in.inject_fault(ClusterFault(kind="status", status=403, times=5, path_prefix=path))
    with pytest.raises(NotFound, match=f"There is no Deployment db in namespace {namespace.name}"):
        await cluster.workload(namespace.target("db"))


async def test_a_deployment_is_named_where_the_catalogue_says_something_else(
    namespace: ClusterNamespace, cluster: Cluster
) -> None:
    await namespace.deploy("main-aaaaaaa")
    target = replace(namespace.target(), kind=WorkloadKind.DAEMON_SET)
    with pytest.raises(NotFound, match=r"calls it a DaemonSet\. There it has to be `deployment: web`"):
        await cluster.workload(target)
