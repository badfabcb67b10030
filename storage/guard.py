"""Guards of deploys: one row for each guarded deploy, and its card in the thread of the deploy."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.guard.guard import Guard, GuardState
from domain.guard.notes import GuardChart
from storage.outbox_messages import FactKind, OutboxMessage, Urgency, card_key, dump, type_adapter
from storage.tables.guard import guards
from storage.timers import Timer
from storage.upsert import insert

GUARD_CARD = FactKind("guard-card", 1, Guard)
GUARD_CHART = FactKind("guard-chart", 1, GuardChart)
GUARD_TIMER = "guard"
_OPEN = [state.value for state in GuardState if not state.final]
_UNDECIDED = [*_OPEN, GuardState.OFFERED.value]


def guard_timer(operation: str, due_at: datetime) -> Timer:
    """Due when the guard of this deploy has something to do."""
    return Timer(f"{GUARD_TIMER}/{operation}", GUARD_TIMER, operation, due_at)


def guard_card(guard: Guard) -> OutboxMessage:
    """The card in the thread of the deploy, edited in place."""
    return OutboxMessage(
        key=f"{guard.operation}/guard",
        stream=guard.operation,
        parent=card_key(guard.operation),
        channel=guard.channel,
        urgency=Urgency.OPERATION,
        kind=GUARD_CARD,
        fact=guard,
        card=True,
    )


def guard_chart(chart: GuardChart) -> OutboxMessage:
    """The evidence as a picture, in the same thread."""
    return OutboxMessage(
        key=f"{chart.operation}/guard/chart/{chart.objective}",
        stream=chart.operation,
        parent=card_key(chart.operation),
        channel=chart.channel,
        urgency=Urgency.DETAIL,
        kind=GUARD_CHART,
        fact=chart,
        card=False,
    )


class GuardRepository:
    """The rows of guards on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, guard: Guard) -> bool:
        """Add a guard. False if the deploy has one."""
        statement = insert(self._connection, guards).values(operation=guard.operation, **_columns(guard)).on_conflict_do_nothing()
        return (await self._connection.execute(statement)).rowcount == 1

    async def get(self, operation: str) -> Guard | None:
        """The guard of a deploy."""
        return next(iter(await self._select(guards.c.operation == operation)), None)

    async def get_for_update(self, operation: str) -> Guard | None:
        """Read the guard and lock its row until the transaction ends."""
        statement = select(guards.c.record).where(guards.c.operation == operation).with_for_update()
        text = (await self._connection.execute(statement)).scalar_one_or_none()
        return _read(text) if text else None

    async def save(self, guard: Guard) -> None:
        """Write a guard back. The caller has locked its row."""
        await self._connection.execute(update(guards).where(guards.c.operation == guard.operation).values(**_columns(guard)))

    async def undecided_in(self, environment: str) -> tuple[str, ...]:
        """The deploys of an environment that a guard watches or offers to put back.

        By id, so that all writers lock them in one order.
        """
        where = (guards.c.environment == environment) & guards.c.state.in_(_UNDECIDED)
        found = await self._connection.execute(select(guards.c.operation).where(where).order_by(guards.c.operation))
        return tuple(found.scalars())

    async def recent(self, environments: Collection[str], limit: int) -> tuple[Guard, ...]:
        """The guards of these environments, the newest first."""
        return await self._select(guards.c.environment.in_(list(environments)), limit)

    async def prune(self, before: datetime) -> int:
        """Delete those that began before a time and have ended; returns how many."""
        where = (guards.c.began_at < before) & guards.c.state.not_in(_OPEN)
        return (await self._connection.execute(delete(guards).where(where))).rowcount

    async def _select(self, where: ColumnElement[bool], limit: int = 1) -> tuple[Guard, ...]:
        # What is still watched first, however old it is.
        order = (guards.c.state.in_(_OPEN).desc(), guards.c.began_at.desc())
        statement = select(guards.c.record).where(where).order_by(*order).limit(limit)
        return tuple(_read(text) for text in (await self._connection.execute(statement)).scalars())


def _columns(guard: Guard) -> dict[str, object]:
    return {
        "environment": guard.environment,
        "state": guard.state.value,
        "began_at": guard.began_at,
        "record": dump(guard),
    }


def _read(text: str) -> Guard:
    guard: Guard = type_adapter(Guard).validate_json(text)
    return guard
