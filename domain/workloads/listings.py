"""What a cluster lists: pods, events, nodes, autoscalers, and what pods use. Facts, small enough for ten thousand of them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPod:
    """One pod. ``state`` is one word, such as ``Running`` or ``CrashLoopBackOff``; ``problem`` says more, redacted."""

    name: str
    state: str
    ready: int
    containers: int
    restarts: int
    restarted_at: datetime | None
    created_at: datetime
    workload: str = ""
    """The workload that owns it; empty for a pod of something else, such as a Job."""
    node: str = ""
    image: str = ""
    """Of its first container."""
    problem: str = ""
    is_done: bool = False
    """It has ended well, as the pod of a Job does."""

    @property
    def is_well(self) -> bool:
        """Whether it does what it should."""
        return self.is_done or (self.state == "Running" and self.ready == self.containers)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEvent:
    """One event, or several of one kind about objects of one name. ``count`` is how often, as the cluster counted."""

    is_warning: bool
    reason: str
    kind: str
    name: str
    message: str
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedNode:
    """One node. ``problems`` are its conditions that are not as they should be, in words."""

    name: str
    is_ready: bool
    is_cordoned: bool
    problems: tuple[str, ...]
    version: str
    created_at: datetime
    cpu: float | None
    memory: float | None
    pods: float | None
    zone: str = ""

    @property
    def is_well(self) -> bool:
        """Whether pods can be placed on it and run."""
        return self.is_ready and not self.problems and not self.is_cordoned


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAutoscaler:
    """One autoscaler. ``metrics`` are what it looks at: ``cpu 83 % of 70 %``."""

    name: str
    kind: str
    target: str
    minimum: int
    maximum: int
    current: int
    desired: int
    metrics: tuple[str, ...]
    problems: tuple[str, ...]
    scaled_at: datetime | None

    @property
    def is_at_maximum(self) -> bool:
        """Whether it cannot scale up any more."""
        return self.current >= self.maximum


@dataclass(frozen=True, slots=True, kw_only=True)
class PodUsage:
    """What one pod uses: processors and bytes."""

    name: str
    cpu: float
    memory: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """One container of a template, without anything that could be a secret: of its environment only the names."""

    name: str
    image: str
    requests: tuple[str, ...]
    limits: tuple[str, ...]
    ports: tuple[int, ...]
    probes: tuple[str, ...]
    environment: tuple[str, ...]
    is_init: bool = False
