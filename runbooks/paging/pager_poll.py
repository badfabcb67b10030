"""Asks a pager about the pages that nobody has acknowledged: closes the gaps that lost webhooks leave."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.clock import Clock
from domain.errors import PermanentError, TemporaryError
from domain.paging.remote import RemoteIncident
from runbooks.paging.service import PagingService
from runbooks.periodic import run_periodically
from storage.pager_events import PagerEventRepository
from storage.store import Store

POLL_INTERVAL = timedelta(minutes=1)


class PagerApi(Protocol):
    """What is asked of a pager."""

    async def incidents_of(self, dedup_keys: Collection[str], raised_since: datetime) -> Mapping[str, RemoteIncident]:
        """The newest incident of each key. Raises ``TemporaryError`` or ``PermanentError``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerPoll:
    """``api`` is None where none is set up: then webhooks alone report."""

    store: Store
    clock: Clock
    service: PagingService
    api: Callable[[], PagerApi | None]

    async def run(self) -> None:
        """Ask every minute, until the process ends."""
        await run_periodically("pager poll", POLL_INTERVAL, self.run_once)

    async def run_once(self) -> None:
        """Ask about what waits, and apply what is known there. What has not changed changes nothing here."""
        api, at = self.api(), self.clock.now()
        if api is None:
            return
        async with self.store.read() as tx:
            keys, since = await tx.of(PagerEventRepository).called_by_pagers(at)
        if not keys:
            return
        try:
            incidents = await api.incidents_of(keys, since)
        except PermanentError as error:
            raise TemporaryError(error.sentence) from error
        for incident in incidents.values():
            async with self.store.write() as tx:
                await self.service.apply_remote(tx, incident, incident.status, incident.changed_by, at)
        self.service.wake()
