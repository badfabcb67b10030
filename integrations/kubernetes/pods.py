"""What the pods of a Deployment really run."""

import asyncio
from collections.abc import Iterable

from domain.targets import Target
from domain.workloads.deployments import OPERATION_ANNOTATION, RunningPods, template_hash
from integrations.kubernetes.client import Connection
from integrations.kubernetes.deployments import deployment_of, image_of, replica_sets_of
from integrations.kubernetes.resources import PODS, Json, annotations, label_selector, metadata, owner_uid

_FINISHED = {"Failed", "Succeeded"}
"""Evicted pods lie around in these phases; the Deployment no longer counts them, nor do we."""


async def running(connection: Connection, target: Target) -> RunningPods:
    deployment = await deployment_of(connection, target)
    sets, pods = await asyncio.gather(replica_sets_of(connection, deployment), pods_of(connection, deployment))
    newest = newest_of(deployment, sets)
    owners = {metadata(each)["uid"] for each in sets}
    alive = [each for each in pods if owner_uid(each) in owners and _is_alive(each)]
    ready = [each for each in alive if is_ready(each)]
    template = deployment["spec"]["template"]
    return RunningPods(
        template_hash=template_hash(template),
        image=image_of(template, target.container),
        operation_id=annotations(deployment).get(OPERATION_ANNOTATION, ""),
        ready=len(ready),
        total=len(alive),
        of_current=sum(owner_uid(each) == metadata(newest)["uid"] for each in ready) if newest else 0,
        image_ids=tuple(sorted({_image_id(each, target.container) for each in ready})),
    )


async def pods_of(connection: Connection, deployment: Json) -> list[Json]:
    """Every pod that the Deployment's selector finds; compare owners before trusting it."""
    selector = label_selector(deployment["spec"]["selector"])
    return await connection.items(PODS, metadata(deployment)["namespace"], labels=selector)


def newest_of(deployment: Json, sets: Iterable[Json]) -> Json | None:
    """The ReplicaSet of the template that the Deployment asks for; None before its controller made one."""
    wanted = template_hash(deployment["spec"]["template"])
    return next((each for each in sets if template_hash(each["spec"]["template"]) == wanted), None)


def is_ready(pod: Json) -> bool:
    conditions: list[Json] = (pod.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _is_alive(pod: Json) -> bool:
    return "deletionTimestamp" not in metadata(pod) and (pod.get("status") or {}).get("phase") not in _FINISHED


def _image_id(pod: Json, container: str) -> str:
    """``repo@sha256:…``; Docker puts a scheme before it."""
    statuses: list[Json] = (pod.get("status") or {}).get("containerStatuses") or []
    found = next((str(each.get("imageID", "")) for each in statuses if each["name"] == container), "")
    return found.rpartition("://")[2]
