"""Reads what people look at in a cluster, within a time limit, and says what could not be read."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from domain.answers.workloads import (
    AutoscalersAnswer,
    ClusterPlace,
    DescribeAnswer,
    EventsAnswer,
    NodesAnswer,
    PodsAnswer,
    RolloutAnswer,
    UsageAnswer,
)
from domain.catalogue.catalogue import Catalogue
from domain.errors import DeepechoError, NotFound
from domain.rich_text import Text
from domain.targets import Target
from domain.workloads.deployments import Workload
from domain.workloads.folded_events import fold_events, is_about
from domain.workloads.images import version_of
from domain.workloads.listings import ContainerSpec, ListedAutoscaler, ListedEvent, ListedNode, ListedPod, PodUsage
from runbooks.clusters import cluster_of

READ_SECONDS = 8.0
MAX_LISTED, MAX_REVISIONS, MAX_WARNINGS = 500, 10, 5
"""Slack shows fewer lines; the file in its thread has all that are listed."""
_NO_METRICS = "The cluster has no metrics server, so what pods use is not known."

T = TypeVar("T")


class Reads(Protocol):
    """What is read of a cluster."""

    async def selector_of(self, target: Target) -> str: ...

    async def pods(self, namespace: str, selector: str = "") -> list[ListedPod]: ...

    async def events(self, namespace: str, since: datetime) -> list[ListedEvent]: ...

    async def nodes(self) -> list[ListedNode]: ...

    async def autoscalers(self, namespace: str) -> list[ListedAutoscaler]: ...

    async def usage(self, namespace: str, selector: str = "") -> list[PodUsage]: ...

    async def containers(self, target: Target) -> tuple[ContainerSpec, ...]: ...


class ReadableCluster(Protocol):
    """A cluster that people look at."""

    @property
    def reads(self) -> Reads: ...

    async def workload(self, target: Target) -> Workload: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadReader:
    """``clusters`` are keyed by the catalogue's cluster names."""

    catalogue: Catalogue
    clusters: Mapping[str, ReadableCluster]
    at: datetime
    read_seconds: float = READ_SECONDS

    async def pods(self, environment: str, service: str | None) -> PodsAnswer:
        """The pods of a service, or of the whole namespace."""
        found, place = await self._attempt(self._place(environment, service), lambda: self._pods(environment, service))
        pods = sorted(found or (), key=lambda pod: (pod.is_well, -pod.restarts, pod.name))
        versions = Counter(version_of(pod.image) for pod in pods if pod.image) if service else Counter[str]()
        return PodsAnswer(
            place=place,
            pods=tuple(pods[:MAX_LISTED]),
            total=len(pods),
            well=sum(pod.is_well for pod in pods),
            images=tuple(versions.most_common(5)),
        )

    async def events(self, environment: str, service: str | None, last: timedelta) -> EventsAnswer:
        """What happened lately, folded; of a service what is about it and its pods."""
        since = self.at - last
        namespace = self._namespace(environment, service)
        reads = self._cluster(environment).reads
        found, place = await self._attempt(self._place(environment, service), lambda: reads.events(namespace, since))
        name = self.catalogue.target(environment, service).deployment if service else ""
        folded = fold_events(each for each in found or () if not name or is_about(each, name))
        return EventsAnswer(
            place=place,
            since=since,
            events=folded[:MAX_LISTED],
            total=len(folded),
            warnings=sum(event.is_warning for event in folded),
        )

    async def nodes(self, environment: str) -> NodesAnswer:
        """The nodes of the environment's cluster."""
        reads = self._cluster(environment).reads
        found, place = await self._attempt(self._place(environment, None), reads.nodes)
        nodes = sorted(found or (), key=lambda node: (node.is_well, node.name))
        return NodesAnswer(
            place=place, nodes=tuple(nodes[:MAX_LISTED]), total=len(nodes), well=sum(node.is_well for node in nodes)
        )

    async def autoscalers(self, environment: str, service: str | None) -> AutoscalersAnswer:
        """The autoscalers of a namespace, or that of a service."""
        namespace, reads = self._namespace(environment, service), self._cluster(environment).reads
        found, place = await self._attempt(self._place(environment, service), lambda: reads.autoscalers(namespace))
        target = self.catalogue.target(environment, service).deployment if service else ""
        own = [each for each in found or () if not target or each.target == target]
        own.sort(key=lambda each: (not each.problems, not each.is_at_maximum, each.name))
        return AutoscalersAnswer(place=place, autoscalers=tuple(own))

    async def usage(self, environment: str, service: str | None) -> UsageAnswer:
        """What pods use now."""
        found, place = await self._attempt(self._place(environment, service), lambda: self._usage(environment, service))
        pods = sorted(found or (), key=lambda each: (-each.cpu, each.name))
        return UsageAnswer(
            place=place,
            pods=tuple(pods[:MAX_LISTED]),
            total=len(pods),
            cpu=sum(each.cpu for each in pods),
            memory=sum(each.memory for each in pods),
        )

    async def rollout(self, environment: str, service: str) -> RolloutAnswer:
        """How far a service's rollout is."""
        target, cluster = self.catalogue.target(environment, service), self._cluster(environment)
        workload, place = await self._attempt(self._place(environment, service), lambda: cluster.workload(target))
        if workload is None:
            return RolloutAnswer(place=place)
        pods, place = await self._attempt(place, lambda: self._pods(environment, service))
        unwell = sorted((pod for pod in pods or () if not pod.is_well), key=lambda pod: pod.name)
        return RolloutAnswer(
            place=place, workload=workload, pods=tuple(unwell[:MAX_LISTED]), revisions=workload.revisions[:MAX_REVISIONS]
        )

    async def describe(self, environment: str, service: str) -> DescribeAnswer:
        """A service as the cluster has it, with what was read; the rest is named."""
        target, cluster = self.catalogue.target(environment, service), self._cluster(environment)
        blank = self._place(environment, service)
        (workload, place), (containers, _), (pods, of_pods), (events, of_events) = await asyncio.gather(
            self._attempt(blank, lambda: cluster.workload(target)),
            self._attempt(blank, lambda: cluster.reads.containers(target)),
            self._attempt(blank, lambda: self._pods(environment, service)),
            self._attempt(blank, lambda: cluster.reads.events(target.namespace, self.at - timedelta(hours=1))),
        )
        own_events = (each for each in events or () if each.is_warning and is_about(each, target.deployment))
        missing = {} if place.problem else {"pods": of_pods.problem, "events": of_events.problem}
        return DescribeAnswer(
            place=place,
            workload=workload,
            containers=containers or (),
            pods=tuple(sorted(pods or (), key=lambda pod: (pod.is_well, pod.name))[:MAX_LISTED]),
            warnings=fold_events(own_events)[:MAX_WARNINGS],
            missing={name: problem for name, problem in missing.items() if problem},
        )

    async def _pods(self, environment: str, service: str | None) -> list[ListedPod]:
        reads, namespace = self._cluster(environment).reads, self._namespace(environment, service)
        if service is None:
            return await reads.pods(namespace)
        target = self.catalogue.target(environment, service)
        # Labels of another workload may match, too.
        return [pod for pod in await reads.pods(namespace, await reads.selector_of(target)) if pod.workload == target.deployment]

    async def _usage(self, environment: str, service: str | None) -> list[PodUsage]:
        reads, namespace = self._cluster(environment).reads, self._namespace(environment, service)
        selector = "" if service is None else await reads.selector_of(self.catalogue.target(environment, service))
        try:
            return await reads.usage(namespace, selector)
        except NotFound as error:
            raise NotFound(_NO_METRICS) from error

    def _cluster(self, environment: str) -> ReadableCluster:
        return cluster_of(environment, self.catalogue, self.clusters)

    def _namespace(self, environment: str, service: str | None) -> str:
        if service is None:
            return self.catalogue.environments[environment].namespace
        return self.catalogue.target(environment, service).namespace

    def _place(self, environment: str, service: str | None) -> ClusterPlace:
        return ClusterPlace(environment=environment, service=service or "", at=self.at)

    async def _attempt(self, place: ClusterPlace, read: Callable[[], Awaitable[T]]) -> tuple[T | None, ClusterPlace]:
        """What was read, or the place with the reason why not."""
        problem: Text
        try:
            async with asyncio.timeout(self.read_seconds):
                return await read(), place
        except TimeoutError:
            problem = f"The cluster did not answer within {self.read_seconds:g} s."
        except DeepechoError as error:
            problem = error.sentence
        return None, replace(place, problem=problem)
