"""What a crash or a lost message leaves behind is found, and what goes well is left alone."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.errors import Refused
from domain.operations.operation import Decision, OperationRecord, Phase, State
from domain.operations.plans import Plan
from domain.operations.transitions import decide, end_operation
from runbooks.engine.engine import PROCEDURES_VERSION, Engine, WorkflowState
from runbooks.operations.recovery import Recovery
from runbooks.operations.service import OperationService
from tests.harness.cluster_namespace import wait_until
from tests.harness.fakes.engine import IdleEngine
from tests.harness.operations import OPERATION_TIMEOUT, OperationsHarness, open_operations_harness
from tests.harness.samples.team import ANA, LEE, RAY

MAIN = "deep-echo-main"


async def operation_without_workflow(harness: OperationsHarness, plan: Plan) -> OperationRecord:
    """An operation whose process ended between its row and its workflow."""
    rows_only = OperationService(
        IdleEngine(), harness.store, harness.clock, harness.current_catalogue, harness.dependencies.rights, lambda: None
    )
    return await rows_only.start(plan, source="lost", by=ANA, channel="C1", reason="r")


async def test_an_operation_that_was_only_written_down_is_started(harness: OperationsHarness) -> None:
    record = await operation_without_workflow(harness, await harness.planner.restart("production", MAIN))
    assert await harness.engine.state(record.id) is None

    await harness.recovery.run_once()

    assert (await harness.wait_ended(record.id)).outcome == "Verified: 3 new pods of deep-echo-main are ready."
    assert await harness.revisions() == 7


async def test_an_operation_that_was_only_written_down_can_be_approved(harness: OperationsHarness) -> None:
    record = await operation_without_workflow(harness, await harness.planner.rollback("production", "abc1234", MAIN))

    await harness.operations.decide(record.id, LEE, Decision.APPROVED)
    await harness.recovery.run_once()

    assert (await harness.wait_ended(record.id)).state is State.SUCCEEDED


async def test_a_lost_wake_up_is_repeated(harness: OperationsHarness) -> None:
    """The decision is in the database; the process that took it ended before it told anybody."""
    record = await harness.start(ANA)
    async with harness.store.write() as tx:
        present = await tx.operations.get_for_update(record.id)
        assert present is not None
        await tx.apply(decide(present, LEE.person, Decision.APPROVED, harness.clock.now()), harness.clock.now())

    await harness.recovery.run_once()

    assert (await harness.wait_ended(record.id)).state is State.SUCCEEDED


class RaisesAtPoint:
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
        ("replan", "deep-echo-main was not touched; it runs main-9f00d12."),
        (
            "change deep-echo-main",
            "Whether deep-echo-main was changed is not known; `status production",
        ),
    ],
)
async def test_a_procedure_that_broke_puts_it_into_a_persons_hands(tmp_path: Path, step: str, stands: str) -> None:
    async with open_operations_harness(tmp_path, observer=(breaks := RaisesAtPoint(step, "done"))) as harness:
        record = await harness.start_plan(await harness.planner.rollback("production", "abc1234", MAIN))
        await wait_until(lambda: breaks.broken and not harness.engine.is_running(record.id))

        found = await recover_after_error(harness, record)
        assert (found.state, found.outcome) == (
            State.NEEDS_PERSON,
            "A person must decide: its procedure ended without an outcome (error).",
        )
        assert str(found.end_state[0]).startswith(stands)
        assert found.progress_of(MAIN).phase is (Phase.UNTOUCHED if step == "replan" else Phase.UNKNOWN)
        assert await harness.locks() == ()
        assert (await harness.notes(record.id))[-1].text == found.outcome
        assert (await harness.audit())[-1].entry.outcome == f"needs_person: {found.outcome}"
        with pytest.raises(Refused, match="already ended"):
            await harness.operations.cancel(record.id, ANA)


async def recover_after_error(harness: OperationsHarness, record: OperationRecord) -> OperationRecord:
    """Look once the engine has noted that the workflow broke, which takes it a moment."""
    async with asyncio.timeout(OPERATION_TIMEOUT):
        while (workflow := await harness.engine.state(record.id)) is None or workflow.status != "ERROR":
            await asyncio.sleep(0.02)
    await harness.recovery.run_once()
    return await harness.operations.find(record.id)


async def test_what_runs_or_waits_here_is_left_alone(harness: OperationsHarness) -> None:
    waiting = await harness.start(ANA)
    running = await harness.start_plan(await harness.planner.deploy("production", "bad-0ddba11", MAIN))
    await harness.wait_until(running.id, lambda one: one.progress_of(MAIN).phase is Phase.ROLLING)
    before = [await harness.operations.find(each.id) for each in (waiting, running)]

    await harness.recovery.run_once()

    after = [await harness.operations.find(each.id) for each in (waiting, running)]
    assert [(each.state, each.epoch, each.owner) for each in after] == [(each.state, each.epoch, each.owner) for each in before]
    await harness.operations.cancel(running.id, ANA)
    await harness.wait_ended(running.id)


class SlowStateEngine(IdleEngine):
    """An engine whose answer takes so long that something else happens first."""

    def __init__(self, state: WorkflowState | None, happens: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self._state, self._happens = state, happens

    @property
    def waiting(self) -> frozenset[str]:
        return frozenset()

    def is_running(self, operation: str) -> bool:
        return False

    async def state(self, operation: str) -> WorkflowState | None:
        await self._happens()
        return self._state


def recovery_with(harness: OperationsHarness, engine: Engine) -> Recovery:
    return Recovery(engine, harness.recovery.lease, harness.dependencies)


async def test_an_operation_that_ends_while_it_is_looked_at_keeps_its_end(harness: OperationsHarness) -> None:
    """The look began when it still ran; by the time of the second look its workflow is over, as it should be."""
    record = await operation_without_workflow(harness, await harness.planner.restart("production", MAIN))

    async def ends() -> None:
        at = datetime.now(UTC)
        async with harness.store.write() as tx:
            await tx.apply(end_operation(record, State.SUCCEEDED, at, RAY.person, "Verified: 3 new pods are ready."), at)

    await recovery_with(
        harness, SlowStateEngine(WorkflowState("SUCCESS", "replica-1", f"procedures-{PROCEDURES_VERSION}"), ends)
    ).run_once()

    found = await harness.operations.find(record.id)
    assert (found.state, found.outcome) == (State.SUCCEEDED, "Verified: 3 new pods are ready.")


async def test_a_decision_that_comes_while_it_is_looked_at_is_kept(harness: OperationsHarness) -> None:
    record = await operation_without_workflow(harness, await harness.planner.rollback("production", "abc1234", MAIN))
    engine = SlowStateEngine(None, lambda: harness.operations.decide(record.id, LEE, Decision.APPROVED))

    await recovery_with(harness, engine).run_once()

    found = await harness.operations.find(record.id)
    assert found.state is State.RUNNING
    assert found.approval is not None
    assert found.approval.decided_by == LEE.person
    await harness.recovery.run_once()
    assert (await harness.wait_ended(record.id)).state is State.SUCCEEDED


async def test_of_two_survivors_one_takes_it_over(harness: OperationsHarness) -> None:
    record = await operation_without_workflow(harness, await harness.planner.restart("production", MAIN))

    async def taken_by_another() -> None:
        async with harness.store.write() as tx:
            assert await tx.operations.claim(replace(record, owner="replica-2", epoch=record.epoch + 1))

    await recovery_with(harness, engine := SlowStateEngine(None, taken_by_another)).run_once()

    assert engine.started == []
    assert (await harness.operations.find(record.id)).owner == "replica-2"


class LostTaskEngine(IdleEngine):
    """An engine whose workflow DBOS takes for running here, though its task is gone: not even that could be recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.resumed: list[str] = []

    @property
    def waiting(self) -> frozenset[str]:
        return frozenset()

    def is_running(self, operation: str) -> bool:
        return False

    async def state(self, operation: str) -> WorkflowState | None:
        return WorkflowState("PENDING", self.replica, f"procedures-{PROCEDURES_VERSION}")

    async def resume(self, operation: str) -> None:
        self.resumed.append(operation)


async def test_a_workflow_that_only_seems_to_run_here_is_resumed_at_the_second_look(harness: OperationsHarness) -> None:
    record = await operation_without_workflow(harness, await harness.planner.restart("production", MAIN))
    recovery = recovery_with(harness, engine := LostTaskEngine())
    await recovery.run_once()
    assert engine.resumed == [], "it may be about to start"
    await recovery.run_once()
    assert engine.resumed == [record.id]
