"""Lists whose objects are not as Kubernetes writes them, field by field: an answer or a refusal, never a crash."""

import copy
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from domain.redaction import redact
from integrations.kubernetes.listed import listed_autoscaler, listed_event, listed_node, listed_pod, pod_usage
from integrations.kubernetes.resources import AUTOSCALERS, EVENTS, NODES, POD_METRICS, PODS, Json, Resource
from integrations.kubernetes.shapes import parse_list, parse_measurements

AT = "2026-11-23T14:02:00Z"
OWNER = {"kind": "ReplicaSet", "name": "web-5d4f6", "uid": "u", "controller": True}
METADATA: Json = {
    "name": "web",
    "uid": "u",
    "resourceVersion": "1",
    "creationTimestamp": AT,
    "labels": {},
    "ownerReferences": [OWNER],
}
CRASHING: Json = {
    "name": "main",
    "ready": False,
    "restartCount": 12,
    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
    "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": AT}},
}
POD: Json = {
    "metadata": METADATA,
    "spec": {"containers": [{"name": "main", "image": "registry.example/web:1"}], "nodeName": "node-1"},
    "status": {"phase": "Running", "containerStatuses": [CRASHING], "conditions": [{"type": "PodScheduled", "status": "False"}]},
}
EVENT: Json = {
    "metadata": METADATA,
    "type": "Warning",
    "reason": "BackOff",
    "message": "again",
    "count": 2,
    "involvedObject": {"kind": "Pod", "name": "web"},
    "lastTimestamp": AT,
    "series": {"count": 3, "lastObservedTime": AT},
}
NODE: Json = {
    "metadata": METADATA,
    "spec": {"unschedulable": False},
    "status": {
        "conditions": [{"type": "Ready", "status": "False", "message": "stopped"}, {"type": "DiskPressure", "status": "True"}],
        "allocatable": {"cpu": "8", "memory": "32Gi", "pods": "110"},
        "nodeInfo": {"kubeletVersion": "v1.36.0"},
    },
}
SCALER: Json = {
    "metadata": METADATA,
    "spec": {
        "minReplicas": 1,
        "maxReplicas": 3,
        "scaleTargetRef": {"kind": "Deployment", "name": "web"},
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 70}}}],
    },
    "status": {
        "currentReplicas": 1,
        "desiredReplicas": 2,
        "lastScaleTime": AT,
        "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 83}}}],
        "conditions": [{"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric", "message": "none"}],
    },
}
USAGE: Json = {
    "metadata": {"name": "web"},
    "timestamp": AT,
    "containers": [{"name": "main", "usage": {"cpu": "1n", "memory": "1Ki"}}],
}
ODD: tuple[Any, ...] = (None, 7, "rubbish", [], {}, [None], ["x"], {"a": 1}, True, 1e400, "0001-01-01T00:00:00+14:00")
KINDS: dict[str, tuple[Resource, Json, Callable[[Json], object]]] = {
    "pod": (PODS, POD, partial(listed_pod, redact=redact)),
    "event": (EVENTS, EVENT, partial(listed_event, redact=redact)),
    "node": (NODES, NODE, partial(listed_node, redact=redact)),
    "autoscaler": (AUTOSCALERS, SCALER, partial(listed_autoscaler, redact=redact)),
    "usage": (POD_METRICS, USAGE, pod_usage),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every field and every item."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*path, key)
        yield from places(inner, (*path, key))


def changed(obj: Json, path: tuple[Any, ...], odd: object) -> Json:
    """The object with something odd in one place."""
    made = copy.deepcopy(obj)
    place: Any = made
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = odd
    return made


def listing(resource: Resource, obj: Json) -> Json:
    parse = parse_measurements if resource is POD_METRICS else parse_list
    (item,) = parse(
        resource, json.dumps({"kind": f"{resource.kind}List", "metadata": {"resourceVersion": "1"}, "items": [obj]}).encode()
    )["items"]
    return item  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", KINDS)
def test_an_odd_field_is_refused_with_the_list_or_shown_as_empty(kind: str) -> None:
    resource, obj, shrink = KINDS[kind]
    shown = refused = 0
    for path in places(obj):
        for odd in ODD:
            try:
                item = listing(resource, changed(obj, path, odd))
            except ValueError:
                refused += 1
                continue
            assert shrink(item)
            shown += 1
    assert shown > refused > 0


@pytest.mark.parametrize("kind", ["pod", "event", "node", "autoscaler"])
def test_a_secret_is_masked_before_a_long_message_is_cut(kind: str) -> None:
    secret = "gh" + "p_" + "a1B2c3D4e5F6" * 3
    message = f"{'x' * 270} {secret}"
    _, obj, shrink = KINDS[kind]
    paths = {
        "pod": ("status", "containerStatuses", 0, "state", "waiting", "message"),
        "event": ("message",),
        "node": ("status", "conditions", 0, "message"),
        "autoscaler": ("status", "conditions", 0, "message"),
    }
    text = str(shrink(changed(obj, paths[kind], message)))
    assert "xxxx" in text
    assert secret[:12] not in text


@pytest.mark.parametrize(
    "body", [b"null", b"[]", b"{}", b'{"kind":"PodMetricsList","items":7}', b'{"kind":"PodMetricsList","items":["x"]}', b"<html>"]
)
def test_what_is_no_list_of_usage_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"no |without"):
        parse_measurements(POD_METRICS, body)
