"""Lines from the pods of a service: what the cluster still has of them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import DeepechoError
from domain.logs.lines import LogLine, LogPage, LogQuery, PodLog
from domain.rich_text import Text
from domain.targets import Target
from domain.workloads.listings import ListedPod
from runbooks.clusters import cluster_of
from runbooks.logs.targets import target_of

MAX_PODS = 20
"""Pods whose logs are read, those with problems first. More would not be read within the time."""
_AT_ONCE = 6
_MIN_LINES = 100
_MAX_BYTES = 512 * 1024
"""Of one pod's log."""


class PodLogs(Protocol):
    """What is read of a cluster."""

    async def selector_of(self, target: Target) -> str: ...

    async def pods(self, namespace: str, selector: str = "") -> list[ListedPod]: ...

    async def log(
        self, target: Target, pod: str, *, last: timedelta, lines: int, max_bytes: int, previous: bool = False
    ) -> PodLog: ...


class ClusterWithLogs(Protocol):
    """A cluster whose pods have logs."""

    @property
    def reads(self) -> PodLogs: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PodLines:
    """``clusters`` are keyed by the catalogue's cluster names."""

    catalogue: Callable[[], Catalogue]
    clusters: Mapping[str, ClusterWithLogs]
    clock: Clock

    async def read(self, query: LogQuery) -> LogPage:
        """The newest lines. Raises what the cluster raises where not even its pods can be listed."""
        catalogue = self.catalogue()
        target = target_of(catalogue, query)
        reads = cluster_of(query.environment, catalogue, self.clusters).reads
        listed = await reads.pods(target.namespace, await reads.selector_of(target))
        # Labels of another workload may match, too.
        pods = sorted((pod for pod in listed if pod.workload == target.deployment), key=_trouble_first)
        count = max(_MIN_LINES, query.limit // max(1, min(len(pods), MAX_PODS)))
        room = asyncio.Semaphore(_AT_ONCE)

        async def read(pod: ListedPod) -> _ReadPod:
            async with room:
                return await self._of_pod(reads, target, pod, query, count)

        logs = await asyncio.gather(*(read(pod) for pod in pods[:MAX_PODS]))
        lines = sorted((line for log in logs for line in log.lines), key=lambda line: line.at)
        return LogPage(
            source=f"{len(logs)} pod{'' if len(logs) == 1 else 's'}",
            lines=tuple(lines),
            total=len(lines),
            is_at_least=any(log.is_cut for log in logs),
            notes=_notes(logs, len(pods)),
        )

    async def _of_pod(self, reads: PodLogs, target: Target, pod: ListedPod, query: LogQuery, count: int) -> "_ReadPod":
        """The log of a pod, and of its run before where that ended within the time."""
        last = self.clock.now() - query.since
        runs = [False]
        if pod.restarted_at is not None and pod.restarted_at >= query.since:
            runs.insert(0, True)
        lines: list[LogLine] = []
        problem, is_cut = "", False
        for previous in runs:
            try:
                read = await reads.log(target, pod.name, last=last, lines=count, max_bytes=_MAX_BYTES, previous=previous)
            except DeepechoError as error:
                problem = str(error)
                continue
            is_cut = is_cut or read.is_cut
            lines += (line for line in read.lines if query.since <= line.at < query.until)
        return _ReadPod(tuple(lines), is_cut=is_cut, problem="" if lines else problem)


@dataclass(frozen=True, slots=True)
class _ReadPod:
    lines: tuple[LogLine, ...]
    is_cut: bool
    problem: str


def _trouble_first(pod: ListedPod) -> tuple[bool, float, str]:
    return pod.is_well, -pod.created_at.timestamp(), pod.name


def _notes(logs: Sequence[_ReadPod], pods: int) -> tuple[Text, ...]:
    notes: list[Text] = []
    if not pods:
        notes.append("The service has no pods now.")
    if pods > len(logs):
        notes.append(f"Only {len(logs)} of {pods} pods were read.")
    problems = [log.problem for log in logs if log.problem]
    if problems:
        of = f"{len(problems)} of {len(logs)} pods" if len(problems) > 1 else "One pod"
        notes.append(f"{of} could not be read: {problems[0]}")
    return tuple(notes)
