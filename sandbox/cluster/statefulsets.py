"""The StatefulSet controller: numbered pods, made from the lowest number up and replaced from the highest down.

Follows pkg/controller/statefulset of Kubernetes: a partition, the update strategy ``OnDelete``, both policies of pod management.
"""

from sandbox.cluster.controller_revisions import current_revision, forget_old_revisions, new_pod, revision_of_pod, revisions_of
from sandbox.cluster.model import Json, Key, Now, owned_by, replicas_of
from sandbox.cluster.recorder import EventRecorder
from sandbox.cluster.replicasets import is_ready, terminate_pod
from sandbox.cluster.resources import PODS, STATEFULSETS
from sandbox.cluster.store import ObjectStore

SOURCE = "statefulset-controller"
_FINISHED = ("Succeeded", "Failed")


class StatefulSetController:
    """``reconcile`` moves one StatefulSet as far as its pods permit; their changes bring it back."""

    def __init__(self, store: ObjectStore, events: EventRecorder, now: Now) -> None:
        self._store = store
        self._events = events
        self._now = now

    def reconcile(self, key: Key) -> None:
        stateful_set = self._store.find(STATEFULSETS, key)
        if stateful_set is None:
            return
        update = current_revision(self._store, STATEFULSETS, stateful_set)
        current = self._current(stateful_set, update)
        if self._fill(stateful_set, current, update) and self._shrink(stateful_set):
            self._replace_old(stateful_set, update["metadata"]["name"])
        self._update_status(key, current["metadata"]["name"], update["metadata"]["name"])

    def _current(self, stateful_set: Json, update: Json) -> Json:
        """The revision that all pods had before the present rollout."""
        name = stateful_set.get("status", {}).get("currentRevision", "")
        return next((each for each in revisions_of(self._store, stateful_set) if each["metadata"]["name"] == name), update)

    def _fill(self, stateful_set: Json, current: Json, update: Json) -> bool:
        """Make the pods that are missing. False while the next step has to wait for one of them."""
        pods, is_ordered = self._by_ordinal(stateful_set), _is_ordered(stateful_set)
        for ordinal in _ordinals(stateful_set):
            pod = pods.get(ordinal)
            if pod is not None and pod.get("status", {}).get("phase") in _FINISHED and "deletionTimestamp" not in pod["metadata"]:
                terminate_pod(self._store, pod, self._now)
                return False
            if pod is None:
                self._add_pod(stateful_set, current if ordinal < _first_updated(stateful_set) else update, ordinal)
            if is_ordered and (pod is None or not _is_well(pod)):
                return False
        return True

    def _shrink(self, stateful_set: Json) -> bool:
        """End pods beyond the wanted number, the highest first. False while one of them is still there."""
        wanted, pods = _ordinals(stateful_set), self._by_ordinal(stateful_set)
        surplus = sorted((ordinal for ordinal in pods if ordinal not in wanted), reverse=True)
        for ordinal in surplus[: 1 if _is_ordered(stateful_set) else None]:
            if "deletionTimestamp" not in pods[ordinal]["metadata"]:
                self._end_pod(stateful_set, pods[ordinal])
        return not surplus

    def _replace_old(self, stateful_set: Json, update: str) -> None:
        """End the highest pod of another revision, once every pod above it is well."""
        if stateful_set["spec"]["updateStrategy"]["type"] == "OnDelete":
            return
        pods = self._by_ordinal(stateful_set)
        for ordinal in sorted(pods, reverse=True):
            if ordinal < _first_updated(stateful_set):
                return
            pod = pods[ordinal]
            if "deletionTimestamp" not in pod["metadata"] and revision_of_pod(pod) != update:
                self._end_pod(stateful_set, pod)
                return
            if not _is_well(pod):
                return

    def _by_ordinal(self, stateful_set: Json) -> dict[int, Json]:
        namespace = stateful_set["metadata"]["namespace"]
        owned = [pod for pod in self._store.all(PODS, namespace) if owned_by(pod, stateful_set)]
        return {int(pod["metadata"]["name"].rpartition("-")[2]): pod for pod in owned}

    def _add_pod(self, stateful_set: Json, revision: Json, ordinal: int) -> None:
        name = f"{stateful_set['metadata']['name']}-{ordinal}"
        pod = new_pod(STATEFULSETS, stateful_set, revision, name, revision["metadata"]["name"])
        pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] = str(ordinal)
        self._store.create(PODS, pod)
        self._record(stateful_set, "SuccessfulCreate", f"create Pod {name} in StatefulSet {stateful_set['metadata']['name']}")

    def _end_pod(self, stateful_set: Json, pod: Json) -> None:
        terminate_pod(self._store, pod, self._now)
        message = f"delete Pod {pod['metadata']['name']} in StatefulSet {stateful_set['metadata']['name']} successful"
        self._record(stateful_set, "SuccessfulDelete", message)

    def _record(self, stateful_set: Json, reason: str, message: str) -> None:
        self._events.record(STATEFULSETS, stateful_set, reason, message, source=SOURCE)

    def _update_status(self, key: Key, current: str, update: str) -> None:
        stateful_set = self._store.get(STATEFULSETS, key)
        pods = [pod for pod in self._by_ordinal(stateful_set).values() if "deletionTimestamp" not in pod["metadata"]]
        ready = sum(map(is_ready, pods))
        updated = sum(revision_of_pod(pod) == update for pod in pods)
        is_rolling = stateful_set["spec"]["updateStrategy"]["type"] != "OnDelete"
        if is_rolling and updated == ready == len(pods) == replicas_of(stateful_set):
            current = update
        status = {
            "observedGeneration": stateful_set["metadata"]["generation"],
            "replicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "currentReplicas": sum(revision_of_pod(pod) == current for pod in pods),
            "updatedReplicas": updated,
            "currentRevision": current,
            "updateRevision": update,
            "collisionCount": 0,
        }
        self._store.modify(STATEFULSETS, key, lambda obj: obj.update(status=status), status=True)
        forget_old_revisions(self._store, stateful_set, {current, update, *map(revision_of_pod, pods)})


def _ordinals(stateful_set: Json) -> range:
    first = int((stateful_set["spec"].get("ordinals") or {}).get("start", 0))
    return range(first, first + replicas_of(stateful_set))


def _first_updated(stateful_set: Json) -> int:
    """The lowest number that gets a new template: the partition counts from the first number."""
    strategy = stateful_set["spec"]["updateStrategy"]
    return _ordinals(stateful_set).start + int((strategy.get("rollingUpdate") or {}).get("partition") or 0)


def _is_ordered(stateful_set: Json) -> bool:
    return bool(stateful_set["spec"]["podManagementPolicy"] == "OrderedReady")


def _is_well(pod: Json) -> bool:
    return is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
