"""Strategic merge patch: maps merge, lists of known things merge by their key, other lists are replaced."""

import copy
from typing import Any

from sandbox.cluster import errors
from sandbox.cluster.model import Json

_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "conditions": "type",
    "ownerReferences": "uid",
}
_SETS = ("finalizers",)
_ORDER = "$setElementOrder/"
_FROM_SET = "$deleteFromPrimitiveList/"


def merge_key(field: str, items: list[Any]) -> str | None:
    """The key by which Kubernetes tells the items of this list apart; None for a list that is one value."""
    if field == "ports":
        of_container = any(isinstance(item, dict) and "containerPort" in item for item in items)
        return "containerPort" if of_container else "port"
    return _KEYS.get(field)


def strategic_merge(target: Json, patch: Json) -> Json:
    """What ``patch`` makes of ``target``; neither is changed. Raises 400 for a directive that is none."""
    directive = patch.get("$patch", "merge")
    if directive == "delete":
        return {}
    if directive == "replace":
        return {key: copy.deepcopy(value) for key, value in patch.items() if key != "$patch"}
    if directive != "merge":
        raise errors.bad_request(f"unknown patch type {directive}")
    merged = copy.deepcopy(target)
    for key, value in patch.items():
        if not key.startswith("$"):
            _merge_field(merged, key, value)
    _delete_primitives(merged, patch)
    if "$retainKeys" in patch:
        merged = {key: value for key, value in merged.items() if key in patch["$retainKeys"]}
    _order(merged, patch)
    return merged


def _merge_field(merged: Json, key: str, value: Any) -> None:
    if value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
        merged.pop(key, None)
    elif isinstance(value, dict):
        current = merged.get(key)
        merged[key] = strategic_merge(current if isinstance(current, dict) else {}, value)
    elif isinstance(value, list):
        merged[key] = _merge_list(key, merged.get(key) or [], value)
    else:
        merged[key] = value


def _merge_list(field: str, current: list[Any], patch: list[Any]) -> list[Any]:
    if field in _SETS:
        return current + [item for item in patch if item not in current]
    key = merge_key(field, [*current, *patch])
    if key is None or not all(isinstance(item, dict) for item in patch):
        return copy.deepcopy(patch)
    merged = [] if {"$patch": "replace"} in patch else copy.deepcopy(current)
    for item in patch:
        if item != {"$patch": "replace"}:
            _merge_item(merged, field, key, item)
    return merged


def _merge_item(merged: list[Json], field: str, key: str, item: Json) -> None:
    if key not in item:
        raise errors.bad_request(f"map: {item} does not contain declared merge key: {key} of list {field}")
    position = next((at for at, existing in enumerate(merged) if existing.get(key) == item[key]), None)
    if item.get("$patch") == "delete":
        if position is not None:
            del merged[position]
    elif position is None:
        merged.append(strategic_merge({}, item))
    else:
        merged[position] = strategic_merge(merged[position], item)


def _delete_primitives(merged: Json, patch: Json) -> None:
    for directive, values in patch.items():
        field = directive.removeprefix(_FROM_SET)
        if directive.startswith(_FROM_SET) and isinstance(merged.get(field), list):
            merged[field] = [item for item in merged[field] if item not in values]


def _order(merged: Json, patch: Json) -> None:
    for directive, order in patch.items():
        field = directive.removeprefix(_ORDER)
        items = merged.get(field)
        if not directive.startswith(_ORDER) or not isinstance(items, list):
            continue
        key = merge_key(field, items)
        names = [entry.get(key) if isinstance(entry, dict) else entry for entry in order]
        # What the patch does not order (added by somebody else) keeps its place at the end.
        items.sort(key=lambda item, key=key, names=names: _sort_position(item, key, names))  # type: ignore[misc]


def _sort_position(item: Any, key: str | None, names: list[Any]) -> int:
    name = item.get(key) if isinstance(item, dict) else item
    return names.index(name) if name in names else len(names)
