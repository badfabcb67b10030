"""Scaling events of autoscalers. Their status holds the last one; events hold more, as long as the cluster keeps them (1 h)."""

import asyncio
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.errors import Forbidden
from domain.targets import WorkloadKind
from domain.workloads.field_managers import ScalingEvent
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.deployments import autoscalers
from integrations.kubernetes.resources import AUTOSCALERS, EVENTS, Json, metadata, parse_time

_RESCALE_REASON = "SuccessfulRescale"
_NEW_SIZE = re.compile(r"New size: (\d+)")
_SAME_EVENT_TOLERANCE = timedelta(seconds=5)
"""The autoscaler writes its event and its status one after the other: times this close belong to one scaling."""


async def scaling_events(client: KubernetesClient, namespace: str, since: datetime) -> tuple[ScalingEvent, ...]:
    """Scalings of Deployments by autoscalers after ``since``, oldest first."""
    scalers, events = await asyncio.gather(autoscalers(client, namespace), _events(client, namespace))
    recent = [scaling for scaler in scalers for scaling in _events_of_autoscaler(scaler, events) if scaling.at > since]
    return tuple(sorted(recent, key=lambda scaling: (scaling.at, scaling.autoscaler)))


async def _events(client: KubernetesClient, namespace: str) -> list[Json]:
    """Events are optional: without the permission to read them, the status of the autoscaler has to do."""
    try:
        return await client.list_items(
            EVENTS, namespace, field_selector=f"involvedObject.kind={AUTOSCALERS.kind},reason={_RESCALE_REASON}"
        )
    except Forbidden:
        return []


def _events_of_autoscaler(autoscaler: Json, events: list[Json]) -> Iterator[ScalingEvent]:
    name, target_ref = metadata(autoscaler)["name"], autoscaler["spec"]["scaleTargetRef"]
    if target_ref["kind"] not in set(WorkloadKind):
        return
    reported = [
        ScalingEvent(autoscaler=name, deployment=target_ref["name"], at=at, replicas=_new_size(event))
        for event in events
        if event["involvedObject"].get("name") == name and (at := _occurred_at(event)) is not None
    ]
    yield from reported
    last_scale_time = (autoscaler.get("status") or {}).get("lastScaleTime")
    if last_scale_time and all(abs(scaling.at - parse_time(last_scale_time)) > _SAME_EVENT_TOLERANCE for scaling in reported):
        yield ScalingEvent(autoscaler=name, deployment=target_ref["name"], at=parse_time(last_scale_time))


def _occurred_at(event: Json) -> datetime | None:
    """The last occurrence: Kubernetes merges repeats into one event and drops the times in between."""
    timestamp = (event.get("series") or {}).get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return parse_time(timestamp) if timestamp else None


def _new_size(event: Json) -> int | None:
    match = _NEW_SIZE.search(event.get("message") or "")
    return int(match[1]) if match else None
