"""A burst of refusals or of answers that no API server gives is waited out, and told where it lasts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from domain.clock import SystemClock
from domain.errors import Forbidden, PermanentError, TemporaryError, UnknownOutcome
from domain.redaction import redact
from integrations.kubernetes import Cluster, ClusterSettings, open_cluster
from sandbox.cluster import ClusterFault, StandInCluster
from tests.harness.cluster_namespace import ROLLOUT_TIMEOUT, ClusterNamespace, wait_until

APPS = "/apis/apps/v1"
PATIENCE = 0.4
"""Seconds."""
UNREADABLE = {
    "null": "null",
    "a list": "[]",
    "a proxy's page": "<html><body>502 Bad Gateway</body></html>",
    "nothing": "",
    "another kind": '{"kind": "Status", "status": "Success"}',
    "no metadata": '{"kind": "DeploymentList", "items": [null]}',
}


@asynccontextmanager
async def open_impatient(namespace: ClusterNamespace, patience: float = PATIENCE) -> AsyncIterator[Cluster]:
    settings = ClusterSettings(
        name="here", kubeconfig=str(namespace.kubeconfig), rights_patience=patience, unreadable_patience=patience
    )
    async with open_cluster(settings, SystemClock(), redact=redact) as opened:
        yield opened


@pytest.mark.parametrize("status", [401, 403])
async def test_a_right_that_was_held_a_moment_ago_is_temporarily_refused_then_told_missing(
    namespace: ClusterNamespace, stand_in: StandInCluster, status: int
) -> None:
    await namespace.deploy("main-aaaaaaa")
    async with open_impatient(namespace) as cluster:
        await cluster.running_pods(namespace.target())
        stand_in.inject_fault(ClusterFault(kind="status", status=status, times=1_000, path_prefix="/api/v1/namespaces/"))

        with pytest.raises(TemporaryError, match=r"does not let the bot list Pod in .*, though it did a moment ago"):
            await cluster.running_pods(namespace.target())
        await asyncio.sleep(PATIENCE)
        with pytest.raises(Forbidden):
            await cluster.running_pods(namespace.target())

        stand_in.control.clear_faults()
        assert (await cluster.running_pods(namespace.target())).ready == 2


async def test_a_server_that_says_it_is_not_ready_is_believed_before_its_refusals(
    namespace: ClusterNamespace, stand_in: StandInCluster
) -> None:
    await namespace.deploy("main-aaaaaaa")
    async with open_impatient(namespace) as cluster:
        stand_in.inject_fault(ClusterFault(kind="status", status=403, times=1, path_prefix=APPS))
        stand_in.inject_fault(ClusterFault(kind="status", status=500, times=1, path_prefix="/readyz"))
        with pytest.raises(TemporaryError, match="says that it is not ready"):
            await cluster.workload(namespace.target())

        stand_in.inject_fault(ClusterFault(kind="status", status=403, times=1, method="PATCH", path_prefix=APPS))
        with pytest.raises(Forbidden, match=r"needs the verb patch on deployments\.apps"):
            await cluster.scale(namespace.target(), 1, expected_replicas=2, operation_id="op-1")
        stand_in.inject_fault(ClusterFault(kind="status", status=403, times=1, method="PATCH", path_prefix=APPS))
        stand_in.inject_fault(ClusterFault(kind="status", status=500, times=1, path_prefix="/readyz"))
        with pytest.raises(TemporaryError, match="says that it is not ready") as caught:
            await cluster.scale(namespace.target(), 1, expected_replicas=2, operation_id="op-1")
        assert not isinstance(caught.value, UnknownOutcome)
        assert (await cluster.workload(namespace.target())).replicas == 2


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
async def test_an_answer_that_cannot_be_read_is_temporary_and_then_told(
    namespace: ClusterNamespace, stand_in: StandInCluster, body: str
) -> None:
    await namespace.deploy("main-aaaaaaa")
    async with open_impatient(namespace) as cluster:
        stand_in.inject_fault(ClusterFault(kind="body", status=200, body=body, times=1_000, path_prefix=APPS))

        with pytest.raises(TemporaryError, match=r"gave an answer that cannot be read \(.+\) when asked to "):
            await cluster.workload(namespace.target())
        with pytest.raises(TemporaryError, match=r"gave an answer that cannot be read \(.+\) when asked to list "):
            await cluster.workloads([namespace.target()])
        await asyncio.sleep(PATIENCE)
        with pytest.raises(PermanentError, match=r"gave an answer that cannot be read \(.+\) when asked to "):
            await cluster.workload(namespace.target())


@pytest.mark.parametrize("body", ["null", "<html>"])
async def test_a_change_whose_answer_cannot_be_read_is_looked_after(
    namespace: ClusterNamespace, stand_in: StandInCluster, body: str
) -> None:
    await namespace.deploy("main-aaaaaaa")
    async with open_impatient(namespace) as cluster:
        stand_in.inject_fault(ClusterFault(kind="body", status=200, body=body, times=2, method="PATCH", path_prefix=APPS))

        with pytest.raises(UnknownOutcome, match="may or may not have been done"):
            await cluster.scale(namespace.target(), 1, expected_replicas=2, operation_id="op-1")


BABBLE = [
    "null\n",
    '{"type": "MODIFIED"}\n',
    '{"type": "MODIFIED", "object": null}\n',
    '{"type": "ADDED", "object": {"kind": "Pod"}}\n',
    '{"type": "BOOKMARK", "object": {}}\n',
    "<html>\n",
    "[]\n[]\n",
]


@pytest.mark.parametrize("lines", BABBLE)
async def test_a_watch_that_babbles_is_resumed(namespace: ClusterNamespace, stand_in: StandInCluster, lines: str) -> None:
    # Patient: on a busy machine two bad answers are not within a moment.
    async with watching_a_stuck_rollout(namespace, stand_in, patience=60) as watching:
        stand_in.inject_fault(ClusterFault(kind="body", status=200, body=lines, times=2, path_prefix=APPS))
        stand_in.drop_watches()
        await wait_until(lambda: not stand_in.control.faults)
        await namespace.set_version("main-ccccccc", wait=False)

        assert await watching


async def test_a_watch_that_never_stops_babbling_ends_in_words(namespace: ClusterNamespace, stand_in: StandInCluster) -> None:
    async with watching_a_stuck_rollout(namespace, stand_in) as watching:
        stand_in.inject_fault(ClusterFault(kind="body", status=200, body=BABBLE[2], times=1_000_000, path_prefix=APPS))
        stand_in.drop_watches()

        with pytest.raises(
            PermanentError, match=r"cannot be read \(an event of a watch without type or object\) when asked to watch"
        ):
            await watching


async def test_a_line_of_a_watch_may_be_as_long_as_an_object(namespace: ClusterNamespace, stand_in: StandInCluster) -> None:
    async with watching_a_stuck_rollout(namespace, stand_in) as watching:
        await namespace.set_version("main-ccccccc", wait=False, annotations={"notes": "x" * 200_000})

        assert await watching
        assert sum("watch=true" in each.query for each in stand_in.control.requests) <= 2  # kubectl's, where it looked, and ours


@asynccontextmanager
async def watching_a_stuck_rollout(
    namespace: ClusterNamespace, stand_in: StandInCluster, patience: float = PATIENCE
) -> AsyncIterator[asyncio.Task[bool]]:
    """A task that follows a rollout which waits for an image; it ends with whether the rollout is done."""
    await namespace.deploy("main-aaaaaaa")
    await namespace.set_version("bad-bbbbbbb", wait=False)
    async with open_impatient(namespace, patience) as cluster:
        stand_in.control.requests.clear()
        watching = asyncio.create_task(_is_done(cluster, namespace))
        await wait_until(lambda: stand_in.watches > 0)
        yield watching
        watching.cancel()


async def _is_done(cluster: Cluster, namespace: ClusterNamespace) -> bool:
    return [state async for state in cluster.watch_rollout(namespace.target(), within=ROLLOUT_TIMEOUT)][-1].done
