"""The leases of temporary scales: each is written, ended or abandoned in the transaction that makes it so."""

from dataclasses import replace
from datetime import datetime

from domain.catalogue.catalogue import Catalogue
from domain.errors import Refused
from domain.leases.lease import Lease, LeaseKind
from domain.leases.scales import (
    ENDS,
    REVERT_SCALE,
    end_refusal,
    goes_back_further,
    has_set_replicas,
    is_covered,
    is_on_top,
    revert_timer_key,
    scale_lease,
)
from domain.operations.operation import OperationRecord
from domain.operations.plans import Plan, Verb
from domain.operations.rights import catalogue_problem
from domain.operations.transitions import note
from domain.refusals import NOTHING_CHANGED
from domain.rich_text import CommandMention, Text, sentence
from runbooks.operations.planner import Planner
from storage.leases import LeaseRepository
from storage.outbox_messages import operation_note
from storage.store import Store, Transaction


async def on_operation_saved(tx: Transaction, record: OperationRecord, at: datetime) -> None:
    """What the end of a scale means for leases: its own, the one that it puts back, those whose number it replaces."""
    if record.verb is not Verb.SCALE or not record.state.final or record.ended_at != at:
        return
    if record.source.startswith(f"{REVERT_SCALE}/"):
        await _end_reverted(tx, record)
    elif record.duration is not None:
        await _put(tx, record)
    elif has_set_replicas(record):
        await _end_replaced(tx, record, at)


async def plan_early_end(store: Store, planner: Planner, catalogue: Catalogue, operation: str, at: datetime) -> Plan:
    """Plan to put a temporary scale back now. Raises ``Refused`` where it has ended, or something else was set since."""
    async with store.read() as tx:
        record = await tx.operations.get(operation)
        found = await tx.of(LeaseRepository).of_kind(LeaseKind.SCALE, record.environment) if record else ()
    lease = next((each for each in found if each.key == operation), None)
    if record is None or lease is None or lease.scaled is None:
        hint = sentence(" ", CommandMention("leases"), " lists what has.")
        raise Refused(sentence(f"{operation} has set no number of pods that is still to be put back.", hint))
    if problem := catalogue_problem(record, catalogue):
        raise Refused(f"{problem} {NOTHING_CHANGED}")
    plan = await planner.scale(record.environment, lease.scaled.target.service, lease.scaled.previous_replicas)
    standing = [each for each in found if not each.abandoned]
    if (refusal := end_refusal(lease, standing, plan.changes[0], at)) is not None:
        raise refusal
    return replace(plan, arguments={**plan.arguments, ENDS: operation})


async def standing_scales(tx: Transaction, record: OperationRecord) -> tuple[Lease, ...]:
    """The temporary scales of the operation's workload that the bot is to put back."""
    (change,) = record.plan.changes
    found = await tx.of(LeaseRepository).of_kind(LeaseKind.SCALE, record.environment)
    same = (each for each in found if each.scaled and each.scaled.target.service == change.target.service)
    return tuple(each for each in same if not each.abandoned)


async def end_lease(tx: Transaction, record: OperationRecord) -> None:
    """End the lease of a temporary scale, if it stands."""
    await tx.of(LeaseRepository).end(LeaseKind.SCALE, record.environment, record.id)


async def abandon_lease(tx: Transaction, environment: str, operation: str, why: Text) -> None:
    """Record that the bot does not put a scale back: it is shown until its number is no longer set."""
    leases = tx.of(LeaseRepository)
    found = await leases.get(LeaseKind.SCALE, environment, operation)
    if found is not None:
        await leases.put(replace(found, abandoned=why))


async def hand_over(tx: Transaction, record: OperationRecord, replicas: int, at: datetime) -> bool:
    """End a temporary scale on which another was put that lasts longer: that one goes back to the number from before both.

    False without such a one, and where the workload has neither its number nor that of one on top of it.
    """
    standing = await standing_scales(tx, record)
    lower = next((each for each in standing if each.key == record.id), None)
    upper = next((each for each in standing if lower and is_on_top(each, lower) and each.until > at), None)
    if upper is not None and not is_covered(upper, standing, replicas):
        return False
    covering = await tx.operations.get(upper.key) if upper else None
    if lower is None or upper is None or covering is None or upper.scaled is None:
        return False
    longer = goes_back_further(upper, lower, covering.reason)
    await tx.of(LeaseRepository).put(longer)
    await end_lease(tx, record)
    previous = longer.scaled.previous_replicas if longer.scaled else 0
    over = f"The time of this scale is over. {upper.key} has set {upper.scaled.replicas} pods for longer; "
    await _tell(tx, record, "scale-handed-over", at, f"{over}when its time is over, {previous} come back.")
    early = f"The time of {lower.key} is over before this one's. When this one's is, {previous} pods come back."
    await _tell(tx, covering, f"scale-goes-back-further-{lower.key}", at, early)
    return True


async def _put(tx: Transaction, record: OperationRecord) -> None:
    if not has_set_replicas(record, perhaps=True):
        return
    key = revert_timer_key(record.id)
    until = await tx.timers.due_at(key)
    if until is None:
        # The timer was served during the rollout: then there is a lease for as long as putting back takes.
        reverting = await tx.operations.get_by_source(key)
        if reverting is None or reverting.state.final:
            return
        until = reverting.requested_at
    await tx.of(LeaseRepository).put(scale_lease(record, until))


async def _end_reverted(tx: Transaction, record: OperationRecord) -> None:
    operation = record.source.removeprefix(f"{REVERT_SCALE}/")
    if has_set_replicas(record):
        await tx.of(LeaseRepository).end(LeaseKind.SCALE, record.environment, operation)
    else:
        await abandon_lease(tx, record.environment, operation, sentence(f"{record.id} did not put it back: ", record.outcome))


async def _end_replaced(tx: Transaction, record: OperationRecord, at: datetime) -> None:
    """A person has ended one temporary scale, or has set a number for good: then all of the workload have ended."""
    (change,) = record.plan.changes
    only = record.plan.arguments.get(ENDS)
    for lease in await tx.of(LeaseRepository).of_kind(LeaseKind.SCALE, record.environment):
        is_same = lease.scaled is not None and lease.scaled.target.service == change.target.service
        if is_same and only in (None, lease.key):
            await _end_early(tx, lease, record, at)


async def _end_early(tx: Transaction, lease: Lease, record: OperationRecord, at: datetime) -> None:
    await tx.of(LeaseRepository).end(LeaseKind.SCALE, lease.environment, lease.key)
    # Else it would put back a number that somebody has set since, if that is the same by chance.
    had_timer = await tx.timers.remove(revert_timer_key(lease.key))
    ended = await tx.operations.get(lease.key)
    if ended is None or not had_timer:
        return
    pods = record.plan.changes[0].after.replicas
    if ENDS in record.plan.arguments:
        text = sentence(record.requested_by, f" has ended this scale early ({record.id}): it is back at {pods} pods.")
    else:
        who = sentence(record.requested_by, f" has set {pods} pods since ({record.id})")
        text = sentence(who, ", so nothing is put back when the time of this scale is over.")
    await _tell(tx, ended, "scale-ended-early", at, text)


async def _tell(tx: Transaction, record: OperationRecord, key: str, at: datetime, text: Text) -> None:
    await tx.put_message(operation_note(record, note(record, key, at, text), audit_number=0), at)
