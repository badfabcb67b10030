"""What is due of the Jobs of a window, and what becomes of them. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from domain.catalogue.maintenance import MaintenancePolicy
from domain.errors import Refused
from domain.maintenance.job_texts import NO_LOG, LastLog, beside_text, last_log, made_text, outcome, seen_log, waits_text
from domain.maintenance.jobs import JobPurpose, JobState, WindowJob
from domain.maintenance.window import MaintenanceWindow, WindowChange, WindowNote, WindowState
from domain.people import Person
from domain.refusals import NOTHING_CHANGED
from domain.rich_text import Code, CommandMention, Part, Sentence, Text, sentence
from domain.text import format_duration
from domain.workloads.jobs import JobResult, JobStatus, RunningJob

PATIENCE = timedelta(minutes=2)
"""How long after its limit the cluster may take to end a Job."""
_WINDOW_IS_OVER = "the window was over before it could begin."


def named_jobs(policy: MaintenancePolicy) -> tuple[WindowJob, ...]:
    """What the catalogue names for windows of an environment."""
    named = ((JobPurpose.BACKUP, policy.backup), (JobPurpose.VERIFICATION, policy.verification))
    return tuple(WindowJob(purpose=purpose, cron_job=config.cronjob, limit=config.limit) for purpose, config in named if config)


def is_unplanned(window: MaintenanceWindow) -> bool:
    """Whether the catalogue is still to be asked for the Jobs of a window that has begun."""
    return window.state in (WindowState.RUNNING, WindowState.ENDED) and window.planned_jobs is None


def with_named_jobs(window: MaintenanceWindow, policy: MaintenancePolicy | None) -> MaintenanceWindow:
    """The window, with the Jobs that the catalogue names now, once it has begun; ``policy`` is None without its environment."""
    if not is_unplanned(window):
        return window
    return replace(window, planned_jobs=named_jobs(policy) if policy is not None else ())


def due_job(window: MaintenanceWindow) -> WindowJob | None:
    """The one that is to be started or looked at now: the backup while the window runs, the verification after its end."""
    open_ones = {each.purpose: each for each in window.jobs if not each.state.is_final}
    if window.state is WindowState.RUNNING:
        return open_ones.get(JobPurpose.BACKUP)
    if window.state is WindowState.ENDED:
        return open_ones.get(JobPurpose.BACKUP) or open_ones.get(JobPurpose.VERIFICATION)
    return None


def with_job(window: MaintenanceWindow, job: WindowJob) -> MaintenanceWindow:
    """The window with this state of one job."""
    found = (job if each.purpose is job.purpose else each for each in window.jobs)
    return replace(window, planned_jobs=tuple(found))


def begun(window: MaintenanceWindow, job: WindowJob, at: datetime) -> WindowChange:
    """Recorded as running before its Job is asked for. One that was planned for a window that is over is not begun."""
    if is_late(window, job):
        return skipped_late(window, job, at)
    return WindowChange(with_job(window, replace(job, state=JobState.RUNNING, asked_at=at)))


def waiting(window: MaintenanceWindow, job: WindowJob, other: RunningJob, at: datetime) -> WindowChange:
    """It is made when a Job of the same CronJob has ended, and has failed where that takes longer than it may itself."""
    if job.asked_at is not None and at >= job.asked_at + job.limit:
        why = sentence("Job ", Code(other.name), " of the same CronJob still runs, and none was made beside it.")
        return failed(window, job, why, at)
    if job.waits_for == other.name:
        return WindowChange(window)
    waits = replace(job, waits_for=other.name)
    return WindowChange(
        with_job(window, waits), (_note(window, waits, waits_text(window.id, waits, other), f"waits-{other.name}"),)
    )


def made(window: MaintenanceWindow, job: WindowJob, at: datetime) -> WindowChange:
    """The cluster has its Job."""
    created = replace(job, is_created=True, asked_at=at, waits_for="")
    return WindowChange(with_job(window, created), (_note(window, created, made_text(window.id, created)),))


def is_late(window: MaintenanceWindow, job: WindowJob) -> bool:
    """Whether it is a backup of a window that is over: nobody waits for it."""
    return job.purpose is JobPurpose.BACKUP and window.state is not WindowState.RUNNING


def skipped_late(window: MaintenanceWindow, job: WindowJob, at: datetime) -> WindowChange:
    """A backup that could not begin before its window was over."""
    return _ended(window, job, JobState.SKIPPED, at, _WINDOW_IS_OVER)


def looked_at(
    window: MaintenanceWindow, job: WindowJob, status: JobStatus, at: datetime, others: Sequence[RunningJob] = ()
) -> WindowChange:
    """What a look at its Job makes of it. ``others`` are those of the same CronJob that run beside it."""
    match status.result:
        case JobResult.SUCCEEDED:
            return _ended(window, job, JobState.DONE, status.ended_at or at)
        case JobResult.FAILED:
            why = status.reason or "the cluster says no reason"
            return _ended(window, job, JobState.FAILED, status.ended_at or at, f"{why}.", last_log(job, status))
        case JobResult.RUNNING if is_overdue(job, at):
            why = f"its Job still runs, and should have ended after {format_duration(job.limit)}."
            return _ended(window, job, JobState.FAILED, at, why, LastLog(status.log) if status.log else seen_log(job))
        case _:
            seen = replace(job, seen_log=status.log or job.seen_log)
            return _goes_on(window, seen, others) if job.is_created else made(window, seen, at)


def _goes_on(window: MaintenanceWindow, job: WindowJob, others: Sequence[RunningJob]) -> WindowChange:
    new = [each for each in others if each.name not in job.beside]
    found = replace(job, beside=(*job.beside, *(each.name for each in new)))
    notes = (_note(window, found, beside_text(each), f"beside-{each.name}", warning=True) for each in new)
    return WindowChange(with_job(window, found), tuple(notes))


def without_logs(window: MaintenanceWindow) -> MaintenanceWindow:
    """The window as its card shows it."""
    if window.planned_jobs is None:
        return window
    return replace(window, planned_jobs=tuple(replace(each, seen_log=None) for each in window.planned_jobs))


def failed(window: MaintenanceWindow, job: WindowJob, why: Text, at: datetime) -> WindowChange:
    """It could not be begun, or its Job is gone."""
    return _ended(window, job, JobState.FAILED, at, why, seen_log(job))


def is_overdue(job: WindowJob, at: datetime) -> bool:
    """Whether nobody can expect its Job to run any more."""
    return job.asked_at is not None and at >= job.asked_at + job.limit + PATIENCE


def again(window: MaintenanceWindow, by: Person) -> WindowChange:
    """Make a backup that failed once more. Raises ``Refused`` where none has failed."""
    backup = _backup(window)
    if backup.state is not JobState.FAILED:
        raise Refused(f"The backup of {window.id} has not failed: it is {backup.state.value}. {NOTHING_CHANGED}")
    anew = WindowJob(purpose=backup.purpose, cron_job=backup.cron_job, limit=backup.limit, attempt=backup.attempt + 1)
    note = _note(window, anew, sentence(by, " lets the backup be made again."), "again")
    return WindowChange(with_job(window, anew), (note,))


def skip(window: MaintenanceWindow, by: Person, at: datetime) -> WindowChange:
    """Go on without the backup. A Job that runs goes on running. Raises ``Refused`` where it is done."""
    backup = _backup(window)
    if backup.state in (JobState.DONE, JobState.SKIPPED):
        raise Refused(f"The backup of {window.id} is {backup.state.value}. {NOTHING_CHANGED}")
    problem = sentence(by, " went on without it.")
    skipped = replace(backup, state=JobState.SKIPPED, ended_at=at, problem=problem, waits_for="", seen_log=None)
    note = _note(window, skipped, sentence(by, " goes on without a backup."), warning=True)
    return WindowChange(with_job(window, skipped), (note,))


def _backup(window: MaintenanceWindow) -> WindowJob:
    if window.state is not WindowState.RUNNING:
        raise Refused(f"{window.id} does not run. {NOTHING_CHANGED}")
    found = next((each for each in window.jobs if each.purpose is JobPurpose.BACKUP), None)
    if found is None:
        raise Refused(f"The catalogue names no backup for maintenance of {window.environment}. {NOTHING_CHANGED}")
    return found


def _ended(
    window: MaintenanceWindow,
    job: WindowJob,
    state: JobState,
    at: datetime,
    problem: Text = "",
    log: LastLog = NO_LOG,
) -> WindowChange:
    ended = replace(job, state=state, ended_at=at, problem=problem, is_created=True, waits_for="", seen_log=None)
    is_well = state is JobState.DONE
    text = sentence(outcome(ended), " " if log.remark else "", log.remark, *_next(window, ended))
    note = replace(_note(window, ended, text, warning=not is_well), log=log.lines)
    return WindowChange(with_job(window, ended), (note,))


def _next(window: MaintenanceWindow, ended: WindowJob) -> tuple[Part | Sentence, ...]:
    """What its owner does now."""
    if ended.purpose is not JobPurpose.BACKUP or window.state is not WindowState.RUNNING:
        return ()
    if ended.state is JobState.DONE:
        return (" The work can begin.",)
    choices = (
        CommandMention(f"maintenance backup {window.id}"),
        " makes it again, ",
        CommandMention(f"maintenance skip-backup {window.id}"),
        " goes on without it, ",
        CommandMention(f"maintenance end {window.id}"),
        " ends the window.",
    )
    return (" Do not begin yet: ", *choices)


def _note(window: MaintenanceWindow, job: WindowJob, text: Text, what: str = "", *, warning: bool = False) -> WindowNote:
    key = f"{job.purpose.value}-{job.attempt}-{what or job.state.value}"
    return WindowNote(window_id=window.id, key=key, text=text, warning=warning)
