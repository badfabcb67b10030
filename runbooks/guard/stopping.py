"""Ends a guard because a person says so."""

from datetime import datetime

from domain.audit import new_entry
from domain.errors import Refused
from domain.guard.guard import Guard, stop
from domain.people import Person
from domain.rich_text import sentence
from runbooks.guard.listeners import save_guard
from storage.guard import GuardRepository, guard_timer
from storage.store import Store


async def stop_guard(store: Store, operation: str, by: Person, at: datetime, *, source: str = "") -> Guard:
    """End it, with its audit record. ``source`` is the inbox key of the command. Raises ``Refused`` where it has ended."""
    async with store.write() as tx:
        guard = await tx.of(GuardRepository).get_for_update(operation)
        if guard is None or guard.state.final:
            raise Refused(f"The guard of {operation} has ended. Nothing was changed.")
        stopped = stop(guard, sentence(by, " stopped the guard."))
        await save_guard(tx, stopped, at)
        await tx.timers.remove(guard_timer(operation, at).key)
        await tx.inbox.mark_answered(source, at, operation)
        await tx.audit.append(
            new_entry(
                key=f"{operation}/guard/stopped",
                at=at,
                who=by,
                what="guard-stop",
                environment=guard.environment,
                services=guard.service_names,
                outcome="the guard was stopped",
                operation=operation,
            )
        )
    return stopped
