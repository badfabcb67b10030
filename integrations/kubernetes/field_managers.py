"""Whose hand wrote a Deployment last, as ``managedFields`` tell it."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby

from domain.targets import Target
from domain.workloads.field_managers import FieldManager, FieldManagers
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.resources import DEPLOYMENTS, Json, metadata, parse_time

_AUTOSCALER_MANAGER = "kube-controller-manager"
_SCALE_SUBRESOURCE = "scale"
"""The part of a Deployment that ``kubectl scale`` writes, noted since Kubernetes 1.22. Who owns replicas otherwise may have set
them long ago.
"""


async def field_managers(client: KubernetesClient, targets: Iterable[Target]) -> dict[Target, FieldManagers]:
    """One list for each namespace. A Deployment that does not exist is absent."""
    by_target: dict[Target, FieldManagers] = {}
    for namespace, namespace_targets in groupby(sorted(targets, key=_namespace), key=_namespace):
        by_name = {metadata(each)["name"]: each for each in await client.list_items(DEPLOYMENTS, namespace)}
        by_target |= {
            each: _field_managers(by_name[each.deployment], each.container)
            for each in namespace_targets
            if each.deployment in by_name
        }
    return by_target


def _namespace(target: Target) -> str:
    return target.namespace


def _field_managers(deployment: Json, container: str) -> FieldManagers:
    entries = [each for each in metadata(deployment).get("managedFields") or [] if "time" in each]
    image = ("f:spec", "f:template", "f:spec", "f:containers", _container_key(container), "f:image")
    scale_entries = [
        each for each in entries if each.get("subresource") == _SCALE_SUBRESOURCE and each["manager"] != _AUTOSCALER_MANAGER
    ]
    return FieldManagers(
        image=_latest(_managers_of(entries, image)), replicas=_latest(_managers_of(scale_entries, ("f:spec", "f:replicas")))
    )


def _container_key(name: str) -> str:
    """A container in FieldsV1's notation."""
    return "k:" + json.dumps({"name": name}, separators=(",", ":"))


def _managers_of(entries: Iterable[Json], path: tuple[str, ...]) -> Iterator[FieldManager]:
    for entry in entries:
        fields = entry.get("fieldsV1") or {}
        for key in path:
            fields = fields.get(key) if fields else None
        if fields is not None:
            yield FieldManager(entry["manager"], parse_time(entry["time"]))


def _latest(managers: Iterable[FieldManager]) -> FieldManager | None:
    return max(managers, key=_sort_key, default=None)


def _sort_key(field_manager: FieldManager) -> tuple[datetime, str]:
    return field_manager.at, field_manager.name
