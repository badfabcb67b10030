"""When autoscalers moved. Their status keeps the last time; events tell more, for as long as the cluster keeps them (1 h)."""

import asyncio
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.errors import Forbidden
from domain.workloads.field_managers import AutoscalerMove
from integrations.kubernetes.client import Connection
from integrations.kubernetes.deployments import autoscalers
from integrations.kubernetes.resources import AUTOSCALERS, DEPLOYMENTS, EVENTS, Json, metadata, moment

_RESCALED = "SuccessfulRescale"
_NEW_SIZE = re.compile(r"New size: (\d+)")
_SAME = timedelta(seconds=5)
"""The autoscaler writes its event and its status one after the other."""


async def autoscaler_moves(connection: Connection, namespace: str, since: datetime) -> tuple[AutoscalerMove, ...]:
    """Moves after ``since`` of autoscalers of Deployments, oldest first."""
    scalers, events = await asyncio.gather(autoscalers(connection, namespace), _events(connection, namespace))
    found = [move for scaler in scalers for move in _moves(scaler, events) if move.at > since]
    return tuple(sorted(found, key=lambda each: (each.at, each.autoscaler)))


async def _events(connection: Connection, namespace: str) -> list[Json]:
    """Events are a help, not a need: an account that may not read them goes without."""
    try:
        return await connection.items(EVENTS, namespace, fields=f"involvedObject.kind={AUTOSCALERS.kind},reason={_RESCALED}")
    except Forbidden:
        return []


def _moves(scaler: Json, events: list[Json]) -> Iterator[AutoscalerMove]:
    name, aim = metadata(scaler)["name"], scaler["spec"]["scaleTargetRef"]
    if aim["kind"] != DEPLOYMENTS.kind:
        return
    told = [
        AutoscalerMove(autoscaler=name, deployment=aim["name"], at=at, replicas=_size(event))
        for event in events
        if event["involvedObject"].get("name") == name and (at := _happened(event)) is not None
    ]
    yield from told
    last = (scaler.get("status") or {}).get("lastScaleTime")
    if last and all(abs(move.at - moment(last)) > _SAME for move in told):
        yield AutoscalerMove(autoscaler=name, deployment=aim["name"], at=moment(last))


def _happened(event: Json) -> datetime | None:
    """The last time, where the same move was made several times: the ones between are not kept."""
    at = (event.get("series") or {}).get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return moment(at) if at else None


def _size(event: Json) -> int | None:
    found = _NEW_SIZE.search(event.get("message") or "")
    return int(found[1]) if found else None
