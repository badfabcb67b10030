"""What was allowed when it was asked for is looked at again where it is decided: people, roles and rules as they are now."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from domain.answers.answers import ErrorAnswer, TextAnswer
from domain.catalogue.catalogue import Catalogue
from domain.errors import Denied, Refused, TemporaryError
from domain.operations.operation import Decision, State
from domain.people import Member, Person
from tests.harness.commands import open_command_harness
from tests.harness.operations import OperationsHarness, open_operations_harness
from tests.harness.rights import (
    OUTAGE,
    assert_untouched,
    catalogue_with,
    gone,
    without_roles,
)
from tests.harness.samples.team import ANA, LEE, SAM, TEAM, catalogue_data, member, team_catalogue


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(gone(LEE), "People of other workspaces", id="deactivated"),
        pytest.param(replace(LEE, guest=True), "Guests", id="made a guest"),
        pytest.param(replace(LEE, stranger=True), "People of other workspaces", id="of another workspace by now"),
    ],
)
async def test_an_approver_counts_as_slack_knows_them_now(harness: OperationsHarness, change: Member, words: str) -> None:
    record = await harness.start(ANA)
    harness.directory.change(change)
    with pytest.raises(Denied, match=words):
        await harness.operations.decide(record.id, LEE, Decision.APPROVED)  # LEE: as the cache still has them
    assert (await harness.operations.find(record.id)).state is State.WAITING
    await assert_untouched(harness)


async def test_an_approver_who_left_the_group_does_not_approve(tmp_path: Path) -> None:
    data = catalogue_data()
    data["roles"]["*"]["approver"] = ["S0APPROVERS"]
    in_group = replace(LEE, groups=frozenset({"S0APPROVERS"}))
    async with open_operations_harness(tmp_path, catalogue=Catalogue.model_validate(data)) as harness:
        record = await harness.start(ANA)
        with pytest.raises(Denied, match="needs the role approver in production"):
            await harness.operations.decide(record.id, in_group, Decision.APPROVED)
        await assert_untouched(harness)
        harness.directory.change(in_group)
        await harness.operations.decide(record.id, LEE, Decision.APPROVED)
        assert (await harness.wait_ended(record.id)).state is State.SUCCEEDED


@pytest.mark.parametrize(
    ("lose", "words"),
    [
        pytest.param(
            lambda harness: harness.reload(without_roles("deployer", "sre")), "does not hold the role deployer", id="by a reload"
        ),
        pytest.param(lambda harness: harness.directory.change(gone(ANA)), "has no active account any more", id="deactivated"),
        pytest.param(lambda harness: harness.directory.change(replace(ANA, guest=True)), "is a guest by now", id="a guest"),
    ],
)
async def test_what_somebody_asked_for_who_may_not_any_more_is_not_approved(
    harness: OperationsHarness, lose: Callable[[OperationsHarness], None], words: str
) -> None:
    record = await harness.start(ANA)
    lose(harness)
    with pytest.raises(Denied, match=words) as refused:
        await harness.operations.decide(record.id, LEE, Decision.APPROVED)
    assert f"@{ANA.person.user_id}, who asked for {record.id}," in str(refused.value)
    assert "Nothing was changed." in str(refused.value)
    last = (await harness.audit())[-1].entry
    assert (last.who, last.operation) == (LEE.person, record.id)
    await harness.operations.decide(record.id, LEE, Decision.REJECTED)
    await assert_untouched(harness)


async def test_where_slack_cannot_be_asked_nothing_is_approved_but_all_can_be_rejected(harness: OperationsHarness) -> None:
    record = await harness.start(ANA)
    harness.directory.outage = OUTAGE
    with pytest.raises(TemporaryError, match=r"Slack could not be asked who decides on op-.* so nothing was changed") as refused:
        await harness.operations.decide(record.id, LEE, Decision.APPROVED)
    assert OUTAGE in str(refused.value)
    assert (await harness.operations.find(record.id)).state is State.WAITING
    rejected = await harness.operations.decide(record.id, LEE, Decision.REJECTED)
    assert rejected.state is State.REJECTED
    await assert_untouched(harness)


async def test_a_rule_that_a_reload_made_stricter_counts(harness: OperationsHarness) -> None:
    record = await harness.start(ANA)
    harness.reload(catalogue_with(approvals={"rollback": "sre"}))
    with pytest.raises(Denied, match="needs the role sre in production"):
        await harness.operations.decide(record.id, LEE, Decision.APPROVED)
    await harness.operations.decide(record.id, SAM, Decision.APPROVED)
    assert (await harness.wait_ended(record.id)).state is State.SUCCEEDED


async def test_stop_and_reject_are_for_who_still_may(harness: OperationsHarness) -> None:
    record = await harness.start(ANA)
    harness.directory.change(gone(LEE))
    for refused in (harness.operations.cancel(record.id, LEE), harness.operations.decide(record.id, LEE, Decision.REJECTED)):
        with pytest.raises(Denied):
            await refused
    assert (await harness.operations.find(record.id)).cancellation is None


async def test_stop_does_not_wait_for_slack(harness: OperationsHarness) -> None:
    record = await harness.start(ANA)
    harness.directory.outage, harness.directory.delay = OUTAGE, 30
    async with asyncio.timeout(5):
        stopped = await harness.operations.cancel(record.id, LEE)
    assert stopped.state is State.CANCELLED


# One account under two ids


GRID_ID = "W0ANAGRID1"


def grid(who: Member, other_id: str = GRID_ID) -> Member:
    return replace(who, other_ids=frozenset({other_id}))


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(Member(person=Person(GRID_ID, TEAM), name="ana"), id="the organisation's id"),
        pytest.param(grid(member("U0ANAELSE", "ana", team="T0SISTER")), id="another workspace's id"),
    ],
)
async def test_one_account_under_two_ids_does_not_approve_its_own(tmp_path: Path, second: Member) -> None:
    data = catalogue_data() | {"workspaces": [TEAM, "T0SISTER"]}
    data["roles"]["*"]["approver"] += [second.person.user_id, ANA.person.user_id]
    async with open_operations_harness(tmp_path, catalogue=Catalogue.model_validate(data)) as harness:
        harness.directory.change(grid(ANA))
        harness.directory.change(second)
        record = await harness.start(ANA)
        with pytest.raises(Refused, match=r"You asked for op-.* yourself"):
            await harness.operations.decide(record.id, second, Decision.APPROVED)
        await assert_untouched(harness)
        cancelled = await harness.operations.cancel(record.id, second)
        assert cancelled.state is State.CANCELLED


async def test_a_role_counts_under_whichever_id_the_catalogue_names(tmp_path: Path) -> None:
    data = catalogue_data()
    data["roles"]["*"]["deployer"] = [GRID_ID]
    catalogue = Catalogue.model_validate(data)
    async with open_operations_harness(tmp_path, catalogue=catalogue) as harness:
        harness.directory.change(grid(ANA))
        record = await harness.start(grid(ANA))
        await harness.operations.decide(record.id, LEE, Decision.APPROVED)
        assert (await harness.wait_ended(record.id)).state is State.SUCCEEDED


async def test_ones_own_lock_is_ones_own_under_another_id(tmp_path: Path) -> None:
    async with open_command_harness(tmp_path, team_catalogue(workspaces=[TEAM, "T0SISTER"])) as harness:
        elsewhere = grid(member("U0ANAELSE", "ana", team="T0SISTER"), ANA.person.user_id)
        for who in (grid(ANA), elsewhere):
            harness.directory.change(who)
        await harness.run_command(ANA, "lock production database move")
        answer = await harness.run_command(member("U0MIA", "mia"), "unlock production")
        assert isinstance(answer, ErrorAnswer)
        unlocked = await harness.run_command(elsewhere, "unlock production")
        assert isinstance(unlocked, TextAnswer), unlocked
        assert "removed their own lock" in [each.entry.outcome for each in await harness.audit()]
