"""Begins and ends guards in the transactions that write operations."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from domain.catalogue.catalogue import Catalogue
from domain.guard.guard import SOURCE_PREFIX, Guard, begin, end_put_back, is_by_guard, take_over
from domain.operations.operation import OperationRecord
from runbooks.guard.putting_back import unfinished_decision
from storage.guard import GuardRepository, guard_card, guard_timer
from storage.store import Transaction


@dataclass(frozen=True, slots=True)
class GuardListeners:
    """Where the catalogue guards an environment, every verified deploy there is guarded."""

    catalogue: Callable[[], Catalogue]

    async def on_operation_saved(self, tx: Transaction, record: OperationRecord, at: datetime) -> None:
        """Begin the guard of a verified deploy, end those that a person's decision overtakes, tell how putting back ended."""
        await self._begin(tx, record, at)
        guards = tx.of(GuardRepository)
        own = record.source.removeprefix(SOURCE_PREFIX) if is_by_guard(record) and record.state.final else ""
        # In one order, whoever locks them.
        for operation in sorted({*await guards.undecided_in(record.environment), *([own] if own else [])}):
            guard = await guards.get_for_update(operation)
            if guard is None:
                continue
            changed = end_put_back(guard, record) if operation == own else take_over(guard, record)
            if changed is not None:
                await save_guard(tx, changed, at)
                await tx.timers.remove(guard_timer(operation, at).key)

    async def _begin(self, tx: Transaction, record: OperationRecord, at: datetime) -> None:
        environment = self.catalogue().environments.get(record.environment)
        if environment is None or environment.guard is None:
            return
        guard = begin(record, environment.guard, at)
        if guard is None:
            return
        # A person may have asked for something else while this deploy was on its way.
        other = await unfinished_decision(tx, guard)
        guard = (take_over(guard, other) if other is not None else None) or guard
        if await tx.of(GuardRepository).add(guard):
            await tx.put_message(guard_card(guard), at)
            if not guard.state.final:
                await tx.timers.set(guard_timer(guard.operation, guard.next_check(at)), at)


async def save_guard(tx: Transaction, guard: Guard, at: datetime) -> None:
    """Write a guard and its card. The caller has locked its row."""
    await tx.of(GuardRepository).save(guard)
    await tx.put_message(guard_card(guard), at)
