"""The state of a rollout, derived from the Deployment alone by the rules of ``kubectl rollout status``."""

import re
from dataclasses import replace
from typing import Any

from domain.workloads.deployments import RolloutStatus
from integrations.kubernetes.refusals import describe_refusal, parse_refusal
from integrations.kubernetes.resources import Json, metadata

DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
_PROGRESSING_CONDITION = "Progressing"
_STALLED_REPLICA_SET = re.compile(r'ReplicaSet "(?P<name>[^"]+)"')


def rollout_state(deployment: Json) -> RolloutStatus:
    """Pod counts, whether the rollout is done, and why it cannot finish by itself."""
    spec, status = deployment["spec"], deployment.get("status") or {}
    desired, updated, total = spec.get("replicas", 1), status.get("updatedReplicas", 0), status.get("replicas", 0)
    available = status.get("availableReplicas", 0)
    # Until the controller has observed this generation, the status still describes the template before it.
    observed = metadata(deployment).get("generation", 0) <= status.get("observedGeneration", 0)
    deadline_message = _deadline_message(deployment) if observed else ""
    done = observed and not deadline_message and updated >= desired and total <= updated <= available
    return RolloutStatus(
        desired=desired,
        updated=updated,
        ready=status.get("readyReplicas", 0),
        available=available,
        total=total,
        done=done,
        observed=observed,
        failure="" if done else deadline_message or _paused_message(deployment),
    )


def scaling_state(rollout: RolloutStatus, *, is_paused: bool) -> RolloutStatus:
    """The state of a scaling: as many pods as are asked for, of whichever revision.

    A pause in the middle of a rollout keeps some pods more than that, so that the verification counts them.
    """
    has_number = rollout.total == rollout.desired or (is_paused and rollout.total > rollout.desired)
    done = rollout.observed and has_number and rollout.available >= rollout.desired
    return replace(rollout, done=done, failure="" if done or is_paused else rollout.failure)


def ended_state(last: RolloutStatus, failure: str) -> RolloutStatus:
    """The state of a rollout whose Deployment is gone."""
    return RolloutStatus(desired=last.desired, updated=0, ready=0, available=0, total=0, done=False, failure=failure)


def _deadline_message(deployment: Json) -> str:
    if _progress_condition(deployment).get("reason") != DEADLINE_EXCEEDED:
        return ""
    seconds = deployment["spec"].get("progressDeadlineSeconds", 600)
    return f"It made no progress for {seconds} s (Kubernetes' progress deadline)."


def _paused_message(deployment: Json) -> str:
    return "The Deployment is paused." if deployment["spec"].get("paused") else ""


def creation_failure(deployment: Json) -> str:
    """Why no pods can be created, such as a quota or an admission rule; empty if they can."""
    conditions: list[Json] = (deployment.get("status") or {}).get("conditions") or []
    failed = next((item for item in conditions if item.get("type") == "ReplicaFailure" and item.get("status") == "True"), None)
    if failed is None:
        return ""
    message = str(failed.get("message") or failed.get("reason") or "no reason given")
    refusal = parse_refusal(message)
    return (describe_refusal(refusal) if refusal else "") or f"Pods cannot be created: {message}"


def stalled_replica_set(deployment: Json) -> str:
    """The ReplicaSet that exceeded the progress deadline, from the condition's message; empty without one."""
    progressing = _progress_condition(deployment)
    match = (
        _STALLED_REPLICA_SET.search(progressing.get("message", "")) if progressing.get("reason") == DEADLINE_EXCEEDED else None
    )
    return match["name"] if match else ""


def without_progress_condition(deployment: Json) -> Json:
    """A copy of the Deployment without its ``Progressing`` condition."""
    status = deployment["status"]
    conditions = [condition for condition in status["conditions"] if condition["type"] != _PROGRESSING_CONDITION]
    return {**deployment, "status": {**status, "conditions": conditions}}


def _progress_condition(deployment: Json) -> dict[str, Any]:
    conditions: list[Json] = (deployment.get("status") or {}).get("conditions") or []
    return next((condition for condition in conditions if condition.get("type") == _PROGRESSING_CONDITION), {})
