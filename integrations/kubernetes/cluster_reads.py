"""What people look at in a cluster. Nothing here changes anything, and of each object only a small fact is kept."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from domain.logs.lines import MAX_LINE_LENGTH, LogLine, PodLog, without_cut_word
from domain.targets import Target
from domain.workloads.listings import ContainerSpec, ListedAutoscaler, ListedEvent, ListedNode, ListedPod, PodUsage
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.deployments import autoscalers, deployment_of
from integrations.kubernetes.listed import (
    container_specs,
    listed_autoscaler,
    listed_event,
    listed_node,
    listed_pod,
    pod_usage,
)
from integrations.kubernetes.paging import shrink_list
from integrations.kubernetes.resources import EVENTS, NODES, POD_METRICS, PODS, label_selector

_FEWEST_LINES = 10


@dataclass(frozen=True, slots=True)
class ClusterReads:
    """Errors are those of ``Cluster``."""

    _client: KubernetesClient
    _redact: Callable[[str], str]

    async def selector_of(self, target: Target) -> str:
        """The label selector of a workload's pods. Raises ``NotFound``."""
        return label_selector((await deployment_of(self._client, target))["spec"]["selector"])

    async def pods(self, namespace: str, selector: str = "") -> list[ListedPod]:
        """The pods of a namespace, or of those labels."""
        return await shrink_list(self._client, PODS, namespace, partial(listed_pod, redact=self._redact), label_selector=selector)

    async def events(self, namespace: str, since: datetime) -> list[ListedEvent]:
        """What happened after ``since``, newest first. Clusters keep an hour of it, unless somebody configured more."""
        found = await shrink_list(self._client, EVENTS, namespace, partial(listed_event, redact=self._redact))
        return sorted((each for each in found if each.last_at >= since), key=lambda each: each.last_at, reverse=True)

    async def nodes(self) -> list[ListedNode]:
        """Every node of the cluster."""
        return await shrink_list(self._client, NODES, "", partial(listed_node, redact=self._redact))

    async def autoscalers(self, namespace: str) -> list[ListedAutoscaler]:
        """Every autoscaler of a namespace."""
        return [listed_autoscaler(each, self._redact) for each in await autoscalers(self._client, namespace)]

    async def containers(self, target: Target) -> tuple[ContainerSpec, ...]:
        """The containers of a workload, without any value of their environments. Raises ``NotFound``."""
        return container_specs((await deployment_of(self._client, target))["spec"]["template"])

    async def usage(self, namespace: str, selector: str = "") -> list[PodUsage]:
        """What pods use now. Raises ``NotFound`` where the cluster has no metrics server."""
        measured = await self._client.get_measurements(POD_METRICS, namespace, label_selector=selector)
        return [pod_usage(each) for each in measured]

    async def log(
        self, target: Target, pod: str, *, last: timedelta, lines: int, max_bytes: int, previous: bool = False
    ) -> PodLog:
        """The last lines of the service's container in a pod, oldest first, not redacted: a secret may span several.

        ``previous`` reads those of its run before. Raises ``NotFound`` for a pod that is gone.
        """
        wanted = lines
        while True:
            text = await self._client.pod_log(
                target.namespace,
                pod,
                container=target.container,
                lines=wanted,
                previous=previous,
                max_bytes=max_bytes,
                last_seconds=max(1, math.ceil(last.total_seconds())),
            )
            # The limit of bytes ends the answer before the newest lines: then fewer lines are asked for.
            if len(text.encode()) < max_bytes or wanted <= _FEWEST_LINES:
                break
            wanted = max(_FEWEST_LINES, wanted // 4)
        found = tuple(line for written in text.split("\n") if (line := _log_line(written, pod)) is not None)
        return PodLog(found, is_cut=len(found) >= wanted)


def _log_line(written: str, pod: str) -> LogLine | None:
    """None where the time is missing, as it is where the limit of bytes has cut a line."""
    time, _, text = written.partition(" ")
    try:
        at = datetime.fromisoformat(time)
    except ValueError:
        return None
    return LogLine(at, without_cut_word(text.rstrip("\r"), MAX_LINE_LENGTH), pod) if at.tzinfo else None
