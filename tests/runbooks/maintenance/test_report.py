"""Overruns, the report of a window, and its mark on the graphs."""

from datetime import timedelta

import pytest

from domain.health import HealthLevel, HealthLine
from domain.maintenance.annotation import annotation_of_window
from domain.maintenance.window import MaintenanceWindow
from runbooks.maintenance.health import WindowCheck
from storage.annotations import ANNOTATE
from storage.store import Store
from tests.harness.fakes.alertmanager import MemoryAlertmanager
from tests.harness.fakes.clock import NOW, StoppedClock
from tests.harness.maintenance import LENGTH, MaintenanceReplica
from tests.harness.samples.team import ANA, RAY

QUARTER = timedelta(minutes=15)


def line(system: str, level: HealthLevel, text: str = "") -> HealthLine:
    return HealthLine(system=system, level=level, text=text or level.value, measured_at=NOW, series=(1.0, 2.0))


BEFORE = (line("errors", HealthLevel.GREEN), line("pods", HealthLevel.YELLOW), line("logs", HealthLevel.UNKNOWN))


@pytest.fixture
def replica(store: Store) -> MaintenanceReplica:
    clock = StoppedClock(NOW)
    return MaintenanceReplica(store, clock, MemoryAlertmanager(clock), health=BEFORE)


async def begin(replica: MaintenanceReplica) -> MaintenanceWindow:
    window = await replica.plan(scope="")
    await replica.tick()
    return window


async def report(replica: MaintenanceReplica, window: MaintenanceWindow) -> str:
    await replica.end(window)
    await replica.tick()
    (found,) = [note for note in await replica.notes() if note.startswith("Report:")]
    return found


async def test_what_is_worse_than_before_is_named_with_what_was_measured(replica: MaintenanceReplica) -> None:
    window = await begin(replica)
    replica.clock.advance(timedelta(minutes=42))
    after = (line("errors", HealthLevel.RED, "4 % of requests"), line("pods", HealthLevel.GREEN), line("logs", HealthLevel.RED))
    replica.health = after
    said = await report(replica, window)
    assert said.startswith("Report: RDS minor upgrade took 42 min of 1 h. Worse: errors was green and is red, 4 % of requests. ")
    assert "pods" not in said
    assert "logs" not in said


async def test_nothing_is_worse(replica: MaintenanceReplica) -> None:
    replica.health = BEFORE[:2]
    assert "Nothing is worse than at its begin." in await report(replica, await begin(replica))


async def test_what_cannot_be_measured_any_more_is_no_good_news(replica: MaintenanceReplica) -> None:
    window = await begin(replica)
    replica.health = (line("errors", HealthLevel.UNKNOWN),)
    said = await report(replica, window)
    assert "Not known: errors." in said
    assert "Nothing is worse" not in said


async def test_a_window_that_passed_in_an_outage_compares_nothing(replica: MaintenanceReplica) -> None:
    window = await replica.plan(scope="", starts_in=LENGTH)
    replica.clock.advance(timedelta(hours=8))
    await replica.tick()
    assert "It was not measured at its begin, so nothing can be compared." in " ".join(await replica.notes())
    assert (await replica.find(window)).health_before is None


async def test_an_overrun_reminds_its_owner_and_then_names_who_is_on_call(replica: MaintenanceReplica) -> None:
    replica.on_call = (RAY.person, ANA.person)
    await begin(replica)
    replica.clock.advance(LENGTH)
    await replica.tick()
    assert f"@{ANA.person.user_id} Its time is over." in (await replica.notes())[-1]
    replica.clock.advance(QUARTER)
    for _ in range(2):
        await replica.tick()
    (escalated,) = [note for note in await replica.notes() if "over its time, and" in note]
    assert escalated.endswith(f"On call: @{RAY.person.user_id}.")
    assert await replica.is_frozen()
    replica.clock.advance(QUARTER)
    await replica.tick()
    assert not await replica.is_frozen()


async def test_an_extension_calls_the_escalation_off(replica: MaintenanceReplica) -> None:
    window = await begin(replica)
    replica.clock.advance(LENGTH)
    await replica.tick()
    await replica.extend(window, LENGTH)
    replica.clock.advance(QUARTER)
    await replica.tick()
    assert "over its time, and" not in " ".join(await replica.notes())


async def test_it_is_an_annotation_from_its_begin_on_where_there_is_a_grafana(replica: MaintenanceReplica) -> None:
    replica.has_grafana = True
    window = await replica.plan(scope="", starts_in=LENGTH)
    assert annotation_of_window(await replica.find(window)) is None
    replica.clock.advance(LENGTH)
    await replica.tick()
    async with replica.store.read() as tx:
        assert (ANNOTATE, window.id) in {(each.kind, each.subject) for each in await tx.timers.due(replica.clock.now() + QUARTER)}
    running = annotation_of_window(await replica.find(window))
    assert running is not None
    assert (running.since, running.until, running.kind) == (window.starts_at, None, "maintenance")
    replica.clock.advance(QUARTER)
    await replica.end(window)
    ended = annotation_of_window(await replica.find(window))
    assert ended is not None
    assert (ended.until, "ended it after 15 min" in ended.text) == (window.starts_at + QUARTER, True)


async def test_health_shows_a_window_that_runs_and_asks_for_its_end_when_it_is_late(replica: MaintenanceReplica) -> None:
    check = WindowCheck(replica.store, replica.clock).check
    assert await check("staging") == ()
    window = await begin(replica)
    (running,) = await check("staging")
    assert (running.level, await check("production")) == (HealthLevel.GREEN, ())
    assert window.work in str(running.text)
    replica.clock.advance(LENGTH)
    (late,) = await check("staging")
    assert (late.level, "is over its time" in str(late.text)) == (HealthLevel.YELLOW, True)
