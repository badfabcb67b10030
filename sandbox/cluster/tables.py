"""The tables that ``kubectl get`` shows: columns are made by the server, so the stand-in makes them too."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sandbox.cluster.model import Json, parse_time, replicas_of
from sandbox.cluster.reads import with_type_meta
from sandbox.cluster.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    EVENTS,
    HPAS,
    NAMESPACES,
    PODS,
    REPLICASETS,
    SECRETS,
    SERVICES,
    ResourceType,
)

Cells = Callable[[Json, datetime], list[Any]]


def table(resource: ResourceType, objects: Sequence[Json], now: datetime, metadata: Json, include: str = "Metadata") -> Json:
    """A meta.k8s.io/v1 Table; ``include`` is the query's includeObject (Metadata, Object, None)."""
    names, cells = _COLUMNS.get(resource.storage, _PLAIN)
    columns = [
        {
            "name": name.removeprefix("+"),
            "type": "string",
            "format": "name" if name == "Name" else "",
            "description": "",
            "priority": int(name.startswith("+")),
        }
        for name in names
    ]
    rows = [{"cells": cells(obj, now), **_object(resource, obj, include)} for obj in objects]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": columns,
        "rows": rows,
    }


def _object(resource: ResourceType, obj: Json, include: str) -> Json:
    if include == "None":
        return {}
    if include == "Object":
        return {"object": with_type_meta(resource, obj)}
    metadata = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
    return {"object": metadata}


def age(obj: Json, now: datetime) -> str:
    return _since(obj["metadata"]["creationTimestamp"], now)


def _since(at: str | None, now: datetime) -> str:
    if not at:
        return "<unknown>"
    return human_duration(int((now - parse_time(at)).total_seconds()))


def human_duration(seconds: int) -> str:
    """As apimachinery's HumanDuration: the longer ago, the coarser."""
    limits = ((120, 1, 1), (600, 60, 1), (10_800, 60, 60), (28_800, 3600, 60), (172_800, 3600, 3600), (691_200, 86400, 3600))
    _, unit, smaller = next((limit for limit in limits if seconds < limit[0]), (0, 86400, 86400))
    names = {1: "s", 60: "m", 3600: "h", 86400: "d"}
    whole_units, rest = divmod(max(0, seconds), unit)
    left = rest // smaller if smaller < unit else 0
    return f"{whole_units}{names[unit]}" + (f"{left}{names[smaller]}" if left else "")


def _selector(obj: Json) -> str:
    labels = (obj["spec"].get("selector") or {}).get("matchLabels", {})
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _template(obj: Json) -> list[str]:
    containers = obj["spec"]["template"]["spec"]["containers"]
    return [",".join(each[field] for each in containers) for field in ("name", "image")]


def _deployment(obj: Json, now: datetime) -> list[Any]:
    status = obj.get("status", {})
    ready = f"{status.get('readyReplicas', 0)}/{replicas_of(obj)}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    return [obj["metadata"]["name"], ready, *counts, age(obj, now), *_template(obj), _selector(obj)]


def _replica_set(obj: Json, now: datetime) -> list[Any]:
    status = obj.get("status", {})
    counts = [replicas_of(obj), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [obj["metadata"]["name"], *counts, age(obj, now), *_template(obj), _selector(obj)]


def _pod(obj: Json, now: datetime) -> list[Any]:
    status = obj.get("status", {})
    containers = status.get("containerStatuses", [])
    ready = f"{sum(each['ready'] for each in containers)}/{len(obj['spec']['containers'])}"
    restarts = sum(each["restartCount"] for each in containers)
    location = [status.get("podIP", "<none>"), obj["spec"].get("nodeName", "<none>")]
    return [obj["metadata"]["name"], ready, pod_status(obj), restarts, age(obj, now), *location, "<none>", "<none>"]


def pod_status(pod: Json) -> str:
    """The word in kubectl's STATUS column."""
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    for container_status in pod.get("status", {}).get("containerStatuses", []):
        for kind in ("waiting", "terminated"):
            reason = container_status["state"].get(kind, {}).get("reason")
            if reason:
                return str(reason)
    return str(pod.get("status", {}).get("phase", "Pending"))


def _event(obj: Json, now: datetime) -> list[Any]:
    involved = obj["involvedObject"]
    seen = _since(obj.get("lastTimestamp") or obj["metadata"]["creationTimestamp"], now)
    return [seen, obj["type"], obj["reason"], f"{involved['kind'].lower()}/{involved['name']}", obj["message"]]


def _hpa(obj: Json, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status", {})
    current = {
        metric["resource"]["name"]: metric["resource"]["current"].get("averageUtilization")
        for metric in status.get("currentMetrics") or []
    }
    targets = ", ".join(
        f"{metric['resource']['name']}: {current.get(metric['resource']['name'], '<unknown>')}%"
        f"/{metric['resource']['target'].get('averageUtilization')}%"
        for metric in spec.get("metrics", [])
        if metric["type"] == "Resource"
    )
    target = f"{spec['scaleTargetRef']['kind']}/{spec['scaleTargetRef']['name']}"
    bounds = [spec.get("minReplicas", 1), spec["maxReplicas"], status.get("currentReplicas", 0)]
    return [obj["metadata"]["name"], target, targets or "<none>", *bounds, age(obj, now)]


def _config_map(obj: Json, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], len(obj.get("data", {})), age(obj, now)]


def _secret(obj: Json, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], obj.get("type", "Opaque"), len(obj.get("data", {})), age(obj, now)]


def _service(obj: Json, now: datetime) -> list[Any]:
    spec = obj["spec"]
    ports = ",".join(f"{port['port']}/{port['protocol']}" for port in spec.get("ports", []))
    address = spec.get("clusterIP", "None")
    return [obj["metadata"]["name"], spec["type"], address, "<none>", ports or "<none>", age(obj, now)]


def _namespace(obj: Json, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], obj.get("status", {}).get("phase", "Active"), age(obj, now)]


def _plain(obj: Json, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], age(obj, now)]


_PLAIN: tuple[tuple[str, ...], Cells] = (("Name", "Age"), _plain)
_COLUMNS: dict[str, tuple[tuple[str, ...], Cells]] = {
    DEPLOYMENTS.storage: (
        ("Name", "Ready", "Up-to-date", "Available", "Age", "+Containers", "+Images", "+Selector"),
        _deployment,
    ),
    REPLICASETS.storage: (
        ("Name", "Desired", "Current", "Ready", "Age", "+Containers", "+Images", "+Selector"),
        _replica_set,
    ),
    PODS.storage: (
        ("Name", "Ready", "Status", "Restarts", "Age", "+IP", "+Node", "+Nominated Node", "+Readiness Gates"),
        _pod,
    ),
    EVENTS.storage: (("Last Seen", "Type", "Reason", "Object", "Message"), _event),
    HPAS.storage: (("Name", "Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Age"), _hpa),
    CONFIGMAPS.storage: (("Name", "Data", "Age"), _config_map),
    SECRETS.storage: (("Name", "Type", "Data", "Age"), _secret),
    SERVICES.storage: (("Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age"), _service),
    NAMESPACES.storage: (("Name", "Status", "Age"), _namespace),
}
