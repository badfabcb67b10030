"""Which field manager last set the images of a service's containers, and its replicas (from ``managedFields``)."""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

from domain.targets import Target
from domain.workloads.containers import containers_of, containers_with_image
from domain.workloads.field_managers import FieldManager, FieldManagers
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.deployments import place_of
from integrations.kubernetes.managed_fields import entries_of, images_set, sets_replicas
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
            target: _field_managers(deployments[target.deployment], target)
            for target in namespace_targets
            if target.deployment in deployments
        }
    return by_target


def _field_managers(deployment: Json, target: Target) -> FieldManagers:
    template = deployment["spec"]["template"]
    images = [each.image for each in containers_of(template) if each.name == target.container]
    own = set(containers_with_image(template, target.container, images))
    entries = entries_of(deployment)
    return FieldManagers(
        image=_latest(entry for entry in entries if own & images_set(entry)),
        replicas=_latest(
            entry
            for entry in entries
            if entry.get("subresource") == _SCALE_SUBRESOURCE and entry["manager"] != _AUTOSCALER_MANAGER and sets_replicas(entry)
        ),
    )


def _latest(entries: Iterable[Json]) -> FieldManager | None:
    managers = (FieldManager(entry["manager"], parse_time(entry["time"])) for entry in entries)
    return max(managers, key=_sort_key, default=None)


def _sort_key(field_manager: FieldManager) -> tuple[datetime, str]:
    return field_manager.at, field_manager.name
