"""Just enough protobuf to read what kubectl sends when it creates small things or asks what it may do.

kubectl's typed clients send ``application/vnd.kubernetes.protobuf``: four magic bytes, then an envelope with the kind and
the object. Shapes below name only the fields that matter here, by their numbers in Kubernetes' ``generated.proto`` files.
"""

import base64
from collections.abc import Iterator
from typing import Any

from sandbox.cluster import errors
from sandbox.cluster.model import Json

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"

Shape = dict[int, tuple[str, Any]]
"""Field number: name, and how to read it: str, bytes, int, bool, a Shape, [any of them] for repeated, {…: …} for maps."""


class Map:
    """A map from text to text, or to bytes (which JSON shows in base64)."""

    def __init__(self, value: type = str) -> None:
        self.value = value


_META: Shape = {
    1: ("name", str),
    2: ("generateName", str),
    3: ("namespace", str),
    11: ("labels", Map()),
    12: ("annotations", Map()),
}
_ATTRIBUTES: Shape = {
    1: ("namespace", str),
    2: ("verb", str),
    3: ("group", str),
    4: ("version", str),
    5: ("resource", str),
    6: ("subresource", str),
    7: ("name", str),
}
_PORT: Shape = {1: ("name", str), 2: ("hostPort", int), 3: ("containerPort", int), 4: ("protocol", str)}
_CONTAINER: Shape = {1: ("name", str), 2: ("image", str), 3: ("command", [str]), 4: ("args", [str]), 6: ("ports", [_PORT])}
_TEMPLATE: Shape = {1: ("metadata", _META), 2: ("spec", {2: ("containers", [_CONTAINER])})}
_DEPLOYMENT_SPEC: Shape = {1: ("replicas", int), 2: ("selector", {1: ("matchLabels", Map())}), 3: ("template", _TEMPLATE)}
_TARGET: Shape = {1: ("type", str), 4: ("averageUtilization", int)}
_METRIC: Shape = {1: ("type", str), 4: ("resource", {1: ("name", str), 2: ("target", _TARGET)})}
_TARGET_REF: Shape = {1: ("kind", str), 2: ("name", str), 3: ("apiVersion", str)}
_HPA_SPEC: Shape = {
    1: ("scaleTargetRef", _TARGET_REF),
    2: ("minReplicas", int),
    3: ("maxReplicas", int),
    4: ("metrics", [_METRIC]),
}
_SHAPES: dict[str, Shape] = {
    "SelfSubjectAccessReview": {2: ("spec", {1: ("resourceAttributes", _ATTRIBUTES)})},
    "SelfSubjectRulesReview": {2: ("spec", {1: ("namespace", str)})},
    "SelfSubjectReview": {},
    "Namespace": {1: ("metadata", _META)},
    "ConfigMap": {1: ("metadata", _META), 2: ("data", Map()), 4: ("immutable", bool)},
    "Secret": {1: ("metadata", _META), 2: ("data", Map(bytes)), 3: ("type", str)},
    "Deployment": {1: ("metadata", _META), 2: ("spec", _DEPLOYMENT_SPEC)},
    "HorizontalPodAutoscaler": {1: ("metadata", _META), 2: ("spec", _HPA_SPEC)},
}
_ENVELOPE: Shape = {1: ("type", {1: ("apiVersion", str), 2: ("kind", str)}), 2: ("raw", bytes)}


def decode(data: bytes) -> Json:
    """The object as JSON would have it; raises 400 for broken bytes, 415 for a kind without a shape."""
    if not data.startswith(_MAGIC):
        raise errors.bad_request("the object provided is unrecognized")
    try:
        envelope = _message(data[len(_MAGIC) :], _ENVELOPE)
        type_meta = envelope["type"]
        if type_meta["kind"] not in _SHAPES:
            raise errors.unsupported_media_type("application/json, application/yaml")
        return {**type_meta, **_message(envelope.get("raw", b""), _SHAPES[type_meta["kind"]])}
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise errors.bad_request("the object provided is unrecognized") from error


def _message(data: bytes, shape: Shape) -> Json:
    found: Json = {}
    for number, value in _fields(data):
        if number in shape:
            name, reader = shape[number]
            _put(found, name, reader, value)
    return found


def _put(found: Json, name: str, reader: Any, value: int | bytes) -> None:
    if isinstance(reader, list):
        found.setdefault(name, []).append(_read(reader[0], value))
    elif isinstance(reader, Map):
        entry = _message(_bytes(value), {1: ("key", str), 2: ("value", reader.value)})
        found.setdefault(name, {})[entry["key"]] = _shown(entry.get("value", ""))
    elif value not in (b"", 0) or reader is bool:
        # Go writes empty strings and zeroes of optional fields too; JSON leaves them out.
        found[name] = _read(reader, value)


def _read(reader: Any, value: int | bytes) -> Any:
    if reader is int or reader is bool:
        return reader(value)
    data = _bytes(value)
    if isinstance(reader, dict):
        return _message(data, reader)
    return data.decode() if reader is str else data


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise errors.bad_request("the object provided is unrecognized")
    return value


def _shown(value: str | bytes) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, position = _varint(data, position)
            yield number, value
            continue
        sizes = {1: 8, 5: 4}
        size, position = (sizes[wire], position) if wire in sizes else _varint(data, position)
        yield number, data[position : position + size]
        position += size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
