"""Label and field selectors: text in, predicate out."""

import re
from collections.abc import Callable
from typing import Any

from sandbox.cluster import errors
from sandbox.cluster.model import Json, labels_of
from sandbox.cluster.resources import ResourceType

Predicate = Callable[[Json], bool]

_SET = re.compile(r"^(?P<key>\S+)\s+(?P<operator>in|notin)\s*\((?P<values>[^)]*)\)$")
_EQUALITY = re.compile(r"^(?P<key>[^=!\s]+)\s*(?P<operator>==|!=|=)\s*(?P<value>\S*)$")
_KEY = re.compile(r"^(?P<absent>!?)\s*(?P<key>[A-Za-z0-9][\w./-]*)$")
_OUTSIDE_BRACKETS = re.compile(r",(?![^(]*\))")


def label_selector(text: str) -> Predicate:
    """``app=web,tier in (a,b),!canary``; raises 400 on what is none."""
    requirements = [_label_requirement(part.strip()) for part in _OUTSIDE_BRACKETS.split(text) if part.strip()]
    return lambda obj: all(holds(labels_of(obj)) for holds in requirements)


def matches_labels(selector: Json, labels: dict[str, str]) -> bool:
    """Whether an object's ``spec.selector`` (matchLabels and matchExpressions) chooses these labels."""
    wanted: dict[str, str] = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression(each, labels) for each in selector.get("matchExpressions") or [])


def field_selector(resource: ResourceType, text: str) -> Predicate:
    """``metadata.name=x,status.phase!=Running``; raises 400 for a field the resource cannot be chosen by."""
    tests = []
    for part in filter(None, text.split(",")):
        found = _EQUALITY.match(part.strip())
        if found is None:
            raise errors.bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        if found["key"] not in ("metadata.name", "metadata.namespace", *resource.fields):
            raise errors.bad_request(f"field label not supported: {found['key']}")
        tests.append((found["key"], found["operator"] != "!=", found["value"]))
    return lambda obj: all((_value_at(obj, path) == value) is wanted for path, wanted, value in tests)


def _label_requirement(part: str) -> Callable[[dict[str, str]], bool]:
    if found := _SET.match(part):
        key, wanted = found["key"], found["operator"] == "in"
        values = {value.strip() for value in found["values"].split(",")}
        return lambda labels: (labels.get(key) in values) is wanted
    if found := _EQUALITY.match(part):
        key, wanted, value = found["key"], found["operator"] != "!=", found["value"]
        return lambda labels: (labels.get(key) == value) is wanted
    if found := _KEY.match(part):
        key, wanted = found["key"], not found["absent"]
        return lambda labels: (key in labels) is wanted
    raise errors.bad_request(f"unable to parse requirement: found '{part}', expected: identifier or operator")


def _expression(expression: Json, labels: dict[str, str]) -> bool:
    key, values = expression["key"], expression.get("values", [])
    operators = {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }
    return operators[expression["operator"]]


def _value_at(obj: Json, path: str) -> str:
    value: Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, dict):
        value = value.get("component")
    return "" if value is None else str(value)
