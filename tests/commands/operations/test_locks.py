from datetime import timedelta

import pytest

from domain.answers.answers import ErrorAnswer, LocksAnswer, TextAnswer
from domain.facts import Answer
from domain.people import Member
from tests.harness.commands import CommandHarness
from tests.harness.fakes.clock import NOW
from tests.harness.samples.team import ANA, GUS, LEE, SAM, VIV


def text_of(answer: Answer) -> str:
    match answer:
        case TextAnswer():
            return str(answer.text)
        case ErrorAnswer():
            return str(answer.sentence)
        case _:
            raise AssertionError(answer)


async def test_a_lock_is_said_kept_and_audited(harness: CommandHarness) -> None:
    said = text_of(await harness.run_command(ANA, "lock production “database move” --for 2h"))
    assert said.startswith("production is locked until 23 Nov 16:02 UTC.")
    answer = await harness.run_command(VIV, "locks")
    assert isinstance(answer, LocksAnswer)
    (lock,) = answer.locks
    assert (lock.environment, lock.by, lock.reason) == ("production", ANA.person, "database move")
    assert (lock.since, lock.until) == (NOW, NOW + timedelta(hours=2))
    entry = (await harness.audit())[0].entry
    assert (entry.what, entry.where, entry.why, entry.who) == ("lock", "production", "database move", ANA.person)


async def test_a_lock_may_have_no_end(harness: CommandHarness) -> None:
    assert text_of(await harness.run_command(ANA, "lock production moving")).startswith("production is locked. ")
    answer = await harness.run_command(VIV, "locks")
    assert isinstance(answer, LocksAnswer)
    assert answer.locks[0].until is None


async def test_a_second_lock_says_who_holds_the_first(harness: CommandHarness) -> None:
    await harness.run_command(ANA, "lock staging moving")
    told = text_of(await harness.run_command(LEE, "lock staging testing"))
    assert told == "staging is locked by @U0DEPLOYER: moving. When it may go on: `unlock staging`. Nothing was changed."
    assert len(await harness.audit()) == 1


async def test_an_expired_lock_can_be_taken_anew(harness: CommandHarness) -> None:
    await harness.run_command(ANA, "lock staging moving --for 1h")
    harness.clock.advance(timedelta(hours=1))
    assert "staging is locked" in text_of(await harness.run_command(LEE, "lock staging testing"))


@pytest.mark.parametrize(("who", "freed"), [(ANA, True), (SAM, True), (LEE, False)])
async def test_ones_own_lock_or_with_a_higher_role_anothers(harness: CommandHarness, who: Member, freed: bool) -> None:  # noqa: FBT001
    await harness.run_command(ANA, "lock staging moving")
    said = text_of(await harness.run_command(who, "unlock staging"))
    answer = await harness.run_command(VIV, "locks")
    assert isinstance(answer, LocksAnswer)
    assert (not answer.locks) is freed
    assert ("staging is unlocked" in said) is freed
    entry = (await harness.audit())[0].entry
    assert (entry.what, entry.who) == ("unlock", who.person)
    assert entry.outcome.startswith("removed" if freed else "denied")


async def test_what_is_not_locked_cannot_be_unlocked(harness: CommandHarness) -> None:
    assert text_of(await harness.run_command(ANA, "unlock staging")) == "staging is not locked. Nothing was changed."


async def test_a_guest_sees_no_locks(harness: CommandHarness) -> None:
    await harness.run_command(ANA, "lock staging moving")
    assert isinstance(await harness.run_command(GUS, "locks"), ErrorAnswer)
