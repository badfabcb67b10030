"""The buttons of an alert group's card."""

from bot.views import phrases
from bot.views.markup.document import Button, Confirm, Option, SelectMenu
from domain.alerts.alerts import AlertGroup, GroupState
from domain.alerts.remediation import can_roll_back, can_silence

ACKNOWLEDGE = "alert.acknowledge"
SILENCE = "alert.silence"
UNSILENCE = "alert.unsilence"
ROLL_BACK = "alert.rollback"
OPEN_INCIDENT = "alert.incident"

OTHER_DURATION = "other"
"""Value of the menu choice that opens a form for the duration."""
_SILENCE_DURATIONS = (("1 hour", "1h"), ("4 hours", "4h"), ("Other…", OTHER_DURATION))


def card_buttons(record: AlertGroup) -> tuple[Button | SelectMenu, ...]:
    """Actions that are possible now, the most likely first."""
    candidates = (_acknowledge(record), _silence(record), _roll_back(record), _open_incident(record))
    return tuple(button for button in candidates if button is not None)


def _acknowledge(record: AlertGroup) -> Button | None:
    if record.state is GroupState.RESOLVED or record.acknowledgement is not None:
        return None
    return Button(text="Acknowledge", action=ACKNOWLEDGE, value=record.id, style="primary")


def _silence(record: AlertGroup) -> Button | SelectMenu | None:
    if record.silence is not None:
        return Button(text="End silence", action=UNSILENCE, value=record.id)
    if record.state is GroupState.RESOLVED or not can_silence(record):
        return None
    options = tuple(Option(text, f"{record.id}/{span}") for text, span in _SILENCE_DURATIONS)
    return SelectMenu(text="Silence", action=SILENCE, options=options)


def _roll_back(record: AlertGroup) -> Button | None:
    """No button once the group is resolved, perhaps by a rollback. The command remains possible."""
    if record.state is GroupState.RESOLVED or record.suspect is None or not can_roll_back(record):
        return None
    change = record.suspect.change
    services = phrases.join_names(change.services)
    confirm = Confirm(
        f"Roll back {change.environment}?",
        f"{services} to {change.previous_versions[change.services[0]]}, which ran before the suspect ({change.description}). "
        "Where this needs an approval, it waits for one.",
        "Roll back",
        "Not yet",
    )
    return Button(text="Roll back", action=ROLL_BACK, value=record.id, style="danger", confirm=confirm)


def _open_incident(record: AlertGroup) -> Button | None:
    if record.state is GroupState.RESOLVED or record.incident or not record.can_declare:
        return None
    return Button(text="Open incident", action=OPEN_INCIDENT, value=record.id)
