"""What people read of a window's backup and verification."""

from dataclasses import dataclass

from domain.maintenance.jobs import JobPurpose, JobState, WindowJob
from domain.rich_text import Code, CommandMention, Text, Timestamp, sentence
from domain.text import format_duration
from domain.workloads.jobs import JobLog, JobStatus, RunningJob

_NAMES = {JobPurpose.BACKUP: "Backup", JobPurpose.VERIFICATION: "Verification"}


def outcome(job: WindowJob) -> Text:
    """One sentence: how it ended, or that it has not."""
    name = _NAMES[job.purpose]
    match job.state:
        case JobState.DONE:
            return f"{name} done in {format_duration(job.lasted)}."
        case JobState.FAILED:
            return sentence(f"{name} failed: ", job.problem)
        case JobState.SKIPPED:
            return sentence(f"{name} not made: ", job.problem)
        case _:
            return f"{name} not finished."


def made_text(window_id: str, job: WindowJob) -> Text:
    """Its Job is there, and who waits for it."""
    wait = ": wait for it before you begin." if job.purpose is JobPurpose.BACKUP else ", then the report comes."
    name = Code(job.job_name(window_id))
    return sentence(f"The {job.purpose.value} runs as Job ", name, f", {format_duration(job.limit)} at most{wait}")


def waits_text(window_id: str, job: WindowJob, other: RunningJob) -> Text:
    """Why none is made yet."""
    runs = sentence("Job ", Code(other.name), " of the same CronJob runs since ", Timestamp(other.since))
    waits = sentence(f"The {job.purpose.value} waits: ", runs, ", and two at once may break each other.")
    if job.purpose is not JobPurpose.BACKUP:
        return waits
    return sentence(waits, " Do not begin yet: ", CommandMention(f"maintenance skip-backup {window_id}"), " goes on without it.")


def beside_text(other: RunningJob) -> Text:
    """The CronJob's schedule, or a person, has made another one meanwhile."""
    begun = sentence("Job ", Code(other.name), " of the same CronJob has begun beside it, at ", Timestamp(other.since))
    return sentence(
        begun, ". Two at once may break each other: look at both. While a CronJob is suspended its schedule makes none."
    )


@dataclass(frozen=True, slots=True)
class LastLog:
    """The log of a Job that has failed, and what is to be known of it."""

    log: JobLog | None = None
    remark: Text = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """The last ones; none without a log."""
        return self.log.lines if self.log is not None else ()


NO_LOG = LastLog()


def last_log(job: WindowJob, status: JobStatus) -> LastLog:
    """That of the newest pod. What was read while it ran is all there is where Kubernetes has removed the pod since."""
    seen = job.seen_log
    if seen is None or (status.log is not None and status.log.pod_made_at >= seen.pod_made_at):
        return LastLog(status.log, status.log_problem)
    gone = status.log_problem or sentence("Kubernetes has removed its last pod, ", Code(seen.pod), ".")
    return LastLog(seen, sentence(gone, " ", seen_log(job).remark))


def seen_log(job: WindowJob) -> LastLog:
    """What was read of its log while it ran."""
    return LastLog(job.seen_log, "These lines were read while it ran.") if job.seen_log is not None else NO_LOG
