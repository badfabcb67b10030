"""A process that reads from a log server, and kills itself at one of the points of a search: ``url address at point``."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from integrations.elasticsearch import Elasticsearch, LineSearch, SearchState, open_elasticsearch
from runbooks.logs.server_lines import ServerLines
from storage.engines import open_engines
from storage.store import Store
from tests.harness.fakes.clock import StoppedClock
from tests.harness.logs import log_catalogue, log_query

POINTS = ("started", "remembered", "looked", "deleted")


@dataclass(frozen=True, slots=True)
class MortalServer:
    """Dies after the answer to a start, before or after one to a look, or after one to a deletion."""

    inner: Elasticsearch
    point: str

    async def field_types(self, indices: str, names: tuple[str, ...]) -> Mapping[str, frozenset[str]]:
        return await self.inner.field_types(indices, names)

    async def start(self, search: LineSearch, wait_seconds: float) -> SearchState:
        state = await self.inner.start(search, wait_seconds)
        self._pass_point("started")
        return state

    async def look(self, search: LineSearch, search_id: str, wait_seconds: float) -> SearchState:
        self._pass_point("remembered")
        state = await self.inner.look(search, search_id, wait_seconds)
        self._pass_point("looked")
        return state

    async def delete(self, search_id: str) -> None:
        await self.inner.delete(search_id)
        self._pass_point("deleted")

    def _pass_point(self, name: str) -> None:
        if name == self.point:
            os.kill(os.getpid(), signal.SIGKILL)


async def read(url: str, address: str, at: datetime, point: str) -> None:
    store, clock, catalogue = Store(open_engines(url)), StoppedClock(at), log_catalogue(address)
    async with open_elasticsearch(address, {}, timeout_seconds=10) as client:
        server = MortalServer(client, point)
        lines = ServerLines(
            store=store, clock=clock, catalogue=lambda: catalogue, server=lambda _environment: server, first_wait_seconds=0.05
        )
        await lines.read(log_query(at))
    await store.close()


if __name__ == "__main__":
    asyncio.run(read(sys.argv[1], sys.argv[2], datetime.fromisoformat(sys.argv[3]), sys.argv[4]))
