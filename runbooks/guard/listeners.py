"""Begins and ends guards in the transactions that write operations."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from domain.catalogue.catalogue import Catalogue
from domain.guard.guard import SOURCE_PREFIX, Guard, begin, is_by_guard, take_over
from domain.operations.operation import OperationRecord
from domain.rich_text import Code, sentence
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
        for operation in await guards.open_in(record.environment):
            guard = await guards.get_for_update(operation)
            if guard is not None and (taken := take_over(guard, record)) is not None:
                await save_guard(tx, taken, at)
                await tx.timers.remove(guard_timer(operation, at).key)
        if is_by_guard(record) and record.state.final:
            await self._tell_end(tx, record, at)

    async def _begin(self, tx: Transaction, record: OperationRecord, at: datetime) -> None:
        environment = self.catalogue().environments.get(record.environment)
        if environment is None or environment.guard is None:
            return
        guard = begin(record, environment.guard, at)
        if guard is not None and await tx.of(GuardRepository).add(guard):
            await tx.put_message(guard_card(guard), at)
            await tx.timers.set(guard_timer(guard.operation, guard.next_check(at)), at)

    async def _tell_end(self, tx: Transaction, record: OperationRecord, at: datetime) -> None:
        guard = await tx.of(GuardRepository).get_for_update(record.source.removeprefix(SOURCE_PREFIX))
        if guard is not None:
            outcome = sentence("The guard put it back: ", Code(record.id), ". ", record.outcome)
            await save_guard(tx, replace(guard, rollback=record.id, outcome=outcome), at)


async def save_guard(tx: Transaction, guard: Guard, at: datetime) -> None:
    """Write a guard and its card. The caller has locked its row."""
    await tx.of(GuardRepository).save(guard)
    await tx.put_message(guard_card(guard), at)
