"""ConfigMaps and Secrets that a template refers to, and when they last changed. Their contents are never read."""

import asyncio
from collections.abc import Iterator
from datetime import datetime

from domain.errors import Forbidden, NotFound
from domain.targets import Target
from domain.workloads.deployments import ConfigChange, Template
from integrations.kubernetes.client import ONLY_METADATA, Connection
from integrations.kubernetes.resources import CONFIG_MAPS, SECRETS, Json, Resource, metadata, moment

Reference = tuple[Resource, str]


async def config_changes(connection: Connection, target: Target, template: Template, since: datetime) -> tuple[ConfigChange, ...]:
    """Those changed after ``since``, newest first. What is gone or may not be read is left out."""
    references = sorted(set(referenced(template)), key=lambda each: (each[0].kind, each[1]))
    found = await asyncio.gather(*(_change(connection, target.namespace, *each) for each in references))
    late = [each for each in found if each is not None and each.changed_at > since]
    return tuple(sorted(late, key=lambda each: each.changed_at, reverse=True))


async def _change(connection: Connection, namespace: str, resource: Resource, name: str) -> ConfigChange | None:
    try:
        about = metadata(await connection.get(resource, namespace, name, accept=ONLY_METADATA))
    except (Forbidden, NotFound):
        return None
    times = [each["time"] for each in about.get("managedFields") or [] if "time" in each]
    changed_at = max(moment(each) for each in [*times, about["creationTimestamp"]])
    return ConfigChange(kind=resource.kind, name=name, changed_at=changed_at)


def referenced(template: Template) -> Iterator[Reference]:
    """Every reference by name, in environments and volumes; some may come twice."""
    spec = template["spec"]
    for container in [*spec["containers"], *(spec.get("initContainers") or [])]:
        for source in container.get("envFrom") or []:
            yield from _named(source, "configMapRef", "secretRef")
        for variable in container.get("env") or []:
            yield from _named(variable.get("valueFrom") or {}, "configMapKeyRef", "secretKeyRef")
    for volume in spec.get("volumes") or []:
        yield from _volume(volume)


def _volume(volume: Json) -> Iterator[Reference]:
    yield from _named(volume, "configMap", "secret")
    for source in (volume.get("projected") or {}).get("sources") or []:
        yield from _named(source, "configMap", "secret")


def _named(source: Json, config_map: str, secret: str) -> Iterator[Reference]:
    for resource, key in ((CONFIG_MAPS, config_map), (SECRETS, secret)):
        if found := source.get(key):
            yield resource, found.get("name") or found["secretName"]
