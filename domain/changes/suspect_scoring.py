"""Which change is the suspect: a score from time, workload and kind. The formula is explained in ``docs/suspects.md``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.changes.platform_changes import ChangeKind, PlatformChange, Suspect
from domain.text import format_duration

LOOKBACK = timedelta(hours=6)
"""Older changes have had their chance to show."""
CLOCK_SKEW_TOLERANCE = timedelta(minutes=2)
"""A change that is noted so shortly after the alert may still be its cause: clocks differ, and clusters note whole seconds."""
HALF_LIFE = timedelta(hours=1)
"""A change this long before the alert counts half."""
AFTER_FACTOR = 0.5
"""Of a change that is noted after the alert."""
LONG_CHANGE_DURATION = timedelta(minutes=5)
"""Of a change that took this long, its end is said too."""
MIN_SCORE = 10
"""A lower score names nobody: it would be a guess."""

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
"""Of every change of the environment, where no label of the alert names a service."""

Paths = Mapping[str, tuple[str, ...]]
"""Service to the services on the shortest way to it, from the alert's own (left out) to itself."""


@dataclass(frozen=True, slots=True)
class _Factor:
    """One factor of a score, and what it says in the thread."""

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
    """The changes that may have caused an alert, the likeliest first; the same facts give the same order, however they come.

    ``service`` is empty where no label names one. ``depends_on`` names the services that each one calls. Nothing is suspected
    across environments.
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
    """By score; then the nearer workload, the weightier kind, the closer moment, and in the end by name."""
    change = suspect.change
    gap = abs(began_at - change.at)
    names = (change.operation_id, change.description, change.services, str(change.by), change.by_manager)
    return (-suspect.score, -nearness, -KIND_WEIGHTS[change.kind], change.kind, gap, *names)


def _time_factor(change: PlatformChange, began_at: datetime, within: timedelta) -> _Factor:
    """A change that takes a while counts from when it was through, and fully while it goes on."""
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
    """Whole minutes from the first minute on: nobody compares seconds of an hour ago."""
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
    """Everything that the service depends on, with the shortest way to it; circles end where they began."""
    paths: dict[str, tuple[str, ...]] = {}
    queue: list[tuple[str, ...]] = [(each,) for each in depends_on.get(service, ())]
    for path in queue:
        last = path[-1]
        if last != service and last not in paths:
            paths[last] = path
            queue += [(*path, each) for each in depends_on.get(last, ())]
    return paths
