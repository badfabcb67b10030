"""Incidents as tests need them: declared at a fixed time, by somebody of the team."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.catalogue.incidents import IncidentTimings
from domain.incidents.changes import IncidentChange
from domain.incidents.incident import Incident, Mark, Participant
from domain.incidents.transitions import declare
from domain.people import Person
from domain.severities import Severity

START = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
TIMINGS = IncidentTimings()
TOM = Participant(Person("U0TOM", "T0HOME"), "tom")
ANA = Participant(Person("U0ANA", "T0HOME"), "ana")
LEE = Participant(Person("U0LEE", "T0HOME"), "lee")


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def incident(**changed: Any) -> Incident:
    """A record that is not declared yet."""
    values: dict[str, Any] = {
        "id": "inc-x4k2",
        "title": "checkout is failing",
        "severity": Severity.P1,
        "environment": "production",
        "declared": Mark(TOM, START),
        "announcement_channel": "C0OPS",
    }
    return Incident(**values | changed)


def declared(**changed: Any) -> IncidentChange:
    """The change that declares it."""
    return declare(incident(**changed), TIMINGS)
