"""What goes wrong on the way is said so that a person understands and a caller knows whether to try again."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from domain.clock import SystemClock
from domain.errors import Forbidden, PermanentError, TemporaryError, UnknownOutcome
from domain.redaction import redact
from integrations.kubernetes import Cluster, ClusterSettings, open_cluster
from sandbox.cluster import EXPIRED_TOKEN, ClusterFault, StandInCluster
from tests.harness.cluster_namespace import ClusterNamespace, manifest

APPS = "/apis/apps/v1"


async def test_the_missing_permission_is_named(namespace: ClusterNamespace, cluster: Cluster, viewer: Cluster) -> None:
    await namespace.create(manifest("web", "main-aaaaaaa", spec={"replicas": 1}))
    if namespace.stand_in is None:
        with pytest.raises(Forbidden, match=r"may not get Deployment web .* needs the verb get on deployments\.apps"):
            await viewer.workload(namespace.target())
        return

    with pytest.raises(
        Forbidden, match=r"may not patch Deployment web in namespace .* of cluster here: .* patch on deployments\.apps"
    ):
        await viewer.scale(namespace.target(), 5, expected_replicas=1, operation_id="op-1")

    assert (await cluster.workload(namespace.target())).replicas == 1


async def test_a_server_that_hangs_is_given_up_in_time(namespace: ClusterNamespace, stand_in: StandInCluster) -> None:
    await namespace.create(manifest("web", "main-aaaaaaa", spec={"replicas": 1}))
    async with _cluster_with_short_timeout(namespace.kubeconfig) as cluster:
        await cluster.version()
        stand_in.inject_fault(ClusterFault(kind="hang", path_prefix=APPS))
        began = time.monotonic()
        with pytest.raises(
            TemporaryError, match="Cluster here did not answer in time when asked to get Deployment web"
        ) as caught:
            await cluster.workload(namespace.target())
        assert time.monotonic() - began < 5
        assert not isinstance(caught.value, UnknownOutcome)

        stand_in.inject_fault(ClusterFault(kind="hang", times=2, method="PATCH", path_prefix=APPS))
        with pytest.raises(UnknownOutcome, match=r"did not answer in time when asked to patch Deployment web .* may or may not"):
            await cluster.scale(namespace.target(), 5, expected_replicas=1, operation_id="op-1")


async def test_one_lost_request_among_good_ones_is_made_up_for(namespace: ClusterNamespace, stand_in: StandInCluster) -> None:
    await namespace.create(manifest("web", "main-aaaaaaa", spec={"replicas": 0}))
    stand_in.inject_fault(ClusterFault(kind="hang", method="PATCH", path_prefix=APPS))

    async with _cluster_with_short_timeout(namespace.kubeconfig) as cluster:
        assert await cluster.scale(namespace.target(), 1, expected_replicas=0, operation_id="op-1") is True
        assert (await cluster.workload(namespace.target())).replicas == 1


async def test_a_server_that_is_away_was_sent_nothing(
    namespace: ClusterNamespace, tmp_path: Path, stand_in: StandInCluster
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(namespace.kubeconfig.read_text().replace(stand_in.url, "http://127.0.0.1:9"))

    async with _cluster_with_short_timeout(elsewhere) as cluster:
        with pytest.raises(TemporaryError, match=r"Cluster here cannot be reached\. Nothing was sent") as caught:
            await cluster.scale(namespace.target(), 5, expected_replicas=1, operation_id="op-1")

    assert not isinstance(caught.value, UnknownOutcome)


async def test_a_server_that_asks_to_slow_down_says_how_long(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    stand_in.inject_fault(ClusterFault(kind="status", status=429, retry_after=7, path_prefix="/version"))

    with pytest.raises(TemporaryError, match="asks to come back later") as caught:
        await cluster.version()

    assert caught.value.retry_after == 7


@pytest.mark.parametrize("status", [500, 503, 504])
async def test_a_failing_server_is_temporary_for_reads_and_unknown_for_changes(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster, status: int
) -> None:
    await namespace.create(manifest("web", "main-aaaaaaa", spec={"replicas": 1}))
    stand_in.inject_fault(ClusterFault(kind="status", status=status, path_prefix="/version"))
    stand_in.inject_fault(ClusterFault(kind="status", status=status, times=2, method="PATCH", path_prefix=APPS))

    with pytest.raises(TemporaryError, match=f"failed with HTTP {status}") as caught:
        await cluster.version()
    with pytest.raises(UnknownOutcome, match=f"failed with HTTP {status}"):
        await cluster.scale(namespace.target(), 5, expected_replicas=1, operation_id="op-1")

    assert not isinstance(caught.value, UnknownOutcome)
    assert (await cluster.workload(namespace.target())).replicas == 1


async def test_a_refused_token_is_read_again_from_the_kubeconfig(
    namespace: ClusterNamespace, tmp_path: Path, stand_in: StandInCluster
) -> None:
    kubeconfig = stand_in.kubeconfig(tmp_path / "expiring", token=EXPIRED_TOKEN)
    async with _cluster_with_short_timeout(kubeconfig) as cluster:
        with pytest.raises(Forbidden, match="Cluster here does not accept the bot's credentials"):
            await cluster.version()
        assert [each.status for each in stand_in.control.requests if each.path == "/version"] == [401, 401]

        stand_in.kubeconfig(kubeconfig)  # somebody has logged in again
        assert (await cluster.version()).startswith("v1.")
        stand_in.control.requests.clear()
        await asyncio.gather(*(cluster.version() for _ in range(5)))

    assert {each.status for each in stand_in.control.requests} == {200}


async def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    for content in ("", "{", "current-context: nowhere\ncontexts: []\nclusters: []\n"):
        (tmp_path / "kubeconfig").write_text(content)
        async with _cluster_with_short_timeout(tmp_path / "kubeconfig") as cluster:
            with pytest.raises(PermanentError, match="The kubeconfig of cluster here cannot be used: "):
                await cluster.version()


@asynccontextmanager
async def _cluster_with_short_timeout(kubeconfig: Path) -> AsyncIterator[Cluster]:
    settings = ClusterSettings(name="here", kubeconfig=str(kubeconfig), connect_timeout=1, total_timeout=1)
    async with open_cluster(settings, SystemClock(), redact=redact) as opened:
        yield opened
