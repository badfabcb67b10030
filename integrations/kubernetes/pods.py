"""The pods of a Deployment: how many are ready, and which images they run."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from domain.targets import Target
from domain.workloads.containers import image_of
from domain.workloads.deployments import OPERATION_ANNOTATION, RunningPods, template_hash
from domain.workloads.images import version_of
from domain.workloads.update_strategies import KeptPods, describe_pod_names
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.deployments import deployment_of, newest_replica_set, replica_sets_of
from integrations.kubernetes.pod_images import node_of, running_images
from integrations.kubernetes.resources import PODS, Json, annotations, label_selector, metadata
from integrations.kubernetes.workload_kinds import kind_of

_FINISHED_PHASES = {"Failed", "Succeeded"}
"""Evicted pods remain in these phases; the Deployment controller does not count them either."""


async def running_pods(client: KubernetesClient, target: Target) -> RunningPods:
    deployment = await deployment_of(client, target)
    replica_sets, pods = await asyncio.gather(replica_sets_of(client, deployment), pods_of(client, deployment))
    newest = newest_replica_set(deployment, replica_sets)
    is_of = kind_of(deployment).is_of
    active = [pod for pod in pods if is_active(pod) and any(is_of(pod, item) for item in replica_sets)]
    ready = [pod for pod in active if is_ready(pod)]
    updated = [pod for pod in active if newest is not None and is_of(pod, newest)]
    template = deployment["spec"]["template"]
    return RunningPods(
        uid=metadata(deployment)["uid"],
        template_hash=template_hash(template),
        image=image_of(template, target.container),
        operation_id=annotations(deployment).get(OPERATION_ANNOTATION, ""),
        ready=len(ready),
        total=len(active),
        ready_updated=sum(map(is_ready, updated)),
        images=await running_images(client, filter(is_ready, updated)),
        nodes=tuple(sorted({node_of(pod) for pod in updated if is_ready(pod)} - {""})),
        kept=_kept_pods(target, [pod for pod in active if pod not in updated]),
    )


def _kept_pods(target: Target, pods: Iterable[Json]) -> tuple[KeptPods, ...]:
    by_version = defaultdict[str, list[str]](list)
    for pod in pods:
        by_version[version_of(image_of(pod, target.container))].append(metadata(pod)["name"])
    return tuple(
        KeptPods(names=describe_pod_names(target.kind, names), version=version, count=len(names))
        for version, names in sorted(by_version.items())
    )


async def pods_of(client: KubernetesClient, deployment: Json) -> list[Json]:
    """Every pod that matches the Deployment's selector. Another controller's pods may match too: compare ``controller_uid``."""
    selector = label_selector(deployment["spec"]["selector"])
    return await client.list_items(PODS, metadata(deployment)["namespace"], label_selector=selector)


def is_ready(pod: Json) -> bool:
    conditions: list[Json] = (pod.get("status") or {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def is_active(pod: Json) -> bool:
    return "deletionTimestamp" not in metadata(pod) and (pod.get("status") or {}).get("phase") not in _FINISHED_PHASES
