"""Scheduler and kubelet in one: every pod gets a life of its own, told through its status and events."""

import asyncio
from collections.abc import Callable

from sandbox.cluster import pods
from sandbox.cluster.model import Json, Key, Now, Pace, key_of, moment_of
from sandbox.cluster.recorder import Recorder
from sandbox.cluster.resources import PODS
from sandbox.cluster.store import Change, Store

_SOURCE = "kubelet"
_LONGEST_BACK_OFF = 32


class Gone(Exception):
    """The pod was removed, or is ending, while something was still to happen to it."""


class Kubelet:
    """Starts a task for each new pod and for each pod that is asked to end."""

    def __init__(self, store: Store, events: Recorder, now: Now, pace: Pace, tasks: asyncio.TaskGroup) -> None:
        self._store = store
        self._events = events
        self._now = now
        self._pace = pace
        self._tasks = tasks
        self._ending: set[str] = set()

    def notice(self, change: Change) -> None:
        """Looks at one change of the store; only pods matter."""
        pod = change.object
        if change.storage != PODS.storage or change.type == "DELETED":
            return
        uid = pod["metadata"]["uid"]
        if "deletionTimestamp" in pod["metadata"]:
            if uid not in self._ending:
                self._ending.add(uid)
                self._tasks.create_task(self._end(pod))
        elif change.type == "ADDED" and not pod["spec"].get("nodeName"):
            self._tasks.create_task(self._live(pod))

    async def _live(self, pod: Json) -> None:
        try:
            await self._start(pod)
        except Gone:
            return

    async def _start(self, pod: Json) -> None:
        trouble = pods.trouble_of(pod)
        await self._wait(self._pace.schedule)
        place = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        self._tell(pod, "Scheduled", f"Successfully assigned {place} to {pods.NODE}", source="default-scheduler")
        self._change(pod, lambda obj: pods.scheduled(obj, self._now()))
        self._change(pod, lambda obj: pods.on_node(obj, self._now()))
        for container in pod["spec"]["containers"]:
            self._tell(pod, "Pulling", f'Pulling image "{container["image"]}"')
        await self._wait(self._pace.pull)
        if trouble == "bad":
            await self._fail_to_pull(pod)
        for container in pod["spec"]["containers"]:
            took = f"in {self._pace.pull:.3f}s ({self._pace.pull:.3f}s including waiting). Image size: 184532331 bytes."
            self._tell(pod, "Pulled", f'Successfully pulled image "{container["image"]}" {took}')
        await self._wait(self._pace.start)
        if trouble == "crash":
            await self._crash_for_ever(pod)
        self._run(pod, restarts=0)
        await self._become_ready(pod, slow=trouble == "slow")

    async def _become_ready(self, pod: Json, *, slow: bool) -> None:
        wait = self._pace.ready * (self._pace.slow_factor if slow else 1)
        if slow:
            await self._wait(wait / 2)
            self._tell(pod, "Unhealthy", _refused(pod), warning=True)
            wait /= 2
        await self._wait(wait)
        started = moment_of(self._current(pod)["status"]["containerStatuses"][0]["state"]["running"]["startedAt"])
        self._change(pod, lambda obj: pods.show(obj, pods.running(started), self._now(), ready=True))

    async def _fail_to_pull(self, pod: Json) -> None:
        """Never returns: pulling is tried again and again until the pod is removed."""
        image = pod["spec"]["containers"][0]["image"]
        cause = f'failed to resolve reference "{image}": {image}: not found'
        error = f'Failed to pull image "{image}": rpc error: code = NotFound desc = {cause}'
        back_off = f'Back-off pulling image "{image}"'
        attempt = 0
        while True:
            self._tell(pod, "Failed", error, warning=True)
            self._tell(pod, "Failed", "Error: ErrImagePull", warning=True)
            self._show_waiting(pod, "ErrImagePull", cause)
            await self._wait(self._pace.start)
            self._tell(pod, "BackOff", back_off)
            self._tell(pod, "Failed", "Error: ImagePullBackOff", warning=True)
            self._show_waiting(pod, "ImagePullBackOff", f"{back_off}: ErrImagePull: {cause}")
            await self._wait(self._pace.back_off * min(2**attempt, _LONGEST_BACK_OFF))
            self._tell(pod, "Pulling", f'Pulling image "{image}"')
            attempt += 1

    async def _crash_for_ever(self, pod: Json) -> None:
        """Never returns: the container runs a moment, fails, and is started again after ever longer waits."""
        metadata = pod["metadata"]
        name = pod["spec"]["containers"][0]["name"]
        told = f"{name} in pod {metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        restarts, last = 0, None
        while True:
            started = self._now()
            self._run(pod, restarts=restarts, last=last)
            await self._wait(self._pace.crash)
            last = pods.terminated(started, self._now())
            self._show(pod, last, restarts, last)
            await self._wait(self._pace.start)
            self._tell(pod, "BackOff", f"Back-off restarting failed container {told}", warning=True)
            seconds = min(10 * 2**restarts, 300)
            message = f"back-off {seconds}s restarting failed container={told.replace(' in pod ', ' pod=')}"
            self._show(pod, pods.waiting("CrashLoopBackOff", message), restarts, last)
            await self._wait(self._pace.back_off * min(2**restarts, _LONGEST_BACK_OFF))
            restarts += 1

    def _run(self, pod: Json, *, restarts: int, last: Json | None = None) -> None:
        for container in pod["spec"]["containers"]:
            self._tell(pod, "Created", f"Created container: {container['name']}")
            self._tell(pod, "Started", f"Started container {container['name']}")
        self._show(pod, pods.running(self._now()), restarts, last)

    async def _end(self, pod: Json) -> None:
        for container in pod["spec"]["containers"]:
            self._tell(pod, "Killing", f"Stopping container {container['name']}")
        await asyncio.sleep(self._pace.around(self._pace.stop))
        self._ending.discard(pod["metadata"]["uid"])
        key = key_of(pod)
        current = self._store.find(PODS, key)
        if current is not None and current["metadata"]["uid"] == pod["metadata"]["uid"]:
            self._store.remove(PODS, key)

    # -- small words

    def _show(self, pod: Json, state: Json, restarts: int, last: Json | None) -> None:
        def change(obj: Json) -> None:
            pods.show(obj, state, self._now(), ready=False, restarts=restarts, last=last)

        self._change(pod, change)

    def _show_waiting(self, pod: Json, reason: str, message: str) -> None:
        self._change(pod, lambda obj: pods.show(obj, pods.waiting(reason, message), self._now(), ready=False))

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(self._pace.around(seconds))

    def _current(self, pod: Json) -> Json:
        key: Key = key_of(pod)
        current = self._store.find(PODS, key)
        if current is None or current["metadata"]["uid"] != pod["metadata"]["uid"]:
            raise Gone
        if "deletionTimestamp" in current["metadata"]:
            raise Gone
        return current

    def _change(self, pod: Json, change: Callable[[Json], None]) -> None:
        self._current(pod)
        self._store.modify(PODS, key_of(pod), change, status=True)

    def _tell(self, pod: Json, reason: str, message: str, *, source: str = _SOURCE, warning: bool = False) -> None:
        self._events.record(PODS, pod, reason, message, source=source, warning=warning)


def _refused(pod: Json) -> str:
    ports = pod["spec"]["containers"][0].get("ports") or [{"containerPort": 8000}]
    address = f"{pods.address_of(pod)}:{ports[0]['containerPort']}"
    url = f"http://{address}/api/status"
    return f'Readiness probe failed: Get "{url}": dial tcp {address}: connect: connection refused'
