"""Tasks of an incident. Pure."""

from dataclasses import replace
from datetime import datetime

from domain.errors import NotFound, Refused
from domain.incidents.changes import IncidentChange, change
from domain.incidents.incident import Incident, Mark, Participant, Task
from domain.incidents.timeline import EntryKind
from domain.rich_text import sentence

MAX_TASKS = 100


def add_task(record: Incident, text: str, by: Participant, at: datetime) -> IncidentChange:
    """Add something to do."""
    if len(record.tasks) >= MAX_TASKS:
        raise Refused(f"{record.id} has {MAX_TASKS} tasks, which is as many as are kept. Nothing was added.")
    number = len(record.tasks) + 1
    after = replace(record, tasks=(*record.tasks, Task(number=number, text=text, added=Mark(by, at))))
    return change(after, EntryKind.TASK, at, sentence(by.text, f" added task {number}: {text}"), by=by, audit="incident task")


def finish_task(record: Incident, number: int, by: Participant, at: datetime) -> IncidentChange:
    """Mark a task as done. Raises ``NotFound`` or ``Refused``."""
    task = next((each for each in record.tasks if each.number == number), None)
    if task is None:
        raise NotFound(f"{record.id} has no task {number}.")
    if task.done is not None:
        raise Refused(sentence(f"Task {number} was done already, by ", task.done.by.text, "."))
    done = replace(task, done=Mark(by, at))
    after = replace(record, tasks=tuple(done if each is task else each for each in record.tasks))
    return change(after, EntryKind.TASK, at, sentence(by.text, f" did task {number}: {task.text}"), by=by, audit="incident task")
