"""What people do with a window: approve, start, extend, end, cancel. Each raises ``Refused`` where it cannot be done."""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.errors import Refused
from domain.maintenance.schedule import with_told_ahead
from domain.maintenance.window import MAX_LENGTH, MaintenanceWindow, WindowChange, WindowNote, WindowState
from domain.people import Person
from domain.refusals import NOTHING_CHANGED
from domain.rich_text import Text, Timestamp, sentence
from domain.text import format_duration

_STATE_TEXTS = {
    WindowState.WAITING: "waits for a second person",
    WindowState.PLANNED: "has not begun",
    WindowState.RUNNING: "is running",
    WindowState.ENDED: "has ended",
    WindowState.CANCELLED: "was cancelled",
}


def approve(window: MaintenanceWindow, by: Person, at: datetime) -> WindowChange:
    """Let a window count that lies outside the policy. The caller has checked that ``by`` is somebody else."""
    _require(window, WindowState.WAITING)
    approved = with_told_ahead(replace(window, state=WindowState.PLANNED, approved_by=by), at)
    return _changed(approved, "approved", sentence(by, " approved it."))


def start(window: MaintenanceWindow, by: Person, at: datetime) -> WindowChange:
    """Begin before its time. Its length stays what was planned."""
    _require(window, WindowState.PLANNED)
    ends_at = at + (window.ends_at - window.starts_at)
    running = replace(window, state=WindowState.RUNNING, starts_at=at, ends_at=ends_at)
    until = sentence(" started it. Deploys, restarts and scaling are refused until ", Timestamp(ends_at), ".")
    return _changed(running, "started", sentence(by, until))


def extend(window: MaintenanceWindow, by: Person, more: timedelta) -> WindowChange:
    """Move the end. Raises ``Refused`` beyond ``MAX_LENGTH``."""
    _require(window, WindowState.PLANNED, WindowState.RUNNING)
    ends_at = window.ends_at + more
    if ends_at - window.starts_at > MAX_LENGTH:
        raise Refused(f"A window lasts {format_duration(MAX_LENGTH)} at most. {NOTHING_CHANGED}")
    extended = replace(window, ends_at=ends_at)
    text = sentence(by, f" extended it by {format_duration(more)}, until ", Timestamp(ends_at), ".")
    return _changed(extended, f"extended-{int(ends_at.timestamp())}", text)


def end(window: MaintenanceWindow, by: Person, at: datetime) -> WindowChange:
    """End a window that runs. The freeze is gone in the same transaction."""
    _require(window, WindowState.RUNNING)
    lasted = format_duration(at - window.starts_at)
    late = f", {format_duration(at - window.ends_at)} over its time" if at > window.ends_at else ""
    outcome = sentence(by, f" ended it after {lasted}{late}. Deploys are possible again.")
    return _over(window, WindowState.ENDED, outcome, at)


def cancel(window: MaintenanceWindow, by: Person, at: datetime, why: str) -> WindowChange:
    """Cancel a window that has not begun. One that runs is ended instead."""
    _require(window, WindowState.WAITING, WindowState.PLANNED)
    outcome = sentence(by, f" cancelled it: {why}." if why else " cancelled it.", " Nothing was frozen.")
    return _over(window, WindowState.CANCELLED, outcome, at)


def _require(window: MaintenanceWindow, *states: WindowState) -> None:
    if window.state not in states:
        raise Refused(f"{window.id} {_STATE_TEXTS[window.state]}. {NOTHING_CHANGED}")


def _over(window: MaintenanceWindow, state: WindowState, outcome: Text, at: datetime) -> WindowChange:
    return _changed(replace(window, state=state, over_at=at, outcome=outcome), "over", outcome)


def _changed(window: MaintenanceWindow, key: str, text: Text) -> WindowChange:
    return WindowChange(window, (WindowNote(window_id=window.id, key=key, text=text),))
