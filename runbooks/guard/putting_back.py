"""Puts back exactly what ran before a guarded deploy; never anything newer, and nothing that somebody changed meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from domain.clock import Clock
from domain.errors import Drifted, Refused
from domain.guard.guard import SOURCE_PREFIX, Guard
from domain.guard.verdict import explain
from domain.operations.locks import describe_lock
from domain.operations.operation import OperationRecord
from domain.operations.plans import Plan, Verb
from domain.people import BOT, Member
from domain.rich_text import plain_text, sentence
from domain.text import join_and
from runbooks.operations.planner import Planner
from storage.store import Store

MAX_REASON_LENGTH = 300


class OperationStarter(Protocol):
    """Starts an operation, once for each source."""

    async def start(
        self, plan: Plan, *, source: str, by: Member, channel: str, reason: str, approved: bool
    ) -> OperationRecord: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """Plans the way back and, where the environment's policy says so, starts it."""

    store: Store
    clock: Clock
    planner: Planner
    operations: Callable[[], OperationStarter]

    async def plan(self, guard: Guard) -> Plan:
        """The exact way back from the state of now. Raises ``Drifted`` where something else was changed since the deploy."""
        return await plan_put_back(self.planner, self.store, guard)

    async def start(self, guard: Guard) -> OperationRecord:
        """Start it as the bot, once however often it is called.

        Raises ``Refused`` where a person has locked the environment, or has changed something since.
        """
        async with self.store.read() as tx:
            if (started := await tx.operations.get_by_source(_source(guard))) is not None:
                return started
            lock = await tx.locks.change_lock(guard.environment, self.clock.now())
        if lock is not None:
            raise Refused(sentence(describe_lock(lock), " So nothing was put back."))
        return await self.operations().start(
            await self.plan(guard),
            source=_source(guard),
            by=Member(person=BOT, name="deepecho"),
            channel=guard.channel,
            reason=put_back_reason(guard),
            approved=True,
        )


async def plan_put_back(planner: Planner, store: Store, guard: Guard) -> Plan:
    """The exact way back: the templates that the deploy replaced. Raises ``Drifted`` or ``NotFound``."""
    async with store.read() as tx:
        deploy = await tx.operations.get(guard.operation)
    if deploy is None:
        raise Drifted(f"The deploy {guard.operation} is no longer stored, so its way back is not known.")
    guarded = {each.service: each for each in guard.services}
    changes = tuple(
        replace(change, before=change.after, after=change.before)
        for change in deploy.plan.changes
        if change.target.service in guarded
    )
    arguments = {f"template of {each.service}": each.previous_template for each in guard.services}
    plan = await planner.replan(Plan(verb=Verb.ROLLBACK, environment=guard.environment, changes=changes, arguments=arguments))
    changed = [
        change.target.service
        for change in plan.changes
        if change.before.template_hash != guarded[change.target.service].deployed_template
    ]
    if changed:
        raise Drifted(f"{join_and(changed)} {'was' if len(changed) == 1 else 'were'} changed since the deploy.")
    return plan


def put_back_reason(guard: Guard) -> str:
    """``deploy op-k7m2 did worse: errors 6.1 % (…)``."""
    text = plain_text(explain(guard.findings)).partition(": ")[2]
    return f"deploy {guard.operation} did worse: {text}"[:MAX_REASON_LENGTH]


def _source(guard: Guard) -> str:
    return f"{SOURCE_PREFIX}{guard.operation}"
