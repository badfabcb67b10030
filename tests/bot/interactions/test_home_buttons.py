"""What the Home tab offers about an operation is what a click on it may do, whoever looks and from whichever workspace."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.views.home import home_view
from commands.home import home
from domain.errors import Refused
from domain.operations.approvals import cancel_refusal
from domain.operations.operation import Decision, OperationRecord, State
from domain.people import Member, Person
from runbooks.operations.service import OperationService
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.samples.team import ANA, LEE, RAY, SAM, TEAM, VIV, member, team_catalogue

GRID, FOREIGN = "T0GRID", "T0OTHER"
"""Another workspace of the same Enterprise Grid, in the catalogue too; and a workspace that is not."""
NOBODY = member("U0NOBODY", "nobody")
STATUSES = ("full", "guest", "stranger")
EVERYBODY = {
    f"{who.name} in {team}, {status}": replace(
        who, person=Person(who.person.user_id, team), guest=status == "guest", stranger=status == "stranger"
    )
    for who in (ANA, LEE, SAM, RAY, VIV, NOBODY)
    for team in (TEAM, GRID, FOREIGN)
    for status in STATUSES
}
MAY_APPROVE = {f"{who} in {team}, full" for who in ("lee", "sam") for team in (TEAM, GRID)}
MAY_CANCEL_OWN = {f"ana in {TEAM}, full", f"ana in {GRID}, full"}


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[CommandHarness]:
    async with open_command_harness(tmp_path, team_catalogue(workspaces=[TEAM, GRID])) as opened:
        yield opened


async def offered(harness: CommandHarness, who: Member) -> set[str]:
    view = home_view(await home(harness.request(who)))
    actions = [block for block in view["blocks"] if block["type"] == "actions"]
    return {button["text"]["text"] for block in actions for button in block["elements"]} & {"Approve", "Reject", "Cancel"}


async def may(harness: CommandHarness, record: OperationRecord, who: Member, decision: Decision) -> bool:
    """Decide, and look what became of it."""
    harness.directory.change(ANA)  # who asked still may: that counts at the approval, too
    harness.directory.change(who)
    try:
        decided = await harness.services.of(OperationService).decide(record.id, who, decision)
    except Refused:
        return False
    assert decided.approval is not None
    assert decided.approval.decision is decision
    return True


async def test_the_buttons_are_those_that_the_decision_allows(harness: CommandHarness) -> None:
    waiting = await harness.start_operation(ANA, "rollback production abc1234 --reason x")
    for name, who in EVERYBODY.items():
        seen = await offered(harness, who)
        assert ({"Approve", "Reject"} <= seen, "Cancel" in seen) == (name in MAY_APPROVE, name in MAY_CANCEL_OWN), name
        if "Cancel" in seen:
            assert cancel_refusal(waiting, who, harness.services.catalogue) is None, name
        if await may(harness, waiting, who, Decision.APPROVED):
            assert "Approve" in seen, name
            waiting = await harness.start_operation(ANA, "rollback production abc1234 --reason x")
        else:
            assert "Approve" not in seen, name
            assert (await harness.services.of(OperationService).find(waiting.id)).state is State.WAITING


@pytest.mark.parametrize("name", sorted(MAY_APPROVE | MAY_CANCEL_OWN))
async def test_whoever_may_approve_may_reject_and_so_may_who_asked(harness: CommandHarness, name: str) -> None:
    waiting = await harness.start_operation(ANA, "rollback production abc1234 --reason x")
    assert await may(harness, waiting, EVERYBODY[name], Decision.REJECTED)


async def test_who_asked_stops_it_from_another_workspace_of_the_grid(harness: CommandHarness) -> None:
    waiting = await harness.start_operation(ANA, "rollback production abc1234 --reason x")
    cancelled = await harness.services.of(OperationService).cancel(waiting.id, EVERYBODY[f"ana in {GRID}, full"])
    assert cancelled.state is State.CANCELLED


async def test_an_approval_whose_time_is_over_is_not_offered(harness: CommandHarness) -> None:
    waiting = await harness.start_operation(ANA, "rollback production abc1234 --reason x")
    async with harness.services.store.write() as tx:
        record = await tx.operations.get_for_update(waiting.id)
        assert record is not None
        assert record.approval is not None
        over = replace(record, approval=replace(record.approval, expires_at=harness.clock.now()))
        await tx.operations.save(over)
    assert "Approve" not in await offered(harness, LEE)
    assert not await may(harness, waiting, LEE, Decision.APPROVED)
