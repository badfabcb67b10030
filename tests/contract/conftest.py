"""Every test that takes ``namespace`` runs against the stand-in cluster and against a real API server, where there is one."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.clock import SystemClock
from domain.redaction import redact
from integrations.kubernetes import Cluster, ClusterSettings, open_cluster
from integrations.kubernetes.client import KubernetesClient
from sandbox.cluster import FAST, VIEWER_TOKEN, StandInCluster
from tests.harness.bot_account import bot_kubeconfig
from tests.harness.cluster_namespace import ClusterNamespace, open_namespace, real_kubeconfig


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "namespace" in metafunc.fixturenames:
        kinds = {"stand_in": "stand-in", "real_server": pytest.param("real", marks=pytest.mark.cluster)}
        wanted = [kinds[name] for name in kinds if name in metafunc.fixturenames] or list(kinds.values())
        metafunc.parametrize("namespace", wanted, indirect=True)


@pytest.fixture
async def namespace(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ClusterNamespace]:
    if request.param == "real":
        kubeconfig = real_kubeconfig()
        async with open_namespace("real", kubeconfig, Path(f"{kubeconfig}.viewer"), None) as found:
            yield found
        return
    async with StandInCluster(pace=FAST, bookmark_every=0.2) as stand_in:
        kubeconfig = stand_in.kubeconfig(tmp_path / "kubeconfig")
        viewer = stand_in.kubeconfig(tmp_path / "viewer", token=VIEWER_TOKEN)
        async with open_namespace("stand-in", kubeconfig, viewer, stand_in) as found:
            yield found


@pytest.fixture
def stand_in(namespace: ClusterNamespace) -> StandInCluster:
    """For tests of trouble that only the stand-in makes on request."""
    assert namespace.stand_in is not None
    return namespace.stand_in


@pytest.fixture
def real_server(namespace: ClusterNamespace) -> None:
    """For tests of what the stand-in does not keep."""
    assert namespace.stand_in is None


@pytest.fixture
async def cluster(namespace: ClusterNamespace, tmp_path: Path) -> AsyncIterator[Cluster]:
    """The integration, on the real API server with the rights of ``deploy/rbac.yaml`` and no others."""
    kubeconfig = namespace.kubeconfig if namespace.stand_in else await bot_kubeconfig(namespace, tmp_path)
    settings = ClusterSettings(name="here", kubeconfig=str(kubeconfig), connect_timeout=1, total_timeout=10)
    async with open_cluster(settings, SystemClock(), redact=redact) as opened:
        yield opened


@pytest.fixture
async def connection(namespace: ClusterNamespace) -> AsyncIterator[KubernetesClient]:
    """The integration's own line, for what its facts do not show."""
    opened = KubernetesClient(ClusterSettings(name="here", kubeconfig=str(namespace.kubeconfig)), SystemClock())
    yield opened
    await opened.close()


@pytest.fixture
async def viewer(namespace: ClusterNamespace) -> AsyncIterator[Cluster]:
    """The same cluster, entered by somebody who may only look."""
    if not namespace.viewer.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI has no kubeconfig of a viewer at {namespace.viewer}")
        pytest.skip(f"there is no kubeconfig of a viewer at {namespace.viewer}")
    async with open_cluster(
        ClusterSettings(name="here", kubeconfig=str(namespace.viewer)), SystemClock(), redact=redact
    ) as opened:
        yield opened
