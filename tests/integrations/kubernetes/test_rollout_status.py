"""Rules without a cluster: when a rollout is done, which annotations a rollback carries, how a selector is said."""

from typing import Any

import pytest

from domain.workloads.deployments import RolloutStatus
from integrations.kubernetes.changes import undo_annotations
from integrations.kubernetes.resources import label_selector
from integrations.kubernetes.rollout_status import (
    creation_failure,
    rollout_state,
    stalled_replica_set,
    without_progress_condition,
)

LATE = "It made no progress for 600 s (Kubernetes' progress deadline)."
PAUSED = "The Deployment is paused."


def deployment(
    *, replicas: int | None = 3, generation: int = 2, observed: int = 2, reason: str = "", paused: bool = False, **status: int
) -> dict[str, Any]:
    """``status`` names updated, total, available and ready."""
    names = {"updated": "updatedReplicas", "total": "replicas", "available": "availableReplicas", "ready": "readyReplicas"}
    about: dict[str, Any] = {"observedGeneration": observed, **{names[key]: value for key, value in status.items()}}
    if reason:
        message = 'ReplicaSet "web-5d9c7b" has timed out progressing.' if reason == "ProgressDeadlineExceeded" else "fine"
        about["conditions"] = [
            {"type": "Available", "status": "True"},
            {"type": "Progressing", "reason": reason, "message": message},
        ]
    spec: dict[str, Any] = {"paused": paused} if paused else {}
    spec |= {} if replicas is None else {"replicas": replicas}
    return {"metadata": {"name": "web", "generation": generation}, "spec": spec, "status": about}


@pytest.mark.parametrize(
    ("obj", "done", "failure"),
    [
        (deployment(updated=3, total=3, available=3, ready=3), True, ""),
        (deployment(updated=3, total=3, available=3, observed=3), True, ""),
        (deployment(updated=3, total=3, available=3, observed=1), False, ""),
        (deployment(updated=2, total=3, available=3), False, ""),
        (deployment(updated=3, total=4, available=3), False, ""),
        (deployment(updated=3, total=3, available=2), False, ""),
        (deployment(updated=3, total=3, available=2, ready=3), False, ""),
        (deployment(replicas=0), True, ""),
        (deployment(replicas=2, updated=3, total=3, available=3), True, ""),
        (deployment(replicas=None, updated=1, total=1, available=1), True, ""),
        (deployment(replicas=None, updated=0, total=1, available=1), False, ""),
        (deployment(updated=1, total=4, available=3, reason="ReplicaSetUpdated"), False, ""),
        (deployment(updated=1, total=4, available=3, reason="ProgressDeadlineExceeded"), False, LATE),
        (deployment(updated=3, total=3, available=3, reason="ProgressDeadlineExceeded"), False, LATE),
        (deployment(updated=1, total=4, available=3, reason="ProgressDeadlineExceeded", observed=1), False, ""),
        (deployment(updated=3, total=3, available=2, reason="NewReplicaSetAvailable"), False, ""),
        (deployment(updated=0, total=3, available=3, paused=True), False, PAUSED),
        (deployment(updated=0, total=3, available=3, paused=True, observed=1), False, PAUSED),
        (deployment(updated=3, total=3, available=3, paused=True), True, ""),
    ],
)
def test_done_and_failed_as_kubectl_rollout_status_decides(obj: dict[str, Any], done: bool, failure: str) -> None:  # noqa: FBT001
    state = rollout_state(obj)

    assert (state.done, state.failure) == (done, failure)


def test_the_counts_are_the_deployments() -> None:
    assert rollout_state(deployment(updated=2, total=4, available=1, ready=3)) == RolloutStatus(
        desired=3, updated=2, ready=3, available=1, total=4, done=False
    )


def test_a_deployment_that_no_controller_has_seen_is_not_done() -> None:
    assert not rollout_state({"metadata": {"generation": 1}, "spec": {"replicas": 0}}).done


def test_a_verdict_names_whom_it_blames_and_can_be_set_aside() -> None:
    late = deployment(updated=3, total=3, available=3, reason="ProgressDeadlineExceeded")

    assert stalled_replica_set(late) == "web-5d9c7b"
    assert rollout_state(without_progress_condition(late)).done
    assert rollout_state(late).failure
    assert stalled_replica_set(deployment(updated=3, total=3, available=3, reason="NewReplicaSetAvailable")) == ""


KEPT = {
    "kubectl.kubernetes.io/last-applied-configuration": "{}",
    "deployment.kubernetes.io/revision": "7",
    "deployment.kubernetes.io/revision-history": "1,3",
    "deployment.kubernetes.io/desired-replicas": "3",
    "deployment.kubernetes.io/max-replicas": "4",
    "deprecated.deployment.rollback.to": "2",
}


@pytest.mark.parametrize(
    ("on_deployment", "on_revision", "wanted"),
    [
        ({}, {}, {}),
        ({"team": "red"}, {"team": "blue"}, {"team": "blue"}),
        ({"added": "later"}, {}, {}),
        ({}, {"was": "there"}, {"was": "there"}),
        (KEPT, {}, KEPT),
        ({}, KEPT, {}),
        (KEPT | {"team": "red"}, dict.fromkeys(KEPT, "old") | {"team": "blue"}, KEPT | {"team": "blue"}),
    ],
)
def test_annotations_of_a_rollback_are_those_of_kubectl_undo(
    on_deployment: dict[str, str], on_revision: dict[str, str], wanted: dict[str, str]
) -> None:
    assert undo_annotations(on_deployment, on_revision) == wanted


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ({"matchLabels": {"app": "web", "tier": "front"}}, "app=web,tier=front"),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}, "app in (a,b)"),
        (
            {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "NotIn", "values": ["d"]}]},
            "a=b,c notin (d)",
        ),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "DoesNotExist"}]}, "a,!b"),
    ],
)
def test_a_selector_is_said_as_the_query_wants_it(selector: dict[str, Any], said: str) -> None:
    assert label_selector(selector) == said


@pytest.mark.parametrize(
    ("message", "obstacle"),
    [
        (
            'pods "x" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=3, limited: pods=3',
            "The quota compute does not allow this: exceeded quota: compute, requested: pods=1, used: pods=3, limited: pods=3.",
        ),
        (
            'admission webhook "images.example.com" denied the request: not signed',
            "The admission webhook images.example.com does not allow this: not signed.",
        ),
        ("no such thing", "Pods cannot be created: no such thing"),
    ],
)
def test_what_lets_no_pod_in_is_the_obstacle(message: str, obstacle: str) -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    assert creation_failure({"status": {"conditions": [condition]}}) == obstacle
    assert creation_failure({"status": {"conditions": [{**condition, "status": "False"}]}}) == ""
    assert creation_failure({}) == ""
