"""A log server with lines of the platform, and what reads them, on a real database."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.logs.filters import LogFilter
from domain.logs.lines import LogQuery
from integrations.elasticsearch import open_elasticsearch
from runbooks.logs.server_lines import ServerLines
from sandbox.elasticsearch import LogIndex, StandInElasticsearch
from storage.logs import LogSearchRepository
from storage.store import Store
from tests.harness.samples.team import catalogue_data

INDEX = "filebeat-1"
MAIN = "deep-echo-main"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogServerHarness:
    """``lines`` reads from ``server``, on which tests make trouble."""

    server: StandInElasticsearch
    lines: ServerLines
    store: Store
    clock: Clock

    def write(self, ago: timedelta, message: str, **more: str) -> None:
        """Store a line of the service main in production."""
        self.server.state.indices[INDEX].documents.append(log_document(self.clock.now() - ago, message, **more))

    def query(self, last: timedelta = timedelta(minutes=15), environment: str = "production") -> LogQuery:
        """All lines of the service in that time."""
        return log_query(self.clock.now(), last, environment)

    async def remembered(self) -> int:
        """How many searches are still to be deleted."""
        async with self.store.read() as tx:
            return len(await tx.of(LogSearchRepository).started_before(self.clock.now() + timedelta(days=1)))


def log_query(at: datetime, last: timedelta = timedelta(minutes=15), environment: str = "production") -> LogQuery:
    """All lines of the service main in the time before."""
    return LogQuery(environment=environment, service=MAIN, filter=LogFilter(), since=at - last, until=at)


def log_document(at: datetime, message: str, namespace: str = "deep-echo-prod", pod: str = f"{MAIN}-1") -> dict[str, str]:
    """A line of the service main."""
    return {
        "@timestamp": at.isoformat(),
        "message": message,
        "kubernetes.namespace": namespace,
        "kubernetes.deployment.name": MAIN,
        "kubernetes.pod.name": pod,
    }


def log_catalogue(address: str, **more: Any) -> Catalogue:
    """Production has a log server, the other environments have none."""
    data = catalogue_data()
    data["environments"]["production"]["logs"] = {"address": address, **more}
    return Catalogue.model_validate(data)


@asynccontextmanager
async def open_log_server(
    store: Store, clock: Clock, *, config: Mapping[str, Any] | None = None, search_seconds: float = 10
) -> AsyncIterator[LogServerHarness]:
    """A running server with one empty index."""
    async with StandInElasticsearch() as server, open_elasticsearch(server.url, {}, timeout_seconds=10) as client:
        server.state.indices[INDEX] = LogIndex()
        catalogue = log_catalogue(server.url, **(config or {}))
        lines = ServerLines(
            store=store,
            clock=clock,
            catalogue=lambda: catalogue,
            server=lambda environment: client if environment == "production" else None,
            first_wait_seconds=0.1,
            search_seconds=search_seconds,
        )
        yield LogServerHarness(server=server, lines=lines, store=store, clock=clock)
