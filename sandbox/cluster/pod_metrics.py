"""The metrics server's API, ``metrics.k8s.io/v1beta1``: what each running pod uses now, made up of its name and its requests."""

import hashlib
from datetime import datetime

from sandbox.cluster.errors import not_found
from sandbox.cluster.model import Json
from sandbox.cluster.reads import Selection
from sandbox.cluster.resources import PODS
from sandbox.cluster.store import ObjectStore
from sandbox.cluster.writes import ResourcePath

_WINDOW = "15s"


def pod_metrics_list(store: ObjectStore, selection: Selection, now: datetime) -> Json:
    """The list. It has neither a resource version nor pages."""
    matches = selection.predicate()
    running = [pod for pod in store.all(PODS, selection.namespace) if matches(pod) and _is_running(pod)]
    return {
        "kind": "PodMetricsList",
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {},
        "items": [_measured(pod, now) for pod in running],
    }


def pod_metrics(store: ObjectStore, target: ResourcePath, now: datetime) -> Json:
    """One pod. Raises 404 for one that does not run."""
    pod = store.find(PODS, target.key)
    if pod is None or not _is_running(pod):
        raise not_found(target.resource, target.name)
    return {"kind": "PodMetrics", "apiVersion": "metrics.k8s.io/v1beta1", **_measured(pod, now)}


def _is_running(pod: Json) -> bool:
    return bool(pod.get("status", {}).get("phase") == "Running")


def _measured(pod: Json, now: datetime) -> Json:
    metadata = {key: pod["metadata"][key] for key in ("name", "namespace", "labels") if key in pod["metadata"]}
    return {
        "metadata": metadata | {"creationTimestamp": f"{now:%Y-%m-%dT%H:%M:%SZ}"},
        "timestamp": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "window": _WINDOW,
        "containers": [_container(metadata["name"], each["name"]) for each in pod["spec"]["containers"]],
    }


def _container(pod: str, name: str) -> Json:
    """Nanoprocessors and kibibytes, as the metrics server writes them; steady for one container."""
    share = hashlib.sha256(f"{pod}/{name}".encode()).digest()[0] / 255
    return {
        "name": name,
        "usage": {"cpu": f"{round((0.05 + 0.2 * share) * 1e9)}n", "memory": f"{round((180 + 240 * share) * 1024)}Ki"},
    }
