"""`lock … --for 2h` holds for two hours, also when somebody sets the clock of the bot's machine meanwhile."""

from datetime import timedelta

import pytest

from domain.answers.answers import ErrorAnswer, LocksAnswer
from domain.changes.own_changes import changes_from_locks
from runbooks.operations.lock_expiry import LockExpiry
from tests.harness.commands import CommandHarness
from tests.harness.fakes.clock import NOW
from tests.harness.samples.team import ANA, SAM, VIV

HOUR = timedelta(hours=1)
DEPLOY = "deploy production abc1234 --reason x"


class Time:
    """Two clocks: the one on the wall, which can be set, and the time that really passes."""

    def __init__(self, harness: CommandHarness) -> None:
        self.harness, self.seconds = harness, 0.0
        self.replicas = [self.replica()]

    def replica(self) -> LockExpiry:
        """A replica on this machine."""
        return LockExpiry(self.harness.services.store, self.harness.clock, lambda: self.seconds)

    async def look(self) -> None:
        """What every replica does once in a second."""
        for replica in self.replicas:
            await replica.run_once()

    async def set(self, by: timedelta) -> None:
        """Somebody sets the clock between two looks."""
        await self.look()
        self.harness.clock.advance(by)
        await self.look()

    async def passes(self, span: timedelta) -> None:
        """The time passes, on both clocks."""
        await self.look()
        self.harness.clock.advance(span)
        self.seconds += span.total_seconds()
        await self.look()


@pytest.fixture
async def time(harness: CommandHarness) -> Time:
    """Production is locked for two hours, from 14:02 to 16:02."""
    time = Time(harness)
    await harness.run_command(SAM, "lock production database move --for 2h")
    return time


async def told(harness: CommandHarness) -> str:
    """What somebody hears who wants to deploy; empty if it begins."""
    answer = await harness.run_command(ANA, DEPLOY)
    return str(answer.sentence).partition(". ")[0] if isinstance(answer, ErrorAnswer) else ""


async def ends(harness: CommandHarness) -> list[str]:
    answer = await harness.run_command(VIV, "locks")
    assert isinstance(answer, LocksAnswer)
    return [f"{lock.until:%H:%M}" if lock.until else "never" for lock in answer.locks]


async def test_a_clock_set_forward_frees_nothing_early(harness: CommandHarness, time: Time) -> None:
    await time.passes(HOUR)
    await time.set(3 * HOUR)
    assert await told(harness) == "production is locked by @U0SRE, until 23 Nov 19:02 UTC: database move"
    await time.passes(HOUR)
    assert await told(harness) == ""


async def test_a_clock_set_forward_by_less_than_is_left_moves_the_end_too(harness: CommandHarness, time: Time) -> None:
    await time.set(timedelta(minutes=30))
    assert await ends(harness) == ["16:32"]


async def test_a_clock_set_back_holds_nothing_longer(harness: CommandHarness, time: Time) -> None:
    await time.set(-HOUR)
    assert await ends(harness) == ["15:02"]
    await time.passes(2 * HOUR)
    assert await told(harness) == ""


async def test_a_lock_from_before_the_time_that_the_clock_was_set_back_to_is_not_shortened(
    harness: CommandHarness, time: Time
) -> None:
    await time.passes(HOUR)
    await time.set(-timedelta(minutes=30))
    assert await ends(harness) == ["16:02"]


async def test_forward_and_back_again_ends_when_it_was_to_end(harness: CommandHarness, time: Time) -> None:
    await time.set(3 * HOUR)
    assert await ends(harness) == ["19:02"]
    await harness.run_command(SAM, "lock staging move --for 1h")
    await time.set(-3 * HOUR)
    assert await ends(harness) == ["16:02", "15:02"]


async def test_two_replicas_of_one_machine_move_it_once(harness: CommandHarness, time: Time) -> None:
    time.replicas.append(time.replica())
    await time.set(3 * HOUR)
    assert await ends(harness) == ["19:02"]
    await time.set(-6 * HOUR)
    assert await ends(harness) == ["13:02"]


async def test_time_that_passes_while_the_bot_is_suspended_counts(harness: CommandHarness, time: Time) -> None:
    await time.passes(2 * HOUR)
    assert await told(harness) == ""
    assert await ends(harness) == []


async def test_after_a_restart_only_the_clock_is_known(harness: CommandHarness, time: Time) -> None:
    await time.look()
    harness.clock.advance(2 * HOUR)
    time.replicas = [time.replica()]
    await time.look()
    assert await told(harness) == ""


async def test_clocks_that_are_trimmed_move_nothing(harness: CommandHarness, time: Time) -> None:
    for _ in range(3):
        await time.set(timedelta(seconds=4))
        await time.set(timedelta(seconds=-4))
    assert await ends(harness) == ["16:02"]
    assert len(await harness.audit()) == 1


async def test_a_lock_without_an_end_stays_one(harness: CommandHarness, time: Time) -> None:
    await harness.run_command(SAM, "lock staging move")
    await time.set(3 * HOUR)
    assert await ends(harness) == ["19:02", "never"]


async def test_a_lock_that_was_set_on_the_new_clock_keeps_its_end(harness: CommandHarness, time: Time) -> None:
    await time.set(3 * HOUR)
    await harness.run_command(SAM, "lock staging move --for 1h")
    await time.passes(timedelta(minutes=1))
    assert await ends(harness) == ["19:02", "18:02"]


async def test_a_lock_that_was_freed_meanwhile_does_not_come_back(harness: CommandHarness, time: Time) -> None:
    await time.look()
    await harness.run_command(SAM, "unlock production")
    harness.clock.advance(HOUR)
    await time.look()
    assert await ends(harness) == []


async def test_the_audit_log_says_who_moved_it_and_why(harness: CommandHarness, time: Time) -> None:
    await time.set(3 * HOUR)
    entry = (await harness.audit())[0].entry
    assert (entry.what, entry.where, entry.why) == ("lock", "production", "database move")
    assert entry.outcome == "the clock was set: locked until 23 Nov 19:02 UTC, not 23 Nov 16:02 UTC"
    assert entry.at == NOW + 3 * HOUR


@pytest.mark.parametrize("by", [3 * HOUR, -HOUR], ids=["forward", "back"])
async def test_for_an_alert_it_is_one_maintenance_that_still_runs(harness: CommandHarness, time: Time, by: timedelta) -> None:
    await time.set(by)
    async with harness.services.store.read() as tx:
        lock = await tx.locks.environment_lock("production", harness.clock.now())
    (change,) = changes_from_locks("production", [record.entry for record in await harness.audit()], lock)
    assert (change.running, change.by, change.at) == (True, SAM.person, NOW)


async def test_its_holder_can_still_free_a_lock_that_was_moved(harness: CommandHarness, time: Time) -> None:
    await time.set(-HOUR)
    await harness.run_command(SAM, "unlock production")
    assert await told(harness) == ""
