"""Facts as the platform would give them, for the tables of what people read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.operations.operation import Approval, Decision, OperationRecord, Phase, Progress, State
from domain.operations.plans import Plan, ServiceChange, Verb, VersionState
from domain.operations.transitions import cancel, decide, expire
from domain.people import Person, Role
from domain.targets import Target
from domain.workloads.deployments import Autoscaler, Owner, OwnerKind

NOW = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
ANA = Person("U0ANA00001", "T0DEEPECHO")
MIA = Person("U0MIA00003", "T0DEEPECHO")
OLD, NEW = "main-9f00d12", "main-abc1234"
CAREFUL = f"ConfigMap deep-echo-config changed after {NEW} ran (22 Nov 16:20 UTC); a rollback does not restore it."


def change(
    service: str = "deep-echo-main", *, replicas: int = 3, to: int | None = None, never_seen: bool = False
) -> ServiceChange:
    image = "ghcr.io/echocog/deep-tree-echo-rkwv"
    return ServiceChange(
        target=Target("production", service, "east", "deep-echo-prod", service, "main-app"),
        uid="7d9",
        paused=False,
        owner=Owner(OwnerKind.HELM, "deep-echo-prod"),
        before=VersionState(version=OLD, image=f"{image}:{OLD}", template_hash="a" * 16, replicas=replicas),
        after=VersionState(version=NEW, image=f"{image}:{NEW}", template_hash="b" * 16, replicas=to or replicas),
        autoscaler=Autoscaler("hpa", 3, 20) if service.endswith("cognitive") else None,
        differences=("image", "env CACHE_TTL"),
        never_seen=never_seen,
    )


def plan(verb: Verb = Verb.ROLLBACK, *changes: ServiceChange, warnings: tuple[str, ...] = (CAREFUL,)) -> Plan:
    both = (change(), change("deep-echo-cognitive", replicas=6))
    return Plan(verb=verb, environment="production", changes=changes or both, warnings=warnings)


def record(state: State = State.WAITING, **more: object) -> OperationRecord:
    """A rollback of production that waits for an approver, unless told otherwise."""
    made = OperationRecord(
        id="op-k7m2",
        source="envelope-1",
        verb=Verb.ROLLBACK,
        plan=plan(),
        requested_by=ANA,
        requested_at=NOW,
        channel="C0PRODUCT2",
        reason="cart errors since the last deploy",
        state=state,
        approval=Approval(
            role=Role.APPROVER, within=timedelta(minutes=15), digest="d" * 64, expires_at=NOW + timedelta(minutes=15)
        ),
        progress=(progress("deep-echo-main", desired=3), progress("deep-echo-cognitive", desired=6)),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def progress(service: str, phase: Phase = Phase.WAITING, *, ready: int = 0, desired: int = 3, seconds: int = 0) -> Progress:
    started = NOW + timedelta(minutes=3) if phase not in (Phase.WAITING, Phase.UNTOUCHED) else None
    ended = started + timedelta(seconds=seconds) if started and seconds else None
    return Progress(service=service, phase=phase, updated=ready, ready=ready, desired=desired, started_at=started, ended_at=ended)


def approved(state: State = State.RUNNING, **more: object) -> OperationRecord:
    """The same, after Mia approved it."""
    waiting = record(state)
    assert waiting.approval is not None
    decision = replace(waiting.approval, decision=Decision.APPROVED, decided_by=MIA, decided_at=NOW + timedelta(minutes=2))
    return replace(waiting, approval=decision, **more)  # type: ignore[arg-type]


def rolling() -> OperationRecord:
    """One service done, the other on its way."""
    return approved(
        progress=(
            progress("deep-echo-main", Phase.VERIFIED, ready=3, desired=3, seconds=52),
            progress("deep-echo-cognitive", Phase.ROLLING, ready=4, desired=6),
        )
    )


def succeeded() -> OperationRecord:
    return approved(
        State.SUCCEEDED,
        outcome=f"Verified: all 9 pods run {NEW}.",
        ended_at=NOW + timedelta(minutes=5),
        progress=(
            progress("deep-echo-main", Phase.VERIFIED, ready=3, desired=3, seconds=52),
            progress("deep-echo-cognitive", Phase.VERIFIED, ready=6, desired=6, seconds=61),
        ),
    )


def scaled_for_a_while() -> OperationRecord:
    return record(
        State.SUCCEEDED,
        verb=Verb.SCALE,
        plan=plan(Verb.SCALE, change(to=5), warnings=()),
        approval=None,
        reason="the fair",
        duration=timedelta(hours=2),
        outcome="Verified: 5 pods are ready (there were 3). In 2 h it goes back to 3.",
        ended_at=NOW + timedelta(minutes=1),
        progress=(progress("deep-echo-main", Phase.VERIFIED, ready=5, desired=5, seconds=12),),
    )


def failed() -> OperationRecord:
    broken = progress("deep-echo-cognitive", Phase.FAILED, ready=0, desired=6, seconds=34)
    return approved(
        State.FAILED,
        outcome="deep-echo-cognitive did not become ready: its new pod cannot pull its image (ImagePullBackOff).",
        end_state=(
            f"deep-echo-main runs {NEW}, 3 pods ready.",
            f"deep-echo-cognitive still serves with 6 pods of {OLD}; the new pod of {NEW} is kept.",
        ),
        ended_at=NOW + timedelta(minutes=6),
        progress=(
            progress("deep-echo-main", Phase.VERIFIED, ready=3, desired=3, seconds=52),
            replace(broken, detail="ImagePullBackOff"),
        ),
    )


def ended(state: State, outcome: str, *stands: str) -> OperationRecord:
    """It ended before anything was changed."""
    untouched = tuple(replace(each, phase=Phase.UNTOUCHED) for each in record().progress)
    return record(state, outcome=outcome, end_state=stands, progress=untouched, ended_at=NOW + timedelta(minutes=4))


def rejected(why: str = "wait for the fix") -> OperationRecord:
    """As the domain itself ends it when Mia says no."""
    return decide(record(), MIA, Decision.REJECTED, NOW + timedelta(minutes=4), why).record


def cancelled() -> OperationRecord:
    return cancel(record(), ANA, NOW + timedelta(minutes=4)).record


def expired() -> OperationRecord:
    late = expire(record(), NOW + timedelta(minutes=15))
    assert late is not None
    return late.record
