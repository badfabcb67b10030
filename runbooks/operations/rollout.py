"""Watches a rollout, reports pods that fail, and verifies what runs. Every procedure uses it."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.clock import Stopwatch, has_passed
from domain.errors import PermanentError, TemporaryError
from domain.notes import OperationNote, Tone
from domain.operations.image_verification import ImageVerdict, verify_images
from domain.operations.operation import Phase
from domain.operations.outcomes import VerifiedService
from domain.operations.plans import ServiceChange, Verb
from domain.operations.transitions import Transition
from domain.workloads.deployments import RolloutStatus, RunningPods, Workload
from domain.workloads.image_ids import ReportedImage, with_aliases
from domain.workloads.images import parse_image, version_of
from domain.workloads.pod_failures import FailureCause, PodFailure
from domain.workloads.update_strategies import KeptPods
from integrations.kubernetes import Cluster
from runbooks.operations.context import OperationContext

POD_FAILURE_POLL_INTERVAL = 1.5
"""Seconds between polls for failing pods."""
CARD_REFRESH_POLL_INTERVAL = 1.0
"""Seconds between polls whether the card is to be sent again: a stuck rollout delivers no event after which to check."""
VERIFY_STOP_DELAY = 1.1
"""Seconds that a verification may still take once a person asked to stop: mostly it is a matter of one more read."""
CARD_REFRESH_INTERVAL = timedelta(seconds=15)
"""How often a card is sent again without progress, so that it shows the elapsed time."""
POD_STATUS_LAG = timedelta(seconds=30)
"""How long, after a finished rollout, the status of pods may lag behind that of the Deployment."""


class ServiceFailed(Exception):
    """A service did not become ready. The message names it and, in the sentence ``reason``, says why."""

    def __init__(self, service: str, reason: str) -> None:
        super().__init__(f"{service} did not become ready: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutResult:
    """The end of a rollout. ``failure`` is empty if it finished."""

    failure: str


async def watch_and_verify(op: OperationContext, change: ServiceChange) -> VerifiedService:
    """Watch a changed service until its rollout ends, then verify what runs.

    Raises ``ServiceFailed`` if it does not become ready, ``Cancelled`` if a person asked to stop.
    """
    service = change.target.service
    stopped = "Stopped while it was rolling out."
    rollout = await op.cluster_step(f"watch {service}", service, _watch_rollout, op, change, stopped=stopped)
    if rollout.failure:
        raise ServiceFailed(service, rollout.failure)
    verified = await op.cluster_step(
        f"verify {service}", service, _verify, op, change, stopped=stopped, stop_after=VERIFY_STOP_DELAY
    )
    if verified.problem:
        raise ServiceFailed(service, verified.problem)
    return VerifiedService(change=change, pods=verified.pods, remarks=verified.remarks, kept=verified.kept)


async def _watch_rollout(op: OperationContext, change: ServiceChange) -> RolloutResult:
    """Follow the rollout to its end. Meanwhile report pods that cannot start."""
    cluster = op.cluster(change.target.cluster)
    # The change is applied. Record it first: whatever fails from here on, "was not changed" would be untrue.
    await op.update_progress(change.target.service, low_priority=True, phase=Phase.ROLLING, detail="")
    follow_task = asyncio.create_task(_follow_rollout(op, cluster, change))
    failure_reporter = _PodFailureReporter(op, cluster, change)
    report_task = asyncio.create_task(failure_reporter.run())
    refreshed_at = op.dependencies.clock.now()
    try:
        while not follow_task.done():
            await asyncio.wait({follow_task}, timeout=CARD_REFRESH_POLL_INTERVAL)
            refreshed_at = await _refresh_card(op, refreshed_at)
        result = follow_task.result()
    finally:
        follow_task.cancel()
        report_task.cancel()
        await asyncio.gather(follow_task, report_task, return_exceptions=True)
    if result.failure:
        # Once more: the failure may have come before the next poll, and its reason is what people need now.
        await failure_reporter.run_once()
        await _mark_failed(op, change)
    return result


async def _refresh_card(op: OperationContext, refreshed_at: datetime) -> datetime:
    """Send the card again once ``CARD_REFRESH_INTERVAL`` has passed. Returns the time of the last refresh."""
    now = op.dependencies.clock.now()
    if not has_passed(CARD_REFRESH_INTERVAL, refreshed_at, now):
        return refreshed_at
    await op.apply_transition(lambda record, _at: Transition(record=record, low_priority=True))
    return now


async def _follow_rollout(op: OperationContext, cluster: Cluster, change: ServiceChange) -> RolloutResult:
    service, within = change.target.service, op.dependencies.rollout_within(op.record.environment)
    is_scaling = op.plan.verb is Verb.SCALE
    watch = cluster.watch_rollout(change.target, within=within.total_seconds(), uid=change.uid, is_scaling=is_scaling)
    async with aclosing(watch) as states:
        while True:
            try:
                rollout = await anext(states)
            except TemporaryError as error:
                # The watch resumes broken connections by itself. It raises only after its time limit, which a retry would double.
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
    """The least number of new pods that are ready: a Deployment counts old and new pods together, and old ones may be ready."""
    return max(0, rollout.ready - (rollout.total - rollout.updated))


async def _mark_failed(op: OperationContext, change: ServiceChange) -> None:
    await op.update_progress(change.target.service, phase=Phase.FAILED, ended_at=op.dependencies.clock.now())


class _PodFailureReporter:
    """Reports pods of a rollout that cannot start, with reason and log: each reason once."""

    def __init__(self, op: OperationContext, cluster: Cluster, change: ServiceChange) -> None:
        self._op, self._cluster, self._change = op, cluster, change
        self._reported: set[FailureCause] = set()

    async def run(self) -> None:
        # Not ``run_periodically``: it belongs to one operation, and its failures are not worth logging.
        while True:
            await asyncio.sleep(POD_FAILURE_POLL_INTERVAL)
            await self.run_once()

    async def run_once(self) -> None:
        """Poll once. Errors are ignored: the watch decides about the rollout, and reports an unreachable cluster."""
        service = self._change.target.service
        with suppress(PermanentError, TemporaryError):
            for failure in await self._cluster.pod_failures(self._change.target, self._reported):
                if failure.cause not in self._reported:
                    note = _pod_failure_note(self._op, service, failure)
                    await self._op.update_progress(service, note=note, detail=failure.cause.reason)
                    self._reported.add(failure.cause)


def _pod_failure_note(op: OperationContext, service: str, failure: PodFailure) -> OperationNote:
    times = "once" if failure.restarts == 1 else f"{failure.restarts} times"
    restarts = f", restarted {times}" if failure.restarts else ""
    return OperationNote(
        operation_id=op.id,
        key=f"pod-failure-{service}-{failure.cause.container}-{failure.cause.reason}",
        at=op.dependencies.clock.now(),
        text=f"{failure.where} does not come up: {failure.reason}{restarts}.",
        tone=Tone.WARNING,
        lines=(failure.message,) if failure.message else (),
        log=failure.log_tail,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationResult:
    """The result of a verification: the number of verified pods and what could not be told of them, or the problem."""

    pods: int = 0
    problem: str = ""
    remarks: tuple[str, ...] = ()
    kept: tuple[KeptPods, ...] = ()


async def _verify(op: OperationContext, change: ServiceChange) -> VerificationResult:
    """Verify that all ready pods belong to the new ReplicaSet, and that their containers run what was asked for."""
    cluster, image = op.cluster(change.target.cluster), change.after.image
    stopwatch = Stopwatch(op.dependencies.seconds)
    async with op.dependencies.store.read() as tx:
        recorded = await tx.images.verified_as(image)
    progress = (await op.present_record()).progress_of(change.target.service)
    # Poll until the pods' status has caught up; a change by somebody else does not pass by waiting.
    while True:
        pods = await cluster.running_pods(change.target)
        workload = await cluster.workload(change.target)
        desired = workload.replicas
        other_change = _changed_by_others(op, change, pods, desired)
        problem = other_change or _not_ready_yet(op.plan.verb, change, pods, workload)
        if other_change or not problem or stopwatch.elapsed >= POD_STATUS_LAG:
            break
        await asyncio.sleep(POD_FAILURE_POLL_INTERVAL / 3)
    remarks = _altered_remarks(op, change, pods, progress.altered_template)
    if problem and not other_change and 0 < progress.desired < desired:
        # More pods were asked for after the rollout had ended, as an autoscaler does: it has not failed for that.
        problem = _not_ready_yet(op.plan.verb, change, pods, replace(workload, replicas=progress.desired))
        remarks += (f"Their number was raised to {desired} since, and {pods.ready} of them are ready.",)
    verdict = await _image_verdict(op, change, pods, recorded)
    if problem := problem or verdict.problem:
        await _mark_failed(op, change)
        return VerificationResult(problem=problem)
    kept = _kept_pods(op.plan.verb, change, pods)
    await _record_verified(op, change, pods, verdict, kept)
    return VerificationResult(pods=pods.ready_updated if kept else pods.ready, remarks=remarks + verdict.remarks, kept=kept)


def _kept_pods(verb: Verb, change: ServiceChange, pods: RunningPods) -> tuple[KeptPods, ...]:
    """The pods that the update strategy left at another template; a scaling asks for no template."""
    return () if verb is Verb.SCALE or change.strategy.reaches_all else pods.kept


async def _image_verdict(
    op: OperationContext, change: ServiceChange, pods: RunningPods, recorded: Sequence[ReportedImage]
) -> ImageVerdict:
    """Judge the images, and where that leaves a doubt once more with all names that their nodes list."""
    verdict = verify_images(op.plan.verb, change, pods.images, recorded)
    if verdict == ImageVerdict():
        return verdict
    aliases = await op.cluster(change.target.cluster).image_aliases(pods.nodes)
    if aliases is None:
        return verdict
    return verify_images(op.plan.verb, change, [with_aliases(each, aliases) for each in pods.images], recorded)


def _changed_by_others(op: OperationContext, change: ServiceChange, pods: RunningPods, desired: int) -> str:
    """The problem if somebody else has changed what this operation sets: pods of another change do not count as success."""
    if pods.uid != change.uid:
        return change.target.recreated_text
    verb = op.plan.verb
    if verb is Verb.SCALE:
        lowered = desired < change.after.replicas
        return f"Somebody else changed it meanwhile: it is set to {desired} replicas now." if lowered else ""
    if verb is Verb.RESTART:
        is_ours = pods.operation_id == op.id and pods.image == change.after.image
    else:
        is_ours = pods.template_hash == change.after.template_hash or _is_altered(op, change, pods)
    return "" if is_ours else f"Somebody else changed it meanwhile: it now asks for {version_of(pods.image)}."


def _is_altered(op: OperationContext, change: ServiceChange, pods: RunningPods) -> bool:
    """Whether the template is this operation's with the version that was asked for, and yet another one than was planned.

    Admission webhooks put defaults, a mirror's name or the tag's digest into the template of a change.
    """
    same_version = parse_image(pods.image).still_asks_for(parse_image(change.after.image))
    return same_version and pods.operation_id == op.id and pods.template_hash != change.after.template_hash


def _altered_remarks(op: OperationContext, change: ServiceChange, pods: RunningPods, altered_template: str) -> tuple[str, ...]:
    if op.plan.verb is Verb.SCALE and pods.template_hash != change.after.template_hash:
        return (f"Somebody else changed it meanwhile: it asks for {version_of(pods.image)} now.",)
    if op.plan.verb in (Verb.RESTART, Verb.SCALE) or not _is_altered(op, change, pods):
        return ()
    name, where = change.target.service, f", and its image is {pods.image}" if pods.image != change.after.image else ""
    who = "an admission webhook has" if pods.template_hash == altered_template else "an admission webhook or somebody else has"
    return (f"The template of {name} is not as planned{where}: {who} altered it.",)


def _not_ready_yet(verb: Verb, change: ServiceChange, pods: RunningPods, workload: Workload) -> str:
    """A problem that may pass within ``POD_STATUS_LAG``; empty if there is none."""
    desired = workload.replicas
    # A scaling down is done, by the Deployment's status, before its controller has deleted a pod.
    if verb is Verb.SCALE and pods.total > _most_pods(workload):
        return f"There are still {pods.total} pods, not {desired}."
    if change.strategy.on_delete and verb is not Verb.SCALE:
        return ""
    if pods.ready < desired:
        return f"Only {pods.ready} of {desired} pods are ready."
    old = pods.ready - pods.ready_updated - change.strategy.kept(desired)
    if verb is not Verb.SCALE and old > 0:
        return f"{old} of {pods.ready} ready pods still run the version of before."
    return ""


def _most_pods(workload: Workload) -> int:
    """How many pods a scaling may leave: a pause in the middle of a rollout keeps some more than are asked for."""
    surge = sum(revision.replicas for revision in workload.revisions) if workload.paused else 0
    return max(workload.replicas, surge)


async def _record_verified(
    op: OperationContext, change: ServiceChange, pods: RunningPods, verdict: ImageVerdict, kept: tuple[KeptPods, ...]
) -> None:
    at, ready = op.dependencies.clock.now(), pods.ready_updated if kept else pods.ready
    desired = ready + sum(each.count for each in kept)
    verified = [each.reported for each in pods.images if each.container in change.own_containers and each.reported.digest]
    async with op.dependencies.store.write() as tx:
        for reported in verified if not verdict.remarks or op.plan.verb is not Verb.SCALE else ():
            await tx.images.record(change.after.image, reported, at)
    await op.update_progress(
        change.target.service, phase=Phase.VERIFIED, ended_at=at, detail="", ready=ready, updated=ready, desired=desired
    )
