"""What people look at, on the stand-in and on a real API server."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import NotFound
from domain.workloads.folded_events import is_about
from integrations.kubernetes import Cluster
from sandbox.cluster import StandInCluster
from tests.harness.cluster_namespace import ClusterNamespace, manifest


async def test_pods_of_a_workload_and_the_events_of_their_coming(namespace: ClusterNamespace, cluster: Cluster) -> None:
    began = datetime.now(UTC) - timedelta(minutes=5)
    await namespace.deploy("main-aaaaaaa", spec={"replicas": 3})
    pods = await cluster.reads.pods(namespace.name, await cluster.reads.selector_of(namespace.target()))
    assert [(pod.workload, pod.state, pod.ready, pod.containers, pod.restarts) for pod in pods] == [
        ("web", "Running", 1, 1, 0)
    ] * 3
    assert all(pod.created_at > began for pod in pods)
    events = await cluster.reads.events(namespace.name, began)
    scaled = [event for event in events if event.reason == "ScalingReplicaSet"]
    assert {(event.kind, event.name, is_about(event, "web")) for event in scaled} == {("Deployment", "web", True)}
    assert await cluster.reads.events(namespace.name, datetime.now(UTC) + timedelta(minutes=5)) == []


async def test_a_workload_s_containers_and_selector(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.create(manifest("web", "main-aaaaaaa", spec={"replicas": 0}))
    (container,) = await cluster.reads.containers(namespace.target())
    assert container.image.endswith(":main-aaaaaaa")
    assert await cluster.reads.selector_of(namespace.target())
    with pytest.raises(NotFound):
        await cluster.reads.containers(namespace.target("missing"))


async def test_lists_that_are_empty(namespace: ClusterNamespace, cluster: Cluster) -> None:
    assert await cluster.reads.pods(namespace.name) == []
    assert await cluster.reads.events(namespace.name, datetime.now(UTC) - timedelta(hours=1)) == []
    assert await cluster.reads.autoscalers(namespace.name) == []


async def test_nodes_are_listed_with_the_bot_s_rights(namespace: ClusterNamespace, cluster: Cluster) -> None:
    assert namespace.name
    nodes = await cluster.reads.nodes()
    assert nodes
    assert all(node.name for node in nodes)


async def test_an_autoscaler_is_listed_with_what_it_looks_at(namespace: ClusterNamespace, cluster: Cluster) -> None:
    has_v2 = namespace.stand_in is not None
    target = {"type": "Utilization", "averageUtilization": 70}
    metrics = {"metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]} if has_v2 else {}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    await namespace.create(
        {
            "apiVersion": f"autoscaling/{'v2' if has_v2 else 'v1'}",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web"},
            "spec": {"scaleTargetRef": reference, "minReplicas": 3, "maxReplicas": 20, **metrics},
        }
    )
    (found,) = await cluster.reads.autoscalers(namespace.name)
    assert (found.target, found.kind, found.minimum, found.maximum) == ("web", "Deployment", 3, 20)
    assert found.metrics == (("cpu not known of 70 %",) if has_v2 else ())


async def test_usage_needs_a_metrics_server(namespace: ClusterNamespace, cluster: Cluster) -> None:
    if namespace.stand_in is None:
        with pytest.raises(NotFound):
            await cluster.reads.usage(namespace.name)
        return
    assert await cluster.reads.usage(namespace.name) == []


async def test_the_log_of_a_pod_with_the_time_of_each_line(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    target, began = namespace.target(), datetime.now(UTC) - timedelta(minutes=5)
    await namespace.deploy("main-aaaaaaa", spec={"replicas": 1})
    stand_in.control.requests.clear()
    (pod,) = await cluster.reads.pods(namespace.name, await cluster.reads.selector_of(target))
    lines = (await cluster.reads.log(target, pod.name, last=timedelta(minutes=5), lines=50, max_bytes=65_536)).lines
    assert all((began < line.at, line.pod) == (True, pod.name) for line in lines)
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert lines
    assert any(each.path.endswith(f"/{pod.name}/log") for each in stand_in.control.requests)
    with pytest.raises(NotFound):
        await cluster.reads.log(target, "gone", last=timedelta(minutes=5), lines=50, max_bytes=65_536)
