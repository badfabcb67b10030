"""The PromQL of objectives, on a real Prometheus."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from domain.metrics.slo import Window, share_beyond
from integrations.prometheus import open_prometheus
from tests.harness.monitoring_servers import running_prometheus
from tests.harness.wait import wait_until

WINDOW = Window(timedelta(seconds=10), timedelta(seconds=1))


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_prometheus(tmp_path_factory.mktemp("prometheus")) as address:
        yield address


@pytest.mark.parametrize(
    ("expression", "operator", "limit", "share"),
    [
        ("vector(2)", ">=", 1.0, 1.0),
        ("vector(1)", ">=", 1.0, 1.0),
        ("vector(0.5)", ">=", 1.0, 0.0),
        ("vector(0.5)", "<=", 1e-7, 0.0),
        ("vector(-3)", "<=", -2.5, 1.0),
        ("vector(0) / vector(0)", ">=", 1.0, None),
        ("vector(1) and on() absent(up) and up == 2", ">=", 1.0, None),
        ("vector(Inf)", ">=", 1.0, None),
        ("vector(2) # two", ">=", 1.0, 1.0),
    ],
)
async def test_the_share_of_the_time_beyond_a_limit(
    prometheus: str, expression: str, operator: str, limit: float, share: float | None
) -> None:
    async with open_prometheus(prometheus) as client:
        found = await client.query(share_beyond(expression, operator, limit, WINDOW))
    assert [sample.value for sample in found] == ([] if share is None else [share])


async def test_a_metric_of_its_own(prometheus: str) -> None:
    async with open_prometheus(prometheus) as client:

        async def is_beyond() -> bool:
            found = await client.query(share_beyond('sum(up{job="prometheus"})', "<=", 1, WINDOW))
            return [sample.value for sample in found] == [1.0]

        await wait_until(is_beyond)
