"""The steps of every procedure, written down: who changes them must also raise their version."""

from pathlib import Path

import pytest

from domain.operations.operation import Decision, OperationRecord, State
from domain.operations.plans import Plan
from runbooks.engine.engine import PROCEDURES_VERSION
from tests.harness.operations import OperationsHarness, open_operations_harness
from tests.harness.samples.team import ANA, LEE

CHANGE = ["check cancelled: {0}", "time: {0}", "change {0}", "watch {0}", "verify {0}"]
APPROVED = ["decision 0", "decision 1", "lock", "replan"]
STEPS = {
    3: {
        "deploy": [*APPROVED, *CHANGE, "end"],
        "rollback": [*APPROVED, *CHANGE, "end"],
        "restart": ["lock", "replan", *CHANGE, "end"],
        "scale": ["lock", "replan", *CHANGE, "end"],
    },
}
"""By version. When this fails: raise ``PROCEDURES_VERSION``, add the new version here, and drop the oldest."""

MAIN = "deep-echo-main"


class StepTrace:
    """The steps that were begun, each once."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def __call__(self, _operation: str, step: str, point: str, /) -> None:
        if point == "before" and step not in self.steps:
            self.steps.append(step)


async def plan_of(harness: OperationsHarness, verb: str) -> Plan:
    match verb:
        case "deploy":
            return await harness.planner.deploy("production", "main-0ddba11", MAIN)
        case "rollback":
            return await harness.planner.rollback("production", "abc1234", MAIN)
        case "restart":
            return await harness.planner.restart("production", MAIN)
        case _:
            return await harness.planner.scale("production", MAIN, 5)


async def run_procedure_of(harness: OperationsHarness, verb: str) -> OperationRecord:
    record = await harness.operations.start(await plan_of(harness, verb), source=verb, by=ANA, channel="C1", reason="r")
    if record.state is State.WAITING:
        await harness.operations.decide(record.id, LEE, Decision.APPROVED)
    return await harness.wait_ended(record.id)


@pytest.mark.parametrize("verb", ["deploy", "rollback", "restart", "scale"])
async def test_the_steps_are_those_of_this_version(verb: str, tmp_path: Path) -> None:
    trace = StepTrace()
    async with open_operations_harness(tmp_path, observer=trace) as harness:
        assert (await run_procedure_of(harness, verb)).state is State.SUCCEEDED
    wanted = [step.format(MAIN) for step in STEPS[PROCEDURES_VERSION][verb]]
    assert [step for step in trace.steps if step != "decision 1"] == [step for step in wanted if step != "decision 1"]
