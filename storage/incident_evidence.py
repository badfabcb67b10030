"""Reads what is recorded of an incident and around it, in the transaction of the caller. It locks nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.alerts import AlertGroup, AlertNote
from domain.audit import AuditEntry
from domain.incidents.evidence import LEAD, IncidentEvidence, began_at, is_around, names_of
from domain.incidents.incident import Incident
from domain.operations.locks import LockRecord
from domain.operations.operation import OperationRecord
from storage.audit import AuditLog
from storage.incidents import IncidentRepository
from storage.locks import LockRepository
from storage.operations import OperationRepository
from storage.outbox_messages import ALERT_CARD, ALERT_NOTE
from storage.tables.alerts import alert_groups
from storage.tables.core import outbox

MAX_OPERATION_AGE = timedelta(days=2)
"""An operation waits up to a day for its approval and rolls out for up to another day."""
MAX_ACTS = 200
"""Audit entries that are read of one incident."""
_MAX_IN_VALUES = 500


class EvidenceReader:
    """Reads evidence on one connection. Use it as ``tx.of(EvidenceReader)``."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def read(self, incident: Incident, at: datetime, *, with_charts: bool = False) -> IncidentEvidence:
        """What is recorded. The charts of alerts are kept for a month after they were posted."""
        entries = await IncidentRepository(self._connection).entries(incident.id)
        groups = await self._groups([alert.group_id for alert in incident.alerts])
        since, until = began_at(incident, groups) - LEAD, incident.closed.at if incident.closed else at
        return IncidentEvidence(
            incident=incident,
            at=at,
            entries=entries,
            groups=groups,
            charts=await self._charts(groups) if with_charts else (),
            operations=await self._operations(incident, since, until),
            locks=await self._locks(incident, at),
            acts=await self._acts(incident, since, until),
            names=names_of(incident, entries),
        )

    async def _groups(self, ids: Sequence[str]) -> tuple[AlertGroup, ...]:
        found: dict[str, AlertGroup] = {}
        for start in range(0, len(ids), _MAX_IN_VALUES):
            chunk = ids[start : start + _MAX_IN_VALUES]
            statement = select(alert_groups.c.record).where(alert_groups.c.id.in_(chunk))
            for record in (await self._connection.execute(statement)).scalars():
                group: AlertGroup = ALERT_CARD.load(record)
                found[group.id] = group
        return tuple(found[group_id] for group_id in ids if group_id in found)

    async def _charts(self, groups: Sequence[AlertGroup]) -> tuple[AlertNote, ...]:
        """The replies with the charts of the groups' last episodes, as they were posted."""
        charts: list[AlertNote] = []
        for group in groups:
            is_chart = (outbox.c.key == f"{group.id}/t/chart-{group.episode}") & (outbox.c.kind == ALERT_NOTE.name)
            statement = select(outbox.c.fact).where(is_chart).order_by(outbox.c.id.desc()).limit(1)
            fact = (await self._connection.execute(statement)).scalar_one_or_none()
            note: AlertNote | None = None if fact is None else ALERT_NOTE.load(fact)
            if note is not None and note.chart is not None:
                charts.append(note)
        return tuple(charts)

    async def _operations(self, incident: Incident, since: datetime, until: datetime) -> tuple[OperationRecord, ...]:
        repository = OperationRepository(self._connection)
        found: dict[str, OperationRecord] = {}
        if incident.environment:
            around = await repository.requested_since(since - MAX_OPERATION_AGE, environment=incident.environment)
            found = {operation.id: operation for operation in around if is_around(operation, since, until)}
        for linked in incident.operations:
            if linked.operation_id not in found and (operation := await repository.get(linked.operation_id)) is not None:
                found[operation.id] = operation
        return tuple(sorted(found.values(), key=lambda operation: (operation.requested_at, operation.id)))

    async def _locks(self, incident: Incident, at: datetime) -> tuple[LockRecord, ...]:
        active = await LockRepository(self._connection).active(at)
        return tuple(lock for lock in active if lock.environment == incident.environment)

    async def _acts(self, incident: Incident, since: datetime, until: datetime) -> tuple[AuditEntry, ...]:
        """The acts in the environment, the earliest first, without what the timeline and operations show already."""
        if not incident.environment:
            return ()
        log = AuditLog(self._connection)
        records = await log.search(where=incident.environment, since=since, until=until, limit=MAX_ACTS)
        return tuple(record.entry for record in reversed(records) if _is_act(record.entry, incident.environment))


def _is_act(entry: AuditEntry, environment: str) -> bool:
    """Whether the entry is a change of the environment that neither an operation nor a timeline shows."""
    is_shown = bool(entry.operation) or entry.what.startswith("incident")
    changed_nothing = entry.outcome.startswith(("denied", "refused"))
    return not is_shown and not changed_nothing and entry.where.split("/")[0] == environment
