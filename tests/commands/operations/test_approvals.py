import pytest

from domain.answers.answers import ErrorAnswer, OperationsAnswer, TextAnswer
from domain.operations.operation import OperationRecord, State
from domain.people import Member
from runbooks.operations.service import OperationService
from tests.harness.commands import CommandHarness
from tests.harness.samples.team import ANA, GUS, LEE, RAY, STAN, VIV

ASK = "rollback production abc1234 --reason x"


@pytest.fixture
async def pending_operation(harness: CommandHarness) -> OperationRecord:
    return await harness.start_operation(ANA, ASK)


@pytest.mark.parametrize("spelled", ["{id}", "{bare}", "{upper}"])
async def test_approve(harness: CommandHarness, pending_operation: OperationRecord, spelled: str) -> None:
    name = spelled.format(
        id=pending_operation.id, bare=pending_operation.id.removeprefix("op-"), upper=pending_operation.id.upper()
    )
    assert await harness.run_command(LEE, f"approve {name}") == TextAnswer(
        f"You approved {pending_operation.id}. Its card shows how it goes."
    )
    assert (await harness.services.of(OperationService).find(pending_operation.id)).state is State.RUNNING
    assert harness.engine.woken == [pending_operation.id]


async def test_reject_keeps_why(harness: CommandHarness, pending_operation: OperationRecord) -> None:
    assert await harness.run_command(LEE, f"reject {pending_operation.id} the window is closed") == TextAnswer(
        f"You rejected {pending_operation.id}. Nothing was changed."
    )
    record = await harness.services.of(OperationService).find(pending_operation.id)
    assert record.state is State.REJECTED
    assert record.approval is not None
    assert record.approval.reason == "the window is closed"


async def test_cancel_while_it_waits(harness: CommandHarness, pending_operation: OperationRecord) -> None:
    assert await harness.run_command(ANA, f"cancel {pending_operation.id}") == TextAnswer(
        f"You cancelled {pending_operation.id}. Nothing was changed."
    )
    assert (await harness.services.of(OperationService).find(pending_operation.id)).state is State.CANCELLED


async def test_cancel_while_it_runs(harness: CommandHarness) -> None:
    running = await harness.start_operation(ANA, "deploy staging abc1234")
    assert await harness.run_command(ANA, f"cancel {running.id}") == TextAnswer(
        f"{running.id} stops at the next safe point. Its card will say what stands."
    )


@pytest.mark.parametrize("who", [ANA, VIV, RAY, GUS, STAN], ids=lambda who: who.name)
async def test_whoever_may_not_approve_is_told_and_audited(
    harness: CommandHarness, pending_operation: OperationRecord, who: Member
) -> None:
    answer = await harness.run_command(who, f"approve {pending_operation.id}")
    assert isinstance(answer, ErrorAnswer)
    assert (await harness.services.of(OperationService).find(pending_operation.id)).state is State.WAITING
    refused = [each.entry for each in await harness.audit() if each.entry.who == who.person and "refused" in each.entry.outcome]
    assert len(refused) == 1


async def test_operations_newest_first(harness: CommandHarness, pending_operation: OperationRecord) -> None:
    later = await harness.start_operation(ANA, "deploy staging abc1234")
    answer = await harness.run_command(VIV, "operations")
    assert isinstance(answer, OperationsAnswer)
    assert {each.id for each in answer.operations} == {pending_operation.id, later.id}
    here = await harness.run_command(VIV, "operations prod")
    assert isinstance(here, OperationsAnswer)
    assert [each.id for each in here.operations] == [pending_operation.id]
    assert here.title == "Operations in production"
