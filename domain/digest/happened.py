"""What happened since the last digest, in the words that a person would say. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.changes.own_changes import changed_services
from domain.incidents.incident import Incident
from domain.maintenance.window import MaintenanceWindow, WindowState
from domain.operations.operation import OperationRecord, State
from domain.operations.plans import Verb
from domain.people import BOT
from domain.rich_text import Text
from domain.text import clip, first_names, format_duration, join_and, times

MAX_NAMED = 3
MAX_TITLE = 80
NOTHING = "nothing was changed through deepecho, no alert fired, and no incident was declared"
_ENDINGS = {
    State.FAILED: "failed",
    State.NEEDS_PERSON: "needs a person",
    State.DRIFTED: "stopped halfway",
    State.CANCELLED: "was cancelled halfway",
    State.RUNNING: "still runs",
}
_NOT_MADE = {
    State.REJECTED: "rejected",
    State.EXPIRED: "not approved in time",
    State.CANCELLED: "cancelled",
    State.DRIFTED: "something else changed meanwhile",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What is recorded of an environment between two digests. ``alerts`` has the title of each group that was new."""

    operations: Sequence[OperationRecord] = ()
    alerts: Sequence[str] = ()
    incidents: Sequence[Incident] = ()
    windows: Sequence[MaintenanceWindow] = ()


def describe(happened: Happened, at: datetime) -> tuple[Text, ...]:
    """``3 deploys (op-k7m2 failed)``, ``1 rollback``, ``14 alerts, most often HighMemoryUsage (9 times)``; empty for nothing.

    Security incidents and rehearsals are left out, and so are incidents that became part of another one.
    """
    shown = [each for each in happened.incidents if not each.security and not each.is_test and not each.merged_into]
    parts = (*_changes(happened.operations), _windows(happened.windows), _incidents(shown, at), _alerts(happened.alerts))
    return tuple(filter(None, parts))


def _changes(operations: Iterable[OperationRecord]) -> Iterable[str]:
    """What was carried out, by verb; then what was asked for and changed nothing. What waits is yet to come."""
    ordered = sorted(operations, key=lambda each: each.requested_at)
    for verb in Verb:
        made = [each for each in ordered if each.verb is verb and _was_made(each)]
        if made:
            remarks = [f"{each.id} {remark}" for each in made if (remark := _remark(each))]
            yield f"{_count(len(made), verb.value)}{f' ({first_names(remarks, MAX_NAMED)})' if remarks else ''}"
    left = [
        f"{each.verb} {each.id} ({_NOT_MADE[each.state]})" for each in ordered if each.state in _NOT_MADE and not _was_made(each)
    ]
    if left:
        yield f"not carried out: {first_names(left, MAX_NAMED)}"


def _was_made(operation: OperationRecord) -> bool:
    """Whether it changed something or may have done so."""
    is_made = operation.state in (State.SUCCEEDED, State.RUNNING, State.FAILED, State.NEEDS_PERSON)
    return is_made or bool(changed_services(operation))


def _remark(operation: OperationRecord) -> str:
    """How it ended, unless that was well, and whether no person asked for it."""
    by_itself = "by deepecho itself" if operation.requested_by == BOT else ""
    return " ".join(filter(None, (by_itself, _ENDINGS.get(operation.state, ""))))


def _windows(windows: Iterable[MaintenanceWindow]) -> str:
    over = [each for each in windows if each.state is WindowState.ENDED]
    lasted = [format_duration((each.over_at or each.ends_at) - each.starts_at) for each in over]
    names = [f"{each.id} ({clip(each.work, MAX_TITLE)}, {time})" for each, time in zip(over, lasted, strict=True)]
    return _named(names, "maintenance window")


def _incidents(incidents: Iterable[Incident], at: datetime) -> str:
    worst = sorted(incidents, key=lambda each: (each.severity, each.declared.at))
    names = [f"{each.id} ({each.severity}, {clip(each.title, MAX_TITLE)}, {_lasted(each, at)})" for each in worst]
    return _named(names, "incident")


def _lasted(incident: Incident, at: datetime) -> str:
    if incident.state.is_ongoing:
        return f"open for {format_duration(at - incident.declared.at)}"
    end = incident.resolved or incident.closed
    return format_duration(end.at - incident.declared.at) if end else "over"


def _alerts(titles: Sequence[str]) -> str:
    """One alert is one group, however many instances fire in it."""
    counts = Counter(titles)
    if not counts:
        return ""
    total = _count(counts.total(), "alert")
    title, most = counts.most_common(1)[0]
    if most == 1:
        return f"{total}: {first_names(sorted(counts), MAX_NAMED)}"
    if len(counts) == 1:
        return f"{total}, {'both' if most == 2 else 'all'} {title}"
    often = [name for name, count in sorted(counts.items()) if count == most][:MAX_NAMED]
    return f"{total}, most often {join_and(often)} ({times(most)}{' each' if len(often) > 1 else ''})"


def _named(names: Sequence[str], noun: str) -> str:
    return f"{_count(len(names), noun)}: {first_names(names, MAX_NAMED)}" if names else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
