"""The DaemonSet controller: one pod on each node that the template's node selector permits.

Follows pkg/controller/daemon of Kubernetes, but for ``maxSurge``: an old pod always ends before its successor is made.
"""

import math

from sandbox.cluster.controller_revisions import current_revision, forget_old_revisions, new_pod, revision_of_pod
from sandbox.cluster.model import Json, Key, Now, labels_of, owned_by
from sandbox.cluster.recorder import EventRecorder
from sandbox.cluster.replicasets import is_active, is_ready, random_suffix, terminate_pod
from sandbox.cluster.resources import DAEMONSETS, NODES, PODS
from sandbox.cluster.store import ObjectStore

SOURCE = "daemonset-controller"


class DaemonSetController:
    """``reconcile`` moves one DaemonSet as far as its pods permit; their changes, and those of nodes, bring it back."""

    def __init__(self, store: ObjectStore, events: EventRecorder, now: Now) -> None:
        self._store = store
        self._events = events
        self._now = now

    def reconcile(self, key: Key) -> None:
        daemon_set = self._store.find(DAEMONSETS, key)
        if daemon_set is None:
            return
        revision = current_revision(self._store, DAEMONSETS, daemon_set)
        digest = revision["metadata"]["labels"]["controller-revision-hash"]
        nodes = self._nodes(daemon_set)
        self._place(daemon_set, revision, digest, nodes)
        if daemon_set["spec"]["updateStrategy"]["type"] != "OnDelete":
            self._replace_old(daemon_set, digest, len(nodes))
        self._update_status(key, digest, nodes)

    def _nodes(self, daemon_set: Json) -> list[str]:
        wanted = (daemon_set["spec"]["template"]["spec"].get("nodeSelector") or {}).items()
        return [each["metadata"]["name"] for each in self._store.all(NODES) if wanted <= labels_of(each).items()]

    def _place(self, daemon_set: Json, revision: Json, digest: str, nodes: list[str]) -> None:
        """Make a pod on each node that has none, and end those on nodes that are no longer selected."""
        pods = self._pods(daemon_set)
        for node in nodes:
            # One that is still ending keeps its node.
            if not any(required_node(pod) == node for pod in pods):
                name = f"{daemon_set['metadata']['name']}-{random_suffix()}"
                pod = new_pod(DAEMONSETS, daemon_set, revision, name, digest)
                pod["spec"]["affinity"] = _affinity(node)
                self._store.create(PODS, pod)
                self._record(daemon_set, "SuccessfulCreate", f"Created pod: {name}")
        for pod in pods:
            if required_node(pod) not in nodes and is_active(pod):
                self._end_pod(daemon_set, pod)

    def _replace_old(self, daemon_set: Json, digest: str, desired: int) -> None:
        """End old pods: first those that are not ready, which costs nothing, then as many as may be unavailable."""
        active = [pod for pod in self._pods(daemon_set) if is_active(pod)]
        old = [pod for pod in active if revision_of_pod(pod) != digest]
        for pod in old:
            if not is_ready(pod):
                self._end_pod(daemon_set, pod)
        unavailable = desired - sum(map(is_ready, active))
        room = max(0, _max_unavailable(daemon_set, desired) - unavailable)
        for pod in [pod for pod in old if is_ready(pod)][:room]:
            self._end_pod(daemon_set, pod)

    def _pods(self, daemon_set: Json) -> list[Json]:
        return [pod for pod in self._store.all(PODS, daemon_set["metadata"]["namespace"]) if owned_by(pod, daemon_set)]

    def _end_pod(self, daemon_set: Json, pod: Json) -> None:
        terminate_pod(self._store, pod, self._now)
        self._record(daemon_set, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")

    def _record(self, daemon_set: Json, reason: str, message: str) -> None:
        self._events.record(DAEMONSETS, daemon_set, reason, message, source=SOURCE)

    def _update_status(self, key: Key, digest: str, nodes: list[str]) -> None:
        daemon_set = self._store.get(DAEMONSETS, key)
        active = [pod for pod in self._pods(daemon_set) if is_active(pod)]
        ready = sum(map(is_ready, active))
        status = {
            "observedGeneration": daemon_set["metadata"]["generation"],
            "desiredNumberScheduled": len(nodes),
            "currentNumberScheduled": len(active),
            "numberMisscheduled": 0,
            "numberReady": ready,
            "updatedNumberScheduled": sum(revision_of_pod(pod) == digest for pod in active),
            "numberAvailable": ready,
            "numberUnavailable": len(nodes) - ready,
        }
        status = {name: count for name, count in status.items() if count or name not in _LEFT_OUT_AT_ZERO}
        self._store.modify(DAEMONSETS, key, lambda obj: obj.update(status=status), status=True)
        digests = {digest, *map(revision_of_pod, active)}
        forget_old_revisions(self._store, daemon_set, {f"{daemon_set['metadata']['name']}-{each}" for each in digests})


_LEFT_OUT_AT_ZERO = {"updatedNumberScheduled", "numberAvailable", "numberUnavailable"}


def required_node(pod: Json) -> str:
    """The node for which the controller made the pod; empty for a pod that may go anywhere."""
    affinity = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(_REQUIRED) or {}
    fields = [field for term in affinity.get("nodeSelectorTerms", []) for field in term.get("matchFields", [])]
    return next((str(field["values"][0]) for field in fields if field["key"] == "metadata.name"), "")


_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def _affinity(node: str) -> Json:
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    return {"nodeAffinity": {_REQUIRED: {"nodeSelectorTerms": [{"matchFields": [field]}]}}}


def _max_unavailable(daemon_set: Json, desired: int) -> int:
    value = daemon_set["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"]
    return value if isinstance(value, int) else math.ceil(int(value.removesuffix("%")) * desired / 100)
