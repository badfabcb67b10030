"""When the rollout of a StatefulSet is done, and what keeps a new template from its pods."""

from typing import Any

import pytest

from domain.errors import Refused
from domain.workloads.deployments import template_hash
from integrations.kubernetes.changes import Restart
from integrations.kubernetes.stateful_sets import as_revision, held_back, rollout_state
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
    ("strategy", "says"),
    [
        ({}, ""),
        ({"type": "RollingUpdate"}, ""),
        ({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}, ""),
        ({"rollingUpdate": {"partition": 2}}, "its partition is 2, so that the pods below number 2 keep their version"),
        (
            {"type": "OnDelete"},
            "its update strategy is OnDelete, so that Kubernetes replaces a pod only when somebody deletes it",
        ),
    ],
)
def test_what_holds_a_template_back(strategy: dict[str, Any], says: str) -> None:
    assert held_back({"spec": {"updateStrategy": strategy}}) == says


def test_a_strategy_that_was_changed_after_the_preview_is_refused_before_anything_is_changed() -> None:
    template = {"metadata": {}, "spec": {"containers": [{"name": "main", "image": "db:1"}]}}
    change = Restart(target=target(), operation_id="op-1", expected_hash=template_hash(template), restarted_at=NOW)
    strategy = {"rollingUpdate": {"partition": 2}}
    found = {"kind": "StatefulSet", "metadata": {}, "spec": {"template": template, "updateStrategy": strategy}}
    with pytest.raises(Refused, match=r"below number 2 keep their version\. Nothing was changed\."):
        change.check(found)
    change.check(found | {"spec": {"template": template}})


def test_a_controller_revision_is_read_without_its_patch_directive() -> None:
    template = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": []}}
    stored = {"metadata": {"name": "db-5f"}, "revision": 7, "data": {"spec": {"template": {**template, "$patch": "replace"}}}}
    assert as_revision(stored) == {
        "metadata": {"name": "db-5f", "annotations": {"deployment.kubernetes.io/revision": "7"}},
        "spec": {"template": template},
    }
