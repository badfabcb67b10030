"""A cluster whose Jobs are files, so that several processes see the same ones."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from domain.errors import DeepechoError, NotFound
from domain.rich_text import Text
from domain.workloads.jobs import JobLog, JobResult, JobStatus, RunningJob


@dataclass
class FileJobCluster:
    """``result`` is how every Job ends, once it is looked at; each start is a line of the file ``starts``."""

    folder: Path
    result: JobResult = JobResult.SUCCEEDED
    error: DeepechoError | None = None
    """What each call raises."""
    ends_at: datetime | None = None
    asked: list[str] = field(default_factory=list)
    running: tuple[RunningJob, ...] = ()
    """Jobs of the CronJob that somebody else has made."""
    log: JobLog | None = None
    log_problem: Text = ""
    before_look: Callable[[], Awaitable[None]] | None = None
    """What happens once, while it is asked how far a Job is."""

    async def start_job(self, namespace: str, cron_job: str, name: str, *, owner: str, limit: timedelta) -> None:
        self._check(f"start {cron_job} in {namespace} for {owner}, {limit}")
        file = self.folder / name
        if not file.exists():
            file.write_text("")
            with (self.folder / "starts").open("a") as starts:
                starts.write(f"{name}\n")

    async def job_status(self, namespace: str, name: str, *, owner: str) -> JobStatus:
        self._check(f"look at {name} in {namespace} of {owner}")
        if self.before_look is not None:
            happen, self.before_look = self.before_look, None
            await happen()
        if not (self.folder / name).exists():
            raise NotFound(f"There is no Job {name}.")
        reason = "BackoffLimitExceeded" if self.result is JobResult.FAILED else ""
        return JobStatus(
            result=self.result, ended_at=self.ends_at, reason=reason, log=self.log, log_problem=self.log_problem if reason else ""
        )

    async def running_jobs(self, namespace: str, cron_job: str, /) -> tuple[RunningJob, ...]:
        self._check(f"list Jobs of {cron_job} in {namespace}")
        return self.running

    def delete(self, name: str) -> None:
        """As a person does."""
        (self.folder / name).unlink()

    @property
    def starts(self) -> list[str]:
        """The names of the Jobs that were made, in their order."""
        file = self.folder / "starts"
        return file.read_text().split() if file.exists() else []

    def _check(self, what: str) -> None:
        self.asked.append(what)
        if self.error is not None:
            raise self.error
