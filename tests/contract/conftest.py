"""Every test that takes ``place`` runs against the stand-in cluster and against a real API server, where there is one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.clock import SystemClock
from domain.redaction import redact
from integrations.kubernetes import Cluster, ClusterSettings, open_cluster
from integrations.kubernetes.client import Connection
from sandbox.cluster import FAST, VIEWER_TOKEN, StandInCluster
from tests.harness.cluster_namespace import Place, place_in, real_kubeconfig


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "place" in metafunc.fixturenames:
        kinds = {"stand_in": "stand-in", "real_server": pytest.param("real", marks=pytest.mark.cluster)}
        wanted = [kinds[name] for name in kinds if name in metafunc.fixturenames] or list(kinds.values())
        metafunc.parametrize("place", wanted, indirect=True)


@pytest.fixture
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "real":
        kubeconfig = real_kubeconfig()
        async with place_in("real", kubeconfig, Path(f"{kubeconfig}.viewer"), None) as found:
            yield found
        return
    async with StandInCluster(pace=FAST, bookmark_every=0.2) as stand_in:
        kubeconfig = stand_in.kubeconfig(tmp_path / "kubeconfig")
        viewer = stand_in.kubeconfig(tmp_path / "viewer", token=VIEWER_TOKEN)
        async with place_in("stand-in", kubeconfig, viewer, stand_in) as found:
            yield found


@pytest.fixture
def stand_in(place: Place) -> StandInCluster:
    """For tests of trouble that only the stand-in makes on request."""
    assert place.stand_in is not None
    return place.stand_in


@pytest.fixture
def real_server(place: Place) -> None:
    """For tests of what the stand-in does not keep."""
    assert place.stand_in is None


@pytest.fixture
async def cluster(place: Place) -> AsyncIterator[Cluster]:
    settings = ClusterSettings(name="here", kubeconfig=str(place.kubeconfig), connect_timeout=1, total_timeout=10)
    async with open_cluster(settings, SystemClock(), redact=redact) as opened:
        yield opened


@pytest.fixture
async def connection(place: Place) -> AsyncIterator[Connection]:
    """The integration's own line, for what its facts do not show."""
    opened = Connection(ClusterSettings(name="here", kubeconfig=str(place.kubeconfig)), SystemClock())
    yield opened
    await opened.close()


@pytest.fixture
async def viewer(place: Place) -> AsyncIterator[Cluster]:
    """The same cluster, entered by somebody who may only look."""
    if not place.viewer.exists():
        pytest.skip(f"there is no kubeconfig of a viewer at {place.viewer}")
    async with open_cluster(ClusterSettings(name="here", kubeconfig=str(place.viewer)), SystemClock(), redact=redact) as opened:
        yield opened
