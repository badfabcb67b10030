"""Reads what statistics of incidents count: few columns of many rows, without their records."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, distinct, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.incidents.statistics import MAX_INCIDENTS, IncidentFigures
from domain.paging.messages import MessageState
from domain.paging.ways import PageAction
from domain.severities import Severity
from storage.tables.incidents import incidents
from storage.tables.paging import page_messages, pages


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsScope:
    """Whose incidents count: those of these environments and of none, and security incidents where the person may see them."""

    environments: Collection[str]
    security_environments: Collection[str]


class IncidentStatisticsReader:
    """Reads on one connection. Use it as ``tx.of(IncidentStatisticsReader)``."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def figures(self, scope: StatisticsScope, since: datetime) -> tuple[IncidentFigures, ...]:
        """The incidents since then, the newest first: at most one more than are counted."""
        columns = [incidents.c[name] for name in IncidentFigures.__slots__]
        where = _counts(scope) & (incidents.c.declared_at >= since)
        order = (incidents.c.declared_at.desc(), incidents.c.id)
        statement = select(*columns).where(where).order_by(*order).limit(MAX_INCIDENTS + 1)
        return tuple(_figures(row) for row in (await self._connection.execute(statement)).mappings())

    async def pages_by_person(self, scope: StatisticsScope, since: datetime) -> Mapping[str, int]:
        """How many pages of these incidents have reached each person, by the name in the catalogue, tests left out."""
        has_arrived = page_messages.c.state.in_([state.value for state in MessageState if state.has_arrived])
        where = has_arrived & (page_messages.c.action == PageAction.TRIGGER.value) & ~pages.c.is_test
        joined = page_messages.join(pages, pages.c.id == page_messages.c.page_id).join(
            incidents, incidents.c.id == pages.c.subject
        )
        statement = (
            select(page_messages.c.person, func.count(distinct(page_messages.c.page_id)).label("pages"))
            .select_from(joined)
            .where(where & _counts(scope) & (incidents.c.declared_at >= since) & (page_messages.c.person != ""))
            .group_by(page_messages.c.person)
        )
        return {row.person: row.pages for row in await self._connection.execute(statement)}


def _counts(scope: StatisticsScope) -> ColumnElement[bool]:
    is_visible = incidents.c.environment.in_(["", *scope.environments])
    security = [*scope.security_environments, ""] if scope.security_environments else []
    may_see = or_(incidents.c.security == false(), incidents.c.environment.in_(security))
    return incidents.c.is_counted & is_visible & may_see


def _figures(row: Any) -> IncidentFigures:
    values = dict(row)
    services = tuple(filter(None, values["services"].split("\n")))
    return IncidentFigures(**values | {"severity": Severity(values["severity"]), "services": services})
