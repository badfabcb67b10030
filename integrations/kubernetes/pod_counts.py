"""Counts the pods of workloads by the revision that they belong to, with one list request for each namespace."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from domain.workloads.containers import image_of
from domain.workloads.deployments import Workload
from domain.workloads.pod_counts import PodCounts, PodGroup, pod_counts
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.pods import is_active, is_ready
from integrations.kubernetes.resources import PODS, Json, labels, metadata

_REVISION_LABEL = "controller-revision-hash"
"""Names the ControllerRevision of a StatefulSet's pod, and only its hash for a DaemonSet's."""


async def counted_pods(client: KubernetesClient, workloads: Iterable[Workload]) -> dict[str, PodCounts]:
    """The counts by the workload's uid."""
    by_namespace = defaultdict[str, list[Workload]](list)
    for workload in workloads:
        by_namespace[workload.target.namespace].append(workload)
    results = await asyncio.gather(*(_count_in(client, namespace, found) for namespace, found in by_namespace.items()))
    return {uid: counts for by_uid in results for uid, counts in by_uid.items()}


async def _count_in(client: KubernetesClient, namespace: str, workloads: list[Workload]) -> dict[str, PodCounts]:
    pods_by_revision = defaultdict[str, list[Json]](list)
    for pod in await client.list_items(PODS, namespace):
        if is_active(pod):
            pods_by_revision[_revision_name(pod)].append(pod)
    return {workload.uid: _counts(workload, pods_by_revision) for workload in workloads}


def _revision_name(pod: Json) -> str:
    """The name of the pod's ReplicaSet or ControllerRevision; empty for a pod without a controller."""
    owners: list[Json] = metadata(pod).get("ownerReferences") or []
    owner: Json = next((item for item in owners if item.get("controller")), {})
    revision_hash = labels(pod).get(_REVISION_LABEL, "")
    if owner.get("kind") == "DaemonSet":
        return f"{owner['name']}-{revision_hash}"
    return revision_hash if owner.get("kind") == "StatefulSet" else str(owner.get("name", ""))


def _counts(workload: Workload, pods_by_revision: dict[str, list[Json]]) -> PodCounts:
    return pod_counts(
        PodGroup(
            image=image_of(pods[0], workload.target.container),
            is_current=revision.template_hash == workload.template_hash,
            total=len(pods),
            ready=sum(map(is_ready, pods)),
            revision=revision.number,
        )
        for revision in workload.revisions
        if (pods := pods_by_revision.get(revision.name, []))
    )
