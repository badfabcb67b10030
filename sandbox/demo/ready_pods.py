"""Which versions are ready to answer, read from the cluster again and again."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from domain.errors import NotFound, TemporaryError
from domain.targets import Target
from domain.workloads.deployments import Workload
from integrations.kubernetes import Cluster

Pods = Mapping[str, int]
"""How many pods are ready, by image."""
LOOK_EVERY = 0.5
"""Seconds."""


async def keep_looking(cluster: Cluster, targets: Iterable[Target], tell: Callable[[Mapping[Target, Pods]], None]) -> None:
    """Never returns. What was seen last stands while the cluster does not answer: the services may well run on."""
    while True:
        with suppress(TemporaryError):
            tell(await ready_pods(cluster, targets))
        await asyncio.sleep(LOOK_EVERY)


async def ready_pods(cluster: Cluster, targets: Iterable[Target]) -> dict[Target, Pods]:
    """A Deployment that does not exist has none."""
    every = tuple(targets)
    found = await cluster.workloads(every)
    pods = await asyncio.gather(*(_of_workload(cluster, found[each]) if each in found else _nothing() for each in every))
    return dict(zip(every, pods, strict=True))


async def _nothing() -> Pods:
    return {}


async def _of_workload(cluster: Cluster, workload: Workload) -> Pods:
    """Pods are looked at one by one only while more than one version is there: usually the Deployment says it all."""
    there = [each for each in workload.revisions if each.replicas]
    if len(there) <= 1:
        return {there[0].image: workload.ready} if there and workload.ready else {}
    try:
        running = await cluster.running(workload.target)
    except NotFound:
        return {}
    older = next((each.image for each in there if each.template_hash != running.template_hash), running.image)
    counted = Counter({running.image: running.of_current})
    counted[older] += running.ready - running.of_current
    return +counted
