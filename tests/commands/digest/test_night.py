"""What a digest says of the night and of the day: each kind with one button, and nothing that is not for everybody's eyes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.views.digest import left_command
from domain.health import LeftByNight
from domain.incidents.incident import ClockKind, IncidentClock, Task
from domain.paging.pages import PageRequest, Recipient
from domain.paging.transitions import PageChange
from domain.rich_text import plain_text
from domain.severities import Severity
from runbooks.digest.night import HouseNight
from runbooks.digest.today import TodayReader
from storage.incidents import IncidentRepository
from storage.maintenance import MaintenanceRepository
from storage.oncall import OncallRepository
from storage.pages import PageRepository
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.oncall import oncall_catalogue
from tests.harness.samples.alerts import group
from tests.harness.samples.incidents import incident
from tests.harness.samples.maintenance_gallery import PLANNED
from tests.harness.samples.oncall_gallery import TAKEN
from tests.harness.samples.operations import NOW, succeeded
from tests.harness.samples.team import SAM

NIGHT = timedelta(hours=14)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[CommandHarness]:
    async with open_command_harness(tmp_path, oncall_catalogue()) as opened:
        yield opened


async def left(harness: CommandHarness, at: datetime = NOW, environment: str = "production") -> list[LeftByNight]:
    services = harness.services
    sources = HouseNight(store=services.store, catalogue=lambda: services.catalogue).all()
    return [item for source in sources for item in await source.find(environment, at - NIGHT, at)]


async def texts(harness: CommandHarness) -> list[str]:
    return [plain_text(each.text) for each in await left(harness)]


async def today(harness: CommandHarness) -> list[str]:
    reader = TodayReader(store=harness.services.store, catalogue=lambda: harness.services.catalogue)
    return [plain_text(each) for each in await reader.read("production", NOW)]


async def page(harness: CommandHarness, subject: str, at: datetime, *people: str, **more: Any) -> None:
    """A page that called these people."""
    values: dict[str, Any] = {"severity": Severity.P1, "team": "platform", "title": f"memory of {subject[:5]}", **more}
    async with harness.services.store.write() as tx:
        repository = tx.of(PageRepository)
        asked = await repository.request(PageRequest(subject=subject, **values), at)
        called = replace(asked, call=1, called=tuple(Recipient(name=name) for name in people))
        await repository.apply(PageChange(record=called), asked, at)


async def flap(harness: CommandHarness, number: int, at: datetime, *, lasts: timedelta = 2 * MINUTE / 3, **more: Any) -> None:
    """A group that fired for so long, with an incident of its own."""
    ended = group(
        id=f"al-fl{number}",
        title="HighMemoryUsage",
        incident=f"inc-a{number}",
        began_at=at,
        seen_at=at,
        firing=0,
        resolved_at=at + lasts,
    )
    await harness.save_groups(replace(ended, **more))


async def test_an_alert_that_flapped_and_woke_somebody_is_named_with_the_week_before(harness: CommandHarness) -> None:
    for number, ago in enumerate((2 * HOUR, 5 * HOUR, timedelta(days=2), timedelta(days=3), timedelta(days=9))):
        await flap(harness, number, NOW - ago)
        await page(harness, f"inc-a{number}", NOW - ago, "ana")
    (item,) = await left(harness)
    assert item.text == (
        "HighMemoryUsage flapped and woke ana twice, and its last firing ended after 40 s; "
        "in the week before it woke somebody twice"
    )
    assert (item.command, item.label) == ("incident show inc-a0", "Incident")


async def test_a_first_time_says_that_nobody_was_woken_before_and_one_that_fires_again_has_flapped(
    harness: CommandHarness,
) -> None:
    changes = (NOW - 3 * HOUR, NOW - 2 * HOUR)
    await flap(harness, 1, NOW - 3 * HOUR, firing=1, resolved_at=None, state_changes=changes)
    await page(harness, "inc-a1", NOW - HOUR, "ana", "lee")
    assert await texts(harness) == ["HighMemoryUsage flapped and woke ana and lee; in the week before it woke nobody"]


@pytest.mark.parametrize(
    ("lasts", "people", "more"),
    [
        (HOUR, ("ana",), {}),
        (MINUTE, (), {}),
        (MINUTE, ("ana",), {"is_test": True}),
        (MINUTE, ("ana",), {"is_private": True}),
    ],
    ids=["was real", "woke nobody", "a rehearsal", "of security"],
)
async def test_what_lasted_or_woke_nobody_and_what_is_not_for_everybody_is_not_named(
    harness: CommandHarness, lasts: timedelta, people: tuple[str, ...], more: dict[str, bool]
) -> None:
    await flap(harness, 1, NOW - 2 * HOUR, lasts=lasts)
    await page(harness, "inc-a1", NOW - 2 * HOUR, *people, **more)
    assert await left(harness) == []


@pytest.mark.parametrize(("service", "is_named"), [("deep-echo-main", False), ("", False), ("deep-echo-cache", True)])
async def test_one_that_ended_because_its_service_was_put_back_was_real(
    harness: CommandHarness, service: str, *, is_named: bool
) -> None:
    began = NOW + 2 * MINUTE  # the rollback is carried out a minute later
    await flap(harness, 1, began, lasts=5 * MINUTE, service=service)
    await page(harness, "inc-a1", began, "ana")
    async with harness.services.store.write() as tx:
        await tx.operations.add(succeeded())
    assert bool(await left(harness, NOW + HOUR)) is is_named


async def test_each_kind_is_there_with_a_button_that_types_its_command(harness: CommandHarness) -> None:
    clock = IncidentClock(kind=ClockKind.POSTMORTEM, due_at=NOW, deadline=NOW + HOUR)
    task = Task(number=1, text="raise the limit", added=incident().declared)
    async with harness.services.store.write() as tx:
        await tx.locks.lock_environment("production", SAM.person, "migration", NOW - HOUR, None)
        await tx.of(OncallRepository).add_override(replace(TAKEN, made_at=NOW - timedelta(days=2), starts=NOW - HOUR))
        assert await tx.of(IncidentRepository).add(incident(clocks=(clock,), tasks=(task,)))
        assert await tx.of(IncidentRepository).add(incident(id="inc-s3cr", security=True, clocks=(clock,), cause="other"))
    found = await left(harness)
    assert {each.label: each.command for each in found} == {
        "Unlock": "unlock production",
        "Undo": "oncall undo oc-k7m2",
        "Post-mortem": "incident postmortem inc-x4k2",
        "Show": "incident show inc-x4k2",
    }
    assert all(left_command(each.command) == each.command for each in found)


async def test_today_says_who_is_on_call_which_windows_come_and_how_much_is_open(harness: CommandHarness) -> None:
    assert await today(harness) == ["on call for platform: ray", "window: none", "open follow-ups: 0"]
    soon = replace(PLANNED, starts_at=NOW + 2 * HOUR, ends_at=NOW + 3 * HOUR)
    async with harness.services.store.write() as tx:
        await tx.of(MaintenanceRepository).save(soon)
        later = replace(soon, id="mw-late", source="C/2", starts_at=NOW + 30 * HOUR, ends_at=NOW + 31 * HOUR)
        await tx.of(MaintenanceRepository).save(later)
        await tx.of(MaintenanceRepository).save(replace(soon, id="mw-else", source="C/3", environment="staging"))
        await tx.of(OncallRepository).add_override(
            replace(TAKEN, person="lee", replaces="ray", starts=NOW + HOUR, ends=NOW + 30 * HOUR)
        )
        task = Task(number=1, text="raise the limit", added=incident().declared)
        assert await tx.of(IncidentRepository).add(incident(tasks=(task, replace(task, number=2, done=incident().declared))))
    duty, window, tasks = await today(harness)
    assert duty.startswith("on call for platform: ray until ")
    assert duty.endswith(", then lee")
    assert window.startswith("window mw-k7m2 (RDS minor upgrade) ")
    assert ("mw-late" in window, "mw-else" in window, tasks) == (False, False, "open follow-ups: 1")
