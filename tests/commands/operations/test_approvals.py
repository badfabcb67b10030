import pytest

from domain.answers.answers import Complaint, OperationsAnswer, Said
from domain.operations.operation import OperationRecord, State
from domain.people import Member
from tests.harness.commands import House
from tests.harness.samples.team import ANA, GUS, LEE, RAY, STAN, VIV

ASK = "rollback production abc1234 --reason x"


@pytest.fixture
async def asked(house: House) -> OperationRecord:
    return await house.starts(ANA, ASK)


@pytest.mark.parametrize("spelled", ["{id}", "{bare}", "{upper}"])
async def test_approve(house: House, asked: OperationRecord, spelled: str) -> None:
    name = spelled.format(id=asked.id, bare=asked.id.removeprefix("op-"), upper=asked.id.upper())
    assert await house.says(LEE, f"approve {name}") == Said(f"You approved {asked.id}. Its card shows how it goes.")
    assert (await house.services.operations.find(asked.id)).state is State.RUNNING
    assert house.engine.woken == [asked.id]


async def test_reject_keeps_why(house: House, asked: OperationRecord) -> None:
    assert await house.says(LEE, f"reject {asked.id} the window is closed") == Said(
        f"You rejected {asked.id}. Nothing was changed."
    )
    record = await house.services.operations.find(asked.id)
    assert record.state is State.REJECTED
    assert record.approval is not None
    assert record.approval.why == "the window is closed"


async def test_cancel_while_it_waits(house: House, asked: OperationRecord) -> None:
    assert await house.says(ANA, f"cancel {asked.id}") == Said(f"You cancelled {asked.id}. Nothing was changed.")
    assert (await house.services.operations.find(asked.id)).state is State.CANCELLED


async def test_cancel_while_it_runs(house: House) -> None:
    running = await house.starts(ANA, "deploy staging abc1234")
    assert await house.says(ANA, f"cancel {running.id}") == Said(
        f"{running.id} stops at the next safe point. Its card will say what stands."
    )


@pytest.mark.parametrize("who", [ANA, VIV, RAY, GUS, STAN], ids=lambda who: who.name)
async def test_whoever_may_not_approve_is_told_and_audited(house: House, asked: OperationRecord, who: Member) -> None:
    answer = await house.says(who, f"approve {asked.id}")
    assert isinstance(answer, Complaint)
    assert (await house.services.operations.find(asked.id)).state is State.WAITING
    refused = [each.entry for each in await house.audit() if each.entry.who == who.person and "refused" in each.entry.outcome]
    assert len(refused) == 1


async def test_operations_newest_first(house: House, asked: OperationRecord) -> None:
    later = await house.starts(ANA, "deploy staging abc1234")
    answer = await house.says(VIV, "operations")
    assert isinstance(answer, OperationsAnswer)
    assert {each.id for each in answer.operations} == {asked.id, later.id}
    here = await house.says(VIV, "operations prod")
    assert isinstance(here, OperationsAnswer)
    assert [each.id for each in here.operations] == [asked.id]
    assert here.title == "Operations in production"
