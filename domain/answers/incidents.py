"""Answers about incidents."""

from dataclasses import dataclass

from domain.facts import Answer
from domain.incidents.cards import IncidentCard
from domain.incidents.incident import Incident, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentAnswer(Answer):
    """One incident, as its card shows it."""

    card: IncidentCard


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentsAnswer(Answer):
    """A list of incidents, open ones first."""

    title: str
    incidents: tuple[Incident, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentChoice:
    """One of the incidents that a command may have meant, with the command that means it."""

    incident: Incident
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentChoices(Answer):
    """Incidents to choose from, because the command named none and was not sent from an incident's channel."""

    choices: tuple[IncidentChoice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarIncidents(Answer):
    """Incidents that somebody declared just now, which may be what this person declares. Nothing was declared."""

    incidents: tuple[Incident, ...]
    command: str
    """The command that declares another one all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDeclared(Answer):
    """A new incident."""

    incident: Incident


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksAnswer(Answer):
    """The tasks of an incident."""

    incident_id: str
    tasks: tuple[Task, ...]
