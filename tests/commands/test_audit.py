from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.components.families import FAMILIES
from commands.core.router import Router
from domain.answers.answers import AuditAnswer, ErrorAnswer
from domain.people import Member, Person
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.samples.alert_groups import ALL_GROUPS
from tests.harness.samples.team import ANA, LEE, SAM, TEAM, VIV, alerting_catalogue, team_catalogue


async def found(harness: CommandHarness, text: str) -> list[str]:
    answer = await harness.run_command(VIV, text)
    assert isinstance(answer, AuditAnswer), answer
    return [f"{each.entry.what} {each.entry.where}" for each in answer.records]


async def test_search_by_each_and_all(harness: CommandHarness) -> None:
    await harness.run_command(ANA, "lock staging moving")
    harness.clock.advance(timedelta(hours=3))
    asked = await harness.start_operation(ANA, "rollback production abc1234 deep-echo-main --reason errors")
    await harness.run_command(SAM, "unlock staging")
    lock, rollback, unlock = "lock staging", "rollback production/deep-echo-main", "unlock staging"
    for text, expected in {
        "audit": [unlock, rollback, lock],
        "audit rollback": [rollback],
        "audit what rollback where production": [rollback],
        "audit prod": [rollback],
        "audit staging": [unlock, lock],
        "audit <@U0SRE|sam>": [unlock],
        "audit <@U0SRE>": [unlock],
        "audit who U0DEPLOYER": [rollback, lock],
        "audit since 1h": [unlock, rollback],
        "audit since 2026-11-23": [unlock, rollback, lock],
        "audit since 2026-11-24": [],
        "audit deep-echo-main": [rollback],
        f"audit {asked.id}": [rollback],
        "audit <@U0DEPLOYER> lock staging 1d": [lock],
        "audit deploy": [],
        "audit lock production": [],
        "audit approve": [],
        "audit rollback deep-echo-main prod": [rollback],
    }.items():
        assert await found(harness, text) == expected, text


async def test_decisions_are_found_by_what_was_said(harness: CommandHarness) -> None:
    asked = await harness.start_operation(ANA, "rollback production abc1234 deep-echo-main --reason errors")
    await harness.run_command(VIV, f"approve {asked.id}")
    await harness.run_command(LEE, f"approve {asked.id}")
    assert len(await found(harness, "audit approve")) == 2
    assert len(await found(harness, "audit approve <@U0APPROVER>")) == 1
    assert len(await found(harness, "audit refused")) == 1


async def test_one_search_looks_for_one_word(harness: CommandHarness) -> None:
    answer = await harness.run_command(VIV, "audit approve deep-echo-main prod")
    assert answer == ErrorAnswer("approved and deep-echo-main are too much for one search.", "Leave one of them out.")


async def test_the_answer_repeats_the_question(harness: CommandHarness) -> None:
    answer = await harness.run_command(VIV, "audit <@U0SRE|sam> rollback prod 1h")
    assert isinstance(answer, AuditAnswer)
    assert str(answer.query) == "by @U0SRE rollback in production since 23 Nov 2026 13:02 UTC"


@pytest.mark.parametrize(("text", "seen"), [("audit", False), ("audit production", False), ("audit staging", True)])
async def test_who_sees_one_environment_reads_its_log_only(
    tmp_path_factory: pytest.TempPathFactory, text: str, *, seen: bool
) -> None:
    zoe = Member(person=Person("U0ZOE", TEAM), name="zoe")
    catalogue = team_catalogue(roles={"staging": {"viewer": [zoe.person.user_id]}})
    async with open_command_harness(tmp_path_factory.mktemp("house"), catalogue) as harness:
        answer = await harness.run_command(zoe, text)
        assert isinstance(answer, AuditAnswer if seen else ErrorAnswer)


@pytest.fixture
async def alerting(tmp_path: Path) -> AsyncIterator[CommandHarness]:
    async with open_command_harness(tmp_path, alerting_catalogue()) as opened:
        await opened.save_groups(*ALL_GROUPS)
        yield opened


async def test_every_command_that_changes_something_can_be_looked_for(alerting: CommandHarness) -> None:
    words = [name for family in FAMILIES for router in family.routers for name in names_of(router)]
    assert {"silence", "ack", "unsilence", "rollback-suspect", "deploy", "unlock"} <= set(words)
    for word in [*words, "acknowledge", "reload", "al-prod", "op-k7m2"]:
        assert isinstance(await alerting.run_command(VIV, f"audit {word}"), AuditAnswer), word


def names_of(router: Router) -> list[str]:
    return [command.name for command in router.commands if command.is_privileged]


@pytest.mark.parametrize(
    ("command", "act"),
    [("ack al-prod", "acknowledge"), ("silence al-prod 1h known", "silence"), ("lock production moving", "lock")],
)
async def test_one_act_has_one_name_done_or_denied(alerting: CommandHarness, command: str, act: str) -> None:
    await alerting.run_command(VIV, command)
    await alerting.run_command(SAM, command)
    denied, done = [each.entry for each in reversed(await alerting.audit())]
    assert (denied.what, done.what) == (act, act)
    assert denied.outcome.startswith("denied: ")
    for word in (act, command.split(maxsplit=1)[0]):
        assert len(await found(alerting, f"audit {word}")) == 2


async def test_an_alert_groups_id_finds_what_was_done_to_it(alerting: CommandHarness) -> None:
    await alerting.run_command(SAM, "silence al-prod 1h known")
    assert len(await found(alerting, "audit al-prod")) == 1
    assert await found(alerting, "audit al-stag") == []
