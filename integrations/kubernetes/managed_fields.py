"""Reads ``managedFields``: which parts of a workload an entry says that its manager set."""

import json

from domain.workloads.field_managers import FIELD_MANAGER, AppliedFields
from integrations.kubernetes.resources import Json, metadata

_TEMPLATE = ("f:spec", "f:template")
_CONTAINER_LISTS = ("f:containers", "f:initContainers")
_KEY_PREFIX = "k:"
"""Before the key of a list's item in FieldsV1, such as ``k:{"name":"web"}``."""


def entries_of(obj: Json) -> list[Json]:
    """The entries that say when they were written."""
    return [entry for entry in metadata(obj).get("managedFields") or [] if "time" in entry]


def sets_replicas(entry: Json) -> bool:
    """Whether the manager set ``spec.replicas``."""
    return _at(entry, ("f:spec", "f:replicas")) is not None


def images_set(entry: Json) -> frozenset[str]:
    """The containers and init containers whose image the manager set."""
    names = set()
    for key in _CONTAINER_LISTS:
        for item, fields in (_at(entry, (*_TEMPLATE, "f:spec", key)) or {}).items():
            if item.startswith(_KEY_PREFIX) and "f:image" in fields:
                names.add(str(json.loads(item.removeprefix(_KEY_PREFIX)).get("name", "")))
    return frozenset(names)


def applied_fields(obj: Json) -> tuple[AppliedFields, ...]:
    """What other managers own by server-side apply, one for each that owns anything a change of the bot can set."""
    applied = [
        AppliedFields(
            manager=entry["manager"],
            images=images_set(entry),
            template=_at(entry, _TEMPLATE) is not None,
            replicas=sets_replicas(entry),
        )
        for entry in entries_of(obj)
        if entry.get("operation") == "Apply" and entry["manager"] != FIELD_MANAGER
    ]
    return tuple(each for each in applied if each.template or each.replicas)


def _at(entry: Json, path: tuple[str, ...]) -> Json | None:
    fields: Json | None = entry.get("fieldsV1") or {}
    for key in path:
        fields = fields.get(key) if fields else None
    return fields
