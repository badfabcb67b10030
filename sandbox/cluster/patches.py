"""JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7386)."""

import copy
from typing import Any

from sandbox.cluster import errors
from sandbox.cluster.model import Json

_MISSING = object()


def merge_patch(target: Any, patch: Any) -> Any:
    """What ``patch`` makes of ``target``; neither is changed."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = copy.deepcopy(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def json_patch(target: Json, operations: Any) -> Any:
    """What the operations make of ``target``; raises 422 as the API server does when one cannot be applied."""
    if not isinstance(operations, list) or not all(isinstance(operation, dict) for operation in operations):
        raise errors.bad_request("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    document: Any = copy.deepcopy(target)
    for operation in operations:
        document = _apply(document, operation)
    return document


def _apply(document: Any, operation: Json) -> Any:
    name, path = operation.get("op"), _path(operation.get("path"))
    if name in ("move", "copy"):
        source = _path(operation.get("from"))
        value = copy.deepcopy(_read(document, source))
        if name == "move":
            document = _remove(document, source)
        return _add(document, path, value)
    if name == "remove":
        return _remove(document, path)
    if "value" not in operation or name not in ("add", "replace", "test"):
        raise errors.rejected_patch()
    value = copy.deepcopy(operation["value"])
    if name == "add":
        return _add(document, path, value)
    if name == "replace":
        _read(document, path)
        return _put(document, path, value)
    if not _same(_read(document, path, default=None), value):
        raise errors.rejected_patch()
    return document


def _path(text: Any) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise errors.rejected_patch()
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _position(part: str, *, end: int) -> int:
    if not part.isdigit() or int(part) >= end:
        raise errors.rejected_patch()
    return int(part)


def _read(document: Any, path: list[str], default: Any = _MISSING) -> Any:
    for part in path:
        if isinstance(document, list):
            document = document[_position(part, end=len(document))]
        elif isinstance(document, dict) and part in document:
            document = document[part]
        elif default is not _MISSING:
            return default
        else:
            raise errors.rejected_patch()
    return document


def _put(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _read(document, path[:-1])
    if isinstance(parent, list):
        parent[_position(path[-1], end=len(parent))] = value
    elif isinstance(parent, dict):
        parent[path[-1]] = value
    else:
        raise errors.rejected_patch()
    return document


def _add(document: Any, path: list[str], value: Any) -> Any:
    parent = _read(document, path[:-1]) if path else None
    if not isinstance(parent, list):
        return _put(document, path, value)
    position = len(parent) if path[-1] == "-" else _position(path[-1], end=len(parent) + 1)
    parent.insert(position, value)
    return document


def _remove(document: Any, path: list[str]) -> Any:
    _read(document, path)
    if not path:
        raise errors.rejected_patch()
    parent = _read(document, path[:-1])
    if isinstance(parent, list):
        del parent[int(path[-1])]
    else:
        del parent[path[-1]]
    return document
