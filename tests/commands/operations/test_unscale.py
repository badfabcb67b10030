"""A temporary scale is ended early: the number of before comes back, unless something else is set by now."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.answers.answers import ErrorAnswer, Preview
from domain.leases.lease import Lease
from domain.leases.scales import scale_lease
from domain.operations.operation import OperationRecord, State
from domain.people import Member
from sandbox.cluster.resources import DEPLOYMENTS
from storage.leases import LeaseRepository
from tests.harness.commands import CommandHarness
from tests.harness.samples.team import ANA, RAY, SAM, VIV

MAIN = "deep-echo-main"


def set_replicas(harness: CommandHarness, replicas: int) -> None:
    harness.stand_in.store.modify(DEPLOYMENTS, ("deep-echo-staging", MAIN), lambda each: each["spec"].update(replicas=replicas))


async def scaled(harness: CommandHarness, to: int, hours: int = 2) -> Lease:
    record = await harness.start_operation(RAY, f"scale staging {MAIN} {to} --for {hours}h")
    set_replicas(harness, to)
    harness.clock.advance(timedelta(minutes=1))
    started = replace(record.progress[0], started_at=harness.clock.now())
    lease = scale_lease(replace(record, progress=(started,)), harness.clock.now() + timedelta(hours=hours))
    async with harness.services.store.write() as tx:
        await tx.of(LeaseRepository).put(lease)
    return lease


async def refusal(harness: CommandHarness, text: str, who: Member = RAY) -> str:
    answer = await harness.run_command(who, text)
    assert isinstance(answer, ErrorAnswer), answer
    return str(answer.sentence)


async def end(harness: CommandHarness, lease: Lease, who: Member = RAY) -> OperationRecord:
    return await harness.start_operation(who, lease.undo)


async def test_its_number_of_before_comes_back_with_a_reason(harness: CommandHarness) -> None:
    lease = await scaled(harness, 5)
    assert lease.scaled is not None
    record = await end(harness, lease, SAM)
    (change,) = record.plan.changes
    assert (change.before.replicas, change.after.replicas) == (5, lease.scaled.previous_replicas)
    assert (record.reason, record.duration, record.state) == (f"ends {lease.key} early", None, State.RUNNING)


@pytest.mark.parametrize("text", ["unscale {key}", "unscale {short}", "unscale {upper} --reason the fair is over"])
async def test_the_id_is_read_as_people_type_it(harness: CommandHarness, text: str) -> None:
    key = (await scaled(harness, 5)).key
    record = await harness.start_operation(ANA, text.format(key=key, short=key.removeprefix("op-"), upper=key.upper()))
    assert record.reason in (f"ends {key} early", "the fair is over")


async def test_a_preview_changes_nothing(harness: CommandHarness) -> None:
    lease = await scaled(harness, 5)
    answer = await harness.run_command(RAY, f"{lease.undo} --dry-run")
    assert isinstance(answer, Preview), answer
    assert answer.command == f'unscale {lease.key} --reason "ends {lease.key} early"'
    assert harness.engine.started == [lease.key]


async def test_what_somebody_else_has_set_is_not_undone(harness: CommandHarness) -> None:
    lease = await scaled(harness, 5)
    assert lease.scaled is not None
    before = lease.scaled.previous_replicas
    set_replicas(harness, 8)
    assert await refusal(harness, lease.undo) == (
        f"{MAIN} has 8 replicas by now, and {lease.key} had set 5. Nothing was changed. "
        f"For {before} all the same: `scale staging {MAIN} {before}`."
    )


async def test_the_one_on_top_is_ended_first(harness: CommandHarness) -> None:
    lower, upper = await scaled(harness, 5, 4), await scaled(harness, 8)
    assert f"End that first: `unscale {upper.key}`." in await refusal(harness, lower.undo)
    record = await end(harness, upper)
    assert record.plan.changes[0].after.replicas == 5


@pytest.mark.parametrize("text", ["unscale op-zzzz", "unscale {permanent}"])
async def test_what_is_no_temporary_scale_is_refused_in_words(harness: CommandHarness, text: str) -> None:
    permanent = await harness.start_operation(RAY, f"scale staging {MAIN} 5")
    said = await refusal(harness, text.format(permanent=permanent.id))
    assert "has set no number of pods that is still to be put back. `leases` lists what has." in said


async def test_who_may_not_scale_may_not_end_a_scale(harness: CommandHarness) -> None:
    lease = await scaled(harness, 5)
    assert "You may not use" in await refusal(harness, lease.undo, VIV)
