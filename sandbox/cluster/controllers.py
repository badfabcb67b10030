"""The controller manager: turns changes of the store into work for the controllers, one piece at a time."""

import asyncio
from collections.abc import Callable
from typing import Literal

from sandbox.cluster.autoscaler import Autoscaler
from sandbox.cluster.deployments import DeploymentController
from sandbox.cluster.kubelet import Kubelet
from sandbox.cluster.model import Json, Key, Now, Pace, controller_of, key_of
from sandbox.cluster.recorder import Recorder
from sandbox.cluster.replicasets import ReplicaSetController, end_pod
from sandbox.cluster.resources import DEPLOYMENTS, HPAS, NAMESPACES, PODS, REPLICASETS, RESOURCES
from sandbox.cluster.store import Change, Store

Kind = Literal["deployment", "replicaset", "autoscaler"]
_BREATH = 0.005
"""Seconds that changes gather before the controllers look: less work, and still quicker than a real one."""


class Controllers:
    """Runs until cancelled. A fault in a controller ends ``run`` with its exception: nothing is passed over."""

    def __init__(self, store: Store, now: Now, pace: Pace) -> None:
        self._store = store
        self._now = now
        self._pace = pace
        self._queue: dict[tuple[Kind, Key], None] = {}
        self._work = asyncio.Event()
        self._later: dict[tuple[Kind, Key], asyncio.TimerHandle] = {}
        events = Recorder(store, now)
        self._events = events
        self._deployments = DeploymentController(store, events, now, self._again("deployment"))
        self._replica_sets = ReplicaSetController(store, events, now, self._again("replicaset"))
        self.autoscaler = Autoscaler(store, events, now, self._again("autoscaler"), pace.autoscale)
        self._kubelet: Kubelet | None = None

    async def run(self) -> None:
        """Works until cancelled; pods that were there before are left as they are."""
        async with asyncio.TaskGroup() as tasks:
            self._kubelet = Kubelet(self._store, self._events, self._now, self._pace, tasks)
            unsubscribe = self._store.subscribe(self._notice)
            try:
                self._look_at_everything()
                await self._serve()
            finally:
                unsubscribe()
                for handle in self._later.values():
                    handle.cancel()

    async def _serve(self) -> None:
        while True:
            await self._work.wait()
            await asyncio.sleep(_BREATH)
            self._work.clear()
            while self._queue:
                kind, key = next(iter(self._queue))
                del self._queue[kind, key]
                self._reconcile(kind, key)
                await asyncio.sleep(0)

    def _reconcile(self, kind: Kind, key: Key) -> None:
        if kind == "deployment":
            self._deployments.reconcile(key)
        elif kind == "replicaset":
            self._replica_sets.reconcile(key)
        else:
            self.autoscaler.reconcile(key)

    def _look_at_everything(self) -> None:
        for deployment in self._store.all(DEPLOYMENTS):
            self._enqueue("deployment", key_of(deployment))
        for replica_set in self._store.all(REPLICASETS):
            self._enqueue("replicaset", key_of(replica_set))
        for hpa in self._store.all(HPAS):
            self.autoscaler.notice(key_of(hpa))
        for pod in self._store.all(PODS):
            self._notice(Change(self._store.version, "ADDED", PODS.storage, pod, None))

    def _notice(self, change: Change) -> None:
        obj, key = change.object, key_of(change.object)
        if change.type == "DELETED":
            self._collect_garbage(change)
        if change.storage == DEPLOYMENTS.storage:
            self._enqueue("deployment", key)
            for hpa in self.autoscaler.of_deployment(key):
                self.autoscaler.notice(hpa)
        elif change.storage == REPLICASETS.storage:
            self._enqueue("replicaset", key)
            self._enqueue_owner("deployment", obj)
        elif change.storage == PODS.storage:
            self._enqueue_owner("replicaset", obj)
        elif change.storage == HPAS.storage:
            self.autoscaler.notice(key)
        if self._kubelet is not None:
            self._kubelet.notice(change)

    def _enqueue_owner(self, kind: Kind, obj: Json) -> None:
        owner = controller_of(obj)
        if owner is not None:
            self._enqueue(kind, (obj["metadata"]["namespace"], owner["name"]))
            if kind == "replicaset":
                self._wake_recreate(obj["metadata"]["namespace"], owner["name"])

    def _wake_recreate(self, namespace: str, replica_set: str) -> None:
        """A pod that is finally gone lets a Recreate rollout go on, though no ReplicaSet changes."""
        owner = self._store.find(REPLICASETS, (namespace, replica_set))
        if owner is not None:
            self._enqueue_owner("deployment", owner)

    def _enqueue(self, kind: Kind, key: Key) -> None:
        self._queue[kind, key] = None
        self._work.set()

    def _again(self, kind: Kind) -> Callable[[Key, float], None]:
        def later(key: Key, seconds: float) -> None:
            handle = self._later.pop((kind, key), None)
            if handle is not None:
                handle.cancel()
            loop = asyncio.get_running_loop()
            self._later[kind, key] = loop.call_later(seconds, self._enqueue, kind, key)

        return later

    def _collect_garbage(self, change: Change) -> None:
        """What belonged to a removed object goes with it; what lived in a removed namespace too."""
        uid, removed = change.object["metadata"]["uid"], change.object
        for resource in RESOURCES:
            if resource.stored_as:
                continue
            for each in self._store.all(resource):
                owners = [owner["uid"] for owner in each["metadata"].get("ownerReferences", [])]
                inside = change.storage == NAMESPACES.storage and key_of(each)[0] == removed["metadata"]["name"]
                if inside and self._store.find(resource, key_of(each)) is not None:
                    self._store.remove(resource, key_of(each))
                elif owners == [uid] and resource is PODS:
                    end_pod(self._store, each, self._now)
                elif owners == [uid] and self._store.find(resource, key_of(each)) is not None:
                    self._store.remove(resource, key_of(each))
