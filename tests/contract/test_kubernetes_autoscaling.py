"""What the cluster still knows of changes by others: moves of autoscalers, and whose hand wrote a Deployment last."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.workloads.containers import with_image
from domain.workloads.field_managers import FieldManagers
from integrations.kubernetes import Cluster
from sandbox.cluster import ClusterFault, StandInCluster
from tests.harness.cluster_namespace import ClusterNamespace

SECOND = timedelta(seconds=1)


async def autoscale(namespace: ClusterNamespace, name: str = "web") -> None:
    version = "v2" if namespace.stand_in is not None else "v1"
    aim = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    spec = {"scaleTargetRef": aim, "minReplicas": 1, "maxReplicas": 20}
    kind = "HorizontalPodAutoscaler"
    await namespace.create(
        {"apiVersion": f"autoscaling/{version}", "kind": kind, "metadata": {"name": f"{name}-scaler"}, "spec": spec}
    )


async def move(namespace: ClusterNamespace, replicas: int, name: str = "web") -> None:
    """The autoscaler changes its mind. The real server of these tests runs none: there it is played, with its three writes."""
    if namespace.stand_in is not None:
        namespace.stand_in.scale_by_hpa(namespace.name, f"{name}-scaler", replicas)
        return
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    scale = f"{namespace.path(name)}/scale?fieldManager=kube-controller-manager"
    await namespace.api.merge(scale, {"spec": {"replicas": replicas}})
    await namespace.create(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{name}-scaler.{replicas}"},
            "involvedObject": {
                "apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler",
                "name": f"{name}-scaler",
                "namespace": namespace.name,
            },
            "reason": "SuccessfulRescale",
            "message": f"New size: {replicas}; reason: cpu resource utilization (percentage of request) above target",
            "type": "Normal",
            "source": {"component": "horizontal-pod-autoscaler"},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
    )
    status = f"/apis/autoscaling/v1/namespaces/{namespace.name}/horizontalpodautoscalers/{name}-scaler/status"
    counts = {"currentReplicas": replicas, "desiredReplicas": replicas}
    await namespace.api.merge(status, {"status": {"lastScaleTime": now, **counts}})


async def test_a_move_is_told_with_its_time_and_new_size(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    await autoscale(namespace)
    began = datetime.now(UTC) - SECOND
    await move(namespace, 3)

    (told,) = await cluster.scaling_events(namespace.name, began)

    assert (told.autoscaler, told.deployment, told.replicas) == ("web-scaler", "web", 3)
    assert began <= told.at <= datetime.now(UTC)
    assert await cluster.scaling_events(namespace.name, told.at) == ()


async def test_an_autoscaler_that_never_moved_says_nothing(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    await autoscale(namespace)

    assert await cluster.scaling_events(namespace.name, datetime.now(UTC) - timedelta(days=1)) == ()


async def test_each_move_is_told_once(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    await autoscale(namespace)
    for replicas in (5, 8):
        await move(namespace, replicas)

    moves = await cluster.scaling_events(namespace.name, datetime.now(UTC) - timedelta(minutes=1))

    assert sorted(each.replicas or 0 for each in moves) == [5, 8]


async def test_an_account_that_may_not_read_events_is_told_of_the_last_move(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    await namespace.deploy("main-aaaaaaa")
    await autoscale(namespace)
    await move(namespace, 5)
    stand_in.inject_fault(ClusterFault(kind="status", status=403, path_prefix=f"/api/v1/namespaces/{namespace.name}/events"))

    (told,) = await cluster.scaling_events(namespace.name, datetime.now(UTC) - timedelta(minutes=1))

    assert (told.deployment, told.replicas) == ("web", None)


async def test_the_hand_that_set_the_image_is_named_with_its_time(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    began = datetime.now(UTC) - SECOND
    await namespace.kubectl("set", "image", "deployment/web", "main=registry.example/web:main-bbbbbbb")

    hand = (await hands_of(namespace, cluster)).image

    assert hand is not None
    assert hand.name == "kubectl-set"
    assert began <= hand.at <= datetime.now(UTC)


async def test_our_own_hand_is_known_by_its_name(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    before = await cluster.workload(namespace.target())
    template = with_image(before.template, ("main",), "registry.example/web:main-bbbbbbb")
    await cluster.set_template(
        namespace.target(),
        template,
        expected_hash=before.template_hash,
        operation_id="op-1",
        cause="deploy",
        annotations_from_revision=False,
    )
    await cluster.scale(namespace.target(), 4, expected_replicas=2, operation_id="op-2")

    found = await hands_of(namespace, cluster)

    assert found.image is not None
    assert found.image.name == "deepecho"
    assert found.replicas is None


async def test_replicas_set_with_kubectl_are_told_and_an_autoscalers_are_not(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    # Servers before 1.22, such as the real one of these tests, do not note who writes through ``scale``.
    await namespace.deploy("main-aaaaaaa")
    await namespace.deploy("main-aaaaaaa", name="steered")
    began = datetime.now(UTC) - SECOND
    await autoscale(namespace, "steered")
    await move(namespace, 3, "steered")
    await namespace.kubectl("scale", "deployment/web", "--replicas=4")

    web, steered = await hands_of(namespace, cluster, "web"), await hands_of(namespace, cluster, "steered")

    assert web.replicas is not None
    assert web.replicas.name == "kubectl"
    assert began <= web.replicas.at <= datetime.now(UTC)
    assert steered.replicas is None


async def test_a_deployment_that_does_not_exist_has_no_hands(namespace: ClusterNamespace, cluster: Cluster) -> None:
    assert await cluster.field_managers([namespace.target("nothing")]) == {}


async def test_an_init_container_of_the_service_counts_and_another_program_does_not(
    namespace: ClusterNamespace, cluster: Cluster
) -> None:
    image = "registry.example/web:main-aaaaaaa"
    containers = [{"name": "main", "image": image}, {"name": "proxy", "image": "registry.example/proxy:1"}]
    spec = {"initContainers": [{"name": "migrate", "image": image}], "containers": containers}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": spec}
    await namespace.deploy("main-aaaaaaa", spec={"template": template})

    async def set_image(container: str, image: str, manager: str) -> str:
        await namespace.kubectl("set", "image", "deployment/web", f"{container}={image}", f"--field-manager={manager}")
        found = (await hands_of(namespace, cluster)).image
        return found.name if found else ""

    # Times are whole seconds: of two managers in one second the last by name counts.
    assert await set_image("migrate", "registry.example/web:main-bbbbbbb", "zoe") == "zoe"
    assert await set_image("proxy", "registry.example/proxy:2", "zz-top") == "zoe"


@pytest.mark.parametrize("container", ["main", "sidecar"])
async def test_only_the_services_own_container_counts(namespace: ClusterNamespace, cluster: Cluster, container: str) -> None:
    await namespace.deploy("main-aaaaaaa")

    found = (await cluster.field_managers([namespace.target(container=container)]))[namespace.target(container=container)]

    assert (found.image is not None) is (container == "main")


async def hands_of(namespace: ClusterNamespace, cluster: Cluster, name: str = "web") -> FieldManagers:
    return (await cluster.field_managers([namespace.target(name)]))[namespace.target(name)]
