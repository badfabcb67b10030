"""Jobs: programs that a cluster runs once."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class JobResult(StrEnum):
    """How a Job ended, or that it has not."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """A Job as the cluster has it. ``reason`` says why it failed; ``log`` are the last lines of its newest pod, redacted."""

    result: JobResult
    ended_at: datetime | None = None
    reason: str = ""
    log: tuple[str, ...] = ()
