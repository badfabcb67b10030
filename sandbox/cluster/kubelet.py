"""Scheduler and kubelet in one: every pod gets a life of its own, told through its status and events."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial

from sandbox.cluster import pods
from sandbox.cluster.daemonsets import required_node
from sandbox.cluster.model import Json, Key, Now, Pace, controller_of, key_of, parse_time
from sandbox.cluster.recorder import EventRecorder
from sandbox.cluster.resources import NODES, PODS
from sandbox.cluster.store import ObjectStore, StoreChange

_SOURCE = "kubelet"
_MAX_BACK_OFF_FACTOR = 32


class PodGone(Exception):
    """The pod was removed, or is ending, while something was still to happen to it."""


class Kubelet:
    """Starts a task for each new pod and for each pod that is asked to end."""

    def __init__(self, store: ObjectStore, events: EventRecorder, now: Now, pace: Pace, tasks: asyncio.TaskGroup) -> None:
        self._store = store
        self._events = events
        self._now = now
        self._pace = pace
        self._tasks = tasks
        self._ending: set[str] = set()

    def on_change(self, change: StoreChange) -> None:
        """Looks at one change of the store; only pods matter."""
        pod = change.object
        if change.storage != PODS.storage or change.type == "DELETED":
            return
        uid = pod["metadata"]["uid"]
        if "deletionTimestamp" in pod["metadata"]:
            if uid not in self._ending:
                self._ending.add(uid)
                self._tasks.create_task(self._terminate(pod))
        elif change.type == "ADDED" and not pod["spec"].get("nodeName"):
            self._tasks.create_task(self._run_pod(pod))

    async def _run_pod(self, pod: Json) -> None:
        try:
            await self._start(pod)
        except PodGone:
            return

    async def _start(self, pod: Json) -> None:
        failure = pods.simulated_failure(pod)
        await self._wait(self._pace.schedule)
        pod_path = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        node = self._emptiest_node(pod)
        self._record_event(pod, "Scheduled", f"Successfully assigned {pod_path} to {node}", source="default-scheduler")
        self._change(pod, lambda obj: pods.mark_scheduled(obj, self._now(), node))
        self._change(pod, lambda obj: pods.mark_initialized(obj, self._now()))
        for container in pod["spec"]["containers"]:
            self._record_event(pod, "Pulling", f'Pulling image "{container["image"]}"')
        await self._wait(self._pace.pull)
        if failure == "bad":
            await self._image_pull_back_off(pod)
        for container in pod["spec"]["containers"]:
            duration = f"in {self._pace.pull:.3f}s ({self._pace.pull:.3f}s including waiting). Image size: 184532331 bytes."
            self._record_event(pod, "Pulled", f'Successfully pulled image "{container["image"]}" {duration}')
        self._list_images(node, pod)
        await self._wait(self._pace.start)
        if is_of_job(pod):
            await self._run_to_end(pod, failure)
            return
        if failure == "crash":
            await self._crash_loop(pod)
        self._start_containers(pod, restarts=0)
        await self._become_ready(pod, slow=failure == "slow")

    async def _run_to_end(self, pod: Json, failure: pods.SimulatedFailure) -> None:
        """Of a Job: its containers run a while and end. Those that hang run until the pod is removed, which ends this."""
        started = self._now()
        self._start_containers(pod, restarts=0)
        if failure == "hang":
            await asyncio.Event().wait()
        await self._wait(self._pace.ready * (self._pace.slow_factor if failure == "slow" else 1))
        exit_code = 1 if failure == "crash" else 0
        report = self._report(pod)
        self._change(pod, lambda obj: pods.mark_ended(obj, started, self._now(), exit_code, report))

    async def _become_ready(self, pod: Json, *, slow: bool) -> None:
        wait = self._pace.ready * (self._pace.slow_factor if slow else 1)
        if slow:
            await self._wait(wait / 2)
            self._record_event(pod, "Unhealthy", _connection_refused(pod), warning=True)
            wait /= 2
        await self._wait(wait)
        started = parse_time(self._current(pod)["status"]["containerStatuses"][0]["state"]["running"]["startedAt"])
        report = self._report(pod)
        self._change(
            pod, lambda obj: pods.set_container_states(obj, pods.running_state(started), self._now(), ready=True, report=report)
        )

    async def _image_pull_back_off(self, pod: Json) -> None:
        """Never returns: pulling is tried again and again until the pod is removed."""
        image = pod["spec"]["containers"][0]["image"]
        cause = f'failed to resolve reference "{image}": {image}: not found'
        error = f'Failed to pull image "{image}": rpc error: code = NotFound desc = {cause}'
        back_off = f'Back-off pulling image "{image}"'
        attempt = 0
        while True:
            self._record_event(pod, "Failed", error, warning=True)
            self._record_event(pod, "Failed", "Error: ErrImagePull", warning=True)
            self._set_waiting(pod, "ErrImagePull", cause)
            await self._wait(self._pace.start)
            self._record_event(pod, "BackOff", back_off)
            self._record_event(pod, "Failed", "Error: ImagePullBackOff", warning=True)
            self._set_waiting(pod, "ImagePullBackOff", f"{back_off}: ErrImagePull: {cause}")
            await self._wait(self._pace.back_off * min(2**attempt, _MAX_BACK_OFF_FACTOR))
            self._record_event(pod, "Pulling", f'Pulling image "{image}"')
            attempt += 1

    async def _crash_loop(self, pod: Json) -> None:
        """Never returns: the container runs a moment, fails, and is started again after ever longer waits."""
        metadata = pod["metadata"]
        name = pod["spec"]["containers"][0]["name"]
        container_path = f"{name} in pod {metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        restarts, last = 0, None
        while True:
            started = self._now()
            self._start_containers(pod, restarts=restarts, last=last)
            await self._wait(self._pace.crash)
            last = pods.terminated_state(started, self._now())
            self._set_container_state(pod, last, restarts, last)
            await self._wait(self._pace.start)
            self._record_event(pod, "BackOff", f"Back-off restarting failed container {container_path}", warning=True)
            seconds = min(10 * 2**restarts, 300)
            message = f"back-off {seconds}s restarting failed container={container_path.replace(' in pod ', ' pod=')}"
            self._set_container_state(pod, pods.waiting_state("CrashLoopBackOff", message), restarts, last)
            await self._wait(self._pace.back_off * min(2**restarts, _MAX_BACK_OFF_FACTOR))
            restarts += 1

    def _start_containers(self, pod: Json, *, restarts: int, last: Json | None = None) -> None:
        for container in pod["spec"]["containers"]:
            self._record_event(pod, "Created", f"Created container: {container['name']}")
            self._record_event(pod, "Started", f"Started container {container['name']}")
        self._set_container_state(pod, pods.running_state(self._now()), restarts, last)

    async def _terminate(self, pod: Json) -> None:
        for container in pod["spec"]["containers"]:
            self._record_event(pod, "Killing", f"Stopping container {container['name']}")
        await asyncio.sleep(self._pace.with_jitter(self._pace.stop))
        self._ending.discard(pod["metadata"]["uid"])
        key = key_of(pod)
        current = self._store.find(PODS, key)
        if current is not None and current["metadata"]["uid"] == pod["metadata"]["uid"]:
            self._store.remove(PODS, key)

    # -- small words

    def _set_container_state(self, pod: Json, state: Json, restarts: int, last: Json | None) -> None:
        def change(obj: Json) -> None:
            pods.set_container_states(
                obj, state, self._now(), ready=False, restarts=restarts, last=last, report=self._report(obj)
            )

        self._change(pod, change)

    def _set_waiting(self, pod: Json, reason: str, message: str) -> None:
        self._change(
            pod, lambda obj: pods.set_container_states(obj, pods.waiting_state(reason, message), self._now(), ready=False)
        )

    def _emptiest_node(self, pod: Json) -> str:
        """The node that the pod requires, else the one with the fewest pods of the same owner."""
        if required := required_node(pod):
            return required
        owner, namespace = pod["metadata"].get("ownerReferences"), pod["metadata"]["namespace"]
        siblings = (each for each in self._store.all(PODS, namespace) if each["metadata"].get("ownerReferences") == owner)
        used = Counter(each["spec"].get("nodeName") for each in siblings)
        names: list[str] = [each["metadata"]["name"] for each in self._store.all(NODES)]
        return min(names, key=lambda name: (used[name], name))

    def _list_images(self, node: str, pod: Json) -> None:
        """Add the pod's images to those that the node lists, each under its id and its reference."""
        listed = self._store.get(NODES, ("", node)).get("status", {}).get("images", [])
        known = {name for each in listed for name in each["names"]}
        containers = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
        images = dict.fromkeys(container["image"] for container in containers if container["image"] not in known)
        if images:
            added = [{"names": [pods.image_id(image), image], "sizeBytes": 184_532_331} for image in images]
            self._store.modify(
                NODES, ("", node), lambda obj: obj.setdefault("status", {}).update(images=[*listed, *added]), status=True
            )

    def _report(self, pod: Json) -> Callable[[str], str]:
        return partial(pods.reported_id, self._store.find(NODES, ("", self._current(pod)["spec"]["nodeName"])))

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(self._pace.with_jitter(seconds))

    def _current(self, pod: Json) -> Json:
        key: Key = key_of(pod)
        current = self._store.find(PODS, key)
        if current is None or current["metadata"]["uid"] != pod["metadata"]["uid"]:
            raise PodGone
        if "deletionTimestamp" in current["metadata"]:
            raise PodGone
        return current

    def _change(self, pod: Json, change: Callable[[Json], None]) -> None:
        self._current(pod)
        self._store.modify(PODS, key_of(pod), change, status=True)

    def _record_event(self, pod: Json, reason: str, message: str, *, source: str = _SOURCE, warning: bool = False) -> None:
        self._events.record(PODS, pod, reason, message, source=source, warning=warning)


def is_of_job(pod: Json) -> bool:
    """Whether a Job made the pod: it runs once."""
    owner = controller_of(pod)
    return owner is not None and owner["kind"] == "Job"


def _connection_refused(pod: Json) -> str:
    ports = pod["spec"]["containers"][0].get("ports") or [{"containerPort": 8000}]
    address = f"{pods.address_of(pod)}:{ports[0]['containerPort']}"
    url = f"http://{address}/api/status"
    return f'Readiness probe failed: Get "{url}": dial tcp {address}: connect: connection refused'
