"""What the proof at the end of a watch reads."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.alerts.reconciliation import ListedAlert
from domain.alerts.silences import Silence
from domain.catalogue.catalogue import Catalogue
from domain.metrics.charts import Series
from domain.metrics.samples import Sample
from domain.targets import Target
from domain.workloads.deployments import Workload
from domain.workloads.pod_counts import PodCounts
from storage.store import Store


class WatchedMetrics(Protocol):
    """What is asked of a Prometheus. Raises ``TemporaryError`` or ``PermanentError``, as all of these."""

    async def query_range(
        self, expression: str, since: datetime, until: datetime, *, only: Mapping[str, str]
    ) -> tuple[Series, ...]: ...

    async def query(self, expression: str, *, only: Mapping[str, str]) -> tuple[Sample, ...]: ...


class WatchedAlertmanager(Protocol):
    """What is asked of an Alertmanager."""

    async def silences(self) -> tuple[Silence, ...]: ...

    async def listed_alerts(self) -> Mapping[str, ListedAlert]: ...


class WatchedCluster(Protocol):
    """What is read from a cluster."""

    async def workload(self, target: Target, /) -> Workload: ...

    async def pod_counts(self, workloads: Iterable[Workload], /) -> Mapping[str, PodCounts]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSources:
    """The sources. ``prometheus`` is by environment, ``alertmanager_at`` by address; None for what is not open."""

    store: Store
    catalogue: Callable[[], Catalogue]
    clusters: Mapping[str, WatchedCluster]
    prometheus: Callable[[str], WatchedMetrics | None]
    alertmanager_at: Callable[[str], WatchedAlertmanager | None]
