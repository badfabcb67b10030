"""What every procedure that replaces pods shares: watch them come, tell of those that cannot, and look at what really runs."""

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import Cancelled, PermanentError, TemporaryError
from domain.notes import OperationNote, Tone
from domain.operations.operation import Change, Phase
from domain.operations.plans import ServiceChange, Verb
from domain.workloads.deployments import PodTrouble, RolloutState, RunningPods
from domain.workloads.versions import version_of
from integrations.kubernetes import Cluster
from runbooks.operations.context import Operation

TROUBLE_LOOK = 1.5
"""Seconds between looks at pods that do not come up."""
STOP_LOOK = 0.5
REPAINT = timedelta(seconds=15)
"""So that the card of a rollout in which nothing moves still shows how long it has taken."""
"""Seconds between looks whether somebody asked to stop: a rollout that is stuck has no news of its own."""
SETTLE = timedelta(seconds=30)
"""After a finished rollout the pods' own status may lag behind the Deployment's for a moment."""


class Failed(Exception):
    """A service did not get where it should; ``detail`` is the sentence that says why."""

    def __init__(self, service: str, detail: str) -> None:
        super().__init__(detail)
        self.service, self.detail = service, detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """How a rollout ended: ``failure`` is empty where it finished."""

    failure: str
    stopped: bool = False


async def settle(op: Operation, change: ServiceChange) -> int:
    """Watch a changed service until its rollout ends, then verify what runs. Answers with the number of verified pods.

    Raises ``Failed`` where it does not get there, ``Cancelled`` where somebody asked to stop watching.
    """
    service = change.target.service
    watched = await op.step(f"watch {service}", _watch, op, change)
    if watched.stopped:
        raise Cancelled("Stopped while it was rolling out.")
    if watched.failure:
        raise Failed(service, watched.failure)
    verified = await op.step(f"verify {service}", _verify, op, change)
    if verified.problem:
        raise Failed(service, verified.problem)
    return verified.pods


async def _watch(op: Operation, change: ServiceChange) -> Watched:
    """Follow the rollout to its end; pods that cannot start are told meanwhile, and a wish to stop is heard."""
    cluster = op.cluster(change.target.cluster)
    # The change is made: whatever goes wrong from here on, "was not changed" would be untrue.
    await op.progress(change.target.service, quiet=True, phase=Phase.ROLLING)
    following = asyncio.create_task(_follow(op, cluster, change))
    troubles = _Troubles(op, cluster, change)
    telling = asyncio.create_task(troubles.keep_telling())
    painted = op.outside.clock.now()
    try:
        while not following.done():
            if await op.asked_to_stop():
                return Watched(failure="", stopped=True)
            await asyncio.wait({following}, timeout=STOP_LOOK)
            painted = await _repainted(op, painted)
        watched = following.result()
    finally:
        following.cancel()
        telling.cancel()
        await asyncio.gather(following, telling, return_exceptions=True)
    if watched.failure:
        await troubles.look()
        await _fail(op, change)
    return watched


async def _repainted(op: Operation, before: datetime) -> datetime:
    """Show the card again once ``REPAINT`` has passed; when that was."""
    now = op.outside.clock.now()
    if now - before < REPAINT:
        return before
    await op.change(lambda record, _at: Change(record=record, quiet=True))
    return now


async def _follow(op: Operation, cluster: Cluster, change: ServiceChange) -> Watched:
    service, within = change.target.service, op.outside.rollout_within(op.record.environment)
    async with aclosing(cluster.watch_rollout(change.target, within=within.total_seconds())) as states:
        while True:
            try:
                seen = await anext(states)
            except TemporaryError as late:
                # The watch mends its own line and gives up only when its time is over: trying again would double that.
                return Watched(failure=str(late))
            await op.progress(
                service, quiet=True, phase=Phase.ROLLING, updated=seen.updated, ready=_new_ready(seen), desired=seen.desired
            )
            if seen.done or seen.failure:
                return Watched(failure="" if seen.done else seen.failure)


def _new_ready(seen: RolloutState) -> int:
    """How many new pods are ready, at least: a Deployment counts old and new ones together, and the old ones may be ready."""
    return max(0, seen.ready - (seen.total - seen.updated))


async def _fail(op: Operation, change: ServiceChange) -> None:
    await op.progress(change.target.service, phase=Phase.FAILED, ended_at=op.outside.clock.now())


class _Troubles:
    """The pods of one rollout that cannot start, told with their reason and last lines: each story once."""

    def __init__(self, op: Operation, cluster: Cluster, change: ServiceChange) -> None:
        self._op, self._cluster, self._change = op, cluster, change
        self._told: set[str] = set()

    async def keep_telling(self) -> None:
        while True:
            await asyncio.sleep(TROUBLE_LOOK)
            await self.look()

    async def look(self) -> None:
        """One look. What the pods say is an extra: the rollout's own watch decides, and tells of a cluster that is away."""
        service = self._change.target.service
        with suppress(PermanentError, TemporaryError):
            for trouble in await self._cluster.troubles(self._change.target):
                if (story := _story(trouble)) not in self._told:
                    note = _trouble_note(self._op, service, trouble)
                    await self._op.progress(service, note=note, detail=trouble.reason)
                    self._told.add(story)


def _story(trouble: PodTrouble) -> str:
    """A container that crashes is `Error` between its runs and `CrashLoopBackOff` while it waits for the next."""
    return "CrashLoopBackOff" if trouble.reason == "Error" else trouble.reason


def _trouble_note(op: Operation, service: str, trouble: PodTrouble) -> OperationNote:
    times = "once" if trouble.restarts == 1 else f"{trouble.restarts} times"
    restarts = f", restarted {times}" if trouble.restarts else ""
    return OperationNote(
        operation=op.id,
        key=f"trouble-{service}-{_story(trouble)}",
        at=op.outside.clock.now(),
        text=f"{trouble.pod} does not come up: {trouble.reason}{restarts}.",
        tone=Tone.WARNING,
        lines=(trouble.message,) if trouble.message else (),
        log=trouble.last_lines,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What the look at the pods found: how many run the right thing, or what is wrong."""

    pods: int = 0
    problem: str = ""


async def _verify(op: Operation, change: ServiceChange) -> Verified:
    """Every ready pod is of the new ReplicaSet, and all share one image id: the one recorded for the version, if there is one."""
    cluster, image = op.cluster(change.target.cluster), change.after.image
    deadline = op.outside.clock.now() + SETTLE
    async with op.outside.store.read() as tx:
        recorded = await tx.images.recorded(image)
    while True:
        pods = await cluster.running(change.target)
        desired = (await cluster.workload(change.target)).replicas
        foreign = _foreign(op, change, pods)
        problem = foreign or _unsettled(pods, desired)
        if foreign or not problem or op.outside.clock.now() >= deadline:
            break
        await asyncio.sleep(TROUBLE_LOOK / 3)
    if problem := problem or _other_image(pods, recorded):
        await _fail(op, change)
        return Verified(problem=problem)
    await _keep(op, change, pods)
    return Verified(pods=pods.ready)


def _foreign(op: Operation, change: ServiceChange, pods: RunningPods) -> str:
    """Whether the Deployment still asks for what was planned: whoever changed it meanwhile, their pods are not our success."""
    verb = op.plan.verb
    if verb is Verb.RESTART:
        ours = pods.operation_id == op.id and pods.image == change.after.image
    else:
        ours = pods.template_hash == change.after.template_hash
    return "" if ours else f"Somebody else changed it meanwhile: it now asks for {version_of(pods.image)}."


def _unsettled(pods: RunningPods, desired: int) -> str:
    """What may still come right in a moment."""
    if pods.ready < desired:
        return f"Only {pods.ready} of {desired} pods are ready."
    if pods.of_current < pods.ready:
        return f"{pods.ready - pods.of_current} of {pods.ready} ready pods still run the version of before."
    return ""


def _other_image(pods: RunningPods, recorded: str) -> str:
    """What no waiting puts right."""
    if len(pods.image_ids) > 1:
        return f"The pods run {len(pods.image_ids)} different images under one name: {', '.join(map(_short, pods.image_ids))}."
    if recorded and pods.image_ids and pods.image_ids[0] != recorded:
        return f"The pods run {_short(pods.image_ids[0])}, but this version was {_short(recorded)} when it was last verified."
    return ""


def _short(image_id: str) -> str:
    return "…" + image_id.rpartition(":")[2][:12]


async def _keep(op: Operation, change: ServiceChange, pods: RunningPods) -> None:
    at = op.outside.clock.now()
    if pods.image_ids:
        async with op.outside.store.write() as tx:
            await tx.images.record(change.after.image, pods.image_ids[0], at)
    ready = pods.ready
    await op.progress(
        change.target.service, phase=Phase.VERIFIED, ended_at=at, detail="", ready=ready, updated=ready, desired=ready
    )
