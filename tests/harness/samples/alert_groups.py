"""Alert groups in two environments and in none."""

from dataclasses import replace
from datetime import timedelta

from domain.alerts.alerts import AlertGroup, GroupState
from domain.severities import Severity
from tests.harness.fakes.clock import NOW
from tests.harness.samples.alerts import PAGED, group

PRODUCTION = group(id="al-prod", suspect=None)
STAGING = group(
    id="al-stag",
    environment="staging",
    labels={"alertname": "HighMemoryUsage", "environment": "staging"},
    group_key="",
    title="HighMemoryUsage",
    route=replace(PAGED, severity=Severity.P2),
    suspect=None,
)
WITHOUT_ENVIRONMENT = group(
    id="al-none", environment="", service="", title="WatchdogMissing", route=replace(PAGED, severity=Severity.P3)
)
RESOLVED = replace(
    PRODUCTION, id="al-over", state=GroupState.RESOLVED, firing=0, resolved_at=NOW - timedelta(minutes=2), title="RedisDown"
)
ALL_GROUPS = (PRODUCTION, STAGING, WITHOUT_ENVIRONMENT, RESOLVED)


def ids(groups: tuple[AlertGroup, ...]) -> list[str]:
    return [each.id for each in groups]
