"""What people read of a window's backup and verification."""

from domain.maintenance.jobs import JobPurpose, JobState, WindowJob
from domain.rich_text import Text, sentence
from domain.text import format_duration

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
