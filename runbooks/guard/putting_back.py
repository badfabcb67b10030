"""Puts back exactly what ran before a guarded deploy; never anything newer, and nothing that somebody changed meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.guard import OnWorse
from domain.errors import Drifted, Refused
from domain.guard.guard import SOURCE_PREFIX, Guard, GuardState, take_over
from domain.guard.verdict import Verdict, reason
from domain.operations.locks import describe_lock
from domain.operations.operation import OperationRecord
from domain.operations.plans import Plan, Verb
from domain.operations.rights import catalogue_problem
from domain.people import BOT, Member
from domain.rich_text import Code, plain_text, sentence
from domain.text import join_and
from runbooks.operations.planner import Planner
from runbooks.operations.service import Precondition
from storage.guard import GuardRepository
from storage.store import Store, Transaction

MAX_REASON_LENGTH = 300
MAX_UNFINISHED = 200


class OperationStarter(Protocol):
    """Starts an operation, once for each source."""

    async def start(
        self,
        plan: Plan,
        *,
        source: str,
        by: Member,
        channel: str,
        reason: str,
        approved: bool,
        precondition: Precondition,
    ) -> OperationRecord: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """Plans the way back and, where the environment's policy says so, starts it."""

    store: Store
    catalogue: Callable[[], Catalogue]
    planner: Planner
    operations: Callable[[], OperationStarter]

    async def start(self, guard: Guard) -> OperationRecord:
        """Start it as the bot, once however often it is called.

        Raises ``Refused`` where a person has decided or locked something, has changed something since, or the catalogue leaves it
        to people by now.
        """
        async with self.store.read() as tx:
            if (started := await tx.operations.get_by_source(_source(guard))) is not None:
                return started
        plan = await plan_put_back(self.planner, self.store, self.catalogue(), guard)

        async def still_wanted(tx: Transaction, at: datetime) -> None:
            await self._require_wanted(tx, guard, at)

        return await self.operations().start(
            plan,
            source=_source(guard),
            by=Member(person=BOT, name="deepecho"),
            channel=guard.channel,
            reason=put_back_reason(guard),
            approved=True,
            precondition=still_wanted,
        )

    async def _require_wanted(self, tx: Transaction, guard: Guard, at: datetime) -> None:
        """Look again in the transaction that starts it: planning takes time, in which people decide."""
        environment = self.catalogue().environments.get(guard.environment)
        if environment is None or environment.guard is None or environment.guard.on_worse is not OnWorse.PUT_BACK:
            raise Refused(f"The catalogue leaves it to people in {guard.environment} by now.")
        current = await tx.of(GuardRepository).get_for_update(guard.operation)
        if current is None or current.state is not GuardState.PUTTING_BACK:
            raise Refused("Somebody has decided meanwhile.")
        if not current.blames_service:
            raise Refused("What is worse is measured for the whole environment, and may be the work of another service.")
        if (lock := await tx.locks.change_lock(guard.environment, at)) is not None:
            raise Refused(sentence(describe_lock(lock), " So nothing was put back."))
        if (other := await unfinished_decision(tx, current)) is not None:
            raise Refused(sentence(Code(other.id), " is under way, so nothing was put back."))


async def unfinished_decision(tx: Transaction, guard: Guard) -> OperationRecord | None:
    """A deploy or rollback of a guarded service that a person asked for and that has not ended; None without one."""
    unfinished = await tx.operations.recent(environment=guard.environment, unfinished=True, limit=MAX_UNFINISHED)
    return next((record for record in unfinished if take_over(guard, record) is not None), None)


async def plan_put_back(planner: Planner, store: Store, catalogue: Catalogue, guard: Guard) -> Plan:
    """The exact way back: the templates that the deploy replaced.

    Raises ``Drifted`` where something else was changed since, in the cluster or in the catalogue, and ``NotFound``.
    """
    async with store.read() as tx:
        deploy = await tx.operations.get(guard.operation)
    if deploy is None:
        raise Drifted(f"The deploy {guard.operation} is no longer stored, so its way back is not known.")
    if problem := catalogue_problem(deploy, catalogue):
        raise Drifted(problem)
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
    """``deploy op-k7m2 did worse: errors 6.1 % (…)``; of a deploy that is not worse only which one it was."""
    if guard.verdict is not Verdict.WORSE:
        return f"deploy {guard.operation}"
    return f"deploy {guard.operation} did worse: {plain_text(reason(guard.findings))}"[:MAX_REASON_LENGTH]


def _source(guard: Guard) -> str:
    return f"{SOURCE_PREFIX}{guard.operation}"
