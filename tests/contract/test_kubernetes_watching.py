"""A rollout is followed state by state, at once, through whatever happens to the line."""

import asyncio
import copy
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from domain.clock import SystemClock
from domain.errors import Forbidden, NotFound, TemporaryError
from domain.redaction import redact
from domain.workloads.deployments import RolloutStatus
from integrations.kubernetes import Cluster, ClusterSettings, open_cluster
from sandbox.cluster import ClusterFault, StandInCluster
from tests.harness.cluster_namespace import ROLLOUT_TIMEOUT, ClusterNamespace, wait_until

WATCHED = "/apis/apps/v1/namespaces/"


async def test_every_state_is_told_once_until_it_is_done(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    await cluster.version()
    await namespace.set_version("main-bbbbbbb", wait=False)

    states = [state async for state in cluster.watch_rollout(namespace.target(), within=ROLLOUT_TIMEOUT)]

    assert states[-1] == RolloutStatus(desired=2, updated=2, ready=2, available=2, total=2, done=True)
    assert not any(state.done or state.failure for state in states[:-1])
    assert len(states) > 2
    assert all(one != other for one, other in pairwise(states))
    assert (await cluster.workload(namespace.target())).image.endswith("main-bbbbbbb")


async def test_a_settled_deployment_is_done_at_once(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")

    assert [state.done async for state in cluster.watch_rollout(namespace.target(), within=ROLLOUT_TIMEOUT)] == [True]


async def test_done_is_told_no_later_than_kubectl_tells_it(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    await cluster.workload(namespace.target())
    await namespace.set_version("main-bbbbbbb", wait=False)

    async def kubectl() -> float:
        await namespace.wait_rolled_out()
        return time.monotonic()

    async def ours() -> float:
        async for _ in cluster.watch_rollout(namespace.target(), within=ROLLOUT_TIMEOUT):
            pass
        return time.monotonic()

    mine, theirs = await asyncio.gather(ours(), kubectl())

    assert mine <= theirs + 0.25


async def test_a_rollout_that_makes_no_progress_fails_in_words(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    await namespace.set_progress_deadline(1)
    await namespace.set_version("main-bad", wait=False)

    *_, last = [state async for state in cluster.watch_rollout(namespace.target(), within=ROLLOUT_TIMEOUT)]

    assert not last.done
    assert last.failure == "It made no progress for 1 s (Kubernetes' progress deadline)."
    assert last.ready == 2


async def test_the_way_back_from_a_stuck_rollout_is_not_blamed_for_it(namespace: ClusterNamespace, cluster: Cluster) -> None:
    """Kubernetes' verdict about the bad version still stands when the old one's rollout begins."""
    await namespace.deploy("main-aaaaaaa", spec={"strategy": {"type": "Recreate"}})
    await namespace.set_progress_deadline(5)
    before = await cluster.workload(namespace.target())
    bad = copy.deepcopy(dict(before.template))
    bad["spec"]["containers"][0]["image"] = "registry.example/web:main-bad"
    await _put(cluster, namespace, bad, before.template_hash, "op-1")
    *_, stuck = [state async for state in cluster.watch_rollout(namespace.target(), within=ROLLOUT_TIMEOUT)]
    now = await cluster.workload(namespace.target())
    await _put(cluster, namespace, before.template, now.template_hash, "op-2")
    *_, last = [state async for state in cluster.watch_rollout(namespace.target(), within=ROLLOUT_TIMEOUT)]

    assert stuck.failure
    assert (last.done, last.failure) == (True, "")


async def _put(cluster: Cluster, namespace: ClusterNamespace, template: object, expected: str, operation: str) -> None:
    assert isinstance(template, dict)
    await cluster.set_template(
        namespace.target(),
        template,
        expected_hash=expected,
        operation_id=operation,
        cause="test",
        annotations_from_revision=False,
    )


async def test_pause_and_deletion_end_it_in_words(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    await namespace.set_version("main-bad", wait=False)
    ends = {"rollout pause deployment/web": "The Deployment is paused.", "delete deployment web": "The Deployment was deleted."}

    for command, failure in ends.items():
        async with aclosing(cluster.watch_rollout(namespace.target(), within=ROLLOUT_TIMEOUT)) as states:
            first = await anext(states)
            await namespace.kubectl(*command.split())
            told = [first, *[state async for state in states]]
        assert told[-1].failure == failure
        if "pause" in command:
            await namespace.kubectl("rollout", "resume", "deployment/web")


async def test_what_does_not_finish_in_time_is_said(namespace: ClusterNamespace, cluster: Cluster) -> None:
    await namespace.deploy("main-aaaaaaa")
    await namespace.set_version("main-bad", wait=False)
    began = time.monotonic()

    with pytest.raises(TemporaryError, match="rollout of web in production has not finished within 1 s; it may still do so"):
        async for _ in cluster.watch_rollout(namespace.target(), within=1):
            pass

    assert 0.9 < time.monotonic() - began < 10


async def test_a_deployment_that_is_not_there_is_not_waited_for(namespace: ClusterNamespace, cluster: Cluster) -> None:
    with pytest.raises(NotFound, match="no Deployment web"):
        await anext(cluster.watch_rollout(namespace.target(), within=5))


async def test_who_may_not_watch_is_told_so(namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster) -> None:
    stand_in.inject_fault(ClusterFault(kind="status", status=403, path_prefix=WATCHED))

    with pytest.raises(Forbidden, match=r"verb list on deployments\.apps"):
        await anext(cluster.watch_rollout(namespace.target(), within=5))


@pytest.mark.parametrize("trouble", ["drop", "410", "forgotten", "503", "429", "cut"])
async def test_trouble_on_the_line_is_survived(namespace: ClusterNamespace, stand_in: StandInCluster, trouble: str) -> None:
    """The rollout goes on behind the trouble; its end is told all the same, and soon."""
    await _stuck(namespace)
    async with (
        _cluster_with_short_timeout(namespace.kubeconfig) as cluster,
        aclosing(cluster.watch_rollout(namespace.target(), within=ROLLOUT_TIMEOUT)) as states,
    ):
        assert not (await anext(states)).done
        await namespace.set_version("main-ccccccc", wait=False)
        if trouble == "forgotten":
            stand_in.compact()
        elif trouble == "cut":
            stand_in.inject_fault(ClusterFault(kind="drop", times=3, path_prefix=WATCHED))
        elif trouble != "drop":
            stand_in.inject_fault(ClusterFault(kind="status", status=int(trouble), times=3, path_prefix=WATCHED))
        stand_in.drop_watches()
        began = time.monotonic()
        told = [state async for state in states]

    assert told[-1].done
    assert time.monotonic() - began < 5


async def test_a_mute_line_is_taken_up_anew_without_loss(namespace: ClusterNamespace, stand_in: StandInCluster) -> None:
    """The server takes the watch and never says a word."""
    await _stuck(namespace)
    async with (
        _cluster_with_short_timeout(namespace.kubeconfig) as cluster,
        aclosing(cluster.watch_rollout(namespace.target(), within=ROLLOUT_TIMEOUT)) as states,
    ):
        assert not (await anext(states)).done
        rest = asyncio.create_task(_all(states))
        stand_in.inject_fault(ClusterFault(kind="hang", path_prefix=WATCHED))
        await wait_until(lambda: stand_in.drop_watches() > 0)
        await wait_until(lambda: not stand_in.control.faults)
        await namespace.set_version("main-ccccccc", wait=False)
        told = await rest

    assert told[-1].done


async def _stuck(namespace: ClusterNamespace) -> None:
    """A rollout that is not done before the test says so."""
    await namespace.deploy("main-aaaaaaa")
    await namespace.set_version("main-bad", wait=False)


async def _all(states: AsyncGenerator[RolloutStatus, None]) -> list[RolloutStatus]:
    return [state async for state in states]


@asynccontextmanager
async def _cluster_with_short_timeout(kubeconfig: Path) -> AsyncIterator[Cluster]:
    settings = ClusterSettings(name="here", kubeconfig=str(kubeconfig), watch_idle_timeout=0.5, total_timeout=5)
    async with open_cluster(settings, SystemClock(), redact=redact) as opened:
        yield opened
