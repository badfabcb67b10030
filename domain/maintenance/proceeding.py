"""What is due of a window's procedures, and what becomes of them. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from domain.catalogue.maintenance import MaintenancePolicy
from domain.errors import Refused
from domain.maintenance.procedure_texts import outcome
from domain.maintenance.procedures import ProcedureState, Purpose, WindowProcedure
from domain.maintenance.window import MaintenanceWindow, WindowChange, WindowNote, WindowState
from domain.people import Person
from domain.refusals import NOTHING_CHANGED
from domain.rich_text import Code, CommandMention, Part, Sentence, Text, sentence
from domain.text import format_duration
from domain.workloads.jobs import JobResult, JobStatus

PATIENCE = timedelta(minutes=2)
"""How long after its limit the cluster may take to end a Job."""
_WINDOW_IS_OVER = "the window was over before it could begin."


def planned_procedures(policy: MaintenancePolicy) -> tuple[WindowProcedure, ...]:
    """What the catalogue names for windows of an environment."""
    named = ((Purpose.BACKUP, policy.backup), (Purpose.VERIFICATION, policy.verification))
    return tuple(
        WindowProcedure(purpose=purpose, cron_job=config.cronjob, limit=config.limit) for purpose, config in named if config
    )


def is_unplanned(window: MaintenanceWindow) -> bool:
    """Whether the catalogue is still to be asked for the procedures of a window that runs."""
    return window.state is WindowState.RUNNING and window.planned_procedures is None


def due_procedure(window: MaintenanceWindow) -> WindowProcedure | None:
    """The one that is to be started or looked at now: the backup while the window runs, the verification after its end."""
    open_ones = {each.purpose: each for each in window.procedures if not each.state.is_final}
    if window.state is WindowState.RUNNING:
        return open_ones.get(Purpose.BACKUP)
    if window.state is WindowState.ENDED:
        return open_ones.get(Purpose.BACKUP) or open_ones.get(Purpose.VERIFICATION)
    return None


def with_procedure(window: MaintenanceWindow, procedure: WindowProcedure) -> MaintenanceWindow:
    """The window with this state of one procedure."""
    found = (procedure if each.purpose is procedure.purpose else each for each in window.procedures)
    return replace(window, planned_procedures=tuple(found))


def begun(window: MaintenanceWindow, procedure: WindowProcedure, at: datetime) -> WindowChange:
    """Recorded as running before its Job is asked for. One that was planned for a window that is over is not begun."""
    if procedure.purpose is Purpose.BACKUP and window.state is not WindowState.RUNNING:
        return _ended(window, procedure, ProcedureState.SKIPPED, at, _WINDOW_IS_OVER)
    running = replace(procedure, state=ProcedureState.RUNNING, asked_at=at)
    what = "The backup runs" if procedure.purpose is Purpose.BACKUP else "The verification runs"
    wait = ": wait for it before you begin." if procedure.purpose is Purpose.BACKUP else ", then the report comes."
    text = sentence(f"{what} as Job ", Code(running.job_name(window.id)), f", {format_duration(running.limit)} at most{wait}")
    return WindowChange(with_procedure(window, running), (_note(window, running, text),))


def looked_at(window: MaintenanceWindow, procedure: WindowProcedure, status: JobStatus, at: datetime) -> WindowChange:
    """What a look at its Job makes of it."""
    match status.result:
        case JobResult.SUCCEEDED:
            return _ended(window, procedure, ProcedureState.DONE, status.ended_at or at)
        case JobResult.FAILED:
            why = status.reason or "the cluster says no reason"
            return _ended(window, procedure, ProcedureState.FAILED, status.ended_at or at, f"{why}.", status.log)
        case JobResult.RUNNING if is_overdue(procedure, at):
            why = f"its Job still runs, and should have ended after {format_duration(procedure.limit)}."
            return _ended(window, procedure, ProcedureState.FAILED, at, why)
        case _:
            return WindowChange(with_procedure(window, replace(procedure, is_created=True)))


def failed(window: MaintenanceWindow, procedure: WindowProcedure, why: Text, at: datetime) -> WindowChange:
    """It could not be begun, or its Job is gone."""
    return _ended(window, procedure, ProcedureState.FAILED, at, why)


def is_overdue(procedure: WindowProcedure, at: datetime) -> bool:
    """Whether nobody can expect its Job to run any more."""
    return procedure.asked_at is not None and at >= procedure.asked_at + procedure.limit + PATIENCE


def again(window: MaintenanceWindow, by: Person) -> WindowChange:
    """Make a backup that failed once more. Raises ``Refused`` where none has failed."""
    backup = _backup(window)
    if backup.state is not ProcedureState.FAILED:
        raise Refused(f"The backup of {window.id} has not failed: it is {backup.state.value}. {NOTHING_CHANGED}")
    anew = WindowProcedure(purpose=backup.purpose, cron_job=backup.cron_job, limit=backup.limit, attempt=backup.attempt + 1)
    note = _note(window, anew, sentence(by, " lets the backup be made again."), "again")
    return WindowChange(with_procedure(window, anew), (note,))


def skip(window: MaintenanceWindow, by: Person, at: datetime) -> WindowChange:
    """Go on without the backup. A Job that runs goes on running. Raises ``Refused`` where it is done."""
    backup = _backup(window)
    if backup.state in (ProcedureState.DONE, ProcedureState.SKIPPED):
        raise Refused(f"The backup of {window.id} is {backup.state.value}. {NOTHING_CHANGED}")
    skipped = replace(backup, state=ProcedureState.SKIPPED, ended_at=at, problem=sentence(by, " went on without it."))
    note = _note(window, skipped, sentence(by, " goes on without a backup."), warning=True)
    return WindowChange(with_procedure(window, skipped), (note,))


def _backup(window: MaintenanceWindow) -> WindowProcedure:
    if window.state is not WindowState.RUNNING:
        raise Refused(f"{window.id} does not run. {NOTHING_CHANGED}")
    found = next((each for each in window.procedures if each.purpose is Purpose.BACKUP), None)
    if found is None:
        raise Refused(f"The catalogue names no backup for maintenance of {window.environment}. {NOTHING_CHANGED}")
    return found


def _ended(
    window: MaintenanceWindow,
    procedure: WindowProcedure,
    state: ProcedureState,
    at: datetime,
    problem: Text = "",
    log: Iterable[str] = (),
) -> WindowChange:
    ended = replace(procedure, state=state, ended_at=at, problem=problem, is_created=True)
    is_well = state is ProcedureState.DONE
    note = _note(window, ended, sentence(outcome(ended), *_next(window, ended)), warning=not is_well)
    return WindowChange(with_procedure(window, ended), (replace(note, log=tuple(log)),))


def _next(window: MaintenanceWindow, ended: WindowProcedure) -> tuple[Part | Sentence, ...]:
    """What its owner does now."""
    if ended.purpose is not Purpose.BACKUP or window.state is not WindowState.RUNNING:
        return ()
    if ended.state is ProcedureState.DONE:
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


def _note(
    window: MaintenanceWindow, procedure: WindowProcedure, text: Text, what: str = "", *, warning: bool = False
) -> WindowNote:
    key = f"{procedure.purpose.value}-{procedure.attempt}-{what or procedure.state.value}"
    return WindowNote(window_id=window.id, key=key, text=text, warning=warning)
