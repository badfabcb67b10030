"""What is due of a window at a time: announcements, its begin, the reminder of an overrun, its end by itself."""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.maintenance.window import GRACE, MaintenanceWindow, WindowChange, WindowNote, WindowState
from domain.rich_text import CommandMention, Text, Timestamp, sentence
from domain.text import format_duration

ANNOUNCED_BEFORE = (timedelta(hours=24), timedelta(hours=1))
"""How long before its begin a window is announced again."""


ESCALATED_AFTER = GRACE / 2
"""How long after the reminder of an overrun whoever is on call is told."""


def next_due(window: MaintenanceWindow) -> datetime | None:
    """When something of the window is due next; None once it is over."""
    match window.state:
        case WindowState.WAITING:
            return window.ends_at
        case WindowState.PLANNED:
            ahead = (window.starts_at - before for before in ANNOUNCED_BEFORE if _ahead_key(window, before) not in window.told)
            return min([*ahead, window.starts_at])
        case WindowState.RUNNING:
            return _next_of_running(window)
        case _:
            return None


def _next_of_running(window: MaintenanceWindow) -> datetime:
    if _escalation_key(window) in window.told:
        return window.frozen_until
    return window.ends_at + ESCALATED_AFTER if _overrun_key(window) in window.told else window.ends_at


def advance(window: MaintenanceWindow, at: datetime) -> WindowChange:
    """The window as it should be at ``at``. After an outage it takes what was missed, and announces only what still holds."""
    change = WindowChange(window)
    while (due := next_due(change.window)) is not None and due <= at:
        step = _step(change.window, at)
        change = WindowChange(step.window, (*change.notes, *step.notes))
    return change


def with_told_ahead(window: MaintenanceWindow, at: datetime) -> MaintenanceWindow:
    """The window, with what is past already taken as announced: who plans it for in two hours reads no ``in 24 h``."""
    past = [_ahead_key(window, before) for before in ANNOUNCED_BEFORE if window.starts_at - before <= at]
    return replace(window, told=(*window.told, *past))


def _step(window: MaintenanceWindow, at: datetime) -> WindowChange:
    match window.state:
        case WindowState.WAITING:
            return _close(window, at, "Nobody approved it in time. Nothing was frozen.", WindowState.CANCELLED)
        case WindowState.PLANNED if at >= window.starts_at:
            return _begin(window, at)
        case WindowState.PLANNED:
            return _announce(window, at)
        case _ if at >= window.frozen_until:
            text = (
                f"Nobody ended it, so it ended by itself {format_duration(window.frozen_until - window.ends_at)} after its time."
            )
            return _close(window, window.frozen_until, f"{text} Deploys are possible again.", WindowState.ENDED)
        case _ if at >= window.ends_at + ESCALATED_AFTER:
            return _escalate(window)
        case _:
            return _remind(window)


def _begin(window: MaintenanceWindow, at: datetime) -> WindowChange:
    running = replace(window, state=WindowState.RUNNING)
    if at >= window.frozen_until:
        return WindowChange(running)
    text = sentence("It has begun. Deploys, restarts and scaling are refused until ", Timestamp(window.ends_at), ".")
    return WindowChange(running, (_note(window, f"begun-{int(window.starts_at.timestamp())}", text),))


def _announce(window: MaintenanceWindow, at: datetime) -> WindowChange:
    keys = tuple(_ahead_key(window, before) for before in ANNOUNCED_BEFORE if window.starts_at - before <= at)
    told = replace(window, told=tuple(dict.fromkeys((*window.told, *keys))))
    text = sentence(f"It begins in {format_duration(window.starts_at - at)}, at ", Timestamp(window.starts_at), ".")
    return WindowChange(told, (_note(window, keys[-1], text),))


def _remind(window: MaintenanceWindow) -> WindowChange:
    key = _overrun_key(window)
    commands = (CommandMention(f"maintenance end {window.id}"), " or ", CommandMention(f"maintenance extend {window.id} 30m"))
    until = sentence(
        " Its time is over. Deploys are refused until ", Timestamp(window.frozen_until), ", then it ends by itself: "
    )
    text = sentence(window.owner, until, *commands, ".")
    reminded = replace(window, told=(*window.told, key))
    return WindowChange(reminded, (_note(window, key, text, warning=True),))


def _escalate(window: MaintenanceWindow) -> WindowChange:
    """The reminder was not answered, or fell into an outage and no longer holds."""
    key = _escalation_key(window)
    late = sentence(
        f"It is {format_duration(ESCALATED_AFTER)} over its time, and ", window.owner, " has not said how it goes on. "
    )
    commands = (CommandMention(f"maintenance end {window.id}"), " or ", CommandMention(f"maintenance extend {window.id} 30m"))
    text = sentence(late, "It ends by itself at ", Timestamp(window.frozen_until), ": ", *commands, ".")
    told = replace(window, told=(*window.told, _overrun_key(window), key))
    return WindowChange(told, (replace(_note(window, key, text, warning=True), escalates=True),))


def _close(window: MaintenanceWindow, at: datetime, outcome: str, state: WindowState) -> WindowChange:
    closed = replace(window, state=state, over_at=at, outcome=outcome)
    return WindowChange(closed, (_note(window, "over", outcome, warning=True),))


def _note(window: MaintenanceWindow, key: str, text: Text, *, warning: bool = False) -> WindowNote:
    return WindowNote(window_id=window.id, key=key, text=text, warning=warning)


def _ahead_key(window: MaintenanceWindow, before: timedelta) -> str:
    return f"in-{int(before.total_seconds() // 3600)}h-{int(window.starts_at.timestamp())}"


def _escalation_key(window: MaintenanceWindow) -> str:
    return f"escalated-{int(window.ends_at.timestamp())}"


def _overrun_key(window: MaintenanceWindow) -> str:
    return f"overrun-{int(window.ends_at.timestamp())}"
