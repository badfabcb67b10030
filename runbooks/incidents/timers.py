"""Constructors of the incidents' timers."""

from datetime import datetime

from storage.timers import Timer

CLOCK = "incident-clock"
"""The kind of the timer that is due with the earliest clock of an incident. Its ``subject`` is the incident's id."""


def clock_timer(incident_id: str, due_at: datetime) -> Timer:
    """Fires when the earliest clock of an incident is due."""
    return Timer(clock_key(incident_id), CLOCK, incident_id, due_at)


def clock_key(incident_id: str) -> str:
    """The key of an incident's ``clock_timer``."""
    return f"{CLOCK}/{incident_id}"
