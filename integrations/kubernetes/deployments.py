"""What a Deployment is now and what it ran before, as the domain's facts."""

import asyncio
from collections.abc import Iterable
from itertools import groupby

from domain.errors import NotFound
from domain.targets import Target
from domain.workloads.deployments import (
    CHANGE_CAUSE,
    OPERATION_ANNOTATION,
    Autoscaler,
    Owner,
    Revision,
    Template,
    Workload,
    template_hash,
    without_hash_label,
)
from integrations.kubernetes.client import Connection
from integrations.kubernetes.gitops_owners import owner_of
from integrations.kubernetes.resources import (
    AUTOSCALERS,
    AUTOSCALERS_V1,
    DEPLOYMENTS,
    REPLICA_SETS,
    Json,
    annotations,
    label_selector,
    metadata,
    moment,
    owner_uid,
)

REVISION = "deployment.kubernetes.io/revision"


async def deployment_of(connection: Connection, target: Target) -> Json:
    return await connection.get(DEPLOYMENTS, target.namespace, target.deployment)


async def replica_sets_of(connection: Connection, deployment: Json) -> list[Json]:
    """The ReplicaSets that the Deployment owns, newest revision first."""
    namespace, selector = metadata(deployment)["namespace"], label_selector(deployment["spec"]["selector"])
    return _owned(deployment, await connection.items(REPLICA_SETS, namespace, labels=selector))


async def template_of(connection: Connection, target: Target, wanted: str) -> Template:
    """The template of the ReplicaSet with this template hash, as it was given to the Deployment. Raises NotFound."""
    return without_hash_label(
        (await replica_set_with(connection, await deployment_of(connection, target), wanted))["spec"]["template"]
    )


async def replica_set_with(connection: Connection, deployment: Json, wanted: str) -> Json:
    """Raises NotFound."""
    for each in await replica_sets_of(connection, deployment):
        if template_hash(each["spec"]["template"]) == wanted:
            return each
    kept, name = deployment["spec"].get("revisionHistoryLimit", 10), metadata(deployment)["name"]
    raise NotFound(f"Deployment {name} no longer keeps that version: it keeps its last {kept}, and this is not among them.")


async def workload(connection: Connection, target: Target) -> Workload:
    deployment = await deployment_of(connection, target)
    sets, scalers, owner = await asyncio.gather(
        replica_sets_of(connection, deployment), autoscalers(connection, target.namespace), owner_of(connection, deployment)
    )
    return _workload(target, deployment, sets, _scaler(scalers, target), owner)


async def workloads(connection: Connection, targets: Iterable[Target]) -> dict[Target, Workload]:
    """Three lists for each namespace, however many targets it has. A Deployment that does not exist is absent."""
    by_namespace = groupby(sorted(targets, key=lambda each: each.namespace), key=lambda each: each.namespace)
    parts = await asyncio.gather(*(_in_namespace(connection, namespace, list(few)) for namespace, few in by_namespace))
    return {target: found for part in parts for target, found in part.items()}


async def _in_namespace(connection: Connection, namespace: str, targets: list[Target]) -> dict[Target, Workload]:
    every, sets, scalers = await asyncio.gather(
        connection.items(DEPLOYMENTS, namespace), connection.items(REPLICA_SETS, namespace), autoscalers(connection, namespace)
    )
    by_name = {metadata(each)["name"]: each for each in every}
    known = [target for target in targets if target.deployment in by_name]
    owners = await asyncio.gather(*(owner_of(connection, by_name[target.deployment]) for target in known))
    return {
        target: _workload(
            target,
            by_name[target.deployment],
            _owned(by_name[target.deployment], sets),
            _scaler(scalers, target),
            owner,
        )
        for target, owner in zip(known, owners, strict=True)
    }


async def autoscalers(connection: Connection, namespace: str) -> list[Json]:
    """``autoscaling/v2``, which servers before 1.23 lack; what we read of it is the same in v1."""
    if not connection.lacks_autoscaling_v2:
        try:
            return await connection.items(AUTOSCALERS, namespace)
        except NotFound:
            connection.lacks_autoscaling_v2 = True
    return await connection.items(AUTOSCALERS_V1, namespace)


async def deployments(connection: Connection, namespace: str) -> tuple[str, ...]:
    return tuple(sorted(metadata(each)["name"] for each in await connection.items(DEPLOYMENTS, namespace)))


def image_of(template: Template, container: str) -> str:
    """The image of the named container; of the only one, should it have had another name; else empty."""
    images = {each["name"]: str(each.get("image", "")) for each in template["spec"]["containers"]}
    return images.get(container) or (next(iter(images.values())) if len(images) == 1 else "")


def _owned(deployment: Json, sets: Iterable[Json]) -> list[Json]:
    uid = metadata(deployment)["uid"]
    return sorted((each for each in sets if owner_uid(each) == uid), key=_number, reverse=True)


def _number(obj: Json) -> int:
    return int(annotations(obj).get(REVISION, "0"))


def _workload(target: Target, deployment: Json, sets: Iterable[Json], scaler: Autoscaler | None, owner: Owner) -> Workload:
    spec, about = deployment["spec"], metadata(deployment)
    return Workload(
        target=target,
        uid=about["uid"],
        resource_version=about["resourceVersion"],
        generation=about.get("generation", 0),
        replicas=spec.get("replicas", 1),
        ready=(deployment.get("status") or {}).get("readyReplicas", 0),
        paused=bool(spec.get("paused", False)),
        image=_running_image(target, spec["template"]),
        template=spec["template"],
        template_hash=template_hash(spec["template"]),
        owner=owner,
        autoscaler=scaler,
        revision=_number(deployment),
        operation_id=annotations(deployment).get(OPERATION_ANNOTATION, ""),
        revisions=tuple(_revision(target, each) for each in sets),
    )


def _running_image(target: Target, template: Template) -> str:
    names = [each["name"] for each in template["spec"]["containers"]]
    if target.container not in names:
        found = ", ".join(names)
        raise NotFound(f"Deployment {target.deployment} has no container {target.container}; it has {found}.")
    return image_of(template, target.container)


def _revision(target: Target, replica_set: Json) -> Revision:
    about, template = metadata(replica_set), replica_set["spec"]["template"]
    return Revision(
        number=_number(replica_set),
        name=about["name"],
        image=image_of(template, target.container),
        template_hash=template_hash(template),
        created_at=moment(about["creationTimestamp"]),
        change_cause=annotations(replica_set).get(CHANGE_CAUSE, ""),
        operation_id=annotations(replica_set).get(OPERATION_ANNOTATION, ""),
        replicas=replica_set["spec"].get("replicas", 0),
    )


def _scaler(scalers: Iterable[Json], target: Target) -> Autoscaler | None:
    for each in scalers:
        aim = each["spec"]["scaleTargetRef"]
        if (aim["kind"], aim["name"]) == (DEPLOYMENTS.kind, target.deployment):
            return Autoscaler(metadata(each)["name"], each["spec"].get("minReplicas", 1), each["spec"]["maxReplicas"])
    return None
