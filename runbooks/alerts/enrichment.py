"""What can be found out about an alert group once its card is up: suspects, the value and its chart, pods that fail.

Each part has its own time, fails alone, and is told when it is there. A crash in between makes the parts again; what the thread
has said already is not said twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn, Protocol

import structlog

from domain.alerts import enrichment_notes
from domain.alerts.alerts import AlertGroup, AlertNote, GroupState
from domain.alerts.groups import GroupChange
from domain.catalogue.catalogue import Catalogue
from domain.changes.platform_changes import Suspect
from domain.clock import Clock
from domain.errors import UNEXPECTED_ERRORS, DeepechoError, TemporaryError
from domain.metrics.charts import Series
from domain.metrics.samples import Sample
from domain.targets import Target
from domain.workloads.deployments import PodTrouble
from runbooks.alerts.suspect_search import Suspected
from runbooks.alerts.timers import enrich_timer
from runbooks.clusters import cluster_of
from storage.outbox import OutboxRow
from storage.outbox_messages import ALERT_CARD
from storage.store import Store, Transaction
from storage.timers import STALE, Timer

log = structlog.get_logger()

AT_ONCE = 4
"""Groups that are looked into at the same time; a storm's are folded away and not looked into at all."""
PART_SECONDS = 12.0
"""For each part: longer than any question it asks may take, shorter than a timer may be held (``storage.timers.STALE``)."""
WAITS = STALE - timedelta(seconds=2 * PART_SECONDS)
"""A timer that has waited longer for a worker is left to whoever takes it next: or two would look into its group at a time."""

Find = Callable[[], Awaitable["Finding | None"]]


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
    """``runbooks.alerts.suspect_search.Suspecting``."""

    async def suspects(self, environment: str, service: str, *, began_at: datetime) -> Suspected: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Where the parts look. ``prometheus`` is an environment's, or None."""

    catalogue: Callable[[], Catalogue]
    clusters: Mapping[str, Pods]
    prometheus: Callable[[str], Metrics | None]
    suspecting: Suspecting


class Enrichment:
    """Looks into groups, some at a time. ``nudge`` tells the delivery that the outbox has something new.

    ``seconds`` is the time of each part.
    """

    def __init__(
        self, store: Store, clock: Clock, around: Around, nudge: Callable[[], None], *, seconds: float = PART_SECONDS
    ) -> None:
        self._store, self._clock, self._around, self._nudge = store, clock, around, nudge
        self._seconds = seconds
        self._queue: asyncio.Queue[tuple[Timer, datetime]] = asyncio.Queue()

    async def submit(self, timer: Timer, at: datetime) -> None:
        """Have the group of a timer looked into. The timer stays until that is done, for whoever comes after a crash.

        ``at`` is when it was taken.
        """
        self._queue.put_nowait((timer, at))

    async def keep(self) -> NoReturn:
        """Look into groups for as long as the process lives."""
        async with asyncio.TaskGroup() as workers:
            for number in range(AT_ONCE):
                workers.create_task(self._work(), name=f"enrichment-{number}")
        raise AssertionError("workers work for ever")

    async def enrich(self, group_id: str) -> None:
        """Find out what can be known of a group now. Raises ``TemporaryError`` where the database did not take all of it."""
        async with self._store.read() as tx:
            group = await tx.alerts.get(group_id)
        if group is None or group.storm or group.state is GroupState.RESOLVED:
            return
        suspected = asyncio.create_task(self._suspected(group), name=f"suspected-{group_id}")
        parts: Mapping[str, Find] = {
            "suspects": lambda: self._suspects(group, suspected),
            "chart": lambda: self._chart(group, suspected),
            "value": lambda: self._value(group),
            "pods": lambda: self._pods(group),
        }
        try:
            ended = await asyncio.gather(*(self._part(group, *each) for each in parts.items()), return_exceptions=True)
        finally:
            suspected.cancel()
            await asyncio.wait([suspected])
        if failed := [each for each in ended if isinstance(each, BaseException)]:
            raise next((each for each in failed if isinstance(each, TemporaryError)), failed[0])

    async def _work(self) -> NoReturn:
        while True:
            timer, taken_at = await self._queue.get()
            if self._clock.now() - taken_at < WAITS:
                await self._see_to(timer)

    async def _see_to(self, timer: Timer) -> None:
        try:
            await self._enrich_or_set_aside(timer.subject)
            async with self._store.write() as tx:
                await tx.timers.done(timer.key, timer.due_at)
        except TemporaryError as error:
            # The timer is still there: in a minute somebody takes it again.
            log.warning("a group could not be looked into", group=timer.subject, error=str(error))

    async def _enrich_or_set_aside(self, group_id: str) -> None:
        try:
            await self.enrich(group_id)
        except UNEXPECTED_ERRORS:
            # It would fail again at every start, and the card is up: no other group may go without for this one.
            log.exception("a group was not looked into", group=group_id)

    async def _part(self, group: AlertGroup, key: str, find: Find) -> None:
        found = await self._found(group, key, find)
        if found is not None:
            await self._tell(group, found)

    async def _found(self, group: AlertGroup, key: str, find: Find) -> "Finding | None":
        """One part, within its time. What it cannot find out is said in one line."""
        try:
            async with asyncio.timeout(self._seconds):
                return await find()
        except TimeoutError:
            why = "It took too long."
        except DeepechoError as error:
            why = str(error)
        except UNEXPECTED_ERRORS as error:
            log.exception("a part of a group was not found out", group=group.id, part=key)
            why = f"An error in the program: {type(error).__name__}."
        note = enrichment_notes.not_found(group, key, self._clock.now(), why)
        return Finding(note=note) if note else None

    async def _tell(self, group: AlertGroup, found: "Finding") -> None:
        at = self._clock.now()
        async with self._store.write() as tx:
            now = (await tx.alerts.groups([group.id])).get(group.id)
            # Whatever was found belongs to that episode alone.
            if now is None or now.episode != group.episode:
                return
            record = replace(now, suspect=found.suspect or now.suspect, value=found.value or now.value)
            change = GroupChange(record=record, notes=(found.note,) if found.note else ())
            # A suspect brings the button that takes it back; a value alone can wait its turn.
            await tx.apply_group(change, at, quiet=found.suspect is None, same_card=record == now)
        self._nudge()

    async def _suspected(self, group: AlertGroup) -> Suspected:
        if not group.environment:
            return Suspected()
        return await self._around.suspecting.suspects(group.environment, group.service, began_at=group.began_at)

    async def _suspects(self, group: AlertGroup, suspected: "asyncio.Future[Suspected]") -> "Finding | None":
        found = await asyncio.shield(suspected)
        note = enrichment_notes.of_suspects(group, found.suspects, found.missing, self._clock.now())
        return Finding(note=note, suspect=found.suspects[0] if found.suspects else None)

    async def _chart(self, group: AlertGroup, suspected: "asyncio.Future[Suspected]") -> "Finding | None":
        """How it came to what it is."""
        prometheus, at = self._around.prometheus(group.environment), self._clock.now()
        query = enrichment_notes.query_of(group, at)
        if prometheus is None or query is None:
            return None
        loop = asyncio.get_running_loop()
        patience = loop.time() + self._seconds / 2
        series = await prometheus.range(query.expression, query.since, query.until, only=query.labels)
        markers = await _settled(suspected, patience - loop.time())
        return Finding(note=enrichment_notes.of_chart(group, query, series, markers, at))

    async def _value(self, group: AlertGroup) -> "Finding | None":
        """What it is now."""
        prometheus, query = self._around.prometheus(group.environment), enrichment_notes.query_of(group, self._clock.now())
        if prometheus is None or query is None:
            return None
        value = enrichment_notes.value_of(query, await prometheus.now(query.expression, only=query.labels))
        return Finding(value=value) if value else None

    async def _pods(self, group: AlertGroup) -> "Finding | None":
        catalogue = self._around.catalogue()
        if group.environment not in catalogue.environments or group.service not in catalogue.services:
            return None
        cluster = cluster_of(group.environment, catalogue, self._around.clusters)
        troubles = await cluster.troubles(catalogue.target(group.environment, group.service))
        return Finding(note=enrichment_notes.of_pods(group, troubles, self._clock.now())) if troubles else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one part found: a reply for the thread, and what of it stands on the card."""

    note: AlertNote | None = None
    suspect: Suspect | None = None
    value: str = ""


async def _settled(suspected: "asyncio.Future[Suspected]", within: float) -> tuple[Suspect, ...]:
    """The suspects, where they are found within these seconds: a chart without markers is better than none."""
    done, _ = await asyncio.wait([suspected], timeout=max(0.0, within))
    if not done or suspected.cancelled() or suspected.exception() is not None:
        return ()
    return suspected.result().suspects
