"""Reads Deployments, their revisions and autoscalers as domain facts."""

import asyncio
from collections.abc import Iterable
from itertools import groupby

from domain.errors import Drifted, NotFound
from domain.targets import Target, WorkloadKind
from domain.workloads.containers import image_of
from domain.workloads.deployments import (
    CHANGE_CAUSE_ANNOTATION,
    OPERATION_ANNOTATION,
    Autoscaler,
    Owner,
    Revision,
    RolloutStatus,
    Template,
    Workload,
    content_hash,
    template_hash,
    without_hash_label,
)
from domain.workloads.update_strategies import UpdateStrategy
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.gitops_owners import owner_of
from integrations.kubernetes.managed_fields import applied_fields
from integrations.kubernetes.other_kinds import missing_deployment
from integrations.kubernetes.resources import (
    AUTOSCALERS,
    AUTOSCALERS_V1,
    DEPLOYMENTS,
    REVISION_ANNOTATION,
    Json,
    annotations,
    controller_uid,
    label_selector,
    metadata,
    parse_time,
)
from integrations.kubernetes.rollout_status import creation_failure
from integrations.kubernetes.workload_kinds import KINDS, KindApi, kind_of, with_kind

OWN_CAUSE_PREFIX = "deepecho "
"""With which the change cause of every operation begins."""


async def deployment_of(client: KubernetesClient, target: Target) -> Json:
    return await client.get(KINDS[target.kind].resource, target.namespace, target.deployment)


async def replica_sets_of(client: KubernetesClient, deployment: Json) -> list[Json]:
    """The ReplicaSets that the Deployment owns, newest revision first; of other kinds, their revisions in this shape."""
    namespace, selector = metadata(deployment)["namespace"], label_selector(deployment["spec"]["selector"])
    return _owned_by(deployment, await client.list_items(kind_of(deployment).revisions, namespace, label_selector=selector))


async def template_of(client: KubernetesClient, target: Target, wanted_hash: str, uid: str) -> Template:
    """The template of the ReplicaSet with this template hash, without the label that its controller added.

    Raises NotFound, and Drifted if the Deployment is not the one with this uid.
    """
    deployment = await deployment_of(client, target)
    refuse_recreated(target, deployment, uid)
    return without_hash_label((await find_replica_set(client, deployment, wanted_hash))["spec"]["template"])


def refuse_recreated(target: Target, obj: Json, uid: str) -> None:
    """Raise Drifted if another object has the name by now; an empty ``uid`` stands for whichever has it."""
    if uid and metadata(obj)["uid"] != uid:
        raise Drifted(f"{target.recreated_text} Nothing was changed.")


async def find_replica_set(client: KubernetesClient, deployment: Json, wanted_hash: str) -> Json:
    """The Deployment's ReplicaSet with this template hash. Raises NotFound."""
    for replica_set in await replica_sets_of(client, deployment):
        if template_hash(replica_set["spec"]["template"]) == wanted_hash:
            return replica_set
    history_limit, name = deployment["spec"].get("revisionHistoryLimit", 10), metadata(deployment)["name"]
    what = f"{deployment['kind']} {name}"
    raise NotFound(f"{what} no longer keeps that version: it keeps its last {history_limit}, and this is not among them.")


async def workload(client: KubernetesClient, target: Target) -> Workload:
    try:
        deployment = await deployment_of(client, target)
    except NotFound as missing:
        raise await missing_deployment(client, target, missing) from missing
    replica_sets, scalers, owner = await asyncio.gather(
        replica_sets_of(client, deployment), autoscalers(client, target.namespace), owner_of(client, deployment)
    )
    return _to_workload(target, deployment, replica_sets, _autoscaler_of(scalers, target), owner)


async def workloads(client: KubernetesClient, targets: Iterable[Target]) -> dict[Target, Workload]:
    """Three list requests for each namespace and kind, however many targets it has. A workload that does not exist is absent."""
    by_place = groupby(sorted(targets, key=place_of), key=place_of)
    results = await asyncio.gather(
        *(_namespace_workloads(client, namespace, KINDS[kind], list(found)) for (namespace, kind), found in by_place)
    )
    return {target: found for by_target in results for target, found in by_target.items()}


def place_of(target: Target) -> tuple[str, WorkloadKind]:
    """The namespace and the kind: what one list request covers."""
    return target.namespace, target.kind


async def _namespace_workloads(
    client: KubernetesClient, namespace: str, kind: KindApi, targets: list[Target]
) -> dict[Target, Workload]:
    found, replica_sets, scalers = await asyncio.gather(
        client.list_items(kind.resource, namespace), client.list_items(kind.revisions, namespace), autoscalers(client, namespace)
    )
    by_name = {metadata(item)["name"]: with_kind(item, kind.resource) for item in found}
    existing = [target for target in targets if target.deployment in by_name]
    owners = await asyncio.gather(*(owner_of(client, by_name[target.deployment]) for target in existing))
    return {
        target: _to_workload(
            target,
            by_name[target.deployment],
            _owned_by(by_name[target.deployment], replica_sets),
            _autoscaler_of(scalers, target),
            owner,
        )
        for target, owner in zip(existing, owners, strict=True)
    }


async def autoscalers(client: KubernetesClient, namespace: str) -> list[Json]:
    """List autoscalers with ``autoscaling/v2``, else with v1 (servers before 1.23); the fields read here are the same in both."""
    if not client.lacks_autoscaling_v2:
        try:
            return await client.list_items(AUTOSCALERS, namespace)
        except NotFound:
            client.lacks_autoscaling_v2 = True
    return await client.list_items(AUTOSCALERS_V1, namespace)


async def deployment_names(client: KubernetesClient, namespace: str) -> tuple[str, ...]:
    return tuple(sorted(metadata(item)["name"] for item in await client.list_items(DEPLOYMENTS, namespace)))


def _owned_by(deployment: Json, replica_sets: Iterable[Json]) -> list[Json]:
    uid, kind = metadata(deployment)["uid"], kind_of(deployment)
    owned = (kind.as_revision(item) for item in replica_sets if controller_uid(item) == uid)
    return sorted(owned, key=_revision_number, reverse=True)


def newest_replica_set(deployment: Json, replica_sets: Iterable[Json]) -> Json | None:
    """The ReplicaSet (or other revision) of the present template; None until its controller has created it."""
    wanted_hash = template_hash(deployment["spec"]["template"])
    return next((item for item in replica_sets if template_hash(item["spec"]["template"]) == wanted_hash), None)


def _revision_number(obj: Json) -> int:
    return int(annotations(obj).get(REVISION_ANNOTATION, "0"))


def _to_workload(
    target: Target, deployment: Json, replica_sets: Iterable[Json], autoscaler: Autoscaler | None, owner: Owner
) -> Workload:
    spec, meta, rollout = deployment["spec"], metadata(deployment), kind_of(deployment).rollout_state(deployment)
    replica_sets, current_hash = list(replica_sets), template_hash(spec["template"])
    strategy = kind_of(deployment).update_strategy(deployment)
    has_arrived = rollout.done and (strategy.reaches_all or rollout.updated >= rollout.desired)
    newest = newest_replica_set(deployment, replica_sets)
    revisions = tuple(_to_revision(target, item, replica_sets) for item in replica_sets)
    return Workload(
        target=target,
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        generation=meta.get("generation", 0),
        replicas=rollout.desired,
        ready=rollout.ready,
        paused=bool(spec.get("paused", False)),
        strategy=strategy,
        image=_running_image(target, spec["template"]),
        template=spec["template"],
        template_hash=current_hash,
        content_hash=content_hash(spec["template"]),
        owner=owner,
        autoscaler=autoscaler,
        created_at=parse_time(meta["creationTimestamp"]),
        revision=_revision_number(deployment) or (_revision_number(newest) if newest else 0),
        operation_id=annotations(deployment).get(OPERATION_ANNOTATION, ""),
        revisions=revisions,
        template_set_by=next((item.operation_id for item in revisions if item.template_hash == current_hash), ""),
        has_arrived=has_arrived,
        applied=applied_fields(deployment),
        obstacle="" if has_arrived else rollout.failure or creation_failure(deployment) or _kept_back(strategy, rollout),
    )


def _kept_back(strategy: UpdateStrategy, rollout: RolloutStatus) -> str:
    """What keeps the template from pods, once it has reached all that it reaches by itself."""
    if strategy.reaches_all or not rollout.done:
        return ""
    reason, until = strategy.reason, " until somebody deletes them" if strategy.on_delete else ""
    return f"{reason[0].upper()}{reason[1:]}, so that the others keep theirs{until}."


def _running_image(target: Target, template: Template) -> str:
    names = [item["name"] for item in template["spec"]["containers"]]
    if target.container not in names:
        available = ", ".join(names)
        raise NotFound(f"{target.kind} {target.deployment} has no container {target.container}; it has {available}.")
    return image_of(template, target.container)


def _to_revision(target: Target, replica_set: Json, replica_sets: Iterable[Json]) -> Revision:
    meta, template = metadata(replica_set), replica_set["spec"]["template"]
    return Revision(
        number=_revision_number(replica_set),
        name=meta["name"],
        image=image_of(template, target.container),
        template_hash=template_hash(template),
        content_hash=content_hash(template),
        created_at=parse_time(meta["creationTimestamp"]),
        change_cause=_change_cause(replica_set, replica_sets),
        operation_id=_own_annotation(replica_set, replica_sets, OPERATION_ANNOTATION),
        replicas=replica_set["spec"].get("replicas", 0),
    )


def _own_annotation(replica_set: Json, replica_sets: Iterable[Json], annotation: str) -> str:
    """The value of an annotation that came with this revision; empty where it was only carried on from an earlier one.

    Whoever else changes the template leaves the Deployment's annotations as they are, and its controller copies them to the new
    ReplicaSet.
    """
    value, number = annotations(replica_set).get(annotation, ""), _revision_number(replica_set)
    is_carried = any(annotations(item).get(annotation) == value and _revision_number(item) < number for item in replica_sets)
    return "" if is_carried else value


def _change_cause(replica_set: Json, replica_sets: Iterable[Json]) -> str:
    """The change cause, unless it is an operation's that set an earlier revision."""
    cause = annotations(replica_set).get(CHANGE_CAUSE_ANNOTATION, "")
    return _own_annotation(replica_set, replica_sets, CHANGE_CAUSE_ANNOTATION) if cause.startswith(OWN_CAUSE_PREFIX) else cause


def _autoscaler_of(scalers: Iterable[Json], target: Target) -> Autoscaler | None:
    for scaler in scalers:
        target_ref = scaler["spec"]["scaleTargetRef"]
        if (target_ref["kind"], target_ref["name"]) == (target.kind.value, target.deployment):
            return Autoscaler(metadata(scaler)["name"], scaler["spec"].get("minReplicas", 1), scaler["spec"]["maxReplicas"])
    return None
