"""Scores of suspects, from time, workload and kind of a change. Pure. ``docs/suspects.md`` explains the formula."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.changes.platform_changes import ChangeKind, PlatformChange, Suspect
from domain.text import format_duration

LOOKBACK = timedelta(hours=6)
"""Changes that are older than this when the alert begins are not considered."""
CLOCK_SKEW_TOLERANCE = timedelta(minutes=2)
"""A change recorded up to this long after the alert's beginning may still be its cause, because clocks differ."""
HALF_LIFE = timedelta(hours=1)
"""A change that ended this long before the alert counts half."""
AFTER_FACTOR = 0.5
"""The factor of a change that is recorded after the alert's beginning."""
LONG_CHANGE_DURATION = timedelta(minutes=5)
"""If a change took this long, its reasons also name its end."""
MIN_SCORE = 10
"""A change with a lower score is not a suspect: it would be a guess."""

KIND_WEIGHTS: Mapping[ChangeKind, float] = {
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
"""The factor of every change in the environment if no label of the alert names a service."""

Paths = Mapping[str, tuple[str, ...]]
"""For each service the services on the shortest path to it: without the alert's service, and with itself at the end."""


@dataclass(frozen=True, slots=True)
class _Factor:
    """One factor of a score, and the reasons that the thread shows for it."""

    weight: float
    reasons: tuple[str, ...] = ()


def rank_suspects(
    changes: Iterable[PlatformChange],
    *,
    environment: str,
    service: str,
    began_at: datetime,
    depends_on: Mapping[str, tuple[str, ...]],
    within: timedelta = LOOKBACK,
) -> tuple[Suspect, ...]:
    """The changes that may have caused an alert, the likeliest first. The order of ``changes`` has no influence.

    ``service`` is empty if no label names one. ``depends_on`` names the services that each service calls. Changes of other
    environments are not considered.
    """
    paths = _dependency_paths(service, depends_on)
    ranked = []
    for change in changes:
        time = _time_factor(change, began_at, within)
        workload = _workload_factor(change, service, paths)
        score = round(100 * time.weight * workload.weight * KIND_WEIGHTS[change.kind])
        if change.environment == environment and score >= MIN_SCORE:
            reasons = (*time.reasons, *workload.reasons, *((change.outcome,) if change.outcome else ()))
            ranked.append((workload.weight, Suspect(change=change, score=score, reasons=reasons)))
    return tuple(suspect for _, suspect in sorted(ranked, key=lambda each: _sort_key(each[1], each[0], began_at)))


def _sort_key(suspect: Suspect, nearness: float, began_at: datetime) -> tuple[object, ...]:
    """Sort by score, nearness of the workload, weight of the kind, nearness in time, and last by names."""
    change = suspect.change
    gap = abs(began_at - change.at)
    names = (change.operation_id, change.description, change.services, str(change.by), change.by_manager)
    return (-suspect.score, -nearness, -KIND_WEIGHTS[change.kind], change.kind, gap, *names)


def _time_factor(change: PlatformChange, began_at: datetime, within: timedelta) -> _Factor:
    """A change counts fully while it runs, and less with the time since its end."""
    if change.at > began_at:
        late = change.at - began_at
        return _Factor(AFTER_FACTOR * _closeness(late) if late < CLOCK_SKEW_TOLERANCE else 0, (f"{_duration_text(late)} after",))
    if began_at - change.at > within:
        return _Factor(0)
    started = _started_text(began_at - change.at)
    if change.running:
        return _Factor(1, (started, "still going on" if change.kind is ChangeKind.MAINTENANCE else "still running"))
    if change.ended_at is not None and change.ended_at >= began_at:
        return _Factor(1, (started, "not over when it began"))
    ended_at = change.ended_at or change.at
    gap = began_at - ended_at
    reasons = (started, f"over {_duration_text(gap)} before") if ended_at - change.at >= LONG_CHANGE_DURATION else (started,)
    return _Factor(_closeness(gap), reasons)


def _closeness(gap: timedelta) -> float:
    return 1 / (1 + gap / HALF_LIFE)


def _started_text(gap: timedelta) -> str:
    return f"{_duration_text(gap)} before" if gap >= timedelta(seconds=1) else "at that moment"


def _duration_text(gap: timedelta) -> str:
    """The duration in whole minutes; in seconds below one minute."""
    minute = timedelta(minutes=1)
    return format_duration(gap if gap < minute else gap // minute * minute)


def _workload_factor(change: PlatformChange, service: str, paths: Paths) -> _Factor:
    if not service:
        return _Factor(NO_SERVICE, ("no service is known of the alert",))
    if not change.services:
        return _Factor(WHOLE_ENVIRONMENT, (f"all of {change.environment}",))
    if service in change.services:
        return _Factor(SAME_SERVICE, (f"{service} uses it" if change.kind is ChangeKind.CONFIG else "same Deployment",))
    known_paths = [paths[each] for each in change.services if each in paths]
    if not known_paths:
        return _Factor(SAME_ENVIRONMENT, ("same environment",))
    *through, last = min(known_paths, key=lambda way: (len(way), way))
    depends = f"{service} depends on {last}"
    return _Factor(DISTANT_DEPENDENCY, (f"{depends} through {through[0]}",)) if through else _Factor(DEPENDENCY, (depends,))


def _dependency_paths(service: str, depends_on: Mapping[str, tuple[str, ...]]) -> Paths:
    """All direct and indirect dependencies of the service, with the shortest path to each. Cycles are allowed."""
    paths: dict[str, tuple[str, ...]] = {}
    queue: list[tuple[str, ...]] = [(each,) for each in depends_on.get(service, ())]
    # Breadth first: the list grows while it is walked, and the first path that reaches a service is the shortest.
    for path in queue:
        last = path[-1]
        if last != service and last not in paths:
            paths[last] = path
            queue += [(*path, each) for each in depends_on.get(last, ())]
    return paths
