"""Operations on a real API server, with the rights of ``deploy/rbac.yaml`` and no others.

Each test has a namespace of its own, which is deleted at the end.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.catalogue.catalogue import Catalogue
from domain.clock import SystemClock
from domain.redaction import redact
from integrations.kubernetes import ClusterSettings, open_cluster
from storage.migrate import migrate
from tests.harness.bot_account import bot_kubeconfig
from tests.harness.cluster_namespace import ClusterNamespace, open_namespace, real_kubeconfig
from tests.harness.operations import OffsetClock, OperationsHarness, open_operations_process
from tests.harness.samples.team import catalogue_data, service


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    return real_kubeconfig()


@pytest.fixture
async def namespace(kubeconfig: Path) -> AsyncIterator[ClusterNamespace]:
    async with open_namespace("real", kubeconfig, Path(f"{kubeconfig}.viewer"), None) as found:
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
    settings = ClusterSettings(name="main", kubeconfig=str(await bot_kubeconfig(namespace, tmp_path)))
    async with (
        open_cluster(settings, SystemClock(), redact=redact) as cluster,
        open_operations_process(url, OffsetClock(), _catalogue(namespace.name), None, cluster) as opened,
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
            | {"db": {"statefulset": "db", "container": "main", "image": image}},
            "applications": {"shop": {"services": ["web", "api"], "default": True}},
        }
    )
