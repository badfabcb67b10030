"""What every procedure that replaces pods shares: watch them come, tell of those that cannot, and look at what really runs."""

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import Cancelled, PermanentError, TemporaryError
from domain.notes import OperationNote, Tone
from domain.operations.operation import Phase, Transition
from domain.operations.plans import ServiceChange, Verb
from domain.workloads.deployments import PodFailure, RolloutStatus, RunningPods
from domain.workloads.versions import version_of
from integrations.kubernetes import Cluster
from runbooks.operations.context import OperationContext

POD_FAILURE_POLL_INTERVAL = 1.5
"""Seconds between looks at pods that do not come up."""
CANCEL_POLL_INTERVAL = 0.5
CARD_REFRESH_INTERVAL = timedelta(seconds=15)
"""So that the card of a rollout in which nothing moves still shows how long it has taken."""
"""Seconds between looks whether somebody asked to stop: a rollout that is stuck has no news of its own."""
POD_STATUS_LAG = timedelta(seconds=30)
"""After a finished rollout the pods' own status may lag behind the Deployment's for a moment."""


class ServiceFailed(Exception):
    """A service did not get where it should; ``detail`` is the sentence that says why."""

    def __init__(self, service: str, detail: str) -> None:
        super().__init__(detail)
        self.service, self.detail = service, detail


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutResult:
    """How a rollout ended: ``failure`` is empty where it finished."""

    failure: str
    stopped: bool = False


async def watch_and_verify(op: OperationContext, change: ServiceChange) -> int:
    """Watch a changed service until its rollout ends, then verify what runs. Answers with the number of verified pods.

    Raises ``Failed`` where it does not get there, ``Cancelled`` where somebody asked to stop watching.
    """
    service = change.target.service
    rollout = await op.step(f"watch {service}", _watch_rollout, op, change)
    if rollout.stopped:
        raise Cancelled("Stopped while it was rolling out.")
    if rollout.failure:
        raise ServiceFailed(service, rollout.failure)
    verified = await op.step(f"verify {service}", _verify, op, change)
    if verified.problem:
        raise ServiceFailed(service, verified.problem)
    return verified.pods


async def _watch_rollout(op: OperationContext, change: ServiceChange) -> RolloutResult:
    """Follow the rollout to its end; pods that cannot start are told meanwhile, and a wish to stop is heard."""
    cluster = op.cluster(change.target.cluster)
    # The change is made: whatever goes wrong from here on, "was not changed" would be untrue.
    await op.update_progress(change.target.service, low_priority=True, phase=Phase.ROLLING)
    follow_task = asyncio.create_task(_follow_rollout(op, cluster, change))
    failure_reporter = _PodFailureReporter(op, cluster, change)
    report_task = asyncio.create_task(failure_reporter.run())
    refreshed_at = op.dependencies.clock.now()
    try:
        while not follow_task.done():
            if await op.requested_cancellation():
                return RolloutResult(failure="", stopped=True)
            await asyncio.wait({follow_task}, timeout=CANCEL_POLL_INTERVAL)
            refreshed_at = await _refresh_card(op, refreshed_at)
        result = follow_task.result()
    finally:
        follow_task.cancel()
        report_task.cancel()
        await asyncio.gather(follow_task, report_task, return_exceptions=True)
    if result.failure:
        await failure_reporter.run_once()
        await _mark_failed(op, change)
    return result


async def _refresh_card(op: OperationContext, refreshed_at: datetime) -> datetime:
    """Show the card again once ``REPAINT`` has passed; when that was."""
    now = op.dependencies.clock.now()
    if now - refreshed_at < CARD_REFRESH_INTERVAL:
        return refreshed_at
    await op.apply_transition(lambda record, _at: Transition(record=record, low_priority=True))
    return now


async def _follow_rollout(op: OperationContext, cluster: Cluster, change: ServiceChange) -> RolloutResult:
    service, within = change.target.service, op.dependencies.rollout_within(op.record.environment)
    async with aclosing(cluster.watch_rollout(change.target, within=within.total_seconds())) as states:
        while True:
            try:
                rollout = await anext(states)
            except TemporaryError as error:
                # The watch mends its own line and gives up only when its time is over: trying again would double that.
                return RolloutResult(failure=str(error))
            await op.update_progress(
                service,
                low_priority=True,
                phase=Phase.ROLLING,
                updated=rollout.updated,
                ready=_ready_new_pods(rollout),
                desired=rollout.desired,
            )
            if rollout.done or rollout.failure:
                return RolloutResult(failure="" if rollout.done else rollout.failure)


def _ready_new_pods(rollout: RolloutStatus) -> int:
    """How many new pods are ready, at least: a Deployment counts old and new ones together, and the old ones may be ready."""
    return max(0, rollout.ready - (rollout.total - rollout.updated))


async def _mark_failed(op: OperationContext, change: ServiceChange) -> None:
    await op.update_progress(change.target.service, phase=Phase.FAILED, ended_at=op.dependencies.clock.now())


class _PodFailureReporter:
    """The pods of one rollout that cannot start, told with their reason and last lines: each story once."""

    def __init__(self, op: OperationContext, cluster: Cluster, change: ServiceChange) -> None:
        self._op, self._cluster, self._change = op, cluster, change
        self._reported: set[str] = set()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(POD_FAILURE_POLL_INTERVAL)
            await self.run_once()

    async def run_once(self) -> None:
        """One look. What the pods say is an extra: the rollout's own watch decides, and tells of a cluster that is away."""
        service = self._change.target.service
        with suppress(PermanentError, TemporaryError):
            for failure in await self._cluster.pod_failures(self._change.target):
                if (failure_key := _failure_key(failure)) not in self._reported:
                    note = _pod_failure_note(self._op, service, failure)
                    await self._op.update_progress(service, note=note, detail=failure.reason)
                    self._reported.add(failure_key)


def _failure_key(failure: PodFailure) -> str:
    """A container that crashes is `Error` between its runs and `CrashLoopBackOff` while it waits for the next."""
    return "CrashLoopBackOff" if failure.reason == "Error" else failure.reason


def _pod_failure_note(op: OperationContext, service: str, failure: PodFailure) -> OperationNote:
    times = "once" if failure.restarts == 1 else f"{failure.restarts} times"
    restarts = f", restarted {times}" if failure.restarts else ""
    return OperationNote(
        operation_id=op.id,
        key=f"pod-failure-{service}-{_failure_key(failure)}",
        at=op.dependencies.clock.now(),
        text=f"{failure.pod} does not come up: {failure.reason}{restarts}.",
        tone=Tone.WARNING,
        lines=(failure.message,) if failure.message else (),
        log=failure.log_tail,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationResult:
    """What the look at the pods found: how many run the right thing, or what is wrong."""

    pods: int = 0
    problem: str = ""


async def _verify(op: OperationContext, change: ServiceChange) -> VerificationResult:
    """Every ready pod is of the new ReplicaSet, and all share one image id: the one recorded for the version, if there is one."""
    cluster, image = op.cluster(change.target.cluster), change.after.image
    deadline = op.dependencies.clock.now() + POD_STATUS_LAG
    async with op.dependencies.store.read() as tx:
        recorded = await tx.images.get_image_id(image)
    while True:
        pods = await cluster.running_pods(change.target)
        desired = (await cluster.workload(change.target)).replicas
        other_change = _changed_by_others(op, change, pods)
        problem = other_change or _not_ready_yet(pods, desired)
        if other_change or not problem or op.dependencies.clock.now() >= deadline:
            break
        await asyncio.sleep(POD_FAILURE_POLL_INTERVAL / 3)
    if problem := problem or _image_mismatch(pods, recorded):
        await _mark_failed(op, change)
        return VerificationResult(problem=problem)
    await _record_verified(op, change, pods)
    return VerificationResult(pods=pods.ready)


def _changed_by_others(op: OperationContext, change: ServiceChange, pods: RunningPods) -> str:
    """Whether the Deployment still asks for what was planned: whoever changed it meanwhile, their pods are not our success."""
    verb = op.plan.verb
    if verb is Verb.RESTART:
        is_ours = pods.operation_id == op.id and pods.image == change.after.image
    else:
        is_ours = pods.template_hash == change.after.template_hash
    return "" if is_ours else f"Somebody else changed it meanwhile: it now asks for {version_of(pods.image)}."


def _not_ready_yet(pods: RunningPods, desired: int) -> str:
    """What may still come right in a moment."""
    if pods.ready < desired:
        return f"Only {pods.ready} of {desired} pods are ready."
    if pods.ready_updated < pods.ready:
        return f"{pods.ready - pods.ready_updated} of {pods.ready} ready pods still run the version of before."
    return ""


def _image_mismatch(pods: RunningPods, recorded: str) -> str:
    """What no waiting puts right."""
    if len(pods.image_ids) > 1:
        image_ids = ", ".join(map(_short_image_id, pods.image_ids))
        return f"The pods run {len(pods.image_ids)} different images under one name: {image_ids}."
    if recorded and pods.image_ids and pods.image_ids[0] != recorded:
        running, verified = _short_image_id(pods.image_ids[0]), _short_image_id(recorded)
        return f"The pods run {running}, but this version was {verified} when it was last verified."
    return ""


def _short_image_id(image_id: str) -> str:
    return "…" + image_id.rpartition(":")[2][:12]


async def _record_verified(op: OperationContext, change: ServiceChange, pods: RunningPods) -> None:
    at = op.dependencies.clock.now()
    if pods.image_ids:
        async with op.dependencies.store.write() as tx:
            await tx.images.record(change.after.image, pods.image_ids[0], at)
    ready = pods.ready
    await op.update_progress(
        change.target.service, phase=Phase.VERIFIED, ended_at=at, detail="", ready=ready, updated=ready, desired=ready
    )
