"""Writes annotations, late rather than never, and once: what is there of the same subject is changed.

Operations and incidents only ask for them, in their own transactions. Nothing waits for Grafana.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from domain.backoff import backoff_delay
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.dashboards.annotations import Annotation, StoredAnnotation
from domain.errors import DeepechoError, NotFound, TemporaryError
from domain.incidents.incident import Incident
from domain.operations.operation import OperationRecord
from domain.rich_text import Text
from runbooks.dashboards.sources import AnnotationSource, annotation_of_incident, annotation_of_operation
from storage.annotations import annotation_timer, request_annotation
from storage.store import Store, Transaction
from storage.timers import Timer

log = structlog.get_logger()

WRITE_SECONDS = 15.0
"""For one annotation with all its requests."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=15)
"""For how long a Grafana in trouble is left alone, twice as long each time. Thousands of timers that come again each minute would
delay those that matter.
"""
GIVE_UP_AFTER = timedelta(hours=24)
"""An event that ended so long ago is no longer written."""


class AnnotationApi(Protocol):
    """What is written to a Grafana, and read of it."""

    async def annotations_of(self, annotation: Annotation) -> tuple[StoredAnnotation, ...]: ...

    async def create_annotation(self, annotation: Annotation) -> int: ...

    async def change_annotation(self, annotation_id: int, annotation: Annotation) -> None: ...

    async def delete_annotation(self, annotation_id: int) -> None: ...


GrafanaWriters = Callable[[str], AnnotationApi | None]
"""The Grafana of an environment into which the bot may write; None where there is none."""


@dataclass(frozen=True, slots=True)
class AnnotationListeners:
    """Ask for annotations in the transaction that writes what they show."""

    catalogue: Callable[[], Catalogue]
    grafana: GrafanaWriters

    async def on_operation_saved(self, tx: Transaction, record: OperationRecord, at: datetime) -> None:
        """From its first change on."""
        await self._request(tx, annotation_of_operation(record, self.catalogue()), at)

    async def on_incident_saved(self, tx: Transaction, incident: Incident, at: datetime) -> None:
        """From its declaration on."""
        await self._request(tx, annotation_of_incident(incident), at)

    async def _request(self, tx: Transaction, annotation: Annotation | None, at: datetime) -> None:
        if annotation is not None and self.grafana(annotation.environment) is not None:
            await request_annotation(tx, annotation.subject, at)


class AnnotationWriter:
    """Writes annotations. ``sources`` read what happened, by the prefix of its id."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        grafana: GrafanaWriters,
        sources: Mapping[str, AnnotationSource],
        *,
        write_seconds: float = WRITE_SECONDS,
    ) -> None:
        self._store, self._clock, self._grafana, self._sources = store, clock, grafana, sources
        self._write_seconds = write_seconds
        self._pauses: dict[str, _Pause] = {}
        self.written = self.given_up = 0

    def problem(self, environment: str) -> Text:
        """Why the Grafana of an environment did not take the last annotation; empty where it did, or was not asked."""
        pause = self._pauses.get(environment)
        return pause.problem if pause else ""

    async def write(self, timer: Timer) -> None:
        """Write the annotation of a timer as it should be now. Raises ``TemporaryError`` only where the database fails."""
        source = self._sources.get(timer.subject.partition("-")[0])
        async with self._store.read() as tx:
            annotation = await source(tx, timer.subject) if source else None
        grafana = self._grafana(annotation.environment) if annotation else None
        if annotation is None or grafana is None:
            await self._settle(timer, None)
            return
        pause = self._pauses.setdefault(annotation.environment, _Pause())
        if pause.until is not None and self._clock.now() < pause.until:
            await self._settle(timer, pause.until)
            return
        await self._settle(timer, await self._attempt(grafana, annotation, pause))

    async def _attempt(self, grafana: AnnotationApi, annotation: Annotation, pause: "_Pause") -> datetime | None:
        """Write it now. Returns when to try again; None where it is written, or where that cannot help any more."""
        failure, now = await self._failure(grafana, annotation), self._clock.now()
        if failure is None:
            self.written += 1
            pause.end()
            return None
        pause.problem = failure.sentence
        if isinstance(failure, TemporaryError):
            pause.begin(now)
        is_final = not isinstance(failure, TemporaryError) or now - (annotation.until or annotation.since) > GIVE_UP_AFTER
        log.warning("annotation not written", subject=annotation.subject, given_up=is_final, error=str(failure))
        self.given_up += is_final
        return None if is_final else pause.until

    async def _failure(self, grafana: AnnotationApi, annotation: Annotation) -> DeepechoError | None:
        try:
            async with asyncio.timeout(self._write_seconds):
                await _write_once(grafana, annotation)
        except TimeoutError:
            return TemporaryError(f"Grafana did not answer within {self._write_seconds:g} s.")
        except DeepechoError as error:
            return error
        return None

    async def _settle(self, timer: Timer, next_attempt: datetime | None) -> None:
        """Remove the timer, or move it; not where it was set anew meanwhile, because what it shows has changed."""
        async with self._store.write() as tx:
            is_ours = await tx.timers.remove(timer.key, timer.due_at)
            if is_ours and next_attempt is not None:
                await tx.timers.set(annotation_timer(timer.subject, next_attempt), self._clock.now())


@dataclass
class _Pause:
    """For which time one Grafana is left alone after failures."""

    failures: int = 0
    until: datetime | None = None
    problem: Text = ""

    def begin(self, now: datetime) -> None:
        if self.until is not None and now < self.until:
            return  # of those that were being written at the same time, one counts
        self.failures += 1
        seconds = backoff_delay(self.failures, FIRST_PAUSE.total_seconds(), LONGEST_PAUSE.total_seconds())
        self.until = now + timedelta(seconds=seconds)

    def end(self) -> None:
        self.failures, self.until, self.problem = 0, None, ""


async def _write_once(grafana: AnnotationApi, annotation: Annotation) -> None:
    """Create it, or change what is there. An answer that was lost, or two replicas, may have left several: one stays."""
    stored = await grafana.annotations_of(annotation)
    if not stored:
        await grafana.create_annotation(annotation)
        return
    first, *others = stored
    if not first.shows(annotation):
        await grafana.change_annotation(first.id, annotation)
    for other in others:
        try:
            await grafana.delete_annotation(other.id)
        except NotFound:
            continue  # somebody else was faster
