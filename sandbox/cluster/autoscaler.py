"""The autoscaler: keeps replicas within its bounds, and otherwise moves only when told to."""

from collections.abc import Callable
from typing import Any

from sandbox.cluster import errors
from sandbox.cluster.model import Json, Key, Now, format_time, key_of, replicas_of
from sandbox.cluster.recorder import EventRecorder
from sandbox.cluster.resources import DEPLOYMENTS, HPAS
from sandbox.cluster.store import ObjectStore

SOURCE = "horizontal-pod-autoscaler"
_IDLE_UTILIZATION = {"cpu": 61, "memory": 68}


class AutoscalerController:
    """``requeue_after(key, seconds)`` schedules another reconciliation."""

    def __init__(
        self, store: ObjectStore, events: EventRecorder, now: Now, requeue_after: Callable[[Key, float], None], delay: float
    ) -> None:
        self._store = store
        self._events = events
        self._now = now
        self._requeue_after = requeue_after
        self._delay = delay
        self._queued: set[Key] = set()

    def enqueue(self, key: Key) -> None:
        """Something about this autoscaler or its Deployment changed: look, a moment later."""
        if key not in self._queued:
            self._queued.add(key)
            self._requeue_after(key, self._delay)

    def of_deployment(self, key: Key) -> list[Key]:
        """The autoscalers that steer this Deployment."""
        return [key_of(hpa) for hpa in self._store.all(HPAS, key[0]) if target_of(hpa) == key]

    def reconcile(self, key: Key) -> None:
        self._queued.discard(key)
        hpa = self._store.find(HPAS, key)
        deployment = self._store.find(DEPLOYMENTS, target_of(hpa)) if hpa is not None else None
        if hpa is None or deployment is None:
            return
        low, high = hpa["spec"].get("minReplicas", 1), hpa["spec"]["maxReplicas"]
        wanted = replicas_of(deployment)
        if wanted and not low <= wanted <= high:
            side, bound = ("below", "Min") if wanted < low else ("above", "Max")
            why = f"Current number of replicas {side} Spec.{bound}Replicas"
            self.scale(key, min(max(wanted, low), high), why)
        else:
            self._write_status(hpa, deployment, moved=False)

    def scale(
        self, key: Key, replicas: int, reason: str = "cpu resource utilization (percentage of request) above target"
    ) -> Json:
        """Scales the target as the autoscaler would; refuses what lies outside its bounds with 422."""
        hpa = self._store.get(HPAS, key)
        low, high = hpa["spec"].get("minReplicas", 1), hpa["spec"]["maxReplicas"]
        if not low <= replicas <= high:
            message = f"replicas must be between {low} and {high}"
            raise errors.ApiError(422, "Invalid", message)
        target = target_of(hpa)
        deployment = self._store.modify(DEPLOYMENTS, target, lambda obj: obj["spec"].update(replicas=replicas))
        message = f"New size: {replicas}; reason: {reason}"
        self._events.record(HPAS, hpa, "SuccessfulRescale", message, source=SOURCE)
        return self._write_status(hpa, deployment, moved=True)

    def _write_status(self, hpa: Json, deployment: Json, *, moved: bool) -> Json:
        status = status_of(hpa, deployment, format_time(self._now()))
        if moved:
            status["lastScaleTime"] = format_time(self._now())
        return self._store.modify(HPAS, key_of(hpa), lambda obj: obj.update(status=status), status=True)


def target_of(hpa: Json) -> Key:
    return hpa["metadata"]["namespace"], hpa["spec"]["scaleTargetRef"]["name"]


def status_of(hpa: Json, deployment: Json, at: str) -> Json:
    """What the autoscaler tells of itself; conditions that were there keep their times."""
    before = hpa.get("status", {})
    wanted = replicas_of(deployment)
    status: Json = {
        "currentReplicas": deployment.get("status", {}).get("replicas", 0),
        "desiredReplicas": wanted,
        "currentMetrics": [_metric(metric) for metric in hpa["spec"].get("metrics", []) if metric["type"] == "Resource"],
        "conditions": [_with_transition_time(each, before, at) for each in _conditions(active=wanted > 0)],
    }
    if "lastScaleTime" in before:
        status["lastScaleTime"] = before["lastScaleTime"]
    return status


def _metric(metric: Json) -> Json:
    name: str = metric["resource"]["name"]
    current: dict[str, Any] = {
        "averageUtilization": _IDLE_UTILIZATION.get(name, 50),
        "averageValue": "153m" if name == "cpu" else "348Mi",
    }
    return {"type": "Resource", "resource": {"name": name, "current": current}}


def _with_transition_time(condition: Json, before: Json, at: str) -> Json:
    """A condition keeps the time since when it has had its status."""
    known = next((each for each in before.get("conditions", []) if each["type"] == condition["type"]), None)
    unchanged = known is not None and known["status"] == condition["status"]
    return {**condition, "lastTransitionTime": known["lastTransitionTime"] if known and unchanged else at}


def _conditions(*, active: bool) -> list[Json]:
    why = "the HPA was able to successfully calculate a replica count"
    disabled_message = "scaling is disabled since the replica count of the target is zero"
    conditions = (
        ("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size"),
        ("ScalingActive", "True", "ValidMetricFound", why)
        if active
        else ("ScalingActive", "False", "ScalingDisabled", disabled_message),
        ("ScalingLimited", "False", "DesiredWithinRange", "the desired count is within the acceptable range"),
    )
    return [{"type": kind, "status": status, "reason": reason, "message": text} for kind, status, reason, text in conditions]
