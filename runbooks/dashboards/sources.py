"""What operations and incidents look like as annotations."""

from collections.abc import Awaitable, Callable

from domain.catalogue.catalogue import Catalogue
from domain.dashboards.annotations import Annotation
from domain.incidents.incident import Incident
from domain.operations.operation import OperationRecord
from domain.people import Person
from domain.rich_text import plain_text
from storage.incidents import IncidentRepository
from storage.store import Transaction

AnnotationSource = Callable[[Transaction, str], Awaitable[Annotation | None]]
"""From an id to the annotation as it should be now; None where there should be none."""


def annotation_of_operation(record: OperationRecord, catalogue: Catalogue) -> Annotation | None:
    """From the first change to the end. None before the first change: what was refused or expired is on no graph."""
    begun = [each.started_at for each in record.progress if each.started_at is not None]
    if not begun:
        return None
    versions = sorted({change.after.label for change in record.plan.changes})
    what = f"{record.verb.value} of {', '.join(record.plan.services)} in {record.environment} ({', '.join(versions)})"
    outcome = plain_text(record.outcome) if record.state.final else "under way"
    reason = f" Reason: {record.reason}" if record.reason else ""
    asked_by = _name(record.requested_by, catalogue)
    return Annotation(
        subject=record.id,
        environment=record.environment,
        kind=record.verb.value,
        text=f"{record.id}: {what}{asked_by}. {record.state.value}: {outcome}{reason}",
        since=min(begun),
        until=record.ended_at,
        services=record.plan.services,
    )


def annotation_of_incident(incident: Incident) -> Annotation | None:
    """From the declaration to the resolution. None of a security incident, which is nobody else's, and of a rehearsal."""
    if incident.security or incident.is_test or not incident.environment:
        return None
    end = incident.resolved or incident.closed
    return Annotation(
        subject=incident.id,
        environment=incident.environment,
        kind="incident",
        text=f"{incident.id}: {incident.severity} {incident.title}. {incident.state.value}",
        since=incident.declared.at,
        until=max(end.at, incident.declared.at) if end else None,
        services=incident.services,
    )


def operation_source(catalogue: Callable[[], Catalogue]) -> AnnotationSource:
    """Reads the operation with this id."""

    async def read(tx: Transaction, subject: str) -> Annotation | None:
        record = await tx.operations.get(subject)
        return annotation_of_operation(record, catalogue()) if record else None

    return read


async def incident_source(tx: Transaction, subject: str) -> Annotation | None:
    """Read the incident with this id."""
    incident = await tx.of(IncidentRepository).get(subject)
    return annotation_of_incident(incident) if incident else None


def _name(person: Person, catalogue: Catalogue) -> str:
    """By whom, where the catalogue has a name: an account's id says nothing in Grafana."""
    name = next((name for name, each in catalogue.people.items() if each.slack == person.user_id), "")
    return f", asked for by {name}" if name else ""
