from datetime import timedelta

import pytest

from commands.home import home
from domain.answers.answers import HelpAnswer, MayDo, Preview, WhoAmI
from domain.people import Member, Role
from tests.harness.commands import House
from tests.harness.samples.team import ANA, GUS, LEE, RAY, SAM, STAN, VIV

EVERYTHING = ("deploy", "rollback", "restart", "scale up", "scale down", "lock")


async def test_whoami(house: House) -> None:
    answer = await house.says(ANA, "whoami")
    assert isinstance(answer, WhoAmI)
    assert (answer.person, answer.name, answer.guest) == (ANA.person, "ana", False)
    assert answer.roles[0] == MayDo(environment="development", role=Role.DEPLOYER, alone=EVERYTHING)
    assert answer.roles[2] == MayDo(
        environment="production",
        role=Role.DEPLOYER,
        alone=("restart", "scale up", "lock"),
        asks=("deploy", "rollback", "scale down"),
    )


async def test_an_approver_may_approve_where_approvals_are_asked_for(house: House) -> None:
    answer = await house.says(LEE, "whoami")
    assert isinstance(answer, WhoAmI)
    assert ["approve" in each.alone for each in answer.roles] == [False, False, True]


@pytest.mark.parametrize("who", [GUS, STAN], ids=["guest", "stranger"])
async def test_guests_and_strangers_are_told_who_they_are(house: House, who: Member) -> None:
    answer = await house.says(who, "whoami")
    assert isinstance(answer, WhoAmI)
    assert (answer.guest, answer.stranger) == (who.guest, who.stranger)
    assert all(each.role is None and not each.alone and not each.asks for each in answer.roles)


async def test_help_shows_every_command_with_its_example(house: House) -> None:
    answer = await house.says(VIV, "help")
    assert isinstance(answer, HelpAnswer)
    lines = [line for group in answer.groups for line in group.lines]
    assert {line.command for line in lines} == {
        *("help", "status", "versions", "deploy", "rollback", "restart", "scale", "approve", "reject", "cancel"),
        *("operations", "locks", "lock", "unlock", "audit", "whoami"),
        *("alerts", "alerts route", "ack", "silence", "unsilence", "silences", "rollback-suspect"),
    }
    assert all(line.text and line.example.startswith(line.command) and line.usage.startswith(line.command) for line in lines)


async def test_every_example_is_understood(house: House) -> None:
    answer = await house.says(VIV, "help")
    assert isinstance(answer, HelpAnswer)
    for line in (line for group in answer.groups for line in group.lines):
        spoken = house.menu.spoken(house.services.catalogue, line.example)
        assert spoken.command.name == line.command
        assert len(spoken.words.arguments) >= spoken.command.usage.least


@pytest.mark.parametrize("text", ["deploy staging main-abc1234", "rollback production last", "scale staging deep-echo-main 5"])
async def test_the_examples_work_in_the_sandbox(house: House, text: str) -> None:
    assert isinstance(await house.says(SAM, f"{text} --dry-run"), Preview)


async def test_help_for_one_command(house: House) -> None:
    answer = await house.says(VIV, "help rollback")
    assert isinstance(answer, HelpAnswer)
    assert [line.command for group in answer.groups for line in group.lines] == ["rollback"]
    assert answer.here is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [("help alerts route", ["alerts route"]), ("help alerts", ["alerts", "alerts route"]), ("help Silence", ["silence"])],
)
async def test_help_for_a_command_of_two_words(house: House, text: str, shown: list[str]) -> None:
    answer = await house.says(VIV, text)
    assert isinstance(answer, HelpAnswer)
    assert [line.command for group in answer.groups for line in group.lines] == shown


@pytest.mark.parametrize("text", ["", "   ", "\n"])
async def test_nothing_typed_shows_what_this_person_may_do_now(house: House, text: str) -> None:
    asked = await house.starts(ANA, "rollback production abc1234 --reason x")
    answer = await house.says(LEE, text)
    assert isinstance(answer, HelpAnswer)
    assert answer.here is not None
    assert [each.id for each in answer.here.waiting] == [asked.id]
    assert answer.here.decidable == {asked.id}


async def test_home(house: House) -> None:
    asked = await house.starts(ANA, "rollback production abc1234 --reason x")
    running = await house.starts(ANA, "deploy staging abc1234")
    await house.says(SAM, "lock development moving --for 1h")
    seen = await home(house.request(ANA))
    assert [each.id for each in seen.waiting] == [asked.id]
    assert [each.id for each in seen.running] == [running.id]
    assert [each.environment for each in seen.locks] == ["development"]
    assert seen.decidable == frozenset()
    for who, may in ((LEE, True), (SAM, True), (RAY, False), (VIV, False)):
        assert ((await home(house.request(who))).decidable == {asked.id}) is may
    house.clock.go_on(timedelta(hours=2))
    assert not (await home(house.request(ANA))).locks


@pytest.mark.parametrize("who", [GUS, STAN], ids=["guest", "stranger"])
async def test_home_of_a_guest_shows_nothing_of_the_platform(house: House, who: Member) -> None:
    await house.starts(ANA, "rollback production abc1234 --reason x")
    seen = await home(house.request(who))
    assert (seen.running, seen.waiting, seen.locks) == ((), (), ())
