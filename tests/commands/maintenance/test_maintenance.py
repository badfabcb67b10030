"""What people see who plan, run and end maintenance, and who deploy meanwhile."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from commands.home import home
from commands.maintenance.maintenance import home_section
from domain.answers.answers import ErrorAnswer
from domain.answers.maintenance import WindowAnswer, WindowsAnswer
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.maintenance import MaintenancePolicy
from domain.facts import Answer
from domain.maintenance.jobs import JobState
from domain.maintenance.window import GRACE, MaintenanceWindow, WindowState
from domain.people import Member
from runbooks.maintenance.service import MAINTENANCE, MaintenanceService
from runbooks.timers import TimerDispatcher
from storage.tables.core import outbox
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.families import render_home, render_text
from tests.harness.samples.team import ANA, GUS, LEE, SAM, VIV, team_catalogue

SUNDAY = datetime(2026, 11, 29, 4, tzinfo=UTC)
PLAN = 'maintenance plan production "RDS minor upgrade" --at "Sun 04:00 UTC" --for 90m'


def with_policy() -> Catalogue:
    known = team_catalogue()
    backup = {"cronjob": "postgres-backup", "minutes": 15}
    sunday = {"days": ["sun"], "start": "04:00", "end": "06:00"}
    policy = MaintenancePolicy.model_validate({"windows": [sunday], "backup": backup})
    production = known.environments["production"].model_copy(update={"maintenance": policy})
    return known.model_copy(update={"environments": {**known.environments, "production": production}})


@dataclass(frozen=True)
class MaintenanceHarness:
    commands: CommandHarness
    service: MaintenanceService

    async def run(self, member: Member, text: str) -> MaintenanceWindow:
        answer = await self.commands.run_command(member, text)
        assert isinstance(answer, WindowAnswer), answer
        return answer.window

    async def refused(self, member: Member, text: str) -> str:
        answer = await self.commands.run_command(member, text)
        assert isinstance(answer, ErrorAnswer), answer
        return str(answer.sentence)

    async def go_to(self, at: datetime) -> None:
        """Set the clock, and let every timer that is due do its work."""
        self.commands.clock.advance(at - self.commands.clock.now())
        handlers = {MAINTENANCE: self.service.run_due}
        await TimerDispatcher(
            store=self.commands.services.store, clock=self.commands.clock, replica="r", handlers=handlers
        ).run_due()

    async def replies(self) -> list[str]:
        """The keys of the replies in the thread, in their order."""
        async with self.commands.services.store.engines.read.connect() as connection:
            keys = (await connection.execute(select(outbox.c.key).order_by(outbox.c.id))).scalars()
            return [key.rpartition("/")[2] for key in keys if key.startswith("mw-") and not key.endswith("/card")]


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[MaintenanceHarness]:
    async with open_command_harness(tmp_path, with_policy()) as commands:
        service = MaintenanceService(commands.services.store, commands.clock, lambda: None)
        families = {**commands.services.family_services, MaintenanceService: service}
        yield MaintenanceHarness(replace(commands, services=replace(commands.services, family_services=families)), service)


def said(answer: Answer) -> str:
    return render_text(answer)


async def test_within_the_policy_nobody_else_is_needed(harness: MaintenanceHarness) -> None:
    window = await harness.run(ANA, PLAN)
    assert (window.state, window.starts_at, window.ends_at) == (WindowState.PLANNED, SUNDAY, SUNDAY + timedelta(minutes=90))
    listed = await harness.commands.run_command(VIV, "maintenance list")
    assert isinstance(listed, WindowsAnswer)
    assert "Sun 04:00 to 06:00 UTC" in said(listed)


async def test_deploys_are_refused_in_its_time_and_only_then(harness: MaintenanceHarness) -> None:
    window = await harness.run(ANA, PLAN)
    command = "restart production deep-echo-main --reason x --dry-run"
    for at, frozen in (
        (SUNDAY - timedelta(seconds=1), False),
        (SUNDAY, True),
        (window.ends_at + GRACE - timedelta(seconds=1), True),
        (window.ends_at + GRACE, False),
    ):
        harness.commands.clock.advance(at - harness.commands.clock.now())
        # No timer has run: the freeze is told by the clock alone, as after a crash.
        async with harness.commands.services.store.read() as tx:
            lock = await tx.locks.change_lock("production", at)
            assert await tx.locks.change_lock("staging", at) is None
        assert (lock is not None) is frozen, at
        preview = said(await harness.commands.run_command(ANA, command))
        assert (f"frozen for maintenance {window.id}" in preview) is frozen


async def test_the_refusal_says_who_why_until_when_and_what_next(harness: MaintenanceHarness) -> None:
    window = await harness.run(ANA, PLAN)
    await harness.go_to(SUNDAY)
    told = await harness.refused(LEE, "restart production deep-echo-main --reason x")
    assert told == (
        f"production is frozen for maintenance {window.id} by @{ANA.person.user_id}, until 29 Nov 06:00 UTC: RDS minor upgrade. "
        f"When the work is done: `maintenance end {window.id}`. "
        "Whoever may override locks passes it with a second person. Nothing was changed."
    )
    assert (await harness.run(ANA, f"maintenance end {window.id}")).state is WindowState.ENDED
    assert isinstance(await harness.commands.run_command(LEE, "restart production deep-echo-main --reason x"), Answer)
    async with harness.commands.services.store.read() as tx:
        assert await tx.locks.change_lock("production", SUNDAY) is None


async def test_outside_the_policy_it_freezes_nothing_before_a_second_person_has_approved(harness: MaintenanceHarness) -> None:
    window = await harness.run(SAM, 'maintenance plan production work --at "Sun 05:30 UTC" --for 1h')
    assert window.state is WindowState.WAITING
    assert not window.freezes(window.starts_at)
    for who in (SAM, ANA):
        assert "A second person has to do this" in await harness.refused(who, f"maintenance approve {window.id}")
    approved = await harness.run(LEE, f"maintenance approve {window.id}")
    assert (approved.state, approved.approved_by) == (WindowState.PLANNED, LEE.person)


async def test_its_owner_cannot_extend_or_start_it_past_the_policy(harness: MaintenanceHarness) -> None:
    window = await harness.run(SAM, PLAN)
    assert (await harness.run(SAM, f"maintenance extend {window.id} 30m")).ends_at == SUNDAY + timedelta(hours=2)
    assert "second person" in await harness.refused(SAM, f"maintenance extend {window.id} 1m")
    assert "second person" in await harness.refused(SAM, f"maintenance start {window.id}")
    assert (await harness.run(LEE, f"maintenance extend {window.id} 1m")).ends_at == SUNDAY + timedelta(minutes=121)


async def test_two_windows_of_one_environment_do_not_overlap(harness: MaintenanceHarness) -> None:
    window = await harness.run(ANA, PLAN)
    assert f"{window.id} is planned for that time" in await harness.refused(SAM, PLAN)


async def test_a_guest_plans_nothing_and_a_viewer_ends_nothing(harness: MaintenanceHarness) -> None:
    window = await harness.run(ANA, PLAN)
    await harness.refused(GUS, PLAN)
    await harness.refused(VIV, f"maintenance cancel {window.id}")
    assert (await harness.service.find(window.id)).state is WindowState.PLANNED


async def test_it_is_announced_reminded_and_ends_by_itself(harness: MaintenanceHarness) -> None:
    window = await harness.run(ANA, PLAN)
    states = []
    for at in (SUNDAY - timedelta(hours=24), SUNDAY - timedelta(hours=1), SUNDAY, window.ends_at, window.frozen_until):
        await harness.go_to(at)
        states.append((await harness.service.find(window.id)).state)
    assert states == [WindowState.PLANNED, WindowState.PLANNED, WindowState.RUNNING, WindowState.RUNNING, WindowState.ENDED]
    begin, over = int(SUNDAY.timestamp()), int(window.ends_at.timestamp())
    expected = [f"in-24h-{begin}", f"in-1h-{begin}", f"begun-{begin}", f"overrun-{over}", "over"]
    assert await harness.replies() == expected


async def test_after_an_outage_only_what_still_holds_is_announced(harness: MaintenanceHarness) -> None:
    window = await harness.run(ANA, PLAN)
    await harness.go_to(window.ends_at + timedelta(minutes=1))
    kept = await harness.service.find(window.id)
    assert kept.state is WindowState.RUNNING
    assert not [key for key in await harness.replies() if key.startswith("in-")]
    await harness.go_to(window.frozen_until + timedelta(hours=4))
    ended = await harness.service.find(window.id)
    assert (ended.state, ended.over_at) == (WindowState.ENDED, window.frozen_until)


async def test_each_step_is_announced_once_and_an_extension_moves_the_reminder(harness: MaintenanceHarness) -> None:
    window = await harness.run(ANA, PLAN)
    for _ in range(3):
        await harness.go_to(window.starts_at)
    assert [key for key in await harness.replies() if key.startswith("begun")] == [f"begun-{int(SUNDAY.timestamp())}"]
    extended = await harness.run(ANA, f"maintenance extend {window.id} 15m")
    await harness.go_to(window.ends_at)
    assert not [key for key in await harness.replies() if key.startswith("overrun")]
    await harness.go_to(extended.ends_at)
    assert f"overrun-{int(extended.ends_at.timestamp())}" in await harness.replies()


async def test_a_command_that_is_run_again_after_a_crash_plans_one_window(harness: MaintenanceHarness) -> None:
    window = await harness.run(ANA, PLAN)
    again = await harness.service.plan(lambda _: replace(window, id="mw-other"), source=window.source, by=ANA.person)
    assert again == window


async def test_nobody_approves_in_time(harness: MaintenanceHarness) -> None:
    window = await harness.run(ANA, "maintenance plan production work --at now --for 1h")
    await harness.go_to(window.ends_at)
    cancelled = await harness.service.find(window.id)
    assert (cancelled.state, str(cancelled.outcome)) == (
        WindowState.CANCELLED,
        "Nobody approved it in time. Nothing was frozen.",
    )


async def test_locks_status_and_home_show_the_freeze_and_offer_no_unlock(harness: MaintenanceHarness) -> None:
    window = await harness.run(ANA, PLAN)
    assert (await home(harness.commands.request(SAM))).locks == ()
    await harness.go_to(SUNDAY)
    for command in ("locks", "status production"):
        assert f"production is frozen for maintenance {window.id}" in said(await harness.commands.run_command(VIV, command))
    for member in (ANA, SAM):
        tab = await home(harness.commands.request(member))
        assert [lock.window for lock in tab.locks] == [window.id]
        assert "Unlock" not in str(render_home(tab))
    section = await home_section(harness.commands.request(VIV))
    assert section is not None
    assert window.work in said(section)
    await harness.run(ANA, f"maintenance end {window.id}")
    assert await home_section(harness.commands.request(VIV)) is None


async def test_the_form_asks_for_its_begin_and_what_to_hide_in_its_own_words(harness: MaintenanceHarness) -> None:
    form = harness.commands.form("maintenance plan")
    assert form is not None
    assert {"Begin", "What is done", "Alerts to hide"} <= {each.label for each in form.fields}


async def test_who_goes_on_without_a_backup_in_the_first_seconds_is_believed(harness: MaintenanceHarness) -> None:
    window = await harness.run(ANA, PLAN)
    harness.commands.clock.advance(SUNDAY - harness.commands.clock.now())
    assert "has not failed: it is planned" in await harness.refused(ANA, f"maintenance backup {window.id}")
    # No timer has run: neither the begin of the window nor its backup is recorded.
    skipped = await harness.run(ANA, f"maintenance skip-backup {window.id}")
    assert [each.state for each in skipped.jobs] == [JobState.SKIPPED]
    assert "went on without it" in said(WindowAnswer(skipped))
    assert "is skipped" in await harness.refused(ANA, f"maintenance skip-backup {window.id}")
