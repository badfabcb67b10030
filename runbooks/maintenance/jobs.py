"""Runs the backup and the verification of windows as Jobs, so that they follow the record wherever a process died.

Each is recorded before its Job is asked for, and the Job's name follows from the record: a second request finds the first one's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import DeepechoError, NotFound, PermanentError, Refused
from domain.maintenance.job_transitions import (
    begun,
    due_job,
    failed,
    is_late,
    is_overdue,
    is_unplanned,
    looked_at,
    made,
    skipped_late,
    waiting,
    with_named_jobs,
    without_logs,
)
from domain.maintenance.jobs import JobState, WindowJob
from domain.maintenance.report import needs_measurement
from domain.maintenance.window import MaintenanceWindow, WindowChange
from domain.workloads.jobs import JobResult, JobStatus, RunningJob
from runbooks.clusters import cluster_of
from storage.maintenance import MaintenanceRepository, health_timer, job_timer, window_card, window_note
from storage.store import Store
from storage.timers import Timer

LOOK_INTERVAL = timedelta(seconds=10)


class JobCluster(Protocol):
    """A cluster that runs Jobs."""

    async def start_job(self, namespace: str, cron_job: str, name: str, *, owner: str, limit: timedelta) -> None: ...

    async def job_status(self, namespace: str, name: str, *, owner: str) -> JobStatus: ...

    async def running_jobs(self, namespace: str, cron_job: str, /) -> tuple[RunningJob, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowJobRunner:
    """Makes Jobs what the record of a window says. ``clusters`` are keyed by the catalogue's cluster names."""

    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    clusters: Mapping[str, JobCluster]
    notify_outbox: Callable[[], None]

    async def work(self, timer: Timer) -> None:
        """Do the next thing for a window. Raises ``TemporaryError``; the timer stays then."""
        window = await self._planned(timer.subject)
        job = due_job(window) if window is not None else None
        if window is not None and job is not None:
            await self._advance(window, job)
        await self._settle(timer)
        self.notify_outbox()

    async def _planned(self, window_id: str) -> MaintenanceWindow | None:
        """The window, with the Jobs that the catalogue names now, once it has begun."""
        async with self.store.write() as tx:
            window = await tx.of(MaintenanceRepository).get(window_id)
            if window is None or not is_unplanned(window):
                return window
            environment = self.catalogue().environments.get(window.environment)
            planned = with_named_jobs(window, environment.maintenance if environment else None)
            await tx.of(MaintenanceRepository).save(planned)
            if needs_measurement(planned) and not needs_measurement(window):
                await tx.timers.set(health_timer(window.id, self.clock.now()))
            return planned

    async def _advance(self, window: MaintenanceWindow, job: WindowJob) -> None:
        if job.state is JobState.PLANNED:
            change = await self._record(window, job, lambda now, at: begun(now, job, at))
            found = next((each for each in change.jobs if each.purpose is job.purpose), None) if change else None
            if change is None or found is None or found.state is not JobState.RUNNING:
                return
            window, job = change, found
        try:
            await self._look(window, job)
        except DeepechoError as error:
            # What exists is looked at again until it must have ended; what cannot be made has failed.
            is_final = isinstance(error, (Refused, NotFound)) or (isinstance(error, PermanentError) and not job.is_created)
            if not is_final and not is_overdue(job, self.clock.now()):
                raise
            why = error.sentence
            await self._record(window, job, lambda now, at: failed(now, job, why, at))

    async def _look(self, window: MaintenanceWindow, job: WindowJob) -> None:
        """Look at its Job, and make it where there is none yet."""
        catalogue, name = self.catalogue(), job.job_name(window.id)
        cluster = cluster_of(window.environment, catalogue, self.clusters)
        namespace = catalogue.environments[window.environment].namespace
        try:
            status = await cluster.job_status(namespace, name, owner=window.id)
        except NotFound:
            if job.is_created:
                raise NotFound(f"its Job {name} is gone, so whether it succeeded is not known.") from None
            await self._make(window, job, cluster, namespace)
            return
        others = await _others(cluster, namespace, job, name) if status.result is JobResult.RUNNING else ()
        await self._record(window, job, lambda now, at: looked_at(now, job, status, at, others))

    async def _make(self, window: MaintenanceWindow, job: WindowJob, cluster: JobCluster, namespace: str) -> None:
        """Make its Job, unless nobody wants it any more, or while another one of the same CronJob runs."""
        if is_late(window, job):
            await self._record(window, job, lambda now, at: skipped_late(now, job, at))
            return
        name = job.job_name(window.id)
        if others := await _others(cluster, namespace, job, name):
            await self._record(window, job, lambda now, at: waiting(now, job, others[0], at))
        elif await self._is_wanted(window, job):
            await cluster.start_job(namespace, job.cron_job, name, owner=window.id, limit=job.limit)
            await self._record(window, job, lambda now, at: made(now, job, at))

    async def _is_wanted(self, window: MaintenanceWindow, job: WindowJob) -> bool:
        """Whether nobody has gone on without it while the cluster was asked."""
        async with self.store.read() as tx:
            now = await tx.of(MaintenanceRepository).get(window.id)
        return now is not None and any(_is_same(each, job) for each in now.jobs)

    async def _record(
        self,
        window: MaintenanceWindow,
        job: WindowJob,
        change: Callable[[MaintenanceWindow, datetime], WindowChange],
    ) -> MaintenanceWindow | None:
        """Write what became of a Job. None where a person, or another replica, has moved it meanwhile."""
        at = self.clock.now()
        async with self.store.write() as tx:
            now = await tx.of(MaintenanceRepository).get(window.id)
            if now is None or not any(_is_same(each, job) for each in now.jobs):
                return None
            changed = change(now, at)
            if changed == WindowChange(now):
                return now
            await tx.of(MaintenanceRepository).save(changed.window)
            if without_logs(changed.window) != without_logs(now):
                await tx.put_message(window_card(changed.window), at)
            for note in changed.notes:
                await tx.put_message(window_note(changed.window, note), at)
            if needs_measurement(changed.window):
                await tx.timers.set(health_timer(window.id, at))
            return changed.window

    async def _settle(self, timer: Timer) -> None:
        """Remove the timer, or set it for the next look; not where it was set anew meanwhile."""
        async with self.store.write() as tx:
            if await tx.timers.remove(timer.key, timer.due_at):
                window = await tx.of(MaintenanceRepository).get(timer.subject)
                if window is not None and due_job(window) is not None:
                    await tx.timers.set(job_timer(window.id, self.clock.now() + LOOK_INTERVAL))


async def _others(cluster: JobCluster, namespace: str, job: WindowJob, name: str) -> tuple[RunningJob, ...]:
    """Jobs of the same CronJob that run: of its schedule, of a person, of an earlier attempt."""
    return tuple(each for each in await cluster.running_jobs(namespace, job.cron_job) if each.name != name)


def _is_same(stored: WindowJob, job: WindowJob) -> bool:
    return (stored.purpose, stored.attempt, stored.state) == (job.purpose, job.attempt, job.state)
