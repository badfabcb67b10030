"""The four changes: guarded, recognisable, and what a rollback leaves is what kubectl would leave."""

import asyncio
import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import pytest

from domain.errors import Drifted, NotFound, PermanentError, Refused, TemporaryError, UnknownOutcome
from domain.workloads.deployments import Template, Workload, template_hash
from integrations.kubernetes import Cluster
from sandbox.cluster import ClusterFault, StandInCluster
from tests.harness.cluster_namespace import ClusterNamespace, Json, wait_until

APPS = "/apis/apps/v1"
STILL: Json = {"replicas": 0}
"""No pods: for tests of what is written, not of what rolls out."""


async def test_a_rollback_leaves_what_kubectl_undo_leaves(namespace: ClusterNamespace, cluster: Cluster) -> None:
    for name in ("web", "twin"):
        await namespace.deploy("main-aaaaaaa", name, annotations={"team": "blue", "kubernetes.io/change-cause": "first"})
        await namespace.kubectl("annotate", "deployment", name, "kubectl.kubernetes.io/last-applied-configuration={}")
        await namespace.set_version("main-bbbbbbb", name, cause="second", annotations={"team": "red", "only": "now"})
        await namespace.set_version("main-ccccccc", name, cause="third")
    before = await cluster.workload(namespace.target())
    first = before.revisions[-1]
    template = await cluster.template_of(namespace.target(), first.template_hash)

    assert await _put(cluster, namespace, template, before, "op-1", back=True)
    await namespace.kubectl("rollout", "undo", "deployment/twin", "--to-revision=1")
    for name in ("web", "twin"):
        await namespace.wait_rolled_out(name)

    ours, theirs = await namespace.deployment("web"), await namespace.deployment("twin")
    assert _without_name(ours["spec"], "web") == _without_name(theirs["spec"], "twin")
    notes = dict(ours["metadata"]["annotations"])
    assert notes.pop("deepecho/operation") == "op-1"
    assert notes.pop("kubernetes.io/change-cause") == "roll back"
    assert notes == {key: value for key, value in theirs["metadata"]["annotations"].items() if "change-cause" not in key}
    assert notes["team"] == "blue"
    assert notes["deployment.kubernetes.io/revision"] == "4"
    assert ours["metadata"].get("labels") == theirs["metadata"].get("labels")


def _without_name(spec: Json, name: str) -> Json:
    plain = copy.deepcopy(spec)
    assert plain["selector"]["matchLabels"].pop("app") == name
    assert plain["template"]["metadata"]["labels"].pop("app") == name
    return plain


async def test_a_new_version_keeps_the_deployments_annotations(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa", annotations={"team": "blue"})
    before = await cluster.workload(namespace.target())

    assert await _put(cluster, namespace, _tagged(before, "main-bbbbbbb"), before, "op-1")
    await namespace.wait_rolled_out()

    after = await cluster.workload(namespace.target())
    notes = (await namespace.deployment())["metadata"]["annotations"]
    assert (after.image, after.operation_id) == ("registry.example/web:main-bbbbbbb", "op-1")
    assert (notes["team"], notes["kubernetes.io/change-cause"]) == ("blue", "roll back")
    assert [(each.operation_id, each.change_cause) for each in after.revisions] == [("op-1", "roll back"), ("", "")]


async def test_a_deployment_without_annotations_takes_its_first(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    await namespace.api.call(
        "PATCH", namespace.path(), [{"op": "remove", "path": "/metadata/annotations"}], "application/json-patch+json"
    )
    before = await cluster.workload(namespace.target())

    assert await _put(cluster, namespace, _tagged(before, "main-bbbbbbb"), before, "op-1")

    assert (await namespace.deployment())["metadata"]["annotations"]["deepecho/operation"] == "op-1"


async def test_the_same_operation_is_recognised_and_another_is_drift(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    template = _tagged(before, "main-bbbbbbb")

    assert await _put(cluster, namespace, template, before, "op-1") is True
    once = await namespace.deployment()
    assert await _put(cluster, namespace, template, before, "op-1") is False

    assert (await namespace.deployment())["metadata"]["generation"] == once["metadata"]["generation"]
    with pytest.raises(Drifted, match="web in production was changed after this was planned: it now runs main-bbbbbbb"):
        await _put(cluster, namespace, template, before, "op-2")


async def test_a_template_that_moved_is_drift_and_stays(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    await namespace.set_version("main-urgent", wait=False)

    with pytest.raises(Drifted, match="now runs main-urgent"):
        await _put(cluster, namespace, _tagged(before, "main-bbbbbbb"), before, "op-1")
    with pytest.raises(Drifted, match="now runs main-urgent"):
        await _restart(cluster, namespace, before, "op-1")

    assert (await cluster.workload(namespace.target())).image.endswith("main-urgent")


async def test_a_paused_deployment_is_refused(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    await namespace.kubectl("rollout", "pause", "deployment/web")
    before = await cluster.workload(namespace.target())

    assert before.paused
    with pytest.raises(Refused, match="web in production is paused"):
        await _put(cluster, namespace, _tagged(before, "main-bbbbbbb"), before, "op-1")
    with pytest.raises(Refused, match="is paused"):
        await _restart(cluster, namespace, before, "op-1")


async def test_changes_get_through_while_others_write_to_the_same_deployment(
    namespace: ClusterNamespace, cluster: Cluster
) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())

    async with _annotating_constantly(namespace):
        assert await _put(cluster, namespace, _tagged(before, "main-bbbbbbb"), before, "op-1")
    await namespace.wait_rolled_out()
    async with _annotating_constantly(namespace):
        assert await cluster.scale(namespace.target(), 1, expected_replicas=0, operation_id="op-2")
    await namespace.wait_rolled_out()
    async with _annotating_constantly(namespace):
        assert await _restart(cluster, namespace, await cluster.workload(namespace.target()), "op-3")
    await namespace.wait_rolled_out()

    after = await cluster.workload(namespace.target())
    assert (after.image, after.replicas) == ("registry.example/web:main-bbbbbbb", 1)
    assert [each.operation_id for each in after.revisions] == ["op-3", "op-2", ""]
    assert int((await namespace.deployment())["metadata"]["annotations"]["scribble"]) >= 5


@asynccontextmanager
async def _annotating_constantly(namespace: ClusterNamespace) -> AsyncIterator[None]:
    """Somebody annotates the Deployment again and again: so often that its own controller hardly gets a word in."""

    async def scribble() -> None:
        number = 0
        while True:
            number += 1
            await namespace.api.merge(namespace.path(), {"metadata": {"annotations": {"scribble": str(number)}}})
            if number == 5:
                often.set()
            await asyncio.sleep(0.03)

    often = asyncio.Event()
    task = asyncio.create_task(scribble())
    try:
        yield
        await often.wait()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_note_written_between_look_and_patch_is_kept_and_the_patch_made_again(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    """The patch waits on its way while a controller annotates the Deployment."""
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    stand_in.control.requests.clear()
    stand_in.inject_fault(ClusterFault(kind="delay", seconds=0.3, method="PATCH", path_prefix=APPS))

    ours = asyncio.create_task(_put(cluster, namespace, _tagged(before, "main-bbbbbbb"), before, "op-1"))
    await wait_until(lambda: not stand_in.control.faults)
    await namespace.api.merge(namespace.path(), {"metadata": {"annotations": {"note": "kept"}}})

    assert await ours is True
    notes = (await namespace.deployment())["metadata"]["annotations"]
    assert (notes["note"], notes["deepecho/operation"]) == ("kept", "op-1")
    assert [each.status for each in stand_in.control.writes(APPS)] == [200, 409, 200]


async def test_a_change_between_look_and_patch_is_seen(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    """The patch waits on its way while somebody ships another version."""
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    stand_in.inject_fault(ClusterFault(kind="delay", seconds=0.3, method="PATCH", path_prefix=APPS))

    ours = asyncio.create_task(_put(cluster, namespace, _tagged(before, "main-bbbbbbb"), before, "op-1"))
    await wait_until(lambda: not stand_in.control.faults)
    await namespace.set_version("main-urgent", wait=False)

    with pytest.raises(Drifted, match="now runs main-urgent"):
        await ours


@pytest.mark.parametrize("kind", ["fail_after_apply", "drop"])
async def test_a_lost_answer_is_looked_for_before_the_change_is_sent_again(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster, kind: str
) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    stand_in.control.requests.clear()
    stand_in.inject_fault(ClusterFault(kind="drop" if kind == "drop" else "fail_after_apply", method="PATCH", path_prefix=APPS))

    assert await _put(cluster, namespace, _tagged(before, "main-bbbbbbb"), before, "op-1") is True

    after = await namespace.deployment()
    assert after["metadata"]["generation"] == before.generation + 1
    assert after["metadata"]["annotations"]["deepecho/operation"] == "op-1"
    patches = [each for each in stand_in.control.writes(APPS) if each.method == "PATCH"]
    assert len(patches) == (2 if kind == "drop" else 1)


async def test_a_cluster_that_stays_silent_leaves_the_outcome_unknown(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    stand_in.inject_fault(ClusterFault(kind="fail_after_apply", method="PATCH", path_prefix=APPS))
    gone = asyncio.create_task(_after_the_patch(stand_in, namespace))

    with pytest.raises(UnknownOutcome, match="may or may not have been done"):
        await _put(cluster, namespace, _tagged(before, "main-bbbbbbb"), before, "op-1")
    await gone
    stand_in.control.clear_faults()

    assert await _put(cluster, namespace, _tagged(before, "main-bbbbbbb"), before, "op-1") is False


async def test_two_lost_answers_leave_the_outcome_unknown(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    """Neither request was carried out, which nobody can know: it is not sent a third time."""
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    stand_in.control.requests.clear()
    stand_in.inject_fault(ClusterFault(kind="drop", times=2, method="PATCH", path_prefix=APPS))

    with pytest.raises(UnknownOutcome, match="may or may not have been done"):
        await _put(cluster, namespace, _tagged(before, "main-bbbbbbb"), before, "op-1")

    assert [each.method for each in stand_in.control.writes(APPS)] == ["PATCH", "PATCH"]


async def test_a_deployment_that_others_change_all_the_time_is_left_to_them(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    stand_in.inject_fault(ClusterFault(kind="status", status=409, times=1000, method="PATCH", path_prefix=APPS))

    with pytest.raises(
        TemporaryError, match=r"web in production is being changed by others all the time\. Nothing was changed\."
    ):
        await _put(cluster, namespace, _tagged(before, "main-bbbbbbb"), before, "op-1")

    stand_in.control.clear_faults()
    assert (await cluster.workload(namespace.target())).operation_id == ""
    assert await _put(cluster, namespace, _tagged(before, "main-bbbbbbb"), before, "op-1") is True


async def test_what_was_changed_as_planned_and_by_somebody_else_since_is_drift(
    namespace: ClusterNamespace, cluster: Cluster
) -> None:
    """The operation's mark is still there, but what it wanted is not: a replay must not take that for its own success."""
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    template = _tagged(before, "main-bbbbbbb")
    assert await _put(cluster, namespace, template, before, "op-1") is True
    await namespace.set_version("main-urgent", wait=False)

    with pytest.raises(Drifted, match="was changed as planned, and by somebody else since"):
        await _put(cluster, namespace, template, before, "op-1")

    assert (await cluster.workload(namespace.target())).image.endswith("main-urgent")


async def _after_the_patch(stand_in: StandInCluster, namespace: ClusterNamespace) -> None:
    """Once the patch has met its fault, reads fail too."""
    await wait_until(lambda: not any(each.method == "PATCH" for each in stand_in.control.faults))
    stand_in.inject_fault(ClusterFault(kind="status", status=503, times=20, method="GET", path_prefix=namespace.path()))


async def test_restart_is_kubectls_and_recognises_itself(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    before = await cluster.workload(namespace.target())

    assert await _restart(cluster, namespace, before, "op-1") is True
    assert await _restart(cluster, namespace, before, "op-1") is False
    await namespace.wait_rolled_out()

    after = await cluster.workload(namespace.target())
    assert (after.operation_id, after.revision, after.image) == ("op-1", 2, before.image)
    changed = copy.deepcopy(dict(after.template))
    assert changed["metadata"].pop("annotations") == {"kubectl.kubernetes.io/restartedAt": "2026-11-23T14:02:00Z"}
    plain = copy.deepcopy(dict(before.template))
    plain["metadata"].pop("annotations", None)
    assert changed == plain


async def test_scale_sets_the_number_once(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa", spec={"replicas": 1})
    before = await cluster.workload(namespace.target())

    assert await cluster.scale(namespace.target(), 3, expected_replicas=1, operation_id="op-1") is True
    assert await cluster.scale(namespace.target(), 3, expected_replicas=1, operation_id="op-1") is False

    after = await cluster.workload(namespace.target())
    assert (after.replicas, after.template_hash, after.operation_id) == (3, before.template_hash, "op-1")
    with pytest.raises(Drifted, match="web in production now has 3 pods, not 1"):
        await cluster.scale(namespace.target(), 5, expected_replicas=1, operation_id="op-2")


async def test_what_the_server_finds_invalid_is_said_in_its_words(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    broken = copy.deepcopy(dict(before.template))
    broken["spec"]["containers"] = []

    with pytest.raises(PermanentError, match=r"refused to patch Deployment web .*spec.template.spec.containers: Required value"):
        await _put(cluster, namespace, broken, before, "op-1")


async def test_a_deployment_made_anew_is_another_one(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    await namespace.kubectl("delete", "deployment", "web")

    with pytest.raises(NotFound, match="no Deployment web"):
        await _put(cluster, namespace, before.template, before, "op-1")


async def _recreate(namespace: ClusterNamespace) -> Json:
    """Somebody deletes the Deployment and makes it again, to the letter; the new one as it is then."""
    await namespace.kubectl("delete", "deployment", "web")
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    return await namespace.deployment()


@pytest.mark.parametrize("verb", ["deploy", "roll back", "restart", "scale"])
async def test_a_deployment_made_anew_between_plan_and_change_is_left_alone(
    namespace: ClusterNamespace, cluster: Cluster, verb: str
) -> None:
    """It has the same name, template and number of pods; only its uid tells that it is not the one that was planned for."""
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    recreated = await _recreate(namespace)
    changes = {
        "deploy": lambda: _put(cluster, namespace, _tagged(before, "main-bbbbbbb"), before, "op-1", uid=before.uid),
        "roll back": lambda: _put(cluster, namespace, before.template, before, "op-1", uid=before.uid, back=True),
        "restart": lambda: _restart(cluster, namespace, before, "op-1", uid=before.uid),
        "scale": lambda: cluster.scale(namespace.target(), 1, expected_replicas=0, operation_id="op-1", uid=before.uid),
    }

    with pytest.raises(Drifted, match=r"web in production was deleted and made anew in the meantime\. Nothing was changed\."):
        await changes[verb]()

    after = await namespace.deployment()
    assert after["metadata"]["uid"] == recreated["metadata"]["uid"] != before.uid
    assert after["metadata"]["generation"] == recreated["metadata"]["generation"]
    assert "deepecho/operation" not in after["metadata"]["annotations"]


async def test_the_deployment_that_was_planned_for_is_changed(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())

    assert await _put(cluster, namespace, _tagged(before, "main-bbbbbbb"), before, "op-1", uid=before.uid) is True


@pytest.mark.parametrize("planned", ["with its uid", "without"])
async def test_a_deployment_made_anew_between_look_and_patch_is_left_alone(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster, planned: str
) -> None:
    """The patch waits on its way meanwhile. Even where no uid was planned, the object is the one of the first look."""
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    stand_in.inject_fault(ClusterFault(kind="hold", method="PATCH", path_prefix=namespace.path()))

    uid = before.uid if planned == "with its uid" else ""
    ours = asyncio.create_task(cluster.scale(namespace.target(), 1, expected_replicas=0, operation_id="op-1", uid=uid))
    await wait_until(lambda: not stand_in.control.faults)
    recreated = await _recreate(namespace)
    stand_in.control.clear_faults()

    with pytest.raises(Drifted, match="was deleted and made anew in the meantime"):
        await ours
    assert (await namespace.deployment())["spec"] == recreated["spec"]


async def _put(
    cluster: Cluster,
    namespace: ClusterNamespace,
    template: Template,
    before: Workload,
    operation: str,
    *,
    back: bool = False,
    uid: str = "",
) -> bool:
    return await cluster.set_template(
        namespace.target(),
        template,
        expected_hash=before.template_hash,
        operation_id=operation,
        cause="roll back",
        annotations_from_revision=back,
        uid=uid,
    )


async def _restart(cluster: Cluster, namespace: ClusterNamespace, before: Workload, operation: str, *, uid: str = "") -> bool:
    return await cluster.restart(
        namespace.target(),
        expected_hash=before.template_hash,
        restarted_at=datetime(2026, 11, 23, 14, 2, tzinfo=UTC),
        operation_id=operation,
        uid=uid,
    )


def _tagged(workload: Workload, tag: str) -> Template:
    template = copy.deepcopy(dict(workload.template))
    template["spec"]["containers"][0]["image"] = f"registry.example/web:{tag}"
    assert template_hash(template) != workload.template_hash
    return template
