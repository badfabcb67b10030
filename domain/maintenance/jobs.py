"""Jobs of a window: the backup before the work, and the verification after it. Each is made from a CronJob."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.rich_text import Text
from domain.workloads.jobs import JobLog

_MAX_JOB_NAME = 63
"""Its pods carry it as a label."""


class JobPurpose(StrEnum):
    """What a Job of a window is for."""

    BACKUP = "backup"
    """At the begin of a window, before anybody works."""
    VERIFICATION = "verification"
    """After its end, before it is compared with its begin."""


class JobState(StrEnum):
    """How far a Job is."""

    PLANNED = "planned"
    RUNNING = "running"
    """Recorded before its Job is asked for, so that the Job is found again whatever happens in between."""
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """A person went on without it, or the window was over before."""

    @property
    def is_final(self) -> bool:
        """Whether nothing more is waited for."""
        return self not in (JobState.PLANNED, JobState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowJob:
    """One Job of a window. ``attempt`` counts from 1; ``problem`` says why it failed, or why it was skipped."""

    purpose: JobPurpose
    cron_job: str
    limit: timedelta
    """The cluster ends the Job after this time."""
    state: JobState = JobState.PLANNED
    attempt: int = 1
    asked_at: datetime | None = None
    is_created: bool = False
    """The cluster has answered that it made the Job: one that is missing later was deleted by somebody."""
    ended_at: datetime | None = None
    problem: Text = ""
    waits_for: str = ""
    """The Job of the same CronJob that runs already: this one is made when that has ended."""
    beside: tuple[str, ...] = ()
    """Jobs of the same CronJob that have begun while this one runs, as far as they were told."""
    seen_log: JobLog | None = None
    """As it was read while its Job runs: Kubernetes deletes the pod of one whose time is over."""

    def job_name(self, window_id: str) -> str:
        """The same for each process and each request: a second one finds the first one's Job."""
        ending = f"-{window_id}-{self.purpose.value[0]}{self.attempt}"
        return f"{self.cron_job[: _MAX_JOB_NAME - len(ending)].rstrip('-.')}{ending}"

    @property
    def lasted(self) -> timedelta:
        """How long it took; zero while it is not known."""
        return self.ended_at - self.asked_at if self.ended_at and self.asked_at else timedelta()
