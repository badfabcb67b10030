"""Answers about what runs in a cluster: pods, events, nodes, autoscalers, usage, a rollout, a description."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.facts import Answer
from domain.rich_text import Text
from domain.workloads.deployments import Revision, Workload
from domain.workloads.listings import ContainerSpec, ListedAutoscaler, ListedEvent, ListedNode, ListedPod, PodUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPlace:
    """Where was looked: ``service`` is empty for the whole namespace. ``problem`` says what could not be read, and why."""

    environment: str
    service: str
    at: datetime
    problem: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodsAnswer(Answer):
    """Pods, those with problems first. ``pods`` are the listed ones, ``total`` and ``well`` count all of them."""

    place: ClusterPlace
    pods: tuple[ListedPod, ...] = ()
    total: int = 0
    well: int = 0
    images: tuple[tuple[str, int], ...] = ()
    """How many pods run each version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsAnswer(Answer):
    """Events, folded, warnings first. ``total`` and ``warnings`` count the folded ones that are not listed, too."""

    place: ClusterPlace
    since: datetime
    events: tuple[ListedEvent, ...] = ()
    total: int = 0
    warnings: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesAnswer(Answer):
    """Nodes, those with problems first."""

    place: ClusterPlace
    nodes: tuple[ListedNode, ...] = ()
    total: int = 0
    well: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscalersAnswer(Answer):
    """Autoscalers, those that cannot scale first."""

    place: ClusterPlace
    autoscalers: tuple[ListedAutoscaler, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageAnswer(Answer):
    """What pods use, the most hungry first; the sums are over ``total`` pods."""

    place: ClusterPlace
    pods: tuple[PodUsage, ...] = ()
    total: int = 0
    cpu: float = 0.0
    memory: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutAnswer(Answer):
    """How far a workload is, and which revisions it has. ``operation`` set its present template, if one of ours did."""

    place: ClusterPlace
    workload: Workload | None = None
    pods: tuple[ListedPod, ...] = ()
    revisions: tuple[Revision, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeAnswer(Answer):
    """A workload with its containers, autoscaler, pods and last warnings. ``missing``: what of it could not be read."""

    place: ClusterPlace
    workload: Workload | None = None
    containers: tuple[ContainerSpec, ...] = ()
    pods: tuple[ListedPod, ...] = ()
    warnings: tuple[ListedEvent, ...] = ()
    missing: Mapping[str, Text] = field(default_factory=dict)
