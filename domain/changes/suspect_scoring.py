"""Which change is the suspect: a score from time, workload and kind. The formula is explained in ``docs/suspects.md``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.changes.platform_changes import ChangeKind, PlatformChange, Suspect
from domain.text import format_span

WINDOW = timedelta(hours=6)
"""Older changes have had their chance to show."""
GRACE = timedelta(minutes=2)
"""A change that is noted so shortly after the alert may still be its cause: clocks differ, and clusters note whole seconds."""
HALF = timedelta(hours=1)
"""A change this long before the alert counts half."""
AFTER = 0.5
"""Of a change that is noted after the alert."""
LONG = timedelta(minutes=5)
"""Of a change that took this long, its end is said too."""
FLOOR = 10
"""A lower score names nobody: it would be a guess."""

KINDS: Mapping[ChangeKind, float] = {
    ChangeKind.DEPLOY: 1.0,
    ChangeKind.ROLLBACK: 1.0,
    ChangeKind.CONFIG: 0.8,
    ChangeKind.RESTART: 0.6,
    ChangeKind.SCALE: 0.5,
    ChangeKind.AUTOSCALER: 0.3,
    ChangeKind.MAINTENANCE: 0.3,
}
SAME_SERVICE, DEPENDENCY, DISTANT_DEPENDENCY, WHOLE_ENVIRONMENT, SAME_ENVIRONMENT = 1.0, 0.7, 0.5, 0.5, 0.25
NO_SERVICE = 0.5
"""Of every change of the environment, where no label of the alert names a service."""

Paths = Mapping[str, tuple[str, ...]]
"""Service to the services on the shortest way to it, from the alert's own (left out) to itself."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One factor of a score, and what it says in the thread."""

    weight: float
    reasons: tuple[str, ...] = ()


def suspects(
    changes: Iterable[PlatformChange],
    *,
    environment: str,
    service: str,
    began_at: datetime,
    depends_on: Mapping[str, tuple[str, ...]],
    within: timedelta = WINDOW,
) -> tuple[Suspect, ...]:
    """The changes that may have caused an alert, the likeliest first; the same facts give the same order, however they come.

    ``service`` is empty where no label names one. ``depends_on`` names the services that each one calls. Nothing is suspected
    across environments.
    """
    paths = _paths(service, depends_on)
    found = []
    for change in changes:
        time = _time(change, began_at, within)
        workload = _workload(change, service, paths)
        score = round(100 * time.weight * workload.weight * KINDS[change.kind])
        if change.environment == environment and score >= FLOOR:
            reasons = (*time.reasons, *workload.reasons, *((change.ending,) if change.ending else ()))
            found.append((workload.weight, Suspect(change=change, score=score, reasons=reasons)))
    return tuple(suspect for _, suspect in sorted(found, key=lambda each: _order(each[1], each[0], began_at)))


def _order(suspect: Suspect, nearness: float, began_at: datetime) -> tuple[object, ...]:
    """By score; then the nearer workload, the weightier kind, the closer moment, and in the end by name."""
    change = suspect.change
    gap = abs(began_at - change.at)
    names = (change.operation, change.what, change.services, str(change.by), change.by_name)
    return (-suspect.score, -nearness, -KINDS[change.kind], change.kind, gap, *names)


def _time(change: PlatformChange, began_at: datetime, within: timedelta) -> _Part:
    """A change that takes a while counts from when it was through, and fully while it goes on."""
    if change.at > began_at:
        late = change.at - began_at
        return _Part(AFTER * _closeness(late) if late < GRACE else 0, (f"{_span(late)} after",))
    if began_at - change.at > within:
        return _Part(0)
    begun = _begun(began_at - change.at)
    if change.running:
        return _Part(1, (begun, "still going on" if change.kind is ChangeKind.MAINTENANCE else "still running"))
    if change.until is not None and change.until >= began_at:
        return _Part(1, (begun, "not over when it began"))
    over = change.until or change.at
    gap = began_at - over
    told = (begun, f"over {_span(gap)} before") if over - change.at >= LONG else (begun,)
    return _Part(_closeness(gap), told)


def _closeness(gap: timedelta) -> float:
    return 1 / (1 + gap / HALF)


def _begun(gap: timedelta) -> str:
    return f"{_span(gap)} before" if gap >= timedelta(seconds=1) else "at that moment"


def _span(gap: timedelta) -> str:
    """Whole minutes from the first minute on: nobody compares seconds of an hour ago."""
    minute = timedelta(minutes=1)
    return format_span(gap if gap < minute else gap // minute * minute)


def _workload(change: PlatformChange, service: str, paths: Paths) -> _Part:
    if not service:
        return _Part(NO_SERVICE, ("no service is known of the alert",))
    if not change.services:
        return _Part(WHOLE_ENVIRONMENT, (f"all of {change.environment}",))
    if service in change.services:
        return _Part(SAME_SERVICE, (f"{service} uses it" if change.kind is ChangeKind.CONFIG else "same Deployment",))
    ways = [paths[each] for each in change.services if each in paths]
    if not ways:
        return _Part(SAME_ENVIRONMENT, ("same environment",))
    *through, last = min(ways, key=lambda way: (len(way), way))
    depends = f"{service} depends on {last}"
    return _Part(DISTANT_DEPENDENCY, (f"{depends} through {through[0]}",)) if through else _Part(DEPENDENCY, (depends,))


def _paths(service: str, depends_on: Mapping[str, tuple[str, ...]]) -> Paths:
    """Everything that the service depends on, with the shortest way to it; circles end where they began."""
    paths: dict[str, tuple[str, ...]] = {}
    waiting: list[tuple[str, ...]] = [(each,) for each in depends_on.get(service, ())]
    for way in waiting:
        last = way[-1]
        if last != service and last not in paths:
            paths[last] = way
            waiting += [(*way, each) for each in depends_on.get(last, ())]
    return paths
