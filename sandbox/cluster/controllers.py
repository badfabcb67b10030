"""The controller manager: turns changes of the store into work for the controllers, one piece at a time."""

import asyncio
from collections.abc import Callable
from typing import Literal

from sandbox.cluster.autoscaler import AutoscalerController
from sandbox.cluster.daemonsets import DaemonSetController
from sandbox.cluster.deployments import DeploymentController
from sandbox.cluster.jobs import JobController
from sandbox.cluster.kubelet import Kubelet
from sandbox.cluster.model import Json, Key, Now, Pace, controller_of, key_of
from sandbox.cluster.recorder import EventRecorder
from sandbox.cluster.replicasets import ReplicaSetController, terminate_pod
from sandbox.cluster.resources import (
    DAEMONSETS,
    DEPLOYMENTS,
    HPAS,
    JOBS,
    NAMESPACES,
    NODES,
    PODS,
    REPLICASETS,
    RESOURCES,
    STATEFULSETS,
)
from sandbox.cluster.statefulsets import StatefulSetController
from sandbox.cluster.store import ObjectStore, StoreChange

Kind = Literal["deployment", "replicaset", "statefulset", "daemonset", "job", "autoscaler"]
_OWNERS: dict[str, Kind] = {"ReplicaSet": "replicaset", "StatefulSet": "statefulset", "DaemonSet": "daemonset", "Job": "job"}
"""The controllers of pods, by the kind of their owner."""
_KINDS: dict[str, Kind] = {
    DEPLOYMENTS.storage: "deployment",
    REPLICASETS.storage: "replicaset",
    STATEFULSETS.storage: "statefulset",
    DAEMONSETS.storage: "daemonset",
    JOBS.storage: "job",
    HPAS.storage: "autoscaler",
}
_BATCH_DELAY = 0.005
"""Seconds that changes gather before the controllers look: less work, and still quicker than a real one."""


class ControllerManager:
    """Runs until cancelled. A fault in a controller ends ``run`` with its exception: nothing is passed over."""

    def __init__(self, store: ObjectStore, now: Now, pace: Pace) -> None:
        self._store = store
        self._now = now
        self._pace = pace
        self._queue: dict[tuple[Kind, Key], None] = {}
        self._has_work = asyncio.Event()
        self._delayed: dict[tuple[Kind, Key], asyncio.TimerHandle] = {}
        events = EventRecorder(store, now)
        self._events = events
        self._deployments = DeploymentController(store, events, now, self._requeue_after("deployment"))
        self._replica_sets = ReplicaSetController(store, events, now, self._requeue_after("replicaset"))
        self._stateful_sets = StatefulSetController(store, events, now)
        self._daemon_sets = DaemonSetController(store, events, now)
        self._jobs = JobController(store, events, now, self._requeue_after("job"))
        self.autoscaler = AutoscalerController(store, events, now, self._requeue_after("autoscaler"), pace.autoscale)
        self._kubelet: Kubelet | None = None

    async def run(self) -> None:
        """Works until cancelled; pods that were there before are left as they are."""
        async with asyncio.TaskGroup() as tasks:
            self._kubelet = Kubelet(self._store, self._events, self._now, self._pace, tasks)
            unsubscribe = self._store.subscribe(self._on_change)
            try:
                self._enqueue_all()
                await self._work_loop()
            finally:
                unsubscribe()
                for handle in self._delayed.values():
                    handle.cancel()

    async def _work_loop(self) -> None:
        while True:
            await self._has_work.wait()
            await asyncio.sleep(_BATCH_DELAY)
            self._has_work.clear()
            while self._queue:
                kind, key = next(iter(self._queue))
                del self._queue[kind, key]
                self._reconcile(kind, key)
                await asyncio.sleep(0)

    def _reconcile(self, kind: Kind, key: Key) -> None:
        match kind:
            case "deployment":
                self._deployments.reconcile(key)
            case "replicaset":
                self._replica_sets.reconcile(key)
            case "statefulset":
                self._stateful_sets.reconcile(key)
            case "daemonset":
                self._daemon_sets.reconcile(key)
            case "job":
                self._jobs.reconcile(key)
            case "autoscaler":
                self.autoscaler.reconcile(key)

    def _enqueue_all(self) -> None:
        for deployment in self._store.all(DEPLOYMENTS):
            self._enqueue("deployment", key_of(deployment))
        for replica_set in self._store.all(REPLICASETS):
            self._enqueue("replicaset", key_of(replica_set))
        for stateful_set in self._store.all(STATEFULSETS):
            self._enqueue("statefulset", key_of(stateful_set))
        self._enqueue_daemon_sets()
        for job in self._store.all(JOBS):
            self._enqueue("job", key_of(job))
        for hpa in self._store.all(HPAS):
            self.autoscaler.enqueue(key_of(hpa))
        for pod in self._store.all(PODS):
            self._on_change(StoreChange(self._store.version, "ADDED", PODS.storage, pod, None))

    def _on_change(self, change: StoreChange) -> None:
        if change.type == "DELETED":
            self._collect_garbage(change)
        key = key_of(change.object)
        match _KINDS.get(change.storage):
            case "autoscaler":
                self.autoscaler.enqueue(key)
            case "deployment":
                self._enqueue("deployment", key)
                for hpa in self.autoscaler.of_deployment(key):
                    self.autoscaler.enqueue(hpa)
            case "replicaset":
                self._enqueue("replicaset", key)
                self._enqueue_owner("deployment", change.object)
            case "statefulset" | "daemonset" | "job" as kind:
                self._enqueue(kind, key)
            case None:
                self._on_pod_or_node(change)
        if self._kubelet is not None:
            self._kubelet.on_change(change)

    def _on_pod_or_node(self, change: StoreChange) -> None:
        owner = controller_of(change.object)
        if change.storage == NODES.storage:
            self._enqueue_daemon_sets()
        elif change.storage == PODS.storage and owner is not None and owner["kind"] in _OWNERS:
            self._enqueue_owner(_OWNERS[owner["kind"]], change.object)

    def _enqueue_owner(self, kind: Kind, obj: Json) -> None:
        owner = controller_of(obj)
        if owner is not None:
            self._enqueue(kind, (obj["metadata"]["namespace"], owner["name"]))
            if kind == "replicaset":
                self._enqueue_recreate_owner(obj["metadata"]["namespace"], owner["name"])

    def _enqueue_daemon_sets(self) -> None:
        for daemon_set in self._store.all(DAEMONSETS):
            self._enqueue("daemonset", key_of(daemon_set))

    def _enqueue_recreate_owner(self, namespace: str, replica_set: str) -> None:
        """A pod that is finally gone lets a Recreate rollout go on, though no ReplicaSet changes."""
        owner = self._store.find(REPLICASETS, (namespace, replica_set))
        if owner is not None:
            self._enqueue_owner("deployment", owner)

    def _enqueue(self, kind: Kind, key: Key) -> None:
        self._queue[kind, key] = None
        self._has_work.set()

    def _requeue_after(self, kind: Kind) -> Callable[[Key, float], None]:
        def later(key: Key, seconds: float) -> None:
            handle = self._delayed.pop((kind, key), None)
            if handle is not None:
                handle.cancel()
            loop = asyncio.get_running_loop()
            self._delayed[kind, key] = loop.call_later(seconds, self._enqueue, kind, key)

        return later

    def _collect_garbage(self, change: StoreChange) -> None:
        """What belonged to a removed object goes with it; what lived in a removed namespace too."""
        uid, removed = change.object["metadata"]["uid"], change.object
        for resource in RESOURCES:
            if resource.stored_as:
                continue
            for candidate in self._store.all(resource):
                owners = [owner["uid"] for owner in candidate["metadata"].get("ownerReferences", [])]
                inside = change.storage == NAMESPACES.storage and key_of(candidate)[0] == removed["metadata"]["name"]
                if inside and self._store.find(resource, key_of(candidate)) is not None:
                    self._store.remove(resource, key_of(candidate))
                elif owners == [uid] and resource is PODS:
                    terminate_pod(self._store, candidate, self._now)
                elif owners == [uid] and self._store.find(resource, key_of(candidate)) is not None:
                    self._store.remove(resource, key_of(candidate))
