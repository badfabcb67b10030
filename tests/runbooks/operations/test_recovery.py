"""What a crash or a lost message leaves behind is found, and what goes well is left alone."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.errors import Refused
from domain.operations.operation import Decision, OperationRecord, Phase, State, decide, ended
from domain.operations.plans import Plan
from runbooks.engine.engine import Engine, WorkflowState
from runbooks.operations.recovery import Recovery
from runbooks.operations.service import Operations
from tests.harness.cluster_namespace import until
from tests.harness.fakes.engine import IdleEngine
from tests.harness.operations import PATIENCE, House, open_house
from tests.harness.samples.team import ANA, LEE, RAY

MAIN = "deep-echo-main"


async def written(house: House, plan: Plan) -> OperationRecord:
    """An operation whose process ended between its row and its workflow."""
    rows_only = Operations(IdleEngine(), house.store, house.clock, lambda: house.catalogue, lambda: None)
    return await rows_only.start(plan, source="lost", by=ANA, channel="C1", reason="r")


async def test_an_operation_that_was_only_written_down_is_started(house: House) -> None:
    record = await written(house, await house.planner.restart("production", MAIN))
    assert await house.engine.state(record.id) is None

    await house.recovery.look()

    assert (await house.ended(record.id)).outcome == "Verified: 3 new pods of deep-echo-main are ready."
    assert await house.revisions() == 7


async def test_an_operation_that_was_only_written_down_can_be_approved(house: House) -> None:
    record = await written(house, await house.planner.rollback("production", "abc1234", MAIN))

    await house.operations.decide(record.id, LEE, Decision.APPROVED)
    await house.recovery.look()

    assert (await house.ended(record.id)).state is State.SUCCEEDED


async def test_a_lost_wake_up_is_repeated(house: House) -> None:
    """The decision is in the database; the process that took it ended before it told anybody."""
    record = await house.start(ANA)
    async with house.store.write() as tx:
        present = await tx.operations.locked(record.id)
        assert present is not None
        await tx.apply(decide(present, LEE.person, Decision.APPROVED, house.clock.now()), house.clock.now())

    await house.recovery.look()

    assert (await house.ended(record.id)).state is State.SUCCEEDED


class Breaks:
    """Something nobody thought of, at one point of one step."""

    def __init__(self, step: str, point: str) -> None:
        self._where = (step, point)
        self.broken = False

    def __call__(self, _operation: str, step: str, point: str, /) -> None:
        if (step, point) == self._where and not self.broken:
            self.broken = True
            raise ZeroDivisionError


@pytest.mark.parametrize(
    ("step", "stands"),
    [
        ("plan again", "deep-echo-main was not touched; it runs main-9f00d12."),
        (
            "change deep-echo-main",
            "Whether deep-echo-main was changed is not known; `/deepecho status production",
        ),
    ],
)
async def test_a_procedure_that_broke_puts_it_into_a_persons_hands(tmp_path: Path, step: str, stands: str) -> None:
    async with open_house(tmp_path, observer=(breaks := Breaks(step, "done"))) as house:
        record = await house.begin(await house.planner.rollback("production", "abc1234", MAIN))
        await until(lambda: breaks.broken and not house.engine.is_running(record.id))

        found = await looked_after(house, record)
        assert (found.state, found.outcome) == (
            State.NEEDS_PERSON,
            "A person must decide: its procedure ended without an outcome (error).",
        )
        assert found.stands[0].startswith(stands)
        assert await house.locks() == ()
        assert (await house.notes(record.id))[-1].text == found.outcome
        assert (await house.audit())[-1].entry.outcome == f"needs_person: {found.outcome}"
        with pytest.raises(Refused, match="already ended"):
            await house.operations.cancel(record.id, ANA)


async def looked_after(house: House, record: OperationRecord) -> OperationRecord:
    """Look once the engine has noted that the workflow broke, which takes it a moment."""
    async with asyncio.timeout(PATIENCE):
        while (workflow := await house.engine.state(record.id)) is None or workflow.status != "ERROR":
            await asyncio.sleep(0.02)
    await house.recovery.look()
    return await house.operations.find(record.id)


async def test_what_runs_or_waits_here_is_left_alone(house: House) -> None:
    waiting = await house.start(ANA)
    running = await house.begin(await house.planner.deploy("production", "bad-0ddba11", MAIN))
    await house.reached(running.id, lambda one: one.of(MAIN).phase is Phase.ROLLING)
    before = [await house.operations.find(each.id) for each in (waiting, running)]

    await house.recovery.look()

    after = [await house.operations.find(each.id) for each in (waiting, running)]
    assert [(each.state, each.epoch, each.owner) for each in after] == [(each.state, each.epoch, each.owner) for each in before]
    await house.operations.cancel(running.id, ANA)
    await house.ended(running.id)


class Meanwhile(IdleEngine):
    """An engine whose answer takes so long that something else happens first."""

    def __init__(self, state: WorkflowState | None, happens: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self._state, self._happens = state, happens

    @property
    def asleep(self) -> frozenset[str]:
        return frozenset()

    def is_running(self, operation: str) -> bool:
        return False

    async def state(self, operation: str) -> WorkflowState | None:
        await self._happens()
        return self._state


def looking(house: House, engine: Engine) -> Recovery:
    return Recovery(engine, house.recovery.lease, house.outside)


async def test_an_operation_that_ends_while_it_is_looked_at_keeps_its_end(house: House) -> None:
    """The look began when it still ran; by the time of the second look its workflow is over, as it should be."""
    record = await written(house, await house.planner.restart("production", MAIN))

    async def ends() -> None:
        at = datetime.now(UTC)
        async with house.store.write() as tx:
            await tx.apply(ended(record, State.SUCCEEDED, at, RAY.person, "Verified: 3 new pods are ready."), at)

    await looking(house, Meanwhile(WorkflowState("SUCCESS", "replica-1", "procedures-1"), ends)).look()

    found = await house.operations.find(record.id)
    assert (found.state, found.outcome) == (State.SUCCEEDED, "Verified: 3 new pods are ready.")


async def test_a_decision_that_comes_while_it_is_looked_at_is_kept(house: House) -> None:
    record = await written(house, await house.planner.rollback("production", "abc1234", MAIN))
    engine = Meanwhile(None, lambda: house.operations.decide(record.id, LEE, Decision.APPROVED))

    await looking(house, engine).look()

    found = await house.operations.find(record.id)
    assert found.state is State.RUNNING
    assert found.approval is not None
    assert found.approval.decided_by == LEE.person
    await house.recovery.look()
    assert (await house.ended(record.id)).state is State.SUCCEEDED


async def test_of_two_survivors_one_takes_it_over(house: House) -> None:
    record = await written(house, await house.planner.restart("production", MAIN))

    async def taken_by_another() -> None:
        async with house.store.write() as tx:
            assert await tx.operations.claim(replace(record, owner="replica-2", epoch=record.epoch + 1))

    await looking(house, engine := Meanwhile(None, taken_by_another)).look()

    assert engine.begun == []
    assert (await house.operations.find(record.id)).owner == "replica-2"


class Dead(IdleEngine):
    """An engine whose workflow DBOS takes for running here, though its task is gone: not even that could be recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.resumed: list[str] = []

    @property
    def asleep(self) -> frozenset[str]:
        return frozenset()

    def is_running(self, operation: str) -> bool:
        return False

    async def state(self, operation: str) -> WorkflowState | None:
        return WorkflowState("PENDING", self.replica, "procedures-1")

    async def resume(self, operation: str) -> None:
        self.resumed.append(operation)


async def test_a_workflow_that_only_seems_to_run_here_is_resumed_at_the_second_look(house: House) -> None:
    record = await written(house, await house.planner.restart("production", MAIN))
    recovery = looking(house, engine := Dead())
    await recovery.look()
    assert engine.resumed == [], "it may be about to start"
    await recovery.look()
    assert engine.resumed == [record.id]
