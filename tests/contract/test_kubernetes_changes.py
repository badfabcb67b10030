"""The four changes: guarded, recognisable, and what a rollback leaves is what kubectl would leave."""

import asyncio
import copy

import pytest

from domain.errors import Drifted, NotFound, PermanentError, Refused
from integrations.kubernetes import Cluster
from integrations.kubernetes.resources import REVISION_ANNOTATION
from sandbox.cluster import ClusterFault, StandInCluster
from tests.harness.cluster_namespace import ClusterNamespace, Json, wait_until
from tests.harness.kubernetes_changes import STILL, put_template, restart, template_with_tag


async def test_a_rollback_leaves_what_kubectl_undo_leaves(namespace: ClusterNamespace, cluster: Cluster) -> None:
    for name in ("web", "twin"):
        await namespace.deploy("main-aaaaaaa", name, annotations={"team": "blue", "kubernetes.io/change-cause": "first"})
        await namespace.kubectl("annotate", "deployment", name, "kubectl.kubernetes.io/last-applied-configuration={}")
        await namespace.set_version("main-bbbbbbb", name, cause="second", annotations={"team": "red", "only": "now"})
        await namespace.set_version("main-ccccccc", name, cause="third")
    before = await cluster.workload(namespace.target())
    first = before.revisions[-1]
    template = await cluster.template_of(namespace.target(), first.template_hash)

    assert await put_template(cluster, namespace, template, before, "op-1", back=True)
    await namespace.kubectl("rollout", "undo", "deployment/twin", "--to-revision=1")
    for name in ("web", "twin"):
        await namespace.wait_rolled_out(name)

    ours, theirs = await namespace.deployment("web"), await namespace.deployment("twin")
    assert _without_name(ours["spec"], "web") == _without_name(theirs["spec"], "twin")
    notes = dict(ours["metadata"]["annotations"])
    assert notes.pop("deepecho/operation") == "op-1"
    assert notes.pop("kubernetes.io/change-cause") == "roll back"
    assert int(notes.pop(REVISION_ANNOTATION)) > before.revision  # the controller's, which may leave out a number
    not_ours = (REVISION_ANNOTATION, "kubernetes.io/change-cause")
    assert notes == {key: value for key, value in theirs["metadata"]["annotations"].items() if key not in not_ours}
    assert notes["team"] == "blue"
    assert ours["metadata"].get("labels") == theirs["metadata"].get("labels")


def _without_name(spec: Json, name: str) -> Json:
    plain = copy.deepcopy(spec)
    assert plain["selector"]["matchLabels"].pop("app") == name
    assert plain["template"]["metadata"]["labels"].pop("app") == name
    return plain


async def test_a_new_version_keeps_the_deployments_annotations(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa", annotations={"team": "blue"})
    before = await cluster.workload(namespace.target())

    assert await put_template(cluster, namespace, template_with_tag(before, "main-bbbbbbb"), before, "op-1")
    await namespace.wait_rolled_out()

    after = await cluster.workload(namespace.target())
    notes = (await namespace.deployment())["metadata"]["annotations"]
    assert (after.image, after.operation_id) == ("registry.example/web:main-bbbbbbb", "op-1")
    assert (notes["team"], notes["kubernetes.io/change-cause"]) == ("blue", "roll back")
    assert [(each.operation_id, each.change_cause) for each in after.revisions] == [("op-1", "roll back"), ("", "")]


async def test_the_answer_tells_the_template_as_it_is_stored_once(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    template, stored = template_with_tag(before, "main-bbbbbbb"), list[str]()
    for _ in range(2):
        await cluster.set_template(
            namespace.target(),
            template,
            expected_hash=before.template_hash,
            operation_id="op-1",
            cause="deploy",
            annotations_from_revision=False,
            on_stored=stored.append,
        )
    assert stored == [(await cluster.workload(namespace.target())).template_hash]


async def test_a_deployment_without_annotations_takes_its_first(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    await namespace.api.call(
        "PATCH", namespace.path(), [{"op": "remove", "path": "/metadata/annotations"}], "application/json-patch+json"
    )
    before = await cluster.workload(namespace.target())

    assert await put_template(cluster, namespace, template_with_tag(before, "main-bbbbbbb"), before, "op-1")

    assert (await namespace.deployment())["metadata"]["annotations"]["deepecho/operation"] == "op-1"


async def test_the_same_operation_is_recognised_and_another_is_drift(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    template = template_with_tag(before, "main-bbbbbbb")

    assert await put_template(cluster, namespace, template, before, "op-1") is True
    once = await namespace.deployment()
    assert await put_template(cluster, namespace, template, before, "op-1") is False

    assert (await namespace.deployment())["metadata"]["generation"] == once["metadata"]["generation"]
    with pytest.raises(Drifted, match="web in production was changed after this was planned: it now runs main-bbbbbbb"):
        await put_template(cluster, namespace, template, before, "op-2")


async def test_a_template_that_moved_is_drift_and_stays(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    await namespace.set_version("main-urgent", wait=False)

    with pytest.raises(Drifted, match="now runs main-urgent"):
        await put_template(cluster, namespace, template_with_tag(before, "main-bbbbbbb"), before, "op-1")
    with pytest.raises(Drifted, match="now runs main-urgent"):
        await restart(cluster, namespace, before, "op-1")

    assert (await cluster.workload(namespace.target())).image.endswith("main-urgent")


async def test_a_paused_deployment_is_refused(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    await namespace.kubectl("rollout", "pause", "deployment/web")
    before = await cluster.workload(namespace.target())

    assert before.paused
    with pytest.raises(Refused, match="web in production is paused"):
        await put_template(cluster, namespace, template_with_tag(before, "main-bbbbbbb"), before, "op-1")
    with pytest.raises(Refused, match="is paused"):
        await restart(cluster, namespace, before, "op-1")


async def test_restart_is_kubectls_and_recognises_itself(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    before = await cluster.workload(namespace.target())

    assert await restart(cluster, namespace, before, "op-1") is True
    assert await restart(cluster, namespace, before, "op-1") is False
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
        await put_template(cluster, namespace, broken, before, "op-1")


async def test_a_deployment_made_anew_is_another_one(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    await namespace.kubectl("delete", "deployment", "web")

    with pytest.raises(NotFound, match="no Deployment web"):
        await put_template(cluster, namespace, before.template, before, "op-1")


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
        "deploy": lambda: put_template(
            cluster, namespace, template_with_tag(before, "main-bbbbbbb"), before, "op-1", uid=before.uid
        ),
        "roll back": lambda: put_template(cluster, namespace, before.template, before, "op-1", uid=before.uid, back=True),
        "restart": lambda: restart(cluster, namespace, before, "op-1", uid=before.uid),
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

    assert (
        await put_template(cluster, namespace, template_with_tag(before, "main-bbbbbbb"), before, "op-1", uid=before.uid) is True
    )


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
