"""The deployment controller: from a Deployment to its ReplicaSets, step by step, as kube-controller-manager does it."""

import copy
from collections.abc import Callable
from datetime import timedelta

from sandbox.cluster import rollout
from sandbox.cluster.defaults import template_hash
from sandbox.cluster.model import (
    Json,
    Key,
    Now,
    annotations_of,
    key_of,
    owned_by,
    owner_reference,
    replicas_of,
)
from sandbox.cluster.recorder import EventRecorder
from sandbox.cluster.resources import DEPLOYMENTS, PODS, REPLICASETS
from sandbox.cluster.store import ObjectStore

SOURCE = "deployment-controller"


class DeploymentController:
    """``reconcile`` moves one Deployment one step; its own writes bring it back for the next."""

    def __init__(self, store: ObjectStore, events: EventRecorder, now: Now, requeue_after: Callable[[Key, float], None]) -> None:
        """``requeue_after(key, seconds)`` schedules another reconciliation."""
        self._store = store
        self._events = events
        self._now = now
        self._requeue_after = requeue_after

    def reconcile(self, key: Key) -> None:
        deployment = self._store.find(DEPLOYMENTS, key)
        if deployment is None:
            return
        self._update_pause_condition(deployment)
        deployment = self._store.get(DEPLOYMENTS, key)
        sets = self._replica_sets(deployment)
        if deployment["spec"].get("paused") or self._is_scaling(deployment, sets):
            self._sync(key)
        elif rollout.is_rolling(deployment):
            self._roll(key)
        else:
            self._recreate(key)
        self._requeue_at_deadline(key)

    # -- the two strategies, and scaling

    def _roll(self, key: Key) -> None:
        new, old = self._current_and_old(key, create=True)
        deployment = self._store.get(DEPLOYMENTS, key)
        if new is not None and not self._scale_up_new(deployment, new, old) and not self._scale_down_old(deployment, new, old):
            self._clean_up(deployment, old)
        self._update_rollout_status(key)

    def _recreate(self, key: Key) -> None:
        _, old = self._current_and_old(key, create=False)
        deployment = self._store.get(DEPLOYMENTS, key)
        shrunk = [self._scale(deployment, each, 0) for each in old if replicas_of(each) > 0]
        if not shrunk and not self._pods_left(old):
            new, old = self._current_and_old(key, create=True)
            deployment = self._store.get(DEPLOYMENTS, key)
            if new is not None and not self._scale(deployment, new, replicas_of(deployment)):
                self._clean_up(deployment, old)
        self._update_rollout_status(key)

    def _sync(self, key: Key) -> None:
        """Scaling and pause: sizes follow the Deployment, but no new template is brought in."""
        new, old = self._current_and_old(key, create=False)
        deployment = self._store.get(DEPLOYMENTS, key)
        self._resize(deployment, new, old)
        if deployment["spec"].get("paused"):
            self._clean_up(deployment, old)
        new, old = self._current_and_old(key, create=False)
        deployment = self._store.get(DEPLOYMENTS, key)
        sets = [*old, *([new] if new else [])]
        self._write_status(deployment, rollout.status_of(deployment, sets, new, self._now()))

    def _scale_up_new(self, deployment: Json, new: Json, old: list[Json]) -> bool:
        wanted = replicas_of(deployment)
        if replicas_of(new) == wanted:
            return False
        if replicas_of(new) > wanted:
            return self._scale(deployment, new, wanted)
        return self._scale(deployment, new, rollout.new_replicas(deployment, [*old, new], new))

    def _scale_down_old(self, deployment: Json, new: Json, old: list[Json]) -> bool:
        if rollout.total_desired(old) == 0:
            return False
        minimum = replicas_of(deployment) - rollout.bounds_of(deployment).unavailable
        new_unavailable = replicas_of(new) - new.get("status", {}).get("availableReplicas", 0)
        spare = rollout.total_desired([*old, new]) - minimum - new_unavailable
        if spare <= 0:
            return False
        by_age = sorted(old, key=rollout.age)
        unhealthy = self._scale_down_unhealthy(deployment, by_age, spare)
        by_age = [self._store.get(REPLICASETS, key_of(each)) for each in by_age]
        available = rollout.total_status([*by_age, new], "availableReplicas")
        healthy = self._scale_down_healthy(deployment, by_age, available - minimum)
        return unhealthy or healthy

    def _scale_down_unhealthy(self, deployment: Json, old: list[Json], spare: int) -> bool:
        scaled = False
        for replica_set in old:
            down = min(spare, replicas_of(replica_set) - replica_set.get("status", {}).get("availableReplicas", 0))
            if down > 0:
                spare -= down
                scaled |= self._scale(deployment, replica_set, replicas_of(replica_set) - down)
        return scaled

    def _scale_down_healthy(self, deployment: Json, old: list[Json], spare: int) -> bool:
        scaled = False
        for replica_set in old:
            down = min(spare, replicas_of(replica_set))
            if down > 0:
                spare -= down
                scaled |= self._scale(deployment, replica_set, replicas_of(replica_set) - down)
        return scaled

    def _is_scaling(self, deployment: Json, sets: list[Json]) -> bool:
        wanted = replicas_of(deployment)
        active = [replica_set for replica_set in sets if replicas_of(replica_set) > 0]
        return any(rollout.annotation_int(each, rollout.DESIRED_REPLICAS, wanted) != wanted for each in active)

    def _resize(self, deployment: Json, new: Json | None, old: list[Json]) -> None:
        wanted = replicas_of(deployment)
        active = [replica_set for replica_set in [*old, *([new] if new else [])] if replicas_of(replica_set) > 0]
        latest = new or (max(old, key=rollout.age) if old else None)
        if len(active) <= 1:
            only = active[0] if active else latest
            if only is not None:
                self._scale(deployment, only, wanted)
        elif new is not None and rollout.is_saturated(deployment, new):
            for replica_set in old:
                self._scale(deployment, replica_set, 0)
        elif rollout.is_rolling(deployment):
            for replica_set, size in rollout.proportional_sizes(deployment, active):
                self._set_size(deployment, replica_set, size)

    # -- ReplicaSets

    def _replica_sets(self, deployment: Json) -> list[Json]:
        namespace = deployment["metadata"]["namespace"]
        return [each for each in self._store.all(REPLICASETS, namespace) if owned_by(each, deployment)]

    def _current_and_old(self, key: Key, *, create: bool) -> tuple[Json | None, list[Json]]:
        """The ReplicaSet of the Deployment's template (numbered anew when it was an older one) and all others."""
        deployment = self._store.get(DEPLOYMENTS, key)
        sets = sorted(self._replica_sets(deployment), key=rollout.age)
        template = deployment["spec"]["template"]
        new = next((each for each in sets if rollout.same_template(each["spec"]["template"], template)), None)
        old = [each for each in sets if each is not new]
        revision = max((rollout.revision_of(each) for each in old), default=0) + 1
        if new is not None:
            new = self._adopt_revision(deployment, new, revision)
        elif create:
            new = self._create(deployment, old, revision)
        return new, old

    def _adopt_revision(self, deployment: Json, new: Json, revision: int) -> Json:
        annotations = rollout.annotations_for_new(deployment, new, revision, exists=True)
        seconds = deployment["spec"].get("minReadySeconds", 0)

        def change(replica_set: Json) -> None:
            replica_set["metadata"]["annotations"] = annotations
            if replica_set["spec"].get("minReadySeconds", 0) != seconds:
                replica_set["spec"]["minReadySeconds"] = seconds

        new = self._store.modify(REPLICASETS, key_of(new), change)
        message = f'Found new replica set "{new["metadata"]["name"]}"'
        self._record_revision(deployment, new, "FoundNewReplicaSet", message, only_first=True)
        return new

    def _create(self, deployment: Json, old: list[Json], revision: int) -> Json:
        metadata, spec = deployment["metadata"], deployment["spec"]
        template = copy.deepcopy(spec["template"])
        digest = template_hash(template)
        template["metadata"].setdefault("labels", {})[rollout.HASH_LABEL] = digest
        selector = copy.deepcopy(spec["selector"])
        selector.setdefault("matchLabels", {})[rollout.HASH_LABEL] = digest
        new: Json = {
            "metadata": {
                "name": f"{metadata['name']}-{digest}",
                "namespace": metadata["namespace"],
                "labels": template["metadata"]["labels"],
                "ownerReferences": [owner_reference("apps/v1", "Deployment", deployment)],
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
            "status": {"replicas": 0},
        }
        if spec.get("minReadySeconds"):
            new["spec"]["minReadySeconds"] = spec["minReadySeconds"]
        new["spec"]["replicas"] = rollout.new_replicas(deployment, [*old, new], new)
        new["metadata"]["annotations"] = rollout.annotations_for_new(deployment, new, revision, exists=False)
        new = self._store.create(REPLICASETS, new)
        if replicas_of(new):
            self._record_scaling(deployment, new, 0)
        message = f'Created new replica set "{new["metadata"]["name"]}"'
        self._record_revision(deployment, new, "NewReplicaSetCreated", message, only_first=False)
        return new

    def _record_revision(self, deployment: Json, new: Json, reason: str, message: str, *, only_first: bool) -> None:
        """Gives the Deployment its ReplicaSet's revision and, where wanted, the news that there is one."""
        revision = annotations_of(new)[rollout.REVISION]

        def change(obj: Json) -> None:
            obj["metadata"].setdefault("annotations", {})[rollout.REVISION] = revision
            status = obj.setdefault("status", {})
            known = rollout.condition_of(status, "Progressing") is not None
            if rollout.deadline_of(obj) is not None and not (only_first and known):
                rollout.set_condition(status, rollout.condition("Progressing", "True", reason, message, self._now()))

        self._store.modify(DEPLOYMENTS, key_of(deployment), change, status=True)

    def _scale(self, deployment: Json, replica_set: Json, size: int) -> bool:
        """Resizes; True when the size changed."""
        if size == replicas_of(replica_set):
            return False
        self._set_size(deployment, replica_set, size)
        return True

    def _set_size(self, deployment: Json, replica_set: Json, size: int) -> None:
        """Resizes, and keeps the notes about desired sizes true even where the size stays."""

        def change(obj: Json) -> None:
            obj["spec"]["replicas"] = size
            obj["metadata"].setdefault("annotations", {}).update(rollout.replica_annotations(deployment))

        scaled = self._store.modify(REPLICASETS, key_of(replica_set), change)
        if size != replicas_of(replica_set):
            self._record_scaling(deployment, scaled, replicas_of(replica_set))

    def _record_scaling(self, deployment: Json, replica_set: Json, before: int) -> None:
        size, name = replicas_of(replica_set), replica_set["metadata"]["name"]
        message = f"Scaled {'up' if size > before else 'down'} replica set {name} from {before} to {size}"
        self._events.record(DEPLOYMENTS, deployment, "ScalingReplicaSet", message, source=SOURCE)

    def _pods_left(self, old: list[Json]) -> bool:
        pods = [pod for each in old for pod in self._store.all(PODS, key_of(each)[0]) if owned_by(pod, each)]
        return any(pod.get("status", {}).get("phase") not in ("Succeeded", "Failed") for pod in pods)

    def _clean_up(self, deployment: Json, old: list[Json]) -> None:
        """Forgets the oldest ReplicaSets beyond the history limit, once the rollout is complete."""
        status = deployment.get("status", {})
        if not deployment["spec"].get("paused") and not rollout.is_complete(deployment, status):
            return
        idle = sorted(
            (replica_set for replica_set in old if "deletionTimestamp" not in replica_set["metadata"]), key=rollout.revision_of
        )
        for replica_set in idle[: max(0, len(idle) - int(deployment["spec"]["revisionHistoryLimit"]))]:
            if replicas_of(replica_set) == 0 and replica_set.get("status", {}).get("replicas", 0) == 0:
                self._store.remove(REPLICASETS, key_of(replica_set))

    # -- status

    def _update_pause_condition(self, deployment: Json) -> None:
        current = rollout.condition_of(deployment.get("status", {}), "Progressing")
        timed_out = current is not None and current["reason"] == "ProgressDeadlineExceeded"
        if rollout.deadline_of(deployment) is None or timed_out:
            return
        paused, noted = bool(deployment["spec"].get("paused")), current is not None and current["reason"] == "DeploymentPaused"
        if paused == noted:
            return
        word = "Paused" if paused else "Resumed"
        new = rollout.condition("Progressing", "Unknown", f"Deployment{word}", f"Deployment is {word.lower()}", self._now())
        self._store.modify(
            DEPLOYMENTS,
            key_of(deployment),
            lambda obj: rollout.set_condition(obj.setdefault("status", {}), new),
            status=True,
        )

    def _update_rollout_status(self, key: Key) -> None:
        new, old = self._current_and_old(key, create=False)
        deployment = self._store.get(DEPLOYMENTS, key)
        status = rollout.status_of(deployment, [*old, *([new] if new else [])], new, self._now())
        rollout.update_progressing(deployment, status, new, self._now())
        self._write_status(deployment, status)

    def _write_status(self, deployment: Json, status: Json) -> None:
        self._store.modify(DEPLOYMENTS, key_of(deployment), lambda obj: obj.update(status=status), status=True)

    def _requeue_at_deadline(self, key: Key) -> None:
        deployment = self._store.get(DEPLOYMENTS, key)
        overdue = rollout.deadline_at(deployment)
        if deployment["spec"].get("paused") or overdue is None:
            return
        wait = (overdue - self._now() + timedelta(milliseconds=50)).total_seconds()
        if wait > 0:
            self._requeue_after(key, wait)
