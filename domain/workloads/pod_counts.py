"""What the pods of a workload run, counted at one moment. Nothing here is derived from what was asked for."""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.workloads.images import version_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PodGroup:
    """Pods of one revision. Pods that are being deleted, were evicted or have finished do not count."""

    image: str
    """The image of the service's container in these pods."""
    is_current: bool
    """Whether they were made from the template that the workload has now."""
    total: int
    ready: int
    revision: int = 0
    """The newest of their revisions."""

    @property
    def version(self) -> str:
        """The version that they run."""
        return version_of(self.image)


@dataclass(frozen=True, slots=True)
class PodCounts:
    """The pods of one workload; those of its present template first, then those with more ready pods."""

    groups: tuple[PodGroup, ...] = ()

    @property
    def total(self) -> int:
        """All pods."""
        return sum(group.total for group in self.groups)

    @property
    def ready(self) -> int:
        """All ready pods."""
        return sum(group.ready for group in self.groups)

    @property
    def current(self) -> PodGroup | None:
        """The pods of the present template; None where there are none."""
        return next((group for group in self.groups if group.is_current), None)

    @property
    def earlier(self) -> tuple[PodGroup, ...]:
        """The pods of earlier templates."""
        return tuple(group for group in self.groups if not group.is_current)


def describe_pods(counts: PodCounts) -> str:
    """``2 pods of main-abc1234 (2 ready) and 1 pod of main-9f00d12 (0 ready)``; ``no pods``."""
    return " and ".join(describe_group(group) for group in counts.groups) or "no pods"


def describe_group(group: PodGroup) -> str:
    """``2 pods of main-abc1234 (2 ready)``."""
    return f"{group.total} pod{'' if group.total == 1 else 's'} of {group.version} ({group.ready} ready)"


def pod_counts(groups: Iterable[PodGroup]) -> PodCounts:
    """Counts in a stable order."""
    return PodCounts(tuple(sorted(groups, key=lambda group: (not group.is_current, -group.ready, -group.total, group.image))))
