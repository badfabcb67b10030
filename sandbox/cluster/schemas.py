"""The types that the API server insists on, for the fields that the stand-in itself looks into."""

from typing import Any

from sandbox.cluster.model import Json
from sandbox.cluster.resources import CONFIGMAPS, HPAS, PODS, SECRETS, SERVICES, WORKLOADS, ResourceType

Shape = Any
"""A type, a tuple of types, {field: shape}, [shape] for lists, or TEXTS for a map from text to text."""

STRING_MAP = object()
_PROBE: Shape = {"httpGet": dict, "periodSeconds": int, "timeoutSeconds": int}
_CONTAINER: Shape = {
    "name": str,
    "image": str,
    "env": [{"name": str, "value": str, "valueFrom": {"fieldRef": dict}}],
    "envFrom": [dict],
    "ports": [{"containerPort": int}],
    "resources": {"limits": dict, "requests": dict},
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
    "startupProbe": _PROBE,
}
_VOLUME: Shape = {"name": str, "configMap": dict, "secret": dict}
_POD_SPEC: Shape = {
    "containers": [_CONTAINER],
    "initContainers": [_CONTAINER],
    "volumes": [_VOLUME],
    "terminationGracePeriodSeconds": int,
    "nodeName": str,
}
_METADATA: Shape = {
    "name": str,
    "generateName": str,
    "namespace": str,
    "labels": STRING_MAP,
    "annotations": STRING_MAP,
    "ownerReferences": [{"uid": str, "name": str}],
    "managedFields": [{"manager": str, "operation": str, "fieldsV1": dict}],
    "finalizers": [str],
}
_AMOUNT = (int, str)
_WORKLOAD: Shape = {
    "replicas": int,
    "minReadySeconds": int,
    "progressDeadlineSeconds": int,
    "revisionHistoryLimit": int,
    "paused": bool,
    "selector": {"matchLabels": STRING_MAP, "matchExpressions": [{"key": str, "operator": str, "values": [str]}]},
    "strategy": {"type": str, "rollingUpdate": {"maxSurge": _AMOUNT, "maxUnavailable": _AMOUNT}},
    "updateStrategy": {"type": str, "rollingUpdate": {"partition": int, "maxSurge": _AMOUNT, "maxUnavailable": _AMOUNT}},
    "template": {"metadata": {"labels": STRING_MAP, "annotations": STRING_MAP}, "spec": _POD_SPEC},
}
_METRIC: Shape = {"type": str, "resource": {"name": str, "target": dict}}
_AUTOSCALER: Shape = {"minReplicas": int, "maxReplicas": int, "scaleTargetRef": {"name": str}, "metrics": [_METRIC]}
_SHAPES: dict[str, Shape] = {
    **{resource.storage: {"spec": _WORKLOAD} for resource in WORKLOADS},
    PODS.storage: {"spec": _POD_SPEC},
    HPAS.storage: {"spec": _AUTOSCALER},
    CONFIGMAPS.storage: {"data": STRING_MAP},
    SECRETS.storage: {"data": STRING_MAP, "stringData": STRING_MAP},
    SERVICES.storage: {"spec": {"ports": [{"port": int}]}},
}
_GO_NAMES = {str: "string", int: "int32", bool: "bool", dict: "map[string]interface {}", list: "[]interface {}"}
_JSON_NAMES = {str: "string", int: "number", float: "number", bool: "bool", dict: "object", list: "array"}


def type_errors(resource: ResourceType, obj: Json) -> list[str]:
    """What cannot be decoded, in Go's words; empty when all is well."""
    shape = {"metadata": _METADATA, **_SHAPES.get(resource.storage, {})}
    return _type_errors(obj, shape, resource.kind)


def _type_errors(value: Any, shape: Shape, path: str) -> list[str]:
    if shape is STRING_MAP:
        shape = dict.fromkeys(value, str) if isinstance(value, dict) else dict
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [_unmarshal_error(value, dict, path)]
        inside = (_type_errors(value[name], each, f"{path}.{name}") for name, each in shape.items() if name in value)
        return [told for each in inside for told in each]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [_unmarshal_error(value, list, path)]
        return [told for item in value for told in _type_errors(item, shape[0], path)]
    wanted = shape if isinstance(shape, tuple) else (shape,)
    # In Python a bool is an int; in JSON it is not.
    fits = isinstance(value, wanted) and (not isinstance(value, bool) or bool in wanted)
    return [] if fits else [_unmarshal_error(value, wanted[0], path)]


def _unmarshal_error(value: Any, wanted: type, path: str) -> str:
    got = _JSON_NAMES.get(type(value), "null")
    return f"json: cannot unmarshal {got} into Go struct field {path} of type {_GO_NAMES[wanted]}"
