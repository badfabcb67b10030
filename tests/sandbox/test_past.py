"""The past that the sandbox gives its Prometheus: a day that one can look at from the beginning, and that is of good versions."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.catalogue.slo import SloConfig
from integrations.prometheus import open_prometheus
from runbooks.metrics.indicators import IndicatorReader
from sandbox.demo import demo_targets, past_samples
from sandbox.monitoring import ProgramDidNotStart, backfill
from sandbox.slo import slo_config
from tests.harness.monitoring import require_monitoring
from tests.harness.monitoring_servers import running_prometheus
from tests.harness.samples.team import team_catalogue

HOUR = timedelta(hours=1)
OBJECTIVES = {name: SloConfig.model_validate(each) for name, each in slo_config().items()}
CATALOGUE = team_catalogue().model_copy(update={"slo": OBJECTIVES})


@pytest.fixture(autouse=True)
def _promtool() -> None:
    require_monitoring()


async def test_a_fresh_prometheus_has_a_day_of_each_objective_that_was_kept_and_not_always_equal(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    await backfill(tmp_path, past_samples(demo_targets(), "127.0.0.1:9", now))
    with running_prometheus(tmp_path) as address:
        async with open_prometheus(address) as client:
            reader = IndicatorReader(catalogue=lambda: CATALOGUE, prometheus=lambda _: client)
            deadline = asyncio.get_running_loop().time() + 20
            found = {name: await reader.past_day(name, list(OBJECTIVES), now, deadline) for name in ("production", "staging")}
            requests = OBJECTIVES["errors"].requests_in("production", HOUR)
            yesterday = await client.query(requests, at=now - 24 * HOUR)
    for values in found.values():
        assert values.keys() == OBJECTIVES.keys()
        for name, hours in values.items():
            # The value of now, which is added to them, may be the first after the last step.
            assert all(hour is not None and OBJECTIVES[name].is_kept(hour) for hour in hours[:-1]), (name, hours)
            assert len(set(hours)) > 12, name
    assert [each.value for each in yesterday] == [pytest.approx(3600 * 190, rel=0.2)]  # as many in a second as all services get


async def test_what_prometheus_does_not_take_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProgramDidNotStart, match="did not take the samples"):
        await backfill(tmp_path, ["what{ is this", "# EOF"])
