"""Changes of an alert group, and the replies in its thread that report them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.alerts.alerts import Alert, AlertGroup, AlertNote
from domain.notes import Tone
from domain.rich_text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChange:
    """A change of a group: the new record, the alerts that changed, and the replies in its thread."""

    record: AlertGroup
    alerts: tuple[Alert, ...] = ()
    notes: tuple[AlertNote, ...] = ()
    state_changed: bool = False
    """The group changed from firing to resolved, or back."""
    deleted_fingerprints: tuple[str, ...] = ()
    """Fingerprints of alerts to delete: they ended in an earlier episode, or are too many."""


def distinguishing_labels(alert: Alert, record: AlertGroup) -> str:
    """The labels that not all alerts of the group share: ``service=cache, pod=…``; the alert's name without any."""
    own = {name: value for name, value in alert.labels.items() if record.common_labels.get(name) != value}
    if not own:
        return alert.labels.get("alertname") or alert.fingerprint
    return ", ".join(f"{name}={value}" for name, value in sorted(own.items()))


def thread_note(
    record: AlertGroup, at: datetime, text: Text, *, key: str = "", tone: Tone = Tone.PLAIN, lines: tuple[Text, ...] = ()
) -> AlertNote:
    """A reply in the thread. Without a ``key``, its key is the number of replies."""
    return AlertNote(group_id=record.id, key=key or str(record.reply_count), at=at, text=text, tone=tone, lines=lines)


def change_with_note(
    after: AlertGroup,
    changed_alerts: Sequence[Alert],
    at: datetime,
    text: Text,
    *,
    tone: Tone = Tone.PLAIN,
    lines: tuple[Text, ...] = (),
) -> GroupChange:
    """A change that a reply in the thread reports."""
    after = replace(after, reply_count=after.reply_count + 1)
    return GroupChange(record=after, alerts=tuple(changed_alerts), notes=(thread_note(after, at, text, tone=tone, lines=lines),))


def format_time(at: datetime, *, relative_to: datetime | None = None) -> str:
    """The time of day in UTC; with the date if it is on another day than ``relative_to``."""
    return f"{at:%H:%M}" if relative_to is None or relative_to.date() == at.date() else f"{at:%d %b %H:%M}"
