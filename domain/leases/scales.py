"""The leases of temporary scales: what was set, and what the cluster says of it. Pure."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from domain.errors import Refused
from domain.leases.lease import Lease, LeaseKind, LeaseReading, Orphan, Reality, ScaledWorkload
from domain.operations.operation import OperationRecord, Phase
from domain.operations.plans import ServiceChange
from domain.refusals import NOTHING_CHANGED
from domain.rich_text import CommandMention, sentence
from domain.workloads.deployments import Workload

ENDS = "ends"
"""The argument of a plan that ends a temporary scale early: the id of its operation."""
REVERT_SCALE = "revert-scale"
"""The kind of the timer that restores the previous replicas."""
_SET_PHASES = frozenset({Phase.ROLLING, Phase.VERIFIED, Phase.FAILED})


def revert_timer_key(operation: str) -> str:
    """The key of that timer, which is also the source of the operation that restores them."""
    return f"{REVERT_SCALE}/{operation}"


def has_set_replicas(record: OperationRecord, *, perhaps: bool = False) -> bool:
    """Whether a scale that has ended has set the number; with ``perhaps``, also where that is not known."""
    (change,) = record.plan.changes
    phase = record.progress_of(change.target.service).phase
    return phase in _SET_PHASES or (perhaps and phase is Phase.UNKNOWN)


def scale_lease(record: OperationRecord, until: datetime) -> Lease:
    """The lease of a temporary scale that has set its number."""
    (change,) = record.plan.changes
    scaled = ScaledWorkload(
        target=change.target, uid=change.uid, replicas=change.after.replicas, previous_replicas=change.before.replicas
    )
    started_at = record.progress_of(change.target.service).started_at
    lease = Lease(
        kind=LeaseKind.SCALE,
        environment=record.environment,
        key=record.id,
        owner=record.requested_by,
        purpose="",
        set_at=started_at or record.requested_at,
        until=until,
        undo=f"unscale {record.id}",
    )
    return _with_scaled(lease, scaled, record.reason)


def is_on_top(upper: Lease, lower: Lease) -> bool:
    """Whether one temporary scale began from the number that another had set."""
    above, below = upper.scaled, lower.scaled
    if above is None or below is None or upper.set_at <= lower.set_at:
        return False
    return (above.target, above.uid, above.previous_replicas) == (below.target, below.uid, below.replicas)


def is_covered(lease: Lease, standing: Collection[Lease], replicas: int) -> bool:
    """Whether a workload has the number of this scale, or that of one on top of it."""
    if lease.scaled is not None and lease.scaled.replicas == replicas:
        return True
    return any(is_covered(each, standing, replicas) for each in standing if is_on_top(each, lease))


def taken_over_by(lease: Lease, standing: Collection[Lease], replicas: int, at: datetime) -> Lease | None:
    """A later temporary scale that has set the number which the workload has: it is that one's, also where it is the same."""
    mine = lease.scaled
    others = (each for each in standing if mine is not None and each.key != lease.key and each.set_at > lease.set_at)
    same = (each for each in others if each.scaled and mine and (each.scaled.target, each.scaled.uid) == (mine.target, mine.uid))
    return next((each for each in same if each.scaled and each.scaled.replicas == replicas and each.until > at), None)


def goes_back_further(upper: Lease, lower: Lease, reason: str) -> Lease:
    """The upper lease where the lower one ends before it: at its end the number from before both comes back."""
    if upper.scaled is None or lower.scaled is None:
        return upper
    return _with_scaled(upper, replace(upper.scaled, previous_replicas=lower.scaled.previous_replicas), reason)


def end_refusal(lease: Lease, standing: Collection[Lease], change: ServiceChange, at: datetime) -> Refused | None:
    """Why a temporary scale cannot be ended by this change, which is planned now; None if it can."""
    scaled, target = lease.scaled, change.target
    if scaled is None or (target, change.uid) != (scaled.target, scaled.uid):
        return Refused(f"{target.recreated_text} {NOTHING_CHANGED}")
    if (upper := next((each for each in standing if is_on_top(each, lease)), None)) is not None:
        what = f"{upper.key} has set another number on top of it. {NOTHING_CHANGED} End that first: "
        return Refused(sentence(what, CommandMention(upper.undo), "."))
    if (later := taken_over_by(lease, standing, change.before.replicas, at)) is not None:
        what = f"{later.key} has set {change.before.replicas} replicas of {target.service} since. {NOTHING_CHANGED} To end that: "
        return Refused(sentence(what, CommandMention(later.undo), "."))
    if change.before.replicas != scaled.replicas:
        by_now = f"{target.service} has {change.before.replicas} replicas by now, and {lease.key} had set {scaled.replicas}."
        anyway = CommandMention(f"scale {target.environment} {target.service} {scaled.previous_replicas}")
        return Refused(sentence(f"{by_now} {NOTHING_CHANGED} For {scaled.previous_replicas} all the same: ", anyway, "."))
    return None


def compare_scale(lease: Lease, workload: Workload | None, others: Collection[Lease], at: datetime) -> LeaseReading:
    """A temporary scale and the workload as it is; None if the cluster has none. ``others`` are the scales that stand."""
    scaled = lease.scaled
    if scaled is None or workload is None or workload.uid != scaled.uid:
        return LeaseReading(lease=lease, reality=Reality.GONE, remark="The workload was deleted or made anew.")
    upper = next((each for each in others if is_on_top(each, lease) and each.scaled), None)
    if upper is not None and upper.scaled is not None:
        on_top = compare_scale(upper, workload, others, at)
        if on_top.reality in (Reality.HELD, Reality.OVERDUE):
            remark = f"{upper.key} has set {upper.scaled.replicas} pods on top of it."
            return LeaseReading(lease=lease, reality=Reality.HELD, found_until=lease.until, remark=remark)
    if workload.replicas != scaled.replicas:
        scaler = f", and {workload.autoscaler.name} scales it" if workload.autoscaler else ""
        remark = f"There are {workload.replicas} replicas now{scaler}: they are left alone at its end."
        return LeaseReading(lease=lease, reality=Reality.CHANGED, found_until=lease.until, remark=remark)
    if (later := taken_over_by(lease, others, workload.replicas, at)) is not None:
        remark = f"{later.key} has set them since: they are left alone at its end."
        return LeaseReading(lease=lease, reality=Reality.CHANGED, found_until=lease.until, remark=remark)
    reality = Reality.HELD if lease.until > at else Reality.OVERDUE
    return LeaseReading(lease=lease, reality=reality, found_until=lease.until)


def orphan_of(lease: Lease) -> Orphan:
    """A scale that the bot does not put back, though its number is still set."""
    return Orphan(
        kind=lease.kind,
        environment=lease.environment,
        key=lease.key,
        owner=lease.owner,
        purpose=lease.purpose,
        until=lease.until,
        undo=lease.undo,
        why=lease.abandoned,
    )


def _with_scaled(lease: Lease, scaled: ScaledWorkload, reason: str) -> Lease:
    what = f"{scaled.target.service} has {scaled.replicas} pods instead of {scaled.previous_replicas}"
    return replace(lease, scaled=scaled, purpose=f"{what}: {reason}" if reason else what)
