"""A real Alertmanager is asked what fires: its list, its silences and its restarts as they are."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from domain.alerts.alerts import GroupState
from domain.alerts.reconciliation import RESEND_GRACE
from domain.catalogue.catalogue import Catalogue
from domain.matchers import Matcher, Operator
from integrations.alertmanager import Alertmanager, open_alertmanager
from sandbox.monitoring import alertmanager_config, running_alertmanager
from storage.store import Store
from tests.harness.alert_pipeline import TOKEN, open_alerting_harness, post_alerts, prometheus_alert
from tests.harness.alerts import MINUTE, SECOND, AlertsHarness, open_alerts_harness
from tests.harness.databases import migrated_file, sqlite_url, store
from tests.harness.fakes.clock import StoppedClock
from tests.harness.monitoring_servers import running_alertmanager as bare_alertmanager
from tests.harness.ports import free_ports
from tests.harness.samples.notifications import alert, notification, webhook_payload
from tests.harness.samples.team import catalogue_data

__all__ = ["migrated_file", "sqlite_url", "store"]

NAME = "LinkDown"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@asynccontextmanager
async def asking(store: Store, url: str) -> AsyncIterator[tuple[AlertsHarness, Alertmanager]]:
    """A harness whose production has this Alertmanager; its clock starts now."""
    data = catalogue_data()
    data["environments"]["production"]["alertmanager"] = url
    catalogue = Catalogue.model_validate(data | {"alerts": {"default": {"channel": "C0INFO"}}})
    async with open_alertmanager(url) as client, open_alerts_harness(store, catalogue, [url]) as harness:
        harness.clock = StoppedClock(datetime.now(UTC))
        harness.alertmanagers[url] = cast("Any", client)
        harness.__post_init__()
        yield harness, client


async def notify_of_what_is_listed(harness: AlertsHarness, client: Alertmanager) -> None:
    """The notification of the only alert, with Alertmanager's own fingerprint and beginning."""
    ((fingerprint, listed),) = (await client.listed_alerts()).items()
    fired = alert("a", began=listed.starts_at, labels={"environment": "production"})
    payload = webhook_payload(notification(fired))
    payload["alerts"][0]["fingerprint"] = fingerprint
    await harness.store_text(json.dumps(payload))
    await harness.pass_time(10 * SECOND)


async def test_silenced_it_fires_and_ended_under_the_silence_it_is_resolved(store: Store, tmp_path: Path) -> None:
    with bare_alertmanager(tmp_path) as url:
        async with asking(store, url) as (harness, client):
            await post_alerts([url], [prometheus_alert(NAME)])
            await notify_of_what_is_listed(harness, client)
            now = datetime.now(UTC)
            matchers = (Matcher("alertname", Operator.EQUAL, NAME),)
            await client.create_silence(matchers, starts_at=now, ends_at=now + timedelta(hours=1), by="a test", comment="")
            await harness.pass_time(5 * MINUTE)
            assert (await harness.group()).state is GroupState.FIRING
            await post_alerts([url], [prometheus_alert(NAME, ended=True)])
            await harness.pass_time(3 * MINUTE)
            assert (await harness.group()).state is GroupState.RESOLVED
            assert "Alertmanager never reported the end" in (await harness.notes())[-1]


async def test_after_its_restart_an_empty_memory_ends_nothing(store: Store, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("before", "after")]
    for folder in folders:
        folder.mkdir()
    with bare_alertmanager(folders[0]) as url:
        async with asking(store, url) as (harness, client):
            await post_alerts([url], [prometheus_alert(NAME)])
            await notify_of_what_is_listed(harness, client)
    with bare_alertmanager(folders[1]) as anew:
        async with open_alertmanager(anew) as client:
            assert await client.listed_alerts() == {}
            harness.alertmanagers[url] = cast("Any", client)
            await harness.pass_time(RESEND_GRACE - MINUTE)
            assert (await harness.group()).state is GroupState.FIRING
            await post_alerts([anew], [prometheus_alert(NAME)])
            await harness.pass_time(10 * MINUTE)
            assert (await harness.group()).state is GroupState.FIRING
            assert await harness.notes() == []


async def test_the_whole_way_an_alert_that_ends_while_it_is_silenced_in_alertmanager(tmp_path: Path) -> None:
    port = free_ports() + 5
    address = f"http://127.0.0.1:{port}"
    async with open_alerting_harness(tmp_path, alertmanager=address) as harness:
        config = alertmanager_config(harness.webhook, TOKEN)
        async with (
            running_alertmanager(tmp_path / "alertmanager", port, config),
            open_alertmanager(address) as client,
        ):
            fired = prometheus_alert("HighErrorRate", service="deep-echo-main", severity="critical")
            await post_alerts([address], [fired])
            await harness.slack.client.wait_for_message(lambda each: "P1 firing" in each.visible_text, channel="alerts-critical")
            now = datetime.now(UTC)
            matchers = (Matcher("alertname", Operator.EQUAL, "HighErrorRate"),)
            await client.create_silence(matchers, starts_at=now, ends_at=now + timedelta(hours=1), by="somebody", comment="")
            # Not at once: what ends before its Alertmanager has listed it once cannot be recognised.
            await harness.wait_until_listed()
            await post_alerts([address], [fired | {"endsAt": datetime.now(UTC).isoformat()}])
            reply = await harness.slack.client.wait_for_message(
                lambda each: each.is_reply and "Resolved after" in each.visible_text, 180, channel="alerts-critical"
            )
            assert "Alertmanager never reported the end" in reply.visible_text
