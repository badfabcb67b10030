"""The ReplicaSet controller: as many pods as asked for, and a status that counts them."""

import copy
import random
from collections.abc import Callable
from datetime import datetime, timedelta

from sandbox.cluster.model import (
    Json,
    Key,
    Now,
    format_time,
    key_of,
    labels_of,
    owned_by,
    owner_reference,
    parse_time,
    replicas_of,
)
from sandbox.cluster.recorder import EventRecorder
from sandbox.cluster.resources import PODS, REPLICASETS
from sandbox.cluster.rollout import condition_of
from sandbox.cluster.store import ObjectStore

SOURCE = "replicaset-controller"
_NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def random_suffix() -> str:
    return "".join(random.choices(_NAME_LETTERS, k=5))


def is_ready(pod: Json) -> bool:
    ready = condition_of(pod.get("status", {}), "Ready")
    return ready is not None and ready["status"] == "True"


def is_active(pod: Json) -> bool:
    gone = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
    return not gone and "deletionTimestamp" not in pod["metadata"]


def pod_from_template(replica_set: Json, name: str) -> Json:
    """A pod as the ReplicaSet's template wants it, not yet anywhere."""
    template = replica_set["spec"]["template"]
    metadata = copy.deepcopy(template["metadata"])
    metadata.update(
        name=name,
        generateName=f"{replica_set['metadata']['name']}-",
        namespace=replica_set["metadata"]["namespace"],
        ownerReferences=[owner_reference("apps/v1", "ReplicaSet", replica_set)],
    )
    return {
        "metadata": metadata,
        "spec": copy.deepcopy(template["spec"]),
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    }


class ReplicaSetController:
    def __init__(self, store: ObjectStore, events: EventRecorder, now: Now, requeue_after: Callable[[Key, float], None]) -> None:
        """``requeue_after(key, seconds)`` schedules another reconciliation."""
        self._store = store
        self._events = events
        self._now = now
        self._requeue_after = requeue_after

    def reconcile(self, key: Key) -> None:
        replica_set = self._store.find(REPLICASETS, key)
        if replica_set is None:
            return
        active = self._active(replica_set)
        missing = replicas_of(replica_set) - len(active)
        for _ in range(missing):
            self._add_pod(replica_set)
        for pod in sorted(active, key=_deletion_rank)[: max(0, -missing)]:
            self._end_pod(replica_set, pod)
        self._update_status(key)

    def _active(self, replica_set: Json) -> list[Json]:
        pods = self._store.all(PODS, replica_set["metadata"]["namespace"])
        return [pod for pod in pods if owned_by(pod, replica_set) and is_active(pod)]

    def _add_pod(self, replica_set: Json) -> None:
        pod = self._store.create(PODS, pod_from_template(replica_set, f"{replica_set['metadata']['name']}-{random_suffix()}"))
        message = f"Created pod: {pod['metadata']['name']}"
        self._events.record(REPLICASETS, replica_set, "SuccessfulCreate", message, source=SOURCE)

    def _end_pod(self, replica_set: Json, pod: Json) -> None:
        terminate_pod(self._store, pod, self._now)
        message = f"Deleted pod: {pod['metadata']['name']}"
        self._events.record(REPLICASETS, replica_set, "SuccessfulDelete", message, source=SOURCE)

    def _update_status(self, key: Key) -> None:
        replica_set = self._store.get(REPLICASETS, key)
        active = self._active(replica_set)
        wanted_labels = labels_of(replica_set["spec"]["template"]).items()
        ready = [pod for pod in active if is_ready(pod)]
        counts = {
            "fullyLabeledReplicas": sum(wanted_labels <= labels_of(pod).items() for pod in active),
            "readyReplicas": len(ready),
            "availableReplicas": self._available(replica_set, ready),
        }
        status = {
            "replicas": len(active),
            "observedGeneration": replica_set["metadata"]["generation"],
            **{field: count for field, count in counts.items() if count},
        }
        self._store.modify(REPLICASETS, key, lambda obj: obj.update(status=status), status=True)

    def _available(self, replica_set: Json, ready: list[Json]) -> int:
        """Ready for at least ``minReadySeconds``; looks again when the next one gets there."""
        min_ready = timedelta(seconds=replica_set["spec"].get("minReadySeconds", 0))
        waits = [_ready_since(pod) + min_ready - self._now() for pod in ready]
        pending = [wait for wait in waits if min_ready and wait > timedelta(0)]
        if pending:
            self._requeue_after(key_of(replica_set), min(pending).total_seconds() + 0.05)
        return len(ready) - len(pending)


def terminate_pod(store: ObjectStore, pod: Json, now: Now, grace: int | None = None) -> Json:
    """Asks a pod to end: the kubelet removes it. What never got to a node is gone at once."""
    if not pod["spec"].get("nodeName") or grace == 0:
        return store.remove(PODS, key_of(pod))
    seconds = pod["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace
    at = now() + timedelta(seconds=seconds)

    def change(obj: Json) -> None:
        obj["metadata"].setdefault("deletionTimestamp", format_time(at))
        obj["metadata"].setdefault("deletionGracePeriodSeconds", seconds)

    return store.modify(PODS, key_of(pod), change)


def _ready_since(pod: Json) -> datetime:
    ready = condition_of(pod["status"], "Ready")
    return parse_time(ready["lastTransitionTime"] if ready else pod["metadata"]["creationTimestamp"])


def _deletion_rank(pod: Json) -> tuple[bool, bool, bool, float]:
    """Not yet placed, then pending, then not ready, then the youngest."""
    created = parse_time(pod["metadata"]["creationTimestamp"]).timestamp()
    pending = pod.get("status", {}).get("phase") == "Pending"
    return bool(pod["spec"].get("nodeName")), not pending, is_ready(pod), -created
