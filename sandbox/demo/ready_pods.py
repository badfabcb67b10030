"""Which versions are ready to answer, read from the cluster again and again."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from domain.errors import NotFound, TemporaryError
from domain.targets import Target
from domain.workloads.deployments import Workload
from integrations.kubernetes import Cluster

PodsByImage = Mapping[str, int]
"""How many pods are ready, by image."""
POLL_INTERVAL = 0.5
"""Seconds."""


async def poll_ready_pods(
    cluster: Cluster, targets: Iterable[Target], on_change: Callable[[Mapping[Target, PodsByImage]], None]
) -> None:
    """Never returns. What was seen last stands while the cluster does not answer: the services may well run on."""
    while True:
        with suppress(TemporaryError):
            on_change(await ready_pods(cluster, targets))
        await asyncio.sleep(POLL_INTERVAL)


async def ready_pods(cluster: Cluster, targets: Iterable[Target]) -> dict[Target, PodsByImage]:
    """A Deployment that does not exist has none."""
    ordered = tuple(targets)
    found = await cluster.workloads(ordered)
    pods = await asyncio.gather(*(_pods_of_workload(cluster, found[each]) if each in found else _no_pods() for each in ordered))
    return dict(zip(ordered, pods, strict=True))


async def _no_pods() -> PodsByImage:
    return {}


async def _pods_of_workload(cluster: Cluster, workload: Workload) -> PodsByImage:
    """Pods are looked at one by one only while more than one version is there: usually the Deployment says it all."""
    active = [each for each in workload.revisions if each.replicas]
    if len(active) <= 1:
        return {active[0].image: workload.ready} if active and workload.ready else {}
    try:
        running = await cluster.running_pods(workload.target)
    except NotFound:
        return {}
    older = next((each.image for each in active if each.template_hash != running.template_hash), running.image)
    ready_by_image = Counter({running.image: running.ready_updated})
    ready_by_image[older] += running.ready - running.ready_updated
    return +ready_by_image
