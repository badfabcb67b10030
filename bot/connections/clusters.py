"""Open clients of the catalogue's clusters. Opening one sends no request to its API server."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from domain.catalogue.catalogue import Catalogue, ClusterConfig
from domain.clock import Clock
from domain.redaction import redact
from integrations.kubernetes import Cluster, ClusterSettings, Eks, open_cluster


class Clusters(Mapping[str, Cluster]):
    """Clusters by name in the catalogue. Closing ``stack`` closes them. Each change calls ``check_lease`` first."""

    def __init__(self, stack: AsyncExitStack, clock: Clock, folder: Path, check_lease: Callable[[], None] = lambda: None) -> None:
        self._stack, self._clock, self._folder, self._check_lease = stack, clock, folder, check_lease
        self._open: dict[str, tuple[ClusterSettings, Cluster]] = {}

    async def open_connections(self, catalogue: Catalogue) -> None:
        """Open clusters that are new or have new settings. A removed one stays open for operations that still run in it."""
        for name, settings in cluster_settings(catalogue, self._folder).items():
            if name not in self._open or self._open[name][0] != settings:
                cluster = await self._stack.enter_async_context(
                    open_cluster(settings, self._clock, redact=redact, check_lease=self._check_lease)
                )
                self._open[name] = (settings, cluster)

    def __getitem__(self, name: str) -> Cluster:
        return self._open[name][1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._open)

    def __len__(self) -> int:
        return len(self._open)


def cluster_settings(catalogue: Catalogue, folder: Path) -> dict[str, ClusterSettings]:
    """Connection settings by cluster name. Paths are relative to ``folder``, which holds the catalogue."""
    return {name: _settings(name, entry, folder) for name, entry in catalogue.clusters.items()}


def _settings(name: str, entry: ClusterConfig, folder: Path) -> ClusterSettings:
    if entry.in_cluster:
        return ClusterSettings(name=name, in_cluster=True)
    if entry.eks is not None:
        eks = entry.eks
        eks_settings = Eks(
            cluster=eks.name, region=eks.region, endpoint=eks.endpoint, certificate_authority=eks.certificate_authority
        )
        return ClusterSettings(name=name, eks=eks_settings)
    default_files = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    files = str(folder / Path(entry.kubeconfig).expanduser()) if entry.kubeconfig else default_files
    return ClusterSettings(name=name, kubeconfig=files, context=entry.context)
