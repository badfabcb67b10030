"""Who set which field: ``metadata.managedFields``, and server-side apply on top of it."""

import copy
import json
from typing import Any

from sandbox.cluster import errors
from sandbox.cluster.errors import Cause
from sandbox.cluster.model import Json
from sandbox.cluster.strategic_merge import merge_key

Path = tuple[str, ...]
"""Parts in FieldsV1's notation: ``f:spec``, ``k:{"name":"web"}``."""

_UNTRACKED = {
    ("f:apiVersion",),
    ("f:kind",),
    *(
        ("f:metadata", f"f:{field}")
        for field in (
            "name",
            "namespace",
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "generation",
            "managedFields",
            "selfLink",
        )
    ),
}


def field_values(value: Any, path: Path = (), field: str = "") -> dict[Path, Any]:
    """Every value of an object under the path that FieldsV1 gives it."""
    if path in _UNTRACKED:
        return {}
    if isinstance(value, dict) and value:
        return _merge_dicts(field_values(each, (*path, f"f:{key}"), key) for key, each in value.items())
    key = merge_key(field, value) if isinstance(value, list) else None
    if value and key and all(isinstance(item, dict) and key in item for item in value):
        return _merge_dicts(field_values(item, (*path, _item(key, item[key]))) for item in value)
    return {path: value} if path else {}


def record_update(old: Json | None, new: Json, *, manager: str, at: str, api_version: str, subresource: str = "") -> None:
    """Notes in ``new`` that ``manager`` set what differs from ``old``, taking it from whoever had it."""
    before, after = field_values(old or {}), field_values(new)
    changed = {path for path, value in after.items() if path not in before or before[path] != value}
    removed = before.keys() - after.keys()
    if not changed and not removed:
        return
    entries = []
    own: set[Path] = set()
    for entry in copy.deepcopy(new["metadata"].get("managedFields", [])):
        owned = _paths(entry["fieldsV1"]) - removed
        if _identity(entry) == (manager, "Update", subresource):
            own = owned
        elif owned - changed:
            entries.append({**entry, "fieldsV1": _fields(owned - changed)})
    if own | changed:
        entries.append(_entry(manager, "Update", at, api_version, own | changed, subresource))
    new["metadata"]["managedFields"] = entries


def server_side_apply(live: Json | None, wanted: Json, *, manager: str, force: bool, at: str, api_version: str) -> Json:
    """Server-side apply: ``wanted`` merged into ``live``; raises 409 naming managers whose fields it would change."""
    target = copy.deepcopy(live) if live is not None else {"metadata": {}}
    entries = target["metadata"].get("managedFields", [])
    wanted_fields, current = field_values(wanted), field_values(target)
    foreign = [entry for entry in entries if _identity(entry)[:2] != (manager, "Apply")]
    disputed = {path for path, value in wanted_fields.items() if path in current and current[path] != value}
    causes = [cause for entry in foreign for cause in _conflicts(entry, disputed)]
    if causes and not force:
        raise errors.apply_conflict(causes)
    own_entry = next((entry for entry in entries if _identity(entry)[:2] == (manager, "Apply")), None)
    shared = {path for entry in foreign for path in _paths(entry["fieldsV1"])}
    for path in sorted(
        (_paths(own_entry["fieldsV1"]) if own_entry else set()) - wanted_fields.keys() - shared, key=len, reverse=True
    ):
        _remove_field(target, path)
    merged: Json = _merge(target, wanted, "")
    other_entries = [{**entry, "fieldsV1": _fields(_paths(entry["fieldsV1"]) - disputed)} for entry in foreign]
    own = _entry(manager, "Apply", at, api_version, set(wanted_fields))
    if own_entry is not None and merged == live:
        own["time"] = own_entry["time"]
    merged["metadata"]["managedFields"] = [own, *(entry for entry in other_entries if entry["fieldsV1"])]
    return merged


def _merge_dicts(parts: Any) -> dict[Path, Any]:
    return {path: value for part in parts for path, value in part.items()}


def _item(key: str, value: Any) -> str:
    return "k:" + json.dumps({key: value}, separators=(",", ":"))


def _identity(entry: Json) -> tuple[str, str, str]:
    return entry["manager"], entry["operation"], entry.get("subresource", "")


def _entry(manager: str, operation: str, at: str, api_version: str, paths: set[Path], subresource: str = "") -> Json:
    entry = {
        "manager": manager,
        "operation": operation,
        "apiVersion": api_version,
        "time": at,
        "fieldsType": "FieldsV1",
        "fieldsV1": _fields(paths),
    }
    return {**entry, "subresource": subresource} if subresource else entry


def _fields(paths: set[Path]) -> Json:
    root: Json = {}
    for path in sorted(paths):
        node = root
        for part in path:
            node = node.setdefault(part, {})
            if part.startswith("k:"):
                node.setdefault(".", {})
    return root


def _paths(fields: Json, path: Path = ()) -> set[Path]:
    below = {part: inner for part, inner in fields.items() if part != "."}
    if not below:
        return {path} if path else set()
    return {each for part, inner in below.items() for each in _paths(inner, (*path, part))}


def _conflicts(entry: Json, disputed: set[Path]) -> list[Cause]:
    using = f' with subresource "{entry["subresource"]}"' if entry.get("subresource") else ""
    message = f'conflict with "{entry["manager"]}"{using} using {entry["apiVersion"]}'
    return [
        Cause(reason="FieldManagerConflict", message=message, field=_field_path(path))
        for path in sorted(disputed & _paths(entry["fieldsV1"]))
    ]


def _field_path(path: Path) -> str:
    """``.spec.template.spec.containers[name="web"].image``"""
    text = ""
    for part in path:
        if part.startswith("f:"):
            text += f".{part[2:]}"
        else:
            pairs = json.loads(part[2:]).items()
            text += "".join(f"[{key}={json.dumps(value)}]" for key, value in pairs)
    return text


def _merge(target: Any, wanted: Any, field: str) -> Any:
    if isinstance(wanted, dict):
        merged = dict(target) if isinstance(target, dict) else {}
        for key, value in wanted.items():
            merged[key] = _merge(merged.get(key), value, key)
        return merged
    key = merge_key(field, wanted) if isinstance(wanted, list) else None
    if key is None or not isinstance(target, list):
        return copy.deepcopy(wanted)
    items = {item[key]: item for item in target}
    for item in wanted:
        items[item[key]] = _merge(items.get(item[key]), item, "")
    return list(items.values())


def _remove_field(target: Any, path: Path) -> None:
    """Removes one value, and the list item that is left with nothing but its key."""
    part, rest = path[0], path[1:]
    if part.startswith("f:") and isinstance(target, dict):
        name = part[2:]
        if not rest:
            target.pop(name, None)
        elif name in target:
            _remove_field(target[name], rest)
            if target[name] in ({}, []):
                del target[name]
    elif isinstance(target, list):
        ((key, value),) = json.loads(part[2:]).items()
        item = next((each for each in target if each.get(key) == value), None)
        if item is not None and rest:
            _remove_field(item, rest)
        if item is not None and item.keys() <= {key}:
            target.remove(item)
