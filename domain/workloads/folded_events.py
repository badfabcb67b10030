"""Events of one kind as one line: what happened to many pods of a workload is told once. Pure."""

import re
from collections.abc import Iterable
from dataclasses import replace

from domain.workloads.listings import ListedEvent
from domain.workloads.pod_names import workload_of_owner, workloads_by_name

_POD_HASH = re.compile(r"(-[a-f0-9]{6,10})?-[a-z0-9]{5}$")


def fold_events(events: Iterable[ListedEvent]) -> tuple[ListedEvent, ...]:
    """Events by reason, kind and name without the part that tells pods apart; the newest message stands for all.

    Warnings first, then by the time of the newest.
    """
    folded = dict[tuple[str, str, str], ListedEvent]()
    for event in sorted(events, key=lambda each: each.last_at):
        key = (event.reason, event.kind, _stem(event))
        before = folded.get(key)
        folded[key] = event if before is None else replace(event, name=_common(before, event), count=before.count + event.count)
    return tuple(sorted(folded.values(), key=lambda each: (not each.is_warning, -each.last_at.timestamp())))


def is_about(event: ListedEvent, workload: str) -> bool:
    """Whether an event is about a workload, one of its ReplicaSets or one of its pods, by their exact names."""
    kind = event.kind.lower()
    if kind == "pod":
        return workload in workloads_by_name(event.name)
    return workload_of_owner(kind, event.name) == workload or (kind == "horizontalpodautoscaler" and event.name == workload)


def _stem(event: ListedEvent) -> str:
    return _POD_HASH.sub("", event.name) if event.kind == "Pod" else event.name


def _common(before: ListedEvent, event: ListedEvent) -> str:
    """The name of the one object, or what the names of several have in common."""
    return event.name if before.name == event.name else f"{_stem(event)}-…"
