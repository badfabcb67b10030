"""Whose hand wrote a Deployment last, as ``managedFields`` tell it."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby

from domain.targets import Target
from domain.workloads.field_managers import Hand, Hands
from integrations.kubernetes.client import Connection
from integrations.kubernetes.resources import DEPLOYMENTS, Json, metadata, moment

_AUTOSCALERS = "kube-controller-manager"
_SCALE = "scale"
"""The part of a Deployment that ``kubectl scale`` writes, noted since Kubernetes 1.22. Who owns replicas otherwise may have set
them long ago.
"""


async def hands(connection: Connection, targets: Iterable[Target]) -> dict[Target, Hands]:
    """One list for each namespace. A Deployment that does not exist is absent."""
    found: dict[Target, Hands] = {}
    for namespace, few in groupby(sorted(targets, key=_namespace), key=_namespace):
        by_name = {metadata(each)["name"]: each for each in await connection.items(DEPLOYMENTS, namespace)}
        found |= {each: _hands(by_name[each.deployment], each.container) for each in few if each.deployment in by_name}
    return found


def _namespace(target: Target) -> str:
    return target.namespace


def _hands(deployment: Json, container: str) -> Hands:
    entries = [each for each in metadata(deployment).get("managedFields") or [] if "time" in each]
    image = ("f:spec", "f:template", "f:spec", "f:containers", _item(container), "f:image")
    scalers = [each for each in entries if each.get("subresource") == _SCALE and each["manager"] != _AUTOSCALERS]
    return Hands(image=_latest(_owners(entries, image)), replicas=_latest(_owners(scalers, ("f:spec", "f:replicas"))))


def _item(name: str) -> str:
    """A container in FieldsV1's notation."""
    return "k:" + json.dumps({"name": name}, separators=(",", ":"))


def _owners(entries: Iterable[Json], path: tuple[str, ...]) -> Iterator[Hand]:
    for entry in entries:
        fields = entry.get("fieldsV1") or {}
        for part in path:
            fields = fields.get(part) if fields else None
        if fields is not None:
            yield Hand(entry["manager"], moment(entry["time"]))


def _latest(found: Iterable[Hand]) -> Hand | None:
    return max(found, key=_when, default=None)


def _when(hand: Hand) -> tuple[datetime, str]:
    return hand.at, hand.manager
