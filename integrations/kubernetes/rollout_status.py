"""Is a rollout done? Decided from the Deployment alone, as ``kubectl rollout status`` decides it."""

import re
from typing import Any

from domain.workloads.deployments import RolloutState
from integrations.kubernetes.resources import Json, metadata

DEADLINE = "ProgressDeadlineExceeded"
_PROGRESSING = "Progressing"
_BLAMED = re.compile(r'ReplicaSet "(?P<name>[^"]+)"')


def rollout_state(deployment: Json) -> RolloutState:
    """Counts, whether it is done, and why it will not finish by itself."""
    spec, status = deployment["spec"], deployment.get("status") or {}
    desired, updated, total = spec.get("replicas", 1), status.get("updatedReplicas", 0), status.get("replicas", 0)
    available = status.get("availableReplicas", 0)
    observed = metadata(deployment).get("generation", 0) <= status.get("observedGeneration", 0)
    late = _late(deployment) if observed else ""
    done = observed and not late and updated >= desired and total <= updated <= available
    return RolloutState(
        desired=desired,
        updated=updated,
        ready=status.get("readyReplicas", 0),
        available=available,
        total=total,
        done=done,
        failure="" if done else late or _paused(deployment),
    )


def deleted(last: RolloutState) -> RolloutState:
    """What is said when the Deployment goes away in the middle."""
    return RolloutState(
        desired=last.desired, updated=0, ready=0, available=0, total=0, done=False, failure="The Deployment was deleted."
    )


def _late(deployment: Json) -> str:
    if _progressing(deployment).get("reason") != DEADLINE:
        return ""
    seconds = deployment["spec"].get("progressDeadlineSeconds", 600)
    return f"It made no progress for {seconds} s (Kubernetes' progress deadline)."


def _paused(deployment: Json) -> str:
    return "The Deployment is paused." if deployment["spec"].get("paused") else ""


def blamed(deployment: Json) -> str:
    """The ReplicaSet that Kubernetes says made no progress in time; empty without such a verdict."""
    progressing = _progressing(deployment)
    found = _BLAMED.search(progressing.get("message", "")) if progressing.get("reason") == DEADLINE else None
    return found["name"] if found else ""


def without_verdict(deployment: Json) -> Json:
    """The Deployment as if its progress had not been judged yet."""
    status = deployment["status"]
    kept = [each for each in status["conditions"] if each["type"] != _PROGRESSING]
    return {**deployment, "status": {**status, "conditions": kept}}


def _progressing(deployment: Json) -> dict[str, Any]:
    conditions: list[Json] = (deployment.get("status") or {}).get("conditions") or []
    return next((each for each in conditions if each.get("type") == _PROGRESSING), {})
