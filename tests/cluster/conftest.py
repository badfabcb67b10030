"""Operations on a real API server, with the rights of ``deploy/rbac.yaml`` and no others.

Each test has a namespace of its own, which is deleted at the end. Modules of kinds that the stand-in cluster runs like a real one
say ``ON_STAND_IN_TOO``: their tests run on both.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.catalogue.catalogue import Catalogue
from domain.clock import SystemClock
from domain.redaction import redact
from integrations.kubernetes import ClusterSettings, open_cluster
from sandbox.cluster import FAST, StandInCluster
from storage.migrate import migrate
from tests.harness.bot_account import bot_kubeconfig
from tests.harness.cluster_namespace import ClusterNamespace, open_namespace, real_kubeconfig
from tests.harness.operations import OffsetClock, OperationsHarness, open_operations_process
from tests.harness.samples.team import catalogue_data, service


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    return real_kubeconfig()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "namespace" in metafunc.fixturenames:
        real = pytest.param("real", marks=pytest.mark.cluster)
        both = getattr(metafunc.module, "ON_STAND_IN_TOO", False)
        metafunc.parametrize("namespace", ["stand-in", real] if both else [real], indirect=True)


@pytest.fixture
async def namespace(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ClusterNamespace]:
    if request.param == "real":
        kubeconfig = real_kubeconfig()
        async with open_namespace("real", kubeconfig, Path(f"{kubeconfig}.viewer"), None) as found:
            yield found
        return
    async with StandInCluster(pace=FAST) as stand_in:
        kubeconfig = stand_in.kubeconfig(tmp_path / "kubeconfig")
        async with open_namespace("stand-in", kubeconfig, kubeconfig, stand_in) as found:
            yield found


@pytest.fixture
async def kubectl_namespace(kubeconfig: Path) -> AsyncIterator[ClusterNamespace]:
    """Another namespace, where kubectl does what the bot does in the first."""
    async with open_namespace("real", kubeconfig, Path(f"{kubeconfig}.viewer"), None) as found:
        yield found


@pytest.fixture
async def harness(namespace: ClusterNamespace, tmp_path: Path) -> AsyncIterator[OperationsHarness]:
    url = f"sqlite:///{tmp_path / 'deepecho.sqlite'}"
    await migrate(url)
    kubeconfig = namespace.kubeconfig if namespace.stand_in else await bot_kubeconfig(namespace, tmp_path)
    settings = ClusterSettings(name="main", kubeconfig=str(kubeconfig))
    async with (
        open_cluster(settings, SystemClock(), redact=redact) as cluster,
        open_operations_process(url, OffsetClock(), _catalogue(namespace.name), namespace.stand_in, cluster) as opened,
    ):
        yield opened


def _catalogue(namespace: str) -> Catalogue:
    image = "registry.example/web"
    return Catalogue.model_validate(
        catalogue_data()
        | {
            "environments": {
                "production": {"cluster": "main", "namespace": namespace, "protected": True, "rollout_minutes": 2},
            },
            "services": {name: service(name, "main", image) for name in ("web", "api")}
            | {"db": {"statefulset": "db", "container": "main", "image": image}}
            | {"agent": {"daemonset": "agent", "container": "main", "image": image}},
            "applications": {"shop": {"services": ["web", "api"], "default": True}},
        }
    )
