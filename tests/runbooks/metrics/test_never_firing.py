"""Alerts whose series do not exist, as a real Prometheus tells of them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from domain.errors import TemporaryError
from domain.metrics.monitoring_rules import AlertRule
from domain.metrics.samples import Sample
from integrations.prometheus import open_prometheus
from runbooks.metrics.never_firing import never_firing
from tests.harness.monitoring_servers import running_prometheus
from tests.harness.wait import wait_until

NEVER = {
    "NoSuchMetric": ("rate(no_such_total[5m]) > 1", ("no_such_total",)),
    "NoSuchLabel": ('up{job="no}such"} == 0', ('up{job="no}such"}',)),
    "HalfMissing": ("sum by (job) (up) / on (job) sum by (job) (no_such) < 1", ("no_such",)),
    "Grouped": ("up * on (instance) group_left (version) no_such > 0", ("no_such",)),
    "BothMissing": ("no_such > 1 or nothing > 1", ("no_such", "nothing")),
}
CAN_FIRE = {
    "Down": "up == 0",
    "Alternative": "no_such > 1 or up == 0",
    "OrGroup": "no_such > 1 or (up == 0)",
    "Unless": "up == 0 unless no_such",
    "Absent": "absent(no_such)",
    "Always": "vector(1)",
    "Scalar": "up > scalar(no_such)",
    "LongAgo": "no_such offset 1d > 1",
    "At": "no_such @ 1000 > 1",
    "LongRange": "rate(no_such[1d]) > 1",
    "InText": 'label_replace(up, "a", "no_such", "job", ".*") == 0',
}


async def test_only_rules_that_cannot_do_without_missing_series_never_fire(tmp_path: Path) -> None:
    rules = {name: expression for name, (expression, _) in NEVER.items()} | CAN_FIRE
    with running_prometheus(tmp_path, rules=rules) as address:
        async with open_prometheus(address) as client:

            async def is_up() -> bool:
                return any(each.health == "up" and each.scraped_at for each in await client.targets())

            await wait_until(is_up, within=30)
            known = await client.rules()
            assert {each.name for each in known} == set(rules)
            found = {each.rule.name: each.missing for each in await never_firing(client, known)}
    assert found == {name: missing for name, (_, missing) in NEVER.items()}


class DownPrometheus:
    """Answers nothing."""

    async def query(self, expression: str, *, only: Mapping[str, str]) -> tuple[Sample, ...]:
        raise TemporaryError(f"no answer to {expression} {only}")


async def test_a_prometheus_that_is_down_is_an_error_and_no_verdict() -> None:
    rules = [AlertRule(name, "alerts", name, "inactive", "ok", "") for name in ("up", "down")]
    with pytest.raises(TemporaryError, match="no answer to count"):
        await never_firing(DownPrometheus(), rules)
