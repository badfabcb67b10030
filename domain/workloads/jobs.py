"""Jobs: programs that a cluster runs once."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.rich_text import Text


class JobResult(StrEnum):
    """How a Job ended, or that it has not."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLog:
    """The last lines of a Job's newest pod, redacted."""

    pod: str
    pod_made_at: datetime
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """A Job as the cluster has it. ``reason`` says why it failed, ``log_problem`` why one that failed has no log."""

    result: JobResult
    ended_at: datetime | None = None
    reason: str = ""
    log: JobLog | None = None
    log_problem: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningJob:
    """A Job of a CronJob that has not ended."""

    name: str
    since: datetime
