"""The silences of a window in a real Alertmanager, seen in its own account of what hides what."""

import json
import urllib.request
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.matchers import Matcher, Operator
from integrations.alertmanager import Alertmanager, open_alertmanager
from storage.engines import open_engines
from storage.store import Store
from storage.tables import metadata
from tests.harness.fakes.clock import StoppedClock
from tests.harness.maintenance import MaintenanceReplica
from tests.harness.monitoring_servers import running_alertmanager

pytestmark = pytest.mark.alerts

STAGING = {"alertname": "HighErrorRate", "service": "deep-echo-main", "environment": "staging"}
ALERTS = {
    "rate": STAGING,
    "odd name": STAGING | {"alertname": 'a.b "c|d" (x) \\'},
    "unnamed": STAGING | {"alertname": "aXb"},
    "development": STAGING | {"environment": "development"},
    "other service": STAGING | {"service": "deep-echo-cache"},
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("alertmanager")
    with running_alertmanager(folder) as found:
        fire(found)
        yield found


def fire(address: str) -> None:
    body = json.dumps([{"labels": labels | {"case": name}} for name, labels in ALERTS.items()]).encode()
    request = urllib.request.Request(f"{address}/api/v2/alerts", body, {"Content-Type": "application/json"})  # noqa: S310 -- our own server
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 -- our own server


@pytest.fixture
async def alertmanager(address: str) -> AsyncIterator[Alertmanager]:
    async with open_alertmanager(address) as opened:
        yield opened
        for each in await opened.silences():
            await opened.expire(each.id)


@pytest.fixture
async def replica(alertmanager: Alertmanager, tmp_path: Path) -> AsyncIterator[MaintenanceReplica]:
    store = Store(open_engines(f"sqlite:///{tmp_path / 'deepecho.db'}", pooled=False))
    async with store.engines.write.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield MaintenanceReplica(store, StoppedClock(datetime.now(UTC)), alertmanager)
    await store.close()


async def hidden(alertmanager: Alertmanager) -> list[str]:
    return sorted(each.labels["case"] for each in await alertmanager.alert_details() if each.silenced_by)


async def test_exactly_the_scope_is_hidden_and_nothing_when_it_is_over(
    replica: MaintenanceReplica, alertmanager: Alertmanager
) -> None:
    until = datetime.now(UTC) + timedelta(hours=3)
    foreign = await alertmanager.create_silence(
        (Matcher("alertname", Operator.EQUAL, "aXb"),), starts_at=datetime.now(UTC), ends_at=until, by="kim", comment="mine"
    )
    names = "'alertname=HighErrorRate,a.b \"c|d\" (x) \\'"
    window = await replica.plan(scope=f"{names} service=deep-echo-main")
    await replica.tick()
    assert await hidden(alertmanager) == ["odd name", "rate", "unnamed"]
    (ours,) = [each for each in await alertmanager.silences() if each.in_force and each.by == "deepecho"]
    assert ours.comment.endswith(window.marker)
    await replica.extend(window, timedelta(minutes=30))
    await replica.tick()
    assert await hidden(alertmanager) == ["odd name", "rate", "unnamed"]
    await replica.end(window)
    await replica.tick()
    assert [each.id for each in await alertmanager.silences() if each.in_force] == [foreign]
    assert await hidden(alertmanager) == ["unnamed"]


async def test_a_silence_whose_end_a_person_moved_stays_theirs(replica: MaintenanceReplica, alertmanager: Alertmanager) -> None:
    window = await replica.plan()
    await replica.tick()
    (ours,) = [each for each in await alertmanager.silences() if each.in_force]
    await alertmanager.expire(ours.id)
    moved = await alertmanager.create_silence(
        ours.matchers, starts_at=datetime.now(UTC), ends_at=ours.ends_at + timedelta(hours=1), by=ours.by, comment=ours.comment
    )
    await replica.end(window)
    await replica.tick()
    assert [each.id for each in await alertmanager.silences() if each.in_force] == [moved]
    assert "changed by somebody since" in " ".join(await replica.notes())
