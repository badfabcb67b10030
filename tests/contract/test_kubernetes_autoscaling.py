"""What the cluster still knows of changes by others: moves of autoscalers, and whose hand wrote a Deployment last."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.workloads.deployments import with_image
from domain.workloads.field_managers import Hands
from integrations.kubernetes import Cluster
from sandbox.cluster import Fault, StandInCluster
from tests.harness.cluster_namespace import Place

SECOND = timedelta(seconds=1)


async def autoscale(place: Place, name: str = "web") -> None:
    version = "v2" if place.stand_in is not None else "v1"
    aim = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    spec = {"scaleTargetRef": aim, "minReplicas": 1, "maxReplicas": 20}
    kind = "HorizontalPodAutoscaler"
    await place.create(
        {"apiVersion": f"autoscaling/{version}", "kind": kind, "metadata": {"name": f"{name}-scaler"}, "spec": spec}
    )


async def move(place: Place, replicas: int, name: str = "web") -> None:
    """The autoscaler changes its mind. The real server of these tests runs none: there it is played, with its three writes."""
    if place.stand_in is not None:
        place.stand_in.move_hpa(place.namespace, f"{name}-scaler", replicas)
        return
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    scale = f"{place.path(name)}/scale?fieldManager=kube-controller-manager"
    await place.api.merge(scale, {"spec": {"replicas": replicas}})
    await place.create(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{name}-scaler.{replicas}"},
            "involvedObject": {
                "apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler",
                "name": f"{name}-scaler",
                "namespace": place.namespace,
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
    status = f"/apis/autoscaling/v1/namespaces/{place.namespace}/horizontalpodautoscalers/{name}-scaler/status"
    counts = {"currentReplicas": replicas, "desiredReplicas": replicas}
    await place.api.merge(status, {"status": {"lastScaleTime": now, **counts}})


async def test_a_move_is_told_with_its_time_and_new_size(place: Place, cluster: Cluster) -> None:
    await place.deploy("main-aaaaaaa")
    await autoscale(place)
    began = datetime.now(UTC) - SECOND
    await move(place, 3)

    (told,) = await cluster.autoscaler_moves(place.namespace, began)

    assert (told.autoscaler, told.deployment, told.replicas) == ("web-scaler", "web", 3)
    assert began <= told.at <= datetime.now(UTC)
    assert await cluster.autoscaler_moves(place.namespace, told.at) == ()


async def test_an_autoscaler_that_never_moved_says_nothing(place: Place, cluster: Cluster) -> None:
    await place.deploy("main-aaaaaaa")
    await autoscale(place)

    assert await cluster.autoscaler_moves(place.namespace, datetime.now(UTC) - timedelta(days=1)) == ()


async def test_each_move_is_told_once(place: Place, cluster: Cluster) -> None:
    await place.deploy("main-aaaaaaa")
    await autoscale(place)
    for replicas in (5, 8):
        await move(place, replicas)

    moves = await cluster.autoscaler_moves(place.namespace, datetime.now(UTC) - timedelta(minutes=1))

    assert sorted(each.replicas or 0 for each in moves) == [5, 8]


async def test_an_account_that_may_not_read_events_is_told_of_the_last_move(
    place: Place, cluster: Cluster, stand_in: StandInCluster
) -> None:
    await place.deploy("main-aaaaaaa")
    await autoscale(place)
    await move(place, 5)
    stand_in.fail(Fault(kind="status", status=403, path_prefix=f"/api/v1/namespaces/{place.namespace}/events"))

    (told,) = await cluster.autoscaler_moves(place.namespace, datetime.now(UTC) - timedelta(minutes=1))

    assert (told.deployment, told.replicas) == ("web", None)


async def test_the_hand_that_set_the_image_is_named_with_its_time(place: Place, cluster: Cluster) -> None:
    await place.deploy("main-aaaaaaa")
    began = datetime.now(UTC) - SECOND
    await place.kubectl("set", "image", "deployment/web", "main=registry.example/web:main-bbbbbbb")

    hand = (await hands_of(place, cluster)).image

    assert hand is not None
    assert hand.manager == "kubectl-set"
    assert began <= hand.at <= datetime.now(UTC)


async def test_our_own_hand_is_known_by_its_name(place: Place, cluster: Cluster) -> None:
    await place.deploy("main-aaaaaaa")
    before = await cluster.workload(place.target())
    template = with_image(before.template, "main", "registry.example/web:main-bbbbbbb")
    await cluster.put_template(
        place.target(),
        template,
        expected=before.template_hash,
        operation_id="op-1",
        cause="deploy",
        annotations_from_revision=False,
    )
    await cluster.scale(place.target(), 4, expected_replicas=2, operation_id="op-2")

    found = await hands_of(place, cluster)

    assert found.image is not None
    assert found.image.manager == "deepecho"
    assert found.replicas is None


async def test_replicas_set_with_kubectl_are_told_and_an_autoscalers_are_not(
    place: Place, cluster: Cluster, stand_in: StandInCluster
) -> None:
    # Servers before 1.22, such as the real one of these tests, do not note who writes through ``scale``.
    await place.deploy("main-aaaaaaa")
    await place.deploy("main-aaaaaaa", name="steered")
    began = datetime.now(UTC) - SECOND
    await autoscale(place, "steered")
    await move(place, 3, "steered")
    await place.kubectl("scale", "deployment/web", "--replicas=4")

    web, steered = await hands_of(place, cluster, "web"), await hands_of(place, cluster, "steered")

    assert web.replicas is not None
    assert web.replicas.manager == "kubectl"
    assert began <= web.replicas.at <= datetime.now(UTC)
    assert steered.replicas is None


async def test_a_deployment_that_does_not_exist_has_no_hands(place: Place, cluster: Cluster) -> None:
    assert await cluster.hands([place.target("nothing")]) == {}


@pytest.mark.parametrize("container", ["main", "sidecar"])
async def test_only_the_services_own_container_counts(place: Place, cluster: Cluster, container: str) -> None:
    await place.deploy("main-aaaaaaa")

    found = (await cluster.hands([place.target(container=container)]))[place.target(container=container)]

    assert (found.image is not None) is (container == "main")


async def hands_of(place: Place, cluster: Cluster, name: str = "web") -> Hands:
    return (await cluster.hands([place.target(name)]))[place.target(name)]
