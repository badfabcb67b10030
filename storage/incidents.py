"""Incidents, their timelines, and the alert groups and operations that belong to them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, literal, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import id_candidates
from domain.incidents.clocks import SEVERE, next_due
from domain.incidents.incident import ClockKind, Incident, IncidentState
from domain.incidents.timeline import TimelineEntry
from storage.alerts import find_known_ids
from storage.outbox_messages import dump, type_adapter
from storage.pruning import prunable_ids
from storage.tables.core import timers
from storage.tables.incidents import incident_entries, incident_subjects, incidents, postmortems
from storage.upsert import insert

PRUNE_BATCH_INCIDENTS = 5
"""Maximum incidents that one call of ``prune`` deletes: a timeline may have hundreds of entries."""

MAX_TAKEN = 50
"""Severe incidents that are looked at for who has them."""

OVERDUE = timedelta(minutes=5)
"""An incident that is due for longer than this is not worked on by anybody."""

CLOCK_TIMER = "incident-clock"
"""The kind of the timer of an incident's clocks; its key ends with the incident's id."""

_DECLARE_LOCK_KEY = 0x0DEE_91C1
"""Key of PostgreSQL's advisory lock for declarations. SQLite has one writer anyway."""


class IncidentRepository:
    """The rows of incidents on one connection. Use it as ``tx.of(IncidentRepository)``."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock_declarations(self) -> None:
        """Let nobody else declare an incident until the transaction ends, so that two declarations of one matter meet."""
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(text(f"SELECT pg_advisory_xact_lock({_DECLARE_LOCK_KEY})"))

    async def new_id(self, seed: str) -> str:
        """An unused id that derives from the seed."""
        candidates = id_candidates("inc", seed)
        used = await find_known_ids(self._connection, incidents.c.id, candidates)
        return next(candidate for candidate in candidates if candidate not in used)

    async def add(self, incident: Incident, *, source: str | None = None) -> bool:
        """Insert an incident. False if another one with the same ongoing cause, or from the same ``source``, exists."""
        values = {"id": incident.id, "source": source, **_columns(incident)}
        statement = insert(self._connection, incidents).values(**values).on_conflict_do_nothing()
        return (await self._connection.execute(statement)).rowcount == 1

    async def save(self, incident: Incident) -> None:
        """Write a record back. The caller has locked its row."""
        await self._connection.execute(update(incidents).where(incidents.c.id == incident.id).values(**_columns(incident)))

    async def get(self, incident_id: str) -> Incident | None:
        """The incident; None if there is none."""
        return await self._one(incidents.c.id == incident_id)

    async def get_for_update(self, incident_id: str) -> Incident | None:
        """The incident with its row locked until the transaction ends; None if there is none."""
        return await self._one(incidents.c.id == incident_id, lock=True)

    async def by_source(self, source: str) -> Incident | None:
        """The incident that the inbox message with this key declared, or None."""
        return await self._one(incidents.c.source == source)

    async def by_cause(self, cause: str) -> Incident | None:
        """The incident with this ongoing cause, with its row locked; None without one."""
        return await self._one(incidents.c.open_cause == cause, lock=True)

    async def other_of_cause(self, incident: Incident) -> str:
        """The id of another incident that has the ongoing cause of this one; empty without one."""
        where = (incidents.c.open_cause == incident.cause) & (incidents.c.id != incident.id)
        other = (await self._connection.execute(select(incidents.c.id).where(where))).scalar_one_or_none()
        return other or "" if incident.cause else ""

    async def merged_of_cause(self, cause: str) -> Incident | None:
        """The newest incident with this cause, if a person has merged it into another one; else None."""
        newest = await self._one(incidents.c.cause == cause)
        return newest if newest is not None and newest.merged_into else None

    async def by_channel(self, channel_id: str) -> Incident | None:
        """The newest incident with this channel, or None."""
        return await self._one(incidents.c.channel_id == channel_id) if channel_id else None

    async def of_subjects(self, subjects: Iterable[str]) -> Mapping[str, str]:
        """The ids of the incidents that these alert groups and operations belong to."""
        found: dict[str, str] = {}
        wanted = list(dict.fromkeys(subjects))
        for start in range(0, len(wanted), 500):
            chunk = wanted[start : start + 500]
            statement = select(incident_subjects.c.subject, incident_subjects.c.incident_id)
            rows = await self._connection.execute(statement.where(incident_subjects.c.subject.in_(chunk)))
            found.update((subject, incident_id) for subject, incident_id in rows)
        return found

    async def link(self, incident_ids: Mapping[str, str]) -> None:
        """Let these alert groups and operations belong to these incidents from now on."""
        if incident_ids:
            statement = insert(self._connection, incident_subjects)
            updated = {"incident_id": statement.excluded["incident_id"]}
            rows = [{"subject": subject, "incident_id": incident_id} for subject, incident_id in incident_ids.items()]
            await self._connection.execute(statement.on_conflict_do_update(index_elements=["subject"], set_=updated), rows)

    async def move_subjects(self, from_id: str, to_id: str) -> None:
        """Let everything that belongs to one incident belong to another."""
        where = incident_subjects.c.incident_id == from_id
        await self._connection.execute(update(incident_subjects).where(where).values(incident_id=to_id))

    async def unlink(self, subject: str) -> None:
        """Let an alert group or operation belong to no incident."""
        await self._connection.execute(delete(incident_subjects).where(incident_subjects.c.subject == subject))

    async def open_ones(self) -> tuple[Incident, ...]:
        """Every incident that is not closed, the newest first."""
        statement = select(incidents.c.record).where(incidents.c.is_open).order_by(incidents.c.declared_at.desc())
        return tuple(_read(record) for record in (await self._connection.execute(statement)).scalars())

    async def severe_and_taken(self) -> tuple[Incident, ...]:
        """P0 and P1 incidents that somebody has taken on and that go on, the newest first; at most ``MAX_TAKEN``."""
        goes_on = incidents.c.state.in_([IncidentState.ACKNOWLEDGED.value, IncidentState.MITIGATED.value])
        is_severe = incidents.c.severity.in_([each.value for each in SEVERE])
        statement = select(incidents.c.record).where(incidents.c.is_open & goes_on & is_severe)
        records = await self._connection.execute(statement.order_by(incidents.c.declared_at.desc()).limit(MAX_TAKEN))
        return tuple(_read(record) for record in records.scalars())

    async def of_environment(self, environment: str, also: str = "") -> tuple[Incident, ...]:
        """The incidents of an environment that are not closed, and the one with the id ``also``, by id."""
        where = incidents.c.is_open & ((incidents.c.environment == environment) | (incidents.c.id == also))
        records = await self._connection.execute(select(incidents.c.record).where(where).order_by(incidents.c.id))
        return tuple(_read(record) for record in records.scalars())

    async def maybe_of(self, environment: str) -> tuple[Incident, ...]:
        """The incidents that are not closed and are of an environment, or name none, by id."""
        where = incidents.c.is_open & incidents.c.environment.in_(["", environment])
        records = await self._connection.execute(select(incidents.c.record).where(where).order_by(incidents.c.id))
        return tuple(_read(record) for record in records.scalars())

    async def latest(self, limit: int, *, since: datetime | None = None, environment: str = "") -> tuple[Incident, ...]:
        """The newest incidents, open ones first; where an environment is named, those of it, and those that name none."""
        statement = select(incidents.c.record)
        if environment:
            statement = statement.where(incidents.c.environment.in_(["", environment]))
        if since is not None:
            statement = statement.where(incidents.c.declared_at >= since)
        order = (incidents.c.is_open.desc(), incidents.c.declared_at.desc())
        return tuple(_read(each) for each in (await self._connection.execute(statement.order_by(*order).limit(limit))).scalars())

    async def ids_forgotten(self, at: datetime) -> tuple[str, ...]:
        """Open incidents that no timer will come back to: without a next due time, long overdue, or without a timer's row.

        A resolved one whose watch is over waits for a person, and that of a rehearsal for the rehearsal's end.
        """
        has_timer = exists().where(timers.c.key == literal(f"{CLOCK_TIMER}/") + incidents.c.id)
        is_forgotten = or_(incidents.c.next_due_at.is_(None), incidents.c.next_due_at < at - OVERDUE, ~has_timer)
        waits_for_person = (incidents.c.state == "resolved") & incidents.c.next_due_at.is_(None)
        where = incidents.c.is_open & incidents.c.is_counted & ~waits_for_person & is_forgotten
        return tuple((await self._connection.execute(select(incidents.c.id).where(where).limit(100))).scalars())

    async def add_entries(self, entries: Sequence[TimelineEntry]) -> None:
        """Add entries to the timeline. One whose number exists already is left as it is."""
        if entries:
            rows = [_entry_columns(entry) for entry in entries]
            await self._connection.execute(insert(self._connection, incident_entries).on_conflict_do_nothing(), rows)

    async def save_entry(self, entry: TimelineEntry) -> None:
        """Write an entry back: its message was edited or deleted, or a person dropped it."""
        where = (incident_entries.c.incident_id == entry.incident_id) & (incident_entries.c.number == entry.number)
        await self._connection.execute(update(incident_entries).where(where).values(**_entry_columns(entry)))

    async def entries(self, incident_id: str) -> tuple[TimelineEntry, ...]:
        """The timeline by time, also what was dropped."""
        where = incident_entries.c.incident_id == incident_id
        statement = select(incident_entries.c.entry).where(where).order_by(incident_entries.c.at, incident_entries.c.number)
        return tuple(map(_read_entry, (await self._connection.execute(statement)).scalars()))

    async def entry(self, incident_id: str, number: int) -> TimelineEntry | None:
        """The entry with this number; None if there is none."""
        where = (incident_entries.c.incident_id == incident_id) & (incident_entries.c.number == number)
        entry = (await self._connection.execute(select(incident_entries.c.entry).where(where))).scalar_one_or_none()
        return None if entry is None else _read_entry(entry)

    async def entries_about(self, incident_id: str, ref: str) -> tuple[TimelineEntry, ...]:
        """The entries about one message, alert group or operation, in their order."""
        where = (incident_entries.c.incident_id == incident_id) & (incident_entries.c.ref == ref)
        statement = select(incident_entries.c.entry).where(where).order_by(incident_entries.c.number)
        return tuple(map(_read_entry, (await self._connection.execute(statement)).scalars()))

    async def stored_ids(self, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that are stored incidents."""
        return frozenset((await self._connection.execute(select(incidents.c.id).where(incidents.c.id.in_(ids)))).scalars())

    async def prune(self, before: datetime) -> int:
        """Delete a batch of incidents that were closed before this time, with their timelines; returns how many."""
        expired = await prunable_ids(self._connection, incidents.c.id, incidents.c.closed_at < before, PRUNE_BATCH_INCIDENTS)
        for table in (incident_entries, incident_subjects, postmortems):
            await self._connection.execute(delete(table).where(table.c.incident_id.in_(expired)))
        await self._connection.execute(delete(incidents).where(incidents.c.id.in_(expired)))
        return len(expired)

    async def _one(self, where: Any, *, lock: bool = False) -> Incident | None:
        statement = select(incidents.c.record).where(where).order_by(incidents.c.declared_at.desc()).limit(1)
        record = (await self._connection.execute(statement.with_for_update() if lock else statement)).scalar_one_or_none()
        return None if record is None else _read(record)


def _read(record: str) -> Incident:
    incident: Incident = type_adapter(Incident).validate_json(record)
    return incident


def _read_entry(entry: str) -> TimelineEntry:
    read: TimelineEntry = type_adapter(TimelineEntry).validate_json(entry)
    return read


def _entry_columns(entry: TimelineEntry) -> dict[str, Any]:
    return {"incident_id": entry.incident_id, "number": entry.number, "ref": entry.ref, "at": entry.at, "entry": dump(entry)}


def _columns(incident: Incident) -> dict[str, Any]:
    # While it is watched, a cause still has its incident: what fires again reopens it.
    is_ongoing = incident.state.is_ongoing or incident.clock(ClockKind.WATCH) is not None
    return {
        "open_cause": incident.cause[:400] if incident.cause and is_ongoing else None,
        "state": incident.state.value,
        "is_open": incident.is_open,
        "severity": incident.severity.value,
        "environment": incident.environment,
        "channel_id": incident.channel.id,
        "security": incident.security,
        "declared_at": incident.declared.at,
        "closed_at": incident.closed.at if incident.closed else None,
        "next_due_at": next_due(incident),
        "acknowledged_at": incident.acknowledged.at if incident.acknowledged else None,
        "mitigated_at": incident.mitigated.at if incident.mitigated else None,
        "resolved_at": incident.resolved.at if incident.resolved else None,
        "cause": incident.cause[:400],
        "services": "\n".join(incident.services),
        "reopened": incident.reopened,
        "is_counted": not incident.is_test and not incident.merged_into,
        "record": dump(incident),
    }
