"""Housekeeping with every family's rules, and rows for it to find."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Table, func, select

from bot.components.families import FAMILIES
from domain.clock import Clock
from domain.inbound import InboundKind
from domain.operations.operation import OperationRecord, State
from domain.operations.transitions import open_operation
from runbooks.housekeeping import Housekeeping, Retention
from storage.outbox import RateLimits
from storage.store import Store
from storage.tables.core import inbox
from tests.harness.fakes.clock import StoppedClock
from tests.harness.samples.operations import NOW, record

DAY = timedelta(days=1)
NO_RATE_LIMITS = RateLimits(post_interval=timedelta(), edit_interval=timedelta(), low_priority_interval=timedelta())


def housekeeping(store: Store, clock: Clock | None = None, retention: Retention | None = None) -> Housekeeping:
    """As the bot makes it, without what belongs to the engine."""
    return Housekeeping(
        store=store,
        clock=clock or StoppedClock(),
        retention=retention or Retention(),
        prunes=[prune for family in FAMILIES for prune in family.prunes],
        subjects=[find for family in FAMILIES for find in family.subjects],
    )


def ended_operation(name: str, ended_at: datetime, state: State = State.SUCCEEDED) -> OperationRecord:
    """An operation that was requested two years ago."""
    requested = record(id=f"op-{name}", source=f"inbox-{name}", requested_at=NOW - 730 * DAY)
    return replace(requested, state=state, ended_at=ended_at if state.final else None)


async def add_operations(store: Store, *operations: OperationRecord) -> None:
    """With card, thread and audit entry, as the bot writes them."""
    for each in operations:
        async with store.write() as tx:
            await tx.apply(open_operation(each), each.requested_at, new=True)


async def send_all(store: Store, at: datetime) -> None:
    """Deliver whatever waits in the outbox."""
    while True:
        async with store.write() as tx:
            row = await tx.outbox.claim("r", at, NO_RATE_LIMITS)
            if row is None:
                return
            await tx.outbox.mark_delivered(row, row.channel, row.ts or f"{row.id}.0", at)


async def add_answered(store: Store, count: int, answered_at: datetime, *, prefix: str = "k", body: str = "") -> None:
    """Inbound messages that were answered then."""
    rows = [
        {
            "key": f"{prefix}-{number}",
            "kind": InboundKind.ALERT.value,
            "body": body,
            "received_at": answered_at,
            "answered_at": answered_at,
        }
        for number in range(count)
    ]
    async with store.engines.write.begin() as connection:
        await connection.execute(inbox.insert(), rows)


async def count_rows(store: Store, *tables: Table) -> tuple[int, ...]:
    """How many rows each table has."""
    async with store.engines.read.connect() as connection:
        return tuple([(await connection.execute(select(func.count()).select_from(each))).scalar_one() for each in tables])


async def column(store: Store, table: Table, name: str) -> set[str]:
    """The values of one column."""
    async with store.engines.read.connect() as connection:
        return set((await connection.execute(select(table.c[name]))).scalars())
