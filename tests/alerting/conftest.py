"""Real Alertmanagers and a real Prometheus: `make test-alerts`."""

from pathlib import Path

import pytest

from tests.harness.monitoring import require_monitoring


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.alerts)


@pytest.fixture(autouse=True)
def monitoring() -> None:
    require_monitoring()
