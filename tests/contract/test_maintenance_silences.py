"""The silences of a window in a real Alertmanager, seen in its own account of what hides what."""

import json
import urllib.request
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.alerts.silences import Silence
from domain.maintenance.silencing import truncated
from domain.matchers import Matcher, Operator
from integrations.alertmanager import Alertmanager, open_alertmanager
from storage.engines import open_engines
from storage.store import Store
from storage.tables import metadata
from tests.harness.fakes.clock import StoppedClock
from tests.harness.maintenance import MaintenanceReplica
from tests.harness.monitoring_servers import NEWER_ALERTMANAGER, running_alertmanager

pytestmark = pytest.mark.alerts

STAGING = {"alertname": "HighErrorRate", "service": "deep-echo-main", "environment": "staging"}
ALERTS = {
    "rate": STAGING,
    "odd name": STAGING | {"alertname": 'a.b "c|d" (x) \\'},
    "unnamed": STAGING | {"alertname": "aXb"},
    "development": STAGING | {"environment": "development"},
    "other service": STAGING | {"service": "deep-echo-cache"},
}


@pytest.fixture(scope="module", params=[None, NEWER_ALERTMANAGER], ids=["of-the-system", "newer"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("alertmanager")
    with running_alertmanager(folder, request.param) as found:
        fire(found)
        yield found


def fire(address: str) -> None:
    post(address, "alerts", [{"labels": labels | {"case": name}} for name, labels in ALERTS.items()])


def post(address: str, what: str, body: Any) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/api/v2/{what}", json.dumps(body).encode(), headers)  # noqa: S310 -- our own server
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 -- our own server


def move_end(address: str, silence: Silence, until: datetime) -> None:
    """As a person does it in Alertmanager's own page: the silence keeps its id."""
    with urllib.request.urlopen(f"{address}/api/v2/silence/{silence.id}", timeout=10) as answer:  # noqa: S310 -- our own server
        found = json.load(answer)
    post(address, "silences", found | {"endsAt": until.isoformat(), "createdBy": "kim"})


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


async def test_an_extension_leaves_what_a_person_has_lifted_or_moved(
    replica: MaintenanceReplica, alertmanager: Alertmanager, address: str
) -> None:
    service = "service=deep-echo-main"
    window = await replica.plan(scope=f"alertname=HighErrorRate {service}; alertname=aXb {service}; alertname=Kept {service}")
    await replica.tick()
    by_name = {each.matchers[0].value: each for each in await alertmanager.silences() if each.in_force}
    await alertmanager.expire(by_name["HighErrorRate"].id)
    until = (datetime.now(UTC) + timedelta(minutes=10)).replace(microsecond=0)
    move_end(address, by_name["aXb"], until)
    extended = await replica.extend(window, timedelta(minutes=30))
    await replica.tick()
    standing = {each.matchers[0].value: each.ends_at for each in await alertmanager.silences() if each.in_force}
    assert standing == {"aXb": until, "Kept": truncated(extended.frozen_until)}
    (note,) = [each for each in await replica.notes() if "by hand" in each]
    assert "lifted by hand" in note
    assert "changed by hand" in note
    await replica.end(window)
    await replica.tick()
    assert [each.matchers[0].value for each in await alertmanager.silences() if each.in_force] == ["aXb"]
