"""One believable answer of each kind about what runs in a cluster."""

from dataclasses import replace
from datetime import timedelta

from domain.answers.workloads import (
    AutoscalersAnswer,
    ClusterPlace,
    DescribeAnswer,
    EventsAnswer,
    NodesAnswer,
    PodsAnswer,
    RolloutAnswer,
    UsageAnswer,
)
from domain.workloads.listings import ContainerSpec, ListedAutoscaler, ListedEvent, ListedNode, ListedPod, PodUsage
from tests.harness.families import Fact
from tests.harness.samples.operations import NOW
from tests.harness.samples.workloads import revision, workload

IMAGE = "ghcr.io/echocog/deep-tree-echo-rkwv:main-9f00d12"
PLACE = ClusterPlace(environment="production", service="", at=NOW)
OF_MAIN = replace(PLACE, service="deep-echo-main")


def pod(name: str, state: str = "Running", **more: object) -> ListedPod:
    values: dict[str, object] = {
        "ready": int(state == "Running"),
        "containers": 1,
        "restarts": 0,
        "restarted_at": None,
        "created_at": NOW - timedelta(days=2, hours=3),
        "image": IMAGE,
    }
    return ListedPod(name=name, state=state, **(values | more))  # type: ignore[arg-type]


CRASHING = pod(
    "deep-echo-main-7d9f8b6c54-x2x4q",
    "CrashLoopBackOff",
    restarts=12,
    restarted_at=NOW - timedelta(minutes=3),
    problem="last ended with OOMKilled, exit code 137",
)
PENDING = pod(
    "deep-echo-main-7d9f8b6c54-b7k2m",
    "Pending",
    created_at=NOW - timedelta(minutes=9),
    problem="Unschedulable: 0/3 nodes are available: 3 Insufficient memory.",
)
WELL = pod("deep-echo-main-7d9f8b6c54-v5n8d", restarts=1, restarted_at=NOW - timedelta(hours=20))
BACK_OFF = ListedEvent(
    is_warning=True,
    reason="BackOff",
    kind="Pod",
    name="deep-echo-main-…",
    message="Back-off restarting failed container main-app in pod deep-echo-main-7d9f8b6c54-x2x4q",
    count=148,
    last_at=NOW - timedelta(minutes=1),
)
SCALED = ListedEvent(
    is_warning=False,
    reason="SuccessfulRescale",
    kind="HorizontalPodAutoscaler",
    name="deep-echo-cognitive",
    message="New size: 9; reason: cpu resource utilization (percentage of request) above target",
    count=1,
    last_at=NOW - timedelta(minutes=22),
)
NODE = ListedNode(
    name="ip-10-0-12-34.eu-central-1.compute.internal",
    is_ready=True,
    is_cordoned=False,
    problems=(),
    version="v1.31.4",
    created_at=NOW - timedelta(days=40),
    cpu=8,
    memory=32 * 2**30,
    pods=58,
    zone="eu-central-1a",
)
NODES = (
    replace(NODE, name="ip-10-0-31-7", is_ready=False, problems=("Kubelet stopped posting node status.",)),
    replace(NODE, name="ip-10-0-22-9", is_cordoned=True, problems=("DiskPressure: kubelet has disk pressure",)),
    NODE,
)
SCALER = ListedAutoscaler(
    name="deep-echo-cognitive",
    kind="Deployment",
    target="deep-echo-cognitive",
    minimum=3,
    maximum=20,
    current=20,
    desired=20,
    metrics=("cpu 93 % of 70 %", "memory 61 % of 80 %"),
    problems=(),
    scaled_at=NOW - timedelta(minutes=22),
)
STUCK = replace(SCALER, target="deep-echo-main", current=3, desired=3, problems=("FailedGetResourceMetric: no metrics returned",))
CONTAINER = ContainerSpec(
    name="main-app",
    image=IMAGE,
    requests=("cpu 250m", "memory 512Mi"),
    limits=("cpu 1", "memory 1Gi"),
    ports=(8000,),
    probes=("readiness", "liveness"),
    environment=("ENVIRONMENT", "DATABASE_URL", "all of Secret deep-echo-secrets"),
)
WORKLOAD = workload(revision(2, "main-9f00d12"), revision(1, "main-abc1234"), replicas=3)
WORKLOAD_GALLERY: dict[str, Fact] = {
    "pods": PodsAnswer(
        place=OF_MAIN, pods=(CRASHING, PENDING, WELL), total=40, well=38, images=(("main-9f00d12", 39), ("main-abc1234", 1))
    ),
    "pods not known": PodsAnswer(place=replace(PLACE, problem="The cluster did not answer within 8 s.")),
    "events": EventsAnswer(place=PLACE, since=NOW - timedelta(hours=1), events=(BACK_OFF, SCALED), total=2, warnings=1),
    "nodes": NodesAnswer(place=PLACE, nodes=NODES, total=3, well=1),
    "autoscalers": AutoscalersAnswer(place=PLACE, autoscalers=(STUCK, SCALER)),
    "usage": UsageAnswer(
        place=OF_MAIN,
        pods=(PodUsage(name=WELL.name, cpu=0.31, memory=612 * 2**20), PodUsage(name=PENDING.name, cpu=0.02, memory=90 * 2**20)),
        total=2,
        cpu=0.33,
        memory=702 * 2**20,
    ),
    "rollout": RolloutAnswer(place=OF_MAIN, workload=WORKLOAD, pods=(CRASHING,), revisions=WORKLOAD.revisions),
    "rollout not known": RolloutAnswer(place=replace(OF_MAIN, problem="There is no Deployment deep-echo-main.")),
    "description": DescribeAnswer(
        place=OF_MAIN,
        workload=WORKLOAD,
        containers=(CONTAINER,),
        pods=(CRASHING, WELL),
        warnings=(BACK_OFF,),
        missing={"events": "The bot may not list Events."},
    ),
}
