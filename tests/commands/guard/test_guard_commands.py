"""What people see of the deploy guard, stop and put back."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain.answers.answers import ErrorAnswer, OperationStarted, Preview
from domain.answers.guard import GuardsAnswer, GuardStopped
from domain.facts import Answer
from domain.guard.guard import GuardState, begin, offer
from domain.operations.operation import OperationRecord, State
from domain.operations.transitions import Transition
from domain.rich_text import plain_text
from storage.guard import GuardRepository
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.guard import guarded_catalogue
from tests.harness.samples.team import ANA, RAY, VIV


def sentence(answer: Answer) -> str:
    assert isinstance(answer, ErrorAnswer), answer
    return plain_text(answer.sentence)


async def guarded(harness: CommandHarness, environment: str, state: GuardState = GuardState.BAKING) -> OperationRecord:
    """A deploy that was verified and changed nothing, and its guard."""
    record = await harness.start_operation(ANA, f"deploy {environment} main-0ddba11 deep-echo-main --reason try")
    config = harness.services.catalogue.environments[environment].guard
    assert config is not None
    guard = begin(replace(record, state=State.SUCCEEDED, ended_at=harness.clock.now()), config, harness.clock.now())
    assert guard is not None
    async with harness.services.store.write() as tx:
        ended = replace(record, state=State.SUCCEEDED, ended_at=harness.clock.now(), outcome="Verified.")
        await tx.apply(Transition(record=ended), harness.clock.now())
        await tx.of(GuardRepository).add(offer(guard, "It is worse.") if state is GuardState.OFFERED else guard)
    return record


async def test_the_list_has_open_ones_first_and_names_what_is_not_guarded(tmp_path: Path) -> None:
    async with open_command_harness(tmp_path, guarded_catalogue()) as harness:
        first = await guarded(harness, "staging")
        harness.clock.advance(timedelta(minutes=1))
        second = await guarded(harness, "production", GuardState.OFFERED)
        answer = await harness.run_command(VIV, "guard")
        assert isinstance(answer, GuardsAnswer)
        assert [each.operation for each in answer.guards] == [first.id, second.id]
        assert answer.unguarded == ("development",)
        only = await harness.run_command(VIV, "guard production")
        assert isinstance(only, GuardsAnswer)
        assert [each.operation for each in only.guards] == [second.id]


async def test_a_person_who_may_roll_back_stops_it_once(tmp_path: Path) -> None:
    async with open_command_harness(tmp_path, guarded_catalogue()) as harness:
        record = await guarded(harness, "staging")
        refused = sentence(await harness.run_command(RAY, f"guard stop {record.id}"))
        assert refused.startswith("You may not use `guard stop` in any environment.")
        stopped = await harness.run_command(ANA, f"guard stop {record.id}")
        assert isinstance(stopped, GuardStopped)
        assert stopped.guard.state is GuardState.TAKEN_OVER
        again = sentence(await harness.run_command(ANA, f"guard stop {record.id}"))
        assert again == f"The guard of {record.id} has ended. Nothing was changed."


@pytest.mark.parametrize(
    ("word", "said"), [("op-zzzz", "The guard knows no deploy op-zzzz."), ("staging", "is not the id of an operation")]
)
async def test_a_wrong_id_is_said(tmp_path: Path, word: str, said: str) -> None:
    async with open_command_harness(tmp_path, guarded_catalogue()) as harness:
        for command in ("guard stop", "guard put-back"):
            assert said in sentence(await harness.run_command(ANA, f"{command} {word}"))


async def test_what_was_never_rolled_out_is_not_put_back(tmp_path: Path) -> None:
    async with open_command_harness(tmp_path, guarded_catalogue()) as harness:
        record = await guarded(harness, "production", GuardState.OFFERED)
        answer = await harness.run_command(ANA, f"guard put-back {record.id}")
        assert sentence(answer) == "deep-echo-main was changed since the deploy."
        assert not isinstance(answer, OperationStarted | Preview)
