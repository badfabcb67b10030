"""Constructors of the incidents' timers."""

from datetime import datetime

from domain.people import Person
from storage.incidents import CLOCK_TIMER
from storage.timers import Timer

CLOCK = CLOCK_TIMER
"""The kind of the timer that is due with the earliest clock of an incident. Its ``subject`` is the incident's id."""

WELCOME = "incident-welcome"
"""The kind of the timer that sends a catch-up to somebody who joined. Its ``subject`` is incident, workspace and user."""


def clock_timer(incident_id: str, due_at: datetime) -> Timer:
    """Fires when the earliest clock of an incident is due."""
    return Timer(clock_key(incident_id), CLOCK, incident_id, due_at)


def clock_key(incident_id: str) -> str:
    """The key of an incident's ``clock_timer``."""
    return f"{CLOCK}/{incident_id}"


def welcome_timer(incident_id: str, person: Person, at: datetime) -> Timer:
    """Fires when a person who joined the channel is to be told what stands."""
    subject = f"{incident_id}/{person.team_id}/{person.user_id}"
    return Timer(f"{WELCOME}/{subject}", WELCOME, subject, at)


def welcome_of(timer: Timer) -> tuple[str, Person]:
    """The incident and the person of a ``welcome_timer``."""
    incident_id, team_id, user_id = timer.subject.split("/")
    return incident_id, Person(user_id, team_id)
