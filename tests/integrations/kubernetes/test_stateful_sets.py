"""When the rollout of a StatefulSet is done, and what keeps a new template from its pods."""

from typing import Any

import pytest

from domain.errors import Drifted
from domain.workloads.deployments import template_hash
from integrations.kubernetes.changes import Restart
from integrations.kubernetes.rollout_status import scaling_state
from integrations.kubernetes.stateful_sets import as_revision, rollout_state, update_strategy
from tests.harness.fakes.clock import NOW
from tests.harness.samples.workloads import target


def stateful_set(replicas: int = 3, *, generation: int = 2, **status: Any) -> dict[str, Any]:
    done = {
        "observedGeneration": 2,
        "replicas": 3,
        "readyReplicas": 3,
        "updatedReplicas": 3,
        "availableReplicas": 3,
        "currentRevision": "db-2",
        "updateRevision": "db-2",
    }
    return {"metadata": {"generation": generation}, "spec": {"replicas": replicas}, "status": done | status}


@pytest.mark.parametrize(
    ("found", "done"),
    [
        (stateful_set(), True),
        (stateful_set(readyReplicas=2), False),
        (stateful_set(currentRevision="db-1", updatedReplicas=2), False),
        (stateful_set(generation=3), False),
        (stateful_set(replicas=2), False),
        (stateful_set(replicas=5), False),
        (stateful_set(replicas=0, readyReplicas=0, updatedReplicas=0) | {"status": {"observedGeneration": 2}}, True),
        ({"metadata": {"generation": 1}, "spec": {"replicas": 1}}, False),
    ],
)
def test_a_rollout_is_done_when_every_pod_is_new_and_ready_and_none_is_too_many(found: dict[str, Any], *, done: bool) -> None:
    state = rollout_state(found)
    assert (state.done, state.failure) == (done, "")


@pytest.mark.parametrize(
    ("found", "done"),
    [
        (stateful_set(currentRevision="db-1", updatedReplicas=1), True),
        (stateful_set(currentRevision="db-1", updatedReplicas=0), False),
        (stateful_set(currentRevision="db-1", updatedReplicas=1, readyReplicas=2), False),
        (stateful_set(currentRevision="db-1", updatedReplicas=1, generation=3), False),
    ],
)
def test_behind_a_partition_it_is_done_when_the_others_are_new(found: dict[str, Any], *, done: bool) -> None:
    found["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    assert rollout_state(found).done is done


@pytest.mark.parametrize(("generation", "done"), [(2, True), (3, False)])
def test_with_on_delete_it_is_done_once_it_is_known(generation: int, *, done: bool) -> None:
    found = stateful_set(currentRevision="db-1", updatedReplicas=0, readyReplicas=1, generation=generation)
    found["spec"]["updateStrategy"] = {"type": "OnDelete"}
    assert rollout_state(found).done is done


def test_a_server_that_does_not_count_available_pods_is_believed_about_ready_ones() -> None:
    found = stateful_set(availableReplicas=3)
    del found["status"]["availableReplicas"]
    assert scaling_state(rollout_state(found), is_paused=False).done


@pytest.mark.parametrize(
    ("spec", "kept", "reason"),
    [
        ({}, [], "its partition is 0"),
        ({"updateStrategy": {"type": "RollingUpdate"}}, [], "its partition is 0"),
        ({"updateStrategy": {"rollingUpdate": {"partition": 2}}}, [0, 1], "its partition is 2"),
        ({"updateStrategy": {"rollingUpdate": {"partition": 9}}}, [0, 1, 2], "its partition is 9"),
        # The partition counts from the first ordinal.
        ({"updateStrategy": {"rollingUpdate": {"partition": 1}}, "ordinals": {"start": 5}}, [5], "its partition is 1"),
        ({"updateStrategy": {"type": "OnDelete"}}, [0, 1, 2], "its update strategy is OnDelete"),
    ],
)
def test_which_of_three_pods_keep_their_template(spec: dict[str, Any], kept: list[int], reason: str) -> None:
    strategy = update_strategy({"spec": spec})
    assert (list(strategy.kept_ordinals(3)), strategy.reason) == (kept, reason)
    assert strategy.reaches_all is not bool(kept)


def test_a_strategy_that_was_changed_right_before_the_change_stops_it() -> None:
    template = {"metadata": {}, "spec": {"containers": [{"name": "main", "image": "db:1"}]}}
    change = Restart(target=target(), operation_id="op-1", expected_hash=template_hash(template), restarted_at=NOW)
    strategy = {"rollingUpdate": {"partition": 2}}
    found = {"kind": "StatefulSet", "metadata": {}, "spec": {"template": template, "updateStrategy": strategy}}
    with pytest.raises(Drifted, match=r"update strategy of web in production was changed after this was planned\. Nothing was"):
        change.check(found)
    change.check(found | {"spec": {"template": template}})


def test_a_controller_revision_is_read_without_its_patch_directive() -> None:
    template = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": []}}
    stored = {"metadata": {"name": "db-5f"}, "revision": 7, "data": {"spec": {"template": {**template, "$patch": "replace"}}}}
    assert as_revision(stored) == {
        "metadata": {"name": "db-5f", "annotations": {"deployment.kubernetes.io/revision": "7"}},
        "spec": {"template": template},
    }
