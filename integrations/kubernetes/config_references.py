"""When the ConfigMaps and Secrets of a pod template last changed. Only their metadata is read."""

import asyncio
from collections.abc import Iterator
from datetime import datetime

from domain.errors import Forbidden, NotFound
from domain.targets import Target
from domain.workloads.deployments import ConfigChange, Template
from integrations.kubernetes.client import METADATA_ONLY_MEDIA_TYPE, KubernetesClient
from integrations.kubernetes.resources import CONFIG_MAPS, SECRETS, Json, Resource, metadata, parse_time

ConfigReference = tuple[Resource, str]


async def config_changes(
    client: KubernetesClient, target: Target, template: Template, since: datetime
) -> tuple[ConfigChange, ...]:
    """References that changed after ``since``, newest first. What is gone or may not be read is left out."""
    references = sorted(set(find_references(template)), key=lambda reference: (reference[0].kind, reference[1]))
    changes = await asyncio.gather(*(_config_change(client, target.namespace, *reference) for reference in references))
    recent = [change for change in changes if change is not None and change.changed_at > since]
    return tuple(sorted(recent, key=lambda change: change.changed_at, reverse=True))


async def _config_change(client: KubernetesClient, namespace: str, resource: Resource, name: str) -> ConfigChange | None:
    try:
        meta = metadata(await client.get(resource, namespace, name, accept=METADATA_ONLY_MEDIA_TYPE))
    except (Forbidden, NotFound):
        return None
    # Kubernetes records no time of the last change; the youngest entry of managedFields comes nearest.
    times = [entry["time"] for entry in meta.get("managedFields") or [] if "time" in entry]
    changed_at = max(parse_time(time) for time in [*times, meta["creationTimestamp"]])
    return ConfigChange(kind=resource.kind, name=name, changed_at=changed_at)


def find_references(template: Template) -> Iterator[ConfigReference]:
    """Every ConfigMap and Secret named in environment variables and volumes, with duplicates."""
    spec = template["spec"]
    for container in [*spec["containers"], *(spec.get("initContainers") or [])]:
        for source in container.get("envFrom") or []:
            yield from _named_references(source, "configMapRef", "secretRef")
        for variable in container.get("env") or []:
            yield from _named_references(variable.get("valueFrom") or {}, "configMapKeyRef", "secretKeyRef")
    for volume in spec.get("volumes") or []:
        yield from _volume_references(volume)


def _volume_references(volume: Json) -> Iterator[ConfigReference]:
    yield from _named_references(volume, "configMap", "secret")
    for source in (volume.get("projected") or {}).get("sources") or []:
        yield from _named_references(source, "configMap", "secret")


def _named_references(source: Json, config_map: str, secret: str) -> Iterator[ConfigReference]:
    for resource, key in ((CONFIG_MAPS, config_map), (SECRETS, secret)):
        if reference := source.get(key):
            yield resource, reference.get("name") or reference["secretName"]
