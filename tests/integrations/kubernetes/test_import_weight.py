"""The Kubernetes library weighs 35 MiB and 0.2 s: only who speaks to a cluster pays."""

import subprocess
import sys

import pytest

from integrations.kubernetes import ClusterSettings, Eks

PROGRAM = """
import asyncio, sys
from domain.clock import SystemClock
from integrations.kubernetes import ClusterSettings, open_cluster

async def main():
    settings = ClusterSettings(name="here", kubeconfig="/nowhere")
    async with open_cluster(settings, SystemClock(), redact=str) as cluster:
        assert cluster.name == "here"

asyncio.run(main())
print([name for name in ("kubernetes_asyncio", "botocore", "yaml") if name in sys.modules])
"""


def test_an_open_cluster_that_is_not_used_has_loaded_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "ways", [{}, {"in_cluster": True, "kubeconfig": "k"}, {"kubeconfig": "k", "eks": Eks(cluster="c", region="r")}]
)
def test_there_is_exactly_one_way_into_a_cluster(ways: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="cluster prod: set exactly one of in_cluster, kubeconfig and eks"):
        ClusterSettings(name="prod", **ways)  # type: ignore[arg-type]
