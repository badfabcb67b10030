"""Enrichment of alert groups after the delivery of their cards: suspects, value, chart, failing pods.

Each part has its own time limit, fails alone and is published as soon as it is ready. After a crash all parts run again; notes
that are already in the thread are not repeated.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import structlog

from domain.alerts import enrichment_notes
from domain.alerts.alerts import AlertGroup, AlertNote, GroupState
from domain.alerts.group_changes import GroupChange
from domain.catalogue.catalogue import Catalogue
from domain.changes.platform_changes import Suspect
from domain.clock import Clock
from domain.errors import UNEXPECTED_ERRORS, DeepechoError, TemporaryError
from domain.metrics.charts import Series
from domain.metrics.samples import Sample
from domain.rich_text import Text
from domain.targets import Target
from domain.workloads.pod_failures import PodFailure
from runbooks.alerts.suspect_search import SuspectReport
from runbooks.alerts.timers import enrich_timer
from runbooks.clusters import cluster_of
from storage.group_saves import GroupSave
from storage.outbox import OutboxRow
from storage.outbox_messages import ALERT_CARD
from storage.store import Store, Transaction
from storage.timers import Timer

log = structlog.get_logger()

PART_TIMEOUT_SECONDS = 12.0
"""Limit of each part: above the timeout of each of its queries."""
ENRICHMENT_SECONDS = 2 * PART_TIMEOUT_SECONDS
"""For a group, whose parts run at the same time. The shorter, the longer others may wait in a flood."""

Find = Callable[[], Awaitable["Finding | None"]]


async def on_delivered(tx: Transaction, row: OutboxRow, at: datetime) -> None:
    """Start the enrichment of a group whose card is delivered. Runs in the transaction that marks the message delivered."""
    if row.kind == ALERT_CARD.name and not row.ts:
        await tx.timers.set(enrich_timer(row.stream, at), at)


class MetricsSource(Protocol):
    """What enrichment queries from a Prometheus."""

    async def query_range(
        self, expression: str, since: datetime, until: datetime, *, only: Mapping[str, str]
    ) -> tuple[Series, ...]: ...

    async def query(self, expression: str, *, only: Mapping[str, str]) -> tuple[Sample, ...]: ...


class PodFailureSource(Protocol):
    """What enrichment reads from a cluster."""

    async def pod_failures(self, target: Target, /) -> tuple[PodFailure, ...]: ...


class SuspectSource(Protocol):
    """What enrichment calls on ``runbooks.alerts.suspect_search.SuspectFinder``."""

    async def suspects(self, environment: str, service: str, *, began_at: datetime) -> SuspectReport: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichmentSources:
    """Data sources of the parts. ``prometheus`` returns the client of an environment, or None."""

    catalogue: Callable[[], Catalogue]
    clusters: Mapping[str, PodFailureSource]
    prometheus: Callable[[str], MetricsSource | None]
    suspect_source: SuspectSource


class Enrichment:
    """Enriches groups that are not in a storm. ``notify_outbox`` wakes the outbox worker."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        sources: EnrichmentSources,
        notify_outbox: Callable[[], None],
        *,
        part_timeout_seconds: float = PART_TIMEOUT_SECONDS,
    ) -> None:
        self._store, self._clock, self._sources, self._notify_outbox = store, clock, sources, notify_outbox
        self._part_timeout_seconds = part_timeout_seconds

    async def work(self, timer: Timer) -> None:
        """Enrich the group of a timer. Raises ``TemporaryError`` as ``enrich`` does; the timer stays then."""
        try:
            await self.enrich(timer.subject)
        except UNEXPECTED_ERRORS:
            # The group would fail again at every retry and take the time of others. Its card is already delivered.
            log.exception("enrichment failed, group skipped", group=timer.subject)
        async with self._store.write() as tx:
            await tx.timers.remove(timer.key, timer.due_at)

    async def enrich(self, group_id: str) -> None:
        """Run all parts for a group. Raises ``TemporaryError`` if the database did not store all results."""
        async with self._store.read() as tx:
            group = await tx.alerts.get(group_id)
        if group is None or group.storm or group.state is GroupState.RESOLVED:
            return
        suspect_search = asyncio.create_task(self._search_suspects(group), name=f"suspect-search-{group_id}")
        parts: Mapping[str, Find] = {
            "suspects": lambda: self._suspects_finding(group, suspect_search),
            "chart": lambda: self._chart_finding(group, suspect_search),
            "value": lambda: self._value_finding(group),
            "pods": lambda: self._pods_finding(group),
        }
        try:
            results = await asyncio.gather(*(self._run_part(group, *part) for part in parts.items()), return_exceptions=True)
        finally:
            suspect_search.cancel()
            await asyncio.wait([suspect_search])
        if failed := [result for result in results if isinstance(result, BaseException)]:
            # A TemporaryError first: it alone has the timer tried again.
            raise next((error for error in failed if isinstance(error, TemporaryError)), failed[0])

    async def _run_part(self, group: AlertGroup, key: str, find: Find) -> None:
        finding = await self._find_within_timeout(group, key, find)
        if finding is not None:
            await self._publish(group, finding)
        log.debug("alert group enriched", group=group.id, part=key, found=finding is not None)

    async def _find_within_timeout(self, group: AlertGroup, key: str, find: Find) -> "Finding | None":
        """Run one part within its time limit. If it fails, the finding is a note with the reason."""
        try:
            async with asyncio.timeout(self._part_timeout_seconds):
                return await find()
        except TimeoutError:
            reason: Text = "It took too long."
        except DeepechoError as error:
            reason = error.sentence
        except UNEXPECTED_ERRORS as error:
            log.exception("enrichment part failed", group=group.id, part=key)
            reason = f"An error in the program: {type(error).__name__}."
        note = enrichment_notes.missing_part_note(group, key, self._clock.now(), reason)
        return Finding(note=note) if note else None

    async def _publish(self, group: AlertGroup, finding: "Finding") -> None:
        at = self._clock.now()
        async with self._store.write() as tx:
            current = (await tx.alerts.get_many_for_update([group.id])).get(group.id)
            # The group has been resolved and fired again since: the finding belongs to the earlier episode.
            if current is None or current.episode != group.episode:
                return
            record = replace(current, suspect=finding.suspect or current.suspect, value=finding.value or current.value)
            change = GroupChange(record=record, notes=(finding.note,) if finding.note else ())
            # A suspect adds the rollback button to the card and is urgent; a value alone is not.
            save = GroupSave(change=change, low_priority=finding.suspect is None, card_unchanged=record == current)
            await tx.save_groups([save], at)
        self._notify_outbox()

    async def _search_suspects(self, group: AlertGroup) -> SuspectReport:
        if not group.environment:
            return SuspectReport()
        return await self._sources.suspect_source.suspects(group.environment, group.service, began_at=group.began_at)

    async def _suspects_finding(self, group: AlertGroup, suspect_search: "asyncio.Future[SuspectReport]") -> "Finding | None":
        report = await asyncio.shield(suspect_search)
        note = enrichment_notes.suspects_note(group, report.suspects, report.missing, self._clock.now())
        return Finding(note=note, suspect=report.suspects[0] if report.suspects else None)

    async def _chart_finding(self, group: AlertGroup, suspect_search: "asyncio.Future[SuspectReport]") -> "Finding | None":
        """Chart the alert's expression over time, with the suspects as markers."""
        prometheus, at = self._sources.prometheus(group.environment), self._clock.now()
        query = enrichment_notes.query_of(group, at)
        if prometheus is None or query is None:
            return None
        # The chart waits for the suspects for half of its time at most: it is useful without markers too.
        loop = asyncio.get_running_loop()
        markers_deadline = loop.time() + self._part_timeout_seconds / 2
        series = await prometheus.query_range(query.expression, query.since, query.until, only=query.labels)
        markers = await _suspects_within(suspect_search, markers_deadline - loop.time())
        return Finding(note=enrichment_notes.chart_note(group, query, series, markers, at))

    async def _value_finding(self, group: AlertGroup) -> "Finding | None":
        """Query the current value of the alert's expression."""
        prometheus, query = self._sources.prometheus(group.environment), enrichment_notes.query_of(group, self._clock.now())
        if prometheus is None or query is None:
            return None
        value = enrichment_notes.value_of(query, await prometheus.query(query.present_expression, only=query.labels))
        return Finding(value=value) if value else None

    async def _pods_finding(self, group: AlertGroup) -> "Finding | None":
        catalogue = self._sources.catalogue()
        if group.environment not in catalogue.environments or group.service not in catalogue.services:
            return None
        cluster = cluster_of(group.environment, catalogue, self._sources.clusters)
        failures = await cluster.pod_failures(catalogue.target(group.environment, group.service))
        return Finding(note=enrichment_notes.pods_note(group, failures, self._clock.now())) if failures else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one part: a note for the thread, and what the card shows of it."""

    note: AlertNote | None = None
    suspect: Suspect | None = None
    value: str = ""


async def _suspects_within(suspect_search: "asyncio.Future[SuspectReport]", within: float) -> tuple[Suspect, ...]:
    """The suspects, if found within these seconds, else none."""
    done, _ = await asyncio.wait([suspect_search], timeout=max(0.0, within))
    if not done or suspect_search.cancelled() or suspect_search.exception() is not None:
        return ()
    return suspect_search.result().suspects
