"""On-call: overrides, requests to be relieved, what was told of each team, and what was written to or read from elsewhere."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.catalogue.catalogue import Catalogue
from domain.oncall.cover_requests import CoverRequest
from domain.oncall.groups import GroupState
from domain.oncall.overrides import Override
from domain.oncall.remote import RemoteSchedule
from domain.oncall.review import TeamState
from domain.oncall.schedule import Roster
from storage.outbox_messages import dump, type_adapter
from storage.pruning import delete_batch, is_unneeded
from storage.tables.oncall import oncall_overrides, oncall_requests, oncall_states
from storage.upsert import insert

LOOK_BACK = timedelta(days=30)
"""How long after its end an override still counts: calendars show the past for as long."""

StateT = TypeVar("StateT", TeamState, GroupState, RemoteSchedule)


class _Kind(StrEnum):
    TEAM = "team"
    GROUP = "group"
    SCHEDULE = "schedule"


class OncallRepository:
    """The rows of on-call on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def roster(self, catalogue: Catalogue, team: str, at: datetime) -> Roster:
        """Everything that decides who is on call for a team, from ``LOOK_BACK`` before ``at`` on.

        Raises ``KeyError`` for a team that the catalogue does not have.
        """
        config = catalogue.oncall[team]
        return Roster(
            team=team,
            config=config,
            people=frozenset(catalogue.people),
            overrides=await self.overrides(team, at - LOOK_BACK),
            remote=await self.schedule(team) if config.pagerduty else None,
        )

    async def overrides(self, team: str, since: datetime) -> tuple[Override, ...]:
        """The overrides of a team that end after a time and were not taken back."""
        where = (oncall_overrides.c.team == team) & (oncall_overrides.c.ends > since) & ~oncall_overrides.c.withdrawn
        rows = await self._connection.execute(select(oncall_overrides.c.record).where(where).order_by(oncall_overrides.c.id))
        return tuple(_read(Override, text) for text in rows.scalars())

    async def overrides_named(self, name: str) -> tuple[Override, ...]:
        """The override with this id, or those of the request with this id, unless they were taken back."""
        ids = (name, f"{name}-1", f"{name}-2")
        where = oncall_overrides.c.id.in_(ids) & ~oncall_overrides.c.withdrawn
        rows = await self._connection.execute(select(oncall_overrides.c.record).where(where).order_by(oncall_overrides.c.id))
        return tuple(_read(Override, text) for text in rows.scalars())

    async def known_ids(self, ids: Iterable[str]) -> frozenset[str]:
        """Those of the ids that an override or a request has."""
        wanted = tuple(ids)
        found: set[str] = set()
        for table in (oncall_overrides, oncall_requests):
            found |= set((await self._connection.execute(select(table.c.id).where(table.c.id.in_(wanted)))).scalars())
        return frozenset(found)

    async def add_override(self, override: Override) -> None:
        """Insert an override."""
        await self._connection.execute(
            oncall_overrides.insert().values(
                id=override.id, team=override.team, ends=override.ends, withdrawn=False, record=dump(override)
            )
        )

    async def withdraw_override(self, override: Override, at: datetime) -> None:
        """Take an override back. What of it has passed stays true: it ends now."""
        ended = replace(override, ends=at) if override.starts < at else override
        await self._connection.execute(
            update(oncall_overrides)
            .where(oncall_overrides.c.id == override.id)
            .values(ends=ended.ends, withdrawn=ended.starts >= at, record=dump(ended))
        )

    async def request(self, request_id: str) -> CoverRequest | None:
        """A request, locked until the transaction ends; None without it."""
        statement = select(oncall_requests.c.record).where(oncall_requests.c.id == request_id).with_for_update()
        text = (await self._connection.execute(statement)).scalar_one_or_none()
        return None if text is None else _read(CoverRequest, text)

    async def save_request(self, request: CoverRequest) -> None:
        """Insert or update a request."""
        values = {
            "id": request.id,
            "team": request.team,
            "state": request.state.value,
            "expires_at": request.expires_at,
            "record": dump(request),
        }
        statement = insert(self._connection, oncall_requests).values(**values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))

    async def lock_team(self, team: str) -> TeamState:
        """What was told of a team. Whoever changes or tells something of it holds this lock, so that nothing is told twice."""
        values = {"kind": _Kind.TEAM, "name": team, "record": dump(TeamState(team=team))}
        # The row has to exist: a lock on nothing lets two replicas tell a new team's gaps.
        await self._connection.execute(insert(self._connection, oncall_states).values(**values).on_conflict_do_nothing())
        statement = select(oncall_states.c.record).where(_is(_Kind.TEAM, team)).with_for_update()
        return _read(TeamState, (await self._connection.execute(statement)).scalar_one())

    async def save_team(self, state: TeamState) -> None:
        """Store what was told of a team."""
        await self._save(_Kind.TEAM, state.team, state)

    async def group(self, group_id: str) -> GroupState:
        """What was written to a user group."""
        return await self._get(_Kind.GROUP, group_id, GroupState) or GroupState(id=group_id)

    async def save_group(self, state: GroupState) -> None:
        """Store what was written to a user group."""
        await self._save(_Kind.GROUP, state.id, state)

    async def schedule(self, team: str) -> RemoteSchedule | None:
        """What PagerDuty said last of a team's schedules; None before it was read."""
        return await self._get(_Kind.SCHEDULE, team, RemoteSchedule)

    async def save_schedule(self, team: str, schedule: RemoteSchedule) -> None:
        """Store what PagerDuty said."""
        await self._save(_Kind.SCHEDULE, team, schedule)

    async def prune_overrides(self, before: datetime) -> int:
        """Delete a batch of overrides that ended before a time; returns how many."""
        is_over = oncall_overrides.c.ends < before
        return await delete_batch(self._connection, oncall_overrides, oncall_overrides.c.id, is_over)

    async def prune_requests(self, before: datetime) -> int:
        """Delete a batch of requests whose time was over before another; returns how many."""
        is_over = (oncall_requests.c.expires_at < before) & is_unneeded(oncall_requests.c.id)
        return await delete_batch(self._connection, oncall_requests, oncall_requests.c.id, is_over)

    async def _get(self, kind: _Kind, name: str, state_type: type[StateT]) -> StateT | None:
        text = (await self._connection.execute(select(oncall_states.c.record).where(_is(kind, name)))).scalar_one_or_none()
        return None if text is None else _read(state_type, text)

    async def _save(self, kind: _Kind, name: str, state: object) -> None:
        values = {"kind": kind, "name": name, "record": dump(state)}
        statement = insert(self._connection, oncall_states).values(**values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["kind", "name"], set_=values))


RecordT = TypeVar("RecordT")


def _read(record_type: type[RecordT], text: str) -> RecordT:
    record: RecordT = type_adapter(record_type).validate_json(text)
    return record


def _is(kind: _Kind, name: str) -> ColumnElement[bool]:
    return (oncall_states.c.kind == kind) & (oncall_states.c.name == name)
