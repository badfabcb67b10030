"""Which field manager last set a Deployment's image and replicas (from ``managedFields``)."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby

from domain.targets import Target
from domain.workloads.field_managers import FieldManager, FieldManagers
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.deployments import place_of
from integrations.kubernetes.resources import Json, metadata, parse_time
from integrations.kubernetes.workload_kinds import KINDS

_AUTOSCALER_MANAGER = "kube-controller-manager"
_SCALE_SUBRESOURCE = "scale"
"""The subresource that ``kubectl scale`` writes, recorded since Kubernetes 1.22.

Other managers of ``replicas`` do not count: applying a manifest renews an entry's time even where replicas stay as they are.
"""


async def field_managers(client: KubernetesClient, targets: Iterable[Target]) -> dict[Target, FieldManagers]:
    """Field managers of each target, with one list request for each namespace and kind. What does not exist is absent."""
    by_target: dict[Target, FieldManagers] = {}
    for (namespace, kind), namespace_targets in groupby(sorted(targets, key=place_of), key=place_of):
        items = await client.list_items(KINDS[kind].resource, namespace)
        deployments = {metadata(item)["name"]: item for item in items}
        by_target |= {
            target: _field_managers(deployments[target.deployment], target.container)
            for target in namespace_targets
            if target.deployment in deployments
        }
    return by_target


def _field_managers(deployment: Json, container: str) -> FieldManagers:
    entries = [entry for entry in metadata(deployment).get("managedFields") or [] if "time" in entry]
    image = ("f:spec", "f:template", "f:spec", "f:containers", _container_key(container), "f:image")
    scale_entries = [
        entry for entry in entries if entry.get("subresource") == _SCALE_SUBRESOURCE and entry["manager"] != _AUTOSCALER_MANAGER
    ]
    return FieldManagers(
        image=_latest(_managers_of(entries, image)), replicas=_latest(_managers_of(scale_entries, ("f:spec", "f:replicas")))
    )


def _container_key(name: str) -> str:
    """The key of a container in FieldsV1."""
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
