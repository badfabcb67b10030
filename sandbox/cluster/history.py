"""Objects with a past: a Deployment with the ReplicaSets of its earlier versions and pods that have run for a while."""

import copy
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.cluster import managed_fields, pods, rollout
from sandbox.cluster.defaults import apply_defaults, template_hash
from sandbox.cluster.model import Json, format_time, owner_reference
from sandbox.cluster.replicasets import pod_from_template, random_suffix
from sandbox.cluster.resources import DEPLOYMENTS, ResourceType

_ROLLOUT_TIME = timedelta(seconds=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One version of a workload: which tag, since when, with which environment beside the usual, and why."""

    tag: str
    at: datetime
    cause: str
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedWorkload:
    """A Deployment as its chart describes it. ``extra_pods_at`` is when the autoscaler added the last ``extra_pods``."""

    name: str
    namespace: str
    container: str
    image: str
    replicas: int
    port: int
    labels: dict[str, str]
    annotations: dict[str, str]
    manager: str
    env: dict[str, str] = field(default_factory=dict)
    surge: int | str = "25%"
    unavailable: int | str = "25%"
    probe: str = "/api/status"
    extra_pods: int = 0
    extra_pods_at: datetime | None = None


def object_base(api_version: str, kind: str, name: str, namespace: str, at: datetime) -> Json:
    """The first lines of an object that was made ``at`` some moment."""
    metadata = {"name": name, "uid": str(uuid.uuid4()), "creationTimestamp": format_time(at)}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def record_field_manager(manager: str, at: datetime, before: Json | None, obj: Json) -> None:
    """Notes in managedFields that ``manager`` made what differs from ``before``."""
    tracked = {key: value for key, value in obj.items() if key not in ("status", "apiVersion", "kind")}
    managed_fields.record_update(before, tracked, manager=manager, at=format_time(at), api_version=obj["apiVersion"])
    obj["metadata"] = tracked["metadata"]


def with_history(workload: SeedWorkload, releases: list[Release]) -> list[Json]:
    """The Deployment, one ReplicaSet for each release (oldest first in ``releases``), and the newest one's pods."""
    newest, revision = releases[-1], len(releases)
    deployment = _deployment(workload, releases)
    replica_sets = [
        _replica_set(workload, deployment, release, number, current=release is newest)
        for number, release in enumerate(releases, start=1)
    ]
    settled = newest.at + _ROLLOUT_TIME
    deployment["metadata"]["annotations"][rollout.REVISION] = str(revision)
    deployment["status"] = rollout.status_of(deployment, replica_sets, replica_sets[-1], settled)
    name = replica_sets[-1]["metadata"]["name"]
    message = f'ReplicaSet "{name}" has successfully progressed.'
    done = rollout.condition("Progressing", "True", "NewReplicaSetAvailable", message, settled)
    rollout.set_condition(deployment["status"], done)
    return [deployment, *replica_sets, *_pods(workload, replica_sets[-1], newest.at)]


def _deployment(workload: SeedWorkload, releases: list[Release]) -> Json:
    newest = releases[-1]
    deployment = object_base("apps/v1", "Deployment", workload.name, workload.namespace, releases[0].at)
    deployment["metadata"].update(
        # Every release made two generations: the new template, and the change cause in the annotations.
        generation=2 * len(releases) - 1,
        labels=dict(workload.labels),
        annotations={**workload.annotations, "kubernetes.io/change-cause": newest.cause},
    )
    deployment["spec"] = {
        "replicas": workload.replicas,
        "selector": {"matchLabels": {"app": workload.name}},
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": workload.surge, "maxUnavailable": workload.unavailable},
        },
        "template": _template(workload, newest),
    }
    apply_defaults(DEPLOYMENTS, deployment)
    record_field_manager(workload.manager, newest.at, None, deployment)
    return deployment


def _template(workload: SeedWorkload, release: Release) -> Json:
    variables = {**workload.env, **release.env}
    probe = {"httpGet": {"path": workload.probe, "port": workload.port}}
    container = {
        "name": workload.container,
        "image": f"{workload.image}:{release.tag}",
        "ports": [{"name": "http", "containerPort": workload.port}],
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "envFrom": [
            {"configMapRef": {"name": "deep-echo-config"}},
            {"secretRef": {"name": "deep-echo-secrets"}},
        ],
        "livenessProbe": {**copy.deepcopy(probe), "initialDelaySeconds": 30},
        "readinessProbe": {**copy.deepcopy(probe), "initialDelaySeconds": 5, "periodSeconds": 5},
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    }
    labels = {"app": workload.name, "app.kubernetes.io/name": "deep-echo", "app.kubernetes.io/component": workload.container}
    return {"metadata": {"labels": labels}, "spec": {"containers": [container]}}


def _replica_set(workload: SeedWorkload, deployment: Json, release: Release, revision: int, *, current: bool) -> Json:
    past = copy.deepcopy(deployment)
    past["metadata"]["annotations"]["kubernetes.io/change-cause"] = release.cause
    past["spec"]["template"] = _template(workload, release)
    apply_defaults(DEPLOYMENTS, past)
    template: Json = past["spec"]["template"]
    digest = template_hash(template)
    template["metadata"]["labels"][rollout.HASH_LABEL] = digest
    replica_set = object_base("apps/v1", "ReplicaSet", f"{workload.name}-{digest}", workload.namespace, release.at)
    size = workload.replicas if current else 0
    replica_set["spec"] = {
        "replicas": size,
        "selector": {"matchLabels": {"app": workload.name, rollout.HASH_LABEL: digest}},
        "template": template,
    }
    replica_set["metadata"].update(
        # Made, grown pod by pod, and, when its time was over, shrunk again.
        generation=1 + size if current else 1 + 2 * workload.replicas,
        labels=dict(template["metadata"]["labels"]),
        ownerReferences=[owner_reference("apps/v1", "Deployment", deployment)],
        annotations=rollout.annotations_for_new(past, replica_set, revision, exists=False),
    )
    counted = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas") if current else ()
    counts = dict.fromkeys(counted, size)
    replica_set["status"] = {"replicas": 0, "observedGeneration": replica_set["metadata"]["generation"], **counts}
    return replica_set


def _pods(workload: SeedWorkload, replica_set: Json, at: datetime) -> list[Json]:
    pods_made = []
    for number in range(workload.replicas):
        added_later = workload.extra_pods_at is not None and number >= workload.replicas - workload.extra_pods
        created_at = workload.extra_pods_at if added_later and workload.extra_pods_at else at + timedelta(seconds=6 * number)
        pod = pod_from_template(replica_set, f"{replica_set['metadata']['name']}-{random_suffix()}")
        pod.update(apiVersion="v1", kind="Pod")
        pod["metadata"].update(uid=str(uuid.uuid4()), creationTimestamp=format_time(created_at))
        pods.mark_scheduled(pod, created_at)
        pods.mark_initialized(pod, created_at)
        ready = created_at + timedelta(seconds=3)
        pods.set_container_states(pod, pods.running_state(created_at + timedelta(seconds=2)), ready, ready=True)
        pods_made.append(pod)
    return pods_made


def api_object(resource: ResourceType, name: str, namespace: str, at: datetime) -> Json:
    return object_base(resource.api_version, resource.kind, name, namespace, at)
