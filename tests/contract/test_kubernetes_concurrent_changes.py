"""Changes while others write, and changes whose answer was lost: nothing is overwritten, nothing is done twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from domain.errors import Drifted, TemporaryError, UnknownOutcome
from integrations.kubernetes import Cluster
from sandbox.cluster import ClusterFault, StandInCluster
from tests.harness.cluster_namespace import ClusterNamespace, wait_until
from tests.harness.kubernetes_changes import STILL, put_template, restart, template_with_tag

APPS = "/apis/apps/v1"


async def test_changes_get_through_while_others_write_to_the_same_deployment(
    namespace: ClusterNamespace, cluster: Cluster
) -> None:
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())

    async with _annotating_constantly(namespace):
        assert await put_template(cluster, namespace, template_with_tag(before, "main-bbbbbbb"), before, "op-1")
    await namespace.wait_rolled_out()
    async with _annotating_constantly(namespace):
        assert await cluster.scale(namespace.target(), 1, expected_replicas=0, operation_id="op-2")
    await namespace.wait_rolled_out()
    async with _annotating_constantly(namespace):
        assert await restart(cluster, namespace, await cluster.workload(namespace.target()), "op-3")
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

    ours = asyncio.create_task(put_template(cluster, namespace, template_with_tag(before, "main-bbbbbbb"), before, "op-1"))
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

    ours = asyncio.create_task(put_template(cluster, namespace, template_with_tag(before, "main-bbbbbbb"), before, "op-1"))
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

    assert await put_template(cluster, namespace, template_with_tag(before, "main-bbbbbbb"), before, "op-1") is True

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
        await put_template(cluster, namespace, template_with_tag(before, "main-bbbbbbb"), before, "op-1")
    await gone
    stand_in.control.clear_faults()

    assert await put_template(cluster, namespace, template_with_tag(before, "main-bbbbbbb"), before, "op-1") is False


async def test_two_lost_answers_leave_the_outcome_unknown(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    """Neither request was carried out, which nobody can know: it is not sent a third time."""
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    stand_in.control.requests.clear()
    stand_in.inject_fault(ClusterFault(kind="drop", times=2, method="PATCH", path_prefix=APPS))

    with pytest.raises(UnknownOutcome, match="may or may not have been done"):
        await put_template(cluster, namespace, template_with_tag(before, "main-bbbbbbb"), before, "op-1")

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
        await put_template(cluster, namespace, template_with_tag(before, "main-bbbbbbb"), before, "op-1")

    stand_in.control.clear_faults()
    assert (await cluster.workload(namespace.target())).operation_id == ""
    assert await put_template(cluster, namespace, template_with_tag(before, "main-bbbbbbb"), before, "op-1") is True


async def test_what_was_changed_as_planned_and_by_somebody_else_since_is_drift(
    namespace: ClusterNamespace, cluster: Cluster
) -> None:
    """The operation's mark is still there, but what it wanted is not: a replay must not take that for its own success."""
    await namespace.deploy("main-aaaaaaa", spec=STILL)
    before = await cluster.workload(namespace.target())
    template = template_with_tag(before, "main-bbbbbbb")
    assert await put_template(cluster, namespace, template, before, "op-1") is True
    await namespace.set_version("main-urgent", wait=False)

    with pytest.raises(Drifted, match="was changed as planned, and by somebody else since"):
        await put_template(cluster, namespace, template, before, "op-1")

    assert (await cluster.workload(namespace.target())).image.endswith("main-urgent")


async def _after_the_patch(stand_in: StandInCluster, namespace: ClusterNamespace) -> None:
    """Once the patch has met its fault, reads fail too."""
    await wait_until(lambda: not any(each.method == "PATCH" for each in stand_in.control.faults))
    stand_in.inject_fault(ClusterFault(kind="status", status=503, times=20, method="GET", path_prefix=namespace.path()))
