"""Killed at every step of a silence: it is made, extended, named and lifted once, and what is recorded ends with it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from domain.alerts.alerts import Route
from domain.alerts.groups import RoutedNotification, open_group
from domain.alerts.silences import Silence
from domain.severities import Severity
from integrations.alertmanager import Alertmanager, open_alertmanager
from storage.engines import open_engines
from storage.group_saves import GroupSave
from storage.leases import LeaseRepository
from storage.store import Store
from storage.tripwires import TripwireRepository
from tests.harness.crash_databases import FreshDatabases
from tests.harness.fakes.clock import StoppedClock
from tests.harness.maintenance_child import MortalClient, countdown, is_killed
from tests.harness.monitoring_servers import running_alertmanager
from tests.harness.samples.notifications import alert, notification
from tests.harness.samples.team import ANA
from tests.harness.silences import SilenceReplica, fire

pytestmark = pytest.mark.crash

MIN_POINTS, MAX_POINTS = 20, 60
LOOK_LATER = timedelta(minutes=22)
"""A silence that is younger than a minute is no orphan yet."""
SAID = {f"@{ANA.person.user_id}": 2, "Something": 1, "Lifted": 1, "owner": 1, "platform": 1}
"""Who silenced it and who extended it, what is new, that it is lifted; and two people were told of its end."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("alertmanager")
    with running_alertmanager(folder) as found:
        yield found


@asynccontextmanager
async def replica_at(url: str, address: str, at: datetime) -> AsyncIterator[tuple[SilenceReplica, Alertmanager]]:
    store = Store(open_engines(url))
    async with open_alertmanager(address) as alertmanager:
        yield SilenceReplica(store, StoppedClock(at), alertmanager, address), alertmanager
    await store.close()


async def prepare(url: str, address: str, group_id: str, at: datetime) -> None:
    """A group with one alert that fires."""
    labels = {"alertname": "HighErrorRate", "case": group_id}
    fire(address, **labels, environment="production", pod="first")
    async with replica_at(url, address, at) as (replica, _):
        route = Route(rule="warning", channel="C0WARNING", severity=Severity.P2)
        routed = RoutedNotification(
            notification=notification(alert("first", labels=labels), labels=labels), at=at, environment="production", route=route
        )
        change = open_group(routed, group_id)
        assert change is not None
        async with replica.store.write() as tx:
            await tx.save_groups([GroupSave(change=change)], at)


def dies(url: str, address: str, group_id: str, at: datetime, die_at: int) -> bool:
    async def tell() -> None:
        async with replica_at(url, address, at) as (replica, alertmanager):
            pass_point = countdown(die_at)
            replica.alertmanager = MortalClient(alertmanager, pass_point)
            event.listen(replica.store.engines.write.sync_engine, "commit", pass_point)
            await replica.tell(group_id)

    return is_killed(tell)


async def silences_of(alertmanager: Alertmanager, group_id: str) -> list[Silence]:
    return [each for each in await alertmanager.silences() if each.comment.endswith(f"[{group_id}]")]


async def recover(url: str, address: str, group_id: str, at: datetime) -> str:
    """What the next process finds, and what is left once it has told the story to its end."""
    async with replica_at(url, address, at) as (replica, alertmanager):
        made = await silences_of(alertmanager, group_id)
        replica.clock.advance(LOOK_LATER)
        found, orphans = await replica.leases()
        replica.clock.advance(-LOOK_LATER)
        await replica.tell(group_id)
        assert [each.in_force for each in await silences_of(alertmanager, group_id)] == [False], "one was made, and it is lifted"
        assert await replica.said(group_id) == SAID
        assert await replica.decisions(group_id) == ["It was lifted: 1 alert under it did not fire when it was made."] * 2
        async with replica.store.read() as tx:
            assert await tx.of(LeaseRepository).standing(["production"], at) == ()
            assert await tx.of(TripwireRepository).standing("production", "", at) == ()
        assert await replica.timers_left(group_id) == 0
        assert orphans == (not found and any(each.in_force for each in made))
        return "orphan" if orphans else found[0].value if found else "nothing"


def test_wherever_the_process_dies_the_silence_is_one_and_nothing_of_it_is_left(databases: FreshDatabases, address: str) -> None:
    _, url = databases.take("silences")
    found: Counter[str] = Counter()
    for number in range(1, MAX_POINTS):
        # Alertmanager has a clock of its own: what begins before now hides at once.
        group_id, at = f"al-{url[:3]}{number}", datetime.now(UTC) - timedelta(minutes=20)
        asyncio.run(prepare(url, address, group_id, at))
        was_killed = dies(url, address, group_id, at, number)
        found[asyncio.run(recover(url, address, group_id, at))] += 1
        if not was_killed:
            break
    assert set(found) == {"nothing", "orphan", "held", "changed", "gone"}
    assert MIN_POINTS < found.total() < MAX_POINTS - 1
