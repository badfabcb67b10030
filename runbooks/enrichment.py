"""What can be found out about an alert group once its card is up: suspects, the value and its chart, pods that fail.

Each part has its own time, fails alone, and is told when it is there. A crash in between makes the parts again; what the thread
has said already is not said twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NoReturn, Protocol

import structlog

from domain import findings
from domain.alert_groups import GroupChange
from domain.alerts import AlertGroup, AlertNote, GroupState
from domain.catalogue import Catalogue
from domain.charts import Series
from domain.clock import Clock
from domain.errors import PermanentError, TemporaryError
from domain.rollouts import PodTrouble, Target
from domain.samples import Sample
from domain.suspects import Suspect
from runbooks.alert_timers import enrich_timer
from runbooks.planning import cluster_of
from runbooks.suspecting import Suspected
from storage.outbox import OutboxRow
from storage.outgoing import ALERT_CARD
from storage.store import Store, Transaction
from storage.timers import Timer

log = structlog.get_logger()

AT_ONCE = 4
"""Groups that are looked into at the same time; a storm's are folded away and not looked into at all."""
PART_SECONDS = 12.0
"""For each part: longer than any question it asks may take, shorter than a timer may be held (``storage.timers.STALE``)."""


async def on_delivered(tx: Transaction, row: OutboxRow, at: datetime) -> None:
    """Within the transaction that marks a message delivered: once a group's card is up, it is looked into."""
    if row.kind == ALERT_CARD.name and not row.ts:
        await tx.timers.set(enrich_timer(row.stream, at))


class Metrics(Protocol):
    """What enrichment asks of a Prometheus."""

    async def range(
        self, expression: str, since: datetime, until: datetime, *, only: Mapping[str, str]
    ) -> tuple[Series, ...]: ...

    async def now(self, expression: str, *, only: Mapping[str, str]) -> tuple[Sample, ...]: ...


class Pods(Protocol):
    """What enrichment asks of a cluster."""

    async def troubles(self, target: Target, /) -> tuple[PodTrouble, ...]: ...


class Suspecting(Protocol):
    """``runbooks.suspecting.Suspecting``."""

    async def suspects(self, environment: str, service: str, *, began_at: datetime) -> Suspected: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Where the parts look. ``prometheus`` is an environment's, or None."""

    catalogue: Callable[[], Catalogue]
    clusters: Mapping[str, Pods]
    prometheus: Callable[[str], Metrics | None]
    suspecting: Suspecting


class Enrichment:
    """Looks into groups, some at a time. ``nudge`` tells the delivery that the outbox has something new."""

    def __init__(self, store: Store, clock: Clock, around: Around, nudge: Callable[[], None]) -> None:
        self._store, self._clock, self._around, self._nudge = store, clock, around, nudge
        self._queue: asyncio.Queue[Timer] = asyncio.Queue()

    async def submit(self, timer: Timer, _at: datetime) -> None:
        """Have the group of a timer looked into. The timer stays until that is done, for whoever comes after a crash."""
        self._queue.put_nowait(timer)

    async def keep(self) -> NoReturn:
        """Look into groups for as long as the process lives."""
        async with asyncio.TaskGroup() as workers:
            for number in range(AT_ONCE):
                workers.create_task(self._work(), name=f"enrichment-{number}")
        raise AssertionError("workers work for ever")

    async def enrich(self, group_id: str) -> None:
        """Find out what can be known of a group now."""
        async with self._store.read() as tx:
            group = await tx.alerts.get(group_id)
        if group is None or group.storm or group.state is GroupState.RESOLVED:
            return
        suspected = asyncio.ensure_future(self._suspected(group))
        try:
            await asyncio.gather(
                self._part(group, "suspects", self._suspects(group, suspected)),
                self._part(group, "chart", self._chart(group, suspected)),
                self._part(group, "pods", self._pods(group)),
            )
        finally:
            suspected.cancel()

    async def _work(self) -> NoReturn:
        while True:
            timer = await self._queue.get()
            try:
                await self.enrich(timer.subject)
                async with self._store.write() as tx:
                    await tx.timers.done(timer.key, timer.due_at)
            except TemporaryError as error:
                # The timer is still there: in a minute somebody takes it again.
                log.warning("a group could not be looked into", group=timer.subject, error=str(error))

    async def _part(self, group: AlertGroup, key: str, finding: Awaitable["Finding | None"]) -> None:
        """One part, within its time. What it cannot find out is said in one line."""
        try:
            async with asyncio.timeout(PART_SECONDS):
                found = await finding
        except TimeoutError:
            found = Finding(note=findings.not_found(group, key, self._clock.now(), "It took too long."))
        except (TemporaryError, PermanentError) as error:
            found = Finding(note=findings.not_found(group, key, self._clock.now(), str(error)))
        if found is not None:
            await self._tell(group, found)

    async def _tell(self, group: AlertGroup, found: "Finding") -> None:
        at = self._clock.now()
        async with self._store.write() as tx:
            now = (await tx.alerts.groups([group.id])).get(group.id)
            # Whatever was found belongs to that episode alone.
            if now is None or now.episode != group.episode:
                return
            record = replace(now, suspect=found.suspect or now.suspect, value=found.value or now.value)
            notes = (found.note,) if found.note else ()
            await tx.apply_group(GroupChange(record=record, notes=notes), at)
        self._nudge()

    async def _suspected(self, group: AlertGroup) -> Suspected:
        if not group.environment:
            return Suspected()
        return await self._around.suspecting.suspects(group.environment, group.service, began_at=group.began_at)

    async def _suspects(self, group: AlertGroup, suspected: "asyncio.Future[Suspected]") -> "Finding | None":
        found = await asyncio.shield(suspected)
        note = findings.of_suspects(group, found.suspects, found.missing, self._clock.now())
        return Finding(note=note, suspect=found.suspects[0] if found.suspects else None)

    async def _chart(self, group: AlertGroup, suspected: "asyncio.Future[Suspected]") -> "Finding | None":
        """The value now, and how it came to that."""
        prometheus, at = self._around.prometheus(group.environment), self._clock.now()
        query = findings.query_of(group, at)
        if prometheus is None or query is None:
            return None
        samples, series = await asyncio.gather(
            prometheus.now(query.expression, only=query.labels),
            prometheus.range(query.expression, query.since, query.until, only=query.labels),
        )
        note = findings.of_chart(group, query, series, await _settled(suspected), at)
        return Finding(note=note, value=findings.value_of(query, samples))

    async def _pods(self, group: AlertGroup) -> "Finding | None":
        catalogue = self._around.catalogue()
        if group.environment not in catalogue.environments or group.service not in catalogue.services:
            return None
        cluster = cluster_of(group.environment, catalogue, self._around.clusters)
        troubles = await cluster.troubles(catalogue.target(group.environment, group.service))
        return Finding(note=findings.of_pods(group, troubles, self._clock.now())) if troubles else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one part found: a reply for the thread, and what of it stands on the card."""

    note: AlertNote | None = None
    suspect: Suspect | None = None
    value: str = ""


async def _settled(suspected: "asyncio.Future[Suspected]") -> tuple[Suspect, ...]:
    """The suspects, where they were found: a chart without markers is better than none."""
    done, _ = await asyncio.wait([suspected], timeout=PART_SECONDS / 2)
    if not done or suspected.cancelled() or suspected.exception() is not None:
        return ()
    return suspected.result().suspects
