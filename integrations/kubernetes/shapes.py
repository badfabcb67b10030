"""The least shape of what an API server answers: what the code relies on is checked once, where it arrives.

A proxy's page, ``null``, or an object of another kind is no answer of an API server. The checked JSON is handed on as it came, so
that a template stays byte for byte what it was. Every function raises ValueError, with what came instead.
"""

import json
from typing import Any

from pydantic import BaseModel, ValidationError

from integrations.kubernetes.resources import (
    AUTOSCALERS,
    DEPLOYMENTS,
    EVENTS,
    PODS,
    REPLICA_SETS,
    Json,
    Resource,
)

_PARTIAL_KIND = "PartialObjectMetadata"
_MAX_QUOTED_LENGTH = 40


class _Metadata(BaseModel):
    name: str
    uid: str
    resourceVersion: str  # noqa: N815 - the field's name in the API
    annotations: dict[str, str] | None = None
    labels: dict[str, str] | None = None


class _Object(BaseModel):
    metadata: _Metadata


class _Named(BaseModel):
    name: str


class _PodSpec(BaseModel):
    containers: list[_Named]


class _Template(BaseModel):
    spec: _PodSpec


class _WorkloadSpec(BaseModel):
    selector: dict[str, Any]
    template: _Template


class _Condition(BaseModel):
    type: str
    status: str


class _Status(BaseModel):
    conditions: list[_Condition] | None = None
    containerStatuses: list[_Named] | None = None  # noqa: N815 - as above
    initContainerStatuses: list[_Named] | None = None  # noqa: N815 - as above


class _Workload(_Object):
    spec: _WorkloadSpec
    status: _Status | None = None


class _Pod(_Object):
    spec: _PodSpec
    status: _Status | None = None


class _Event(_Object):
    involvedObject: dict[str, Any]  # noqa: N815 - as above


class _ScalerSpec(BaseModel):
    scaleTargetRef: dict[str, Any]  # noqa: N815 - as above
    maxReplicas: int  # noqa: N815 - as above


class _Scaler(_Object):
    spec: _ScalerSpec


class _Measured(BaseModel):
    metadata: _Named


class _Measurements(BaseModel):
    items: list[_Measured] | None = None


_BY_KIND: dict[str, type[_Object]] = {
    DEPLOYMENTS.kind: _Workload,
    REPLICA_SETS.kind: _Workload,
    PODS.kind: _Pod,
    EVENTS.kind: _Event,
    AUTOSCALERS.kind: _Scaler,
}


def parse_json_object(body: bytes) -> Json:
    """Parse a JSON object."""
    try:
        parsed = json.loads(body)
    except ValueError as error:
        raise ValueError(f"no JSON but {_quoted(body)}") from error
    if not isinstance(parsed, dict):
        raise ValueError(f"no JSON object but {_quoted(body)}")  # noqa: TRY004 - callers handle what cannot be read in one way
    return parsed


def parse_object(resource: Resource, body: bytes) -> Json:
    """Parse one object of the resource, or only its metadata."""
    return _checked(resource, parse_json_object(body), kinds=(resource.kind, _PARTIAL_KIND))


def parse_list(resource: Resource, body: bytes) -> Json:
    """Parse a list of the resource. Its items have no kind of their own."""
    parsed = parse_json_object(body)
    if parsed.get("kind") not in (f"{resource.kind}List", f"{_PARTIAL_KIND}List"):
        raise ValueError(f"no {resource.kind}List but {_kind_of(parsed)}")
    if not isinstance(metadata := parsed.get("metadata"), dict) or not metadata.get("resourceVersion"):
        raise ValueError(f"a {resource.kind}List without a resourceVersion")
    if not isinstance(items := parsed.get("items") or [], list):
        raise ValueError(f"a {resource.kind}List without items")  # noqa: TRY004 - as above
    for item in items:
        _checked(resource, item)
    return parsed


def parse_measurements(resource: Resource, body: bytes) -> Json:
    """Parse a list of what is measured. Its items have names, and neither uids nor versions."""
    parsed = parse_json_object(body)
    if parsed.get("kind") != f"{resource.kind}List":
        raise ValueError(f"no {resource.kind}List but {_kind_of(parsed)}")
    try:
        _Measurements.model_validate(parsed)
    except ValidationError as error:
        raise ValueError(f"a {resource.kind}List without proper items") from error
    return parsed


def parse_watch_event(resource: Resource, line: bytes) -> Json:
    """Parse one line of a watch: ``type`` and ``object``. An ERROR carries a Status, a BOOKMARK hardly more than a version."""
    event = parse_json_object(line)
    event_type, obj = event.get("type"), event.get("object")
    if not isinstance(event_type, str) or not isinstance(obj, dict):
        raise ValueError("an event of a watch without type or object")  # noqa: TRY004 - as above
    if event_type == "BOOKMARK" and not (obj.get("metadata") or {}).get("resourceVersion"):
        raise ValueError("a bookmark without a resourceVersion")
    if event_type not in ("ERROR", "BOOKMARK"):
        _checked(resource, obj, kinds=(resource.kind,))
    return event


def _checked(resource: Resource, obj: Any, *, kinds: tuple[str, ...] = ()) -> Json:
    if not isinstance(obj, dict):
        raise ValueError(f"no {resource.kind} but {_quoted(json.dumps(obj).encode())}")  # noqa: TRY004 - as above
    if kinds and obj.get("kind") not in kinds:
        raise ValueError(f"no {resource.kind} but {_kind_of(obj)}")
    shape = _Object if obj.get("kind") == _PARTIAL_KIND else _BY_KIND.get(resource.kind, _Object)
    try:
        shape.model_validate(obj)
    except ValidationError as error:
        path = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ValueError(f"a {resource.kind} without a proper {path}") from error
    return obj


def _kind_of(parsed: Json) -> str:
    kind = parsed.get("kind")
    return f"the kind {kind}" if isinstance(kind, str) and kind else "an object without a kind"


def _quoted(body: bytes) -> str:
    text = body.decode(errors="replace").strip().partition("\n")[0]
    return f"“{text[:_MAX_QUOTED_LENGTH]}{'…' if len(text) > _MAX_QUOTED_LENGTH else ''}”" if text else "nothing"
