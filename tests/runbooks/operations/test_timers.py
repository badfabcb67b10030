"""What is due happens once, late rather than never: approvals that ran out, temporary scales that go back."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.errors import PermanentError, Refused
from domain.operations.operation import Decision, OperationRecord, State
from domain.people import BOT
from sandbox.cluster import ClusterFault
from sandbox.cluster.resources import DEPLOYMENTS as DEPLOYMENTS_KEPT
from storage.timers import TIMER_CLAIM_TIMEOUT, Timer
from tests.harness.operations import OperationsHarness
from tests.harness.recreation import recreate
from tests.harness.samples.team import ANA, LEE, RAY

MAIN = "deep-echo-main"
DEPLOYMENTS = "/apis/apps/v1/namespaces/deep-echo-prod/deployments"
TWO_HOURS = timedelta(hours=2)


async def scaled_for_a_while(harness: OperationsHarness) -> OperationRecord:
    plan = await harness.planner.scale("production", MAIN, 5)
    record = await harness.operations.start(plan, source="k", by=RAY, channel="C1", reason="the fair", duration=TWO_HOURS)
    ended = await harness.wait_ended(record.id)
    assert ended.outcome == "Verified: 5 pods are ready (there were 3). In 2 h it goes back to 3."
    return ended


async def replicas(harness: OperationsHarness) -> int:
    return (await harness.cluster.workload(harness.target())).replicas


async def others(harness: OperationsHarness, first: OperationRecord) -> list[OperationRecord]:
    return [each for each in await harness.operations.recent() if each.id != first.id]


async def test_a_temporary_scale_goes_back_by_itself_and_once(harness: OperationsHarness) -> None:
    first = await scaled_for_a_while(harness)
    await harness.timers.run_due()
    assert await others(harness, first) == []

    harness.clock.advance(TWO_HOURS)
    await asyncio.gather(harness.timers.run_due(), harness.timers.run_due())

    (back,) = await others(harness, first)
    ended = await harness.wait_ended(back.id)
    assert ended.outcome == "Verified: 3 pods are ready (there were 5)."
    assert (ended.requested_by, ended.reason, ended.channel) == (BOT, f"the time of {first.id} is over", first.channel)
    assert ended.approval is None
    assert await replicas(harness) == 3
    await harness.timers.run_due()
    assert len(await others(harness, first)) == 1


async def test_what_somebody_has_scaled_since_is_left_alone(harness: OperationsHarness) -> None:
    first = await scaled_for_a_while(harness)
    harness.stand_in.store.modify(DEPLOYMENTS_KEPT, ("deep-echo-prod", MAIN), lambda each: each["spec"].update(replicas=7))

    harness.clock.advance(TWO_HOURS)
    await harness.timers.run_due()

    assert await replicas(harness) == 7
    last = (await harness.notes(first.id))[-1]
    assert last.text == "The time of this scale is over. deep-echo-main has 7 replicas by now, so it was left alone."
    assert await others(harness, first) == []


async def test_what_was_made_anew_since_is_left_alone(harness: OperationsHarness) -> None:
    first = await scaled_for_a_while(harness)
    await recreate(harness, "production")

    harness.clock.advance(TWO_HOURS)
    await harness.timers.run_due()

    assert await replicas(harness) == 5
    last = (await harness.notes(first.id))[-1]
    anew = "deep-echo-main in production was deleted and made anew in the meantime."
    assert last.text == f"The time of this scale is over. {anew} It was left alone."
    assert await others(harness, first) == []


async def test_a_time_that_was_over_while_the_cluster_was_away_is_made_up_for(harness: OperationsHarness) -> None:
    first = await scaled_for_a_while(harness)
    harness.clock.advance(TWO_HOURS)
    harness.stand_in.inject_fault(ClusterFault(kind="status", status=503, times=100, path_prefix=DEPLOYMENTS))
    await harness.timers.run_due()
    harness.stand_in.control.clear_faults()

    harness.clock.advance(timedelta(minutes=2))
    await harness.timers.run_due()

    (back,) = await others(harness, first)
    assert (await harness.wait_ended(back.id)).state is State.SUCCEEDED
    assert await replicas(harness) == 3


async def test_what_is_paused_meanwhile_goes_back_all_the_same(harness: OperationsHarness) -> None:
    first = await scaled_for_a_while(harness)
    harness.stand_in.store.modify(DEPLOYMENTS_KEPT, ("deep-echo-prod", MAIN), lambda each: each["spec"].update(paused=True))

    harness.clock.advance(TWO_HOURS)
    await harness.timers.run_due()

    (back,) = await others(harness, first)
    ended = await harness.wait_ended(back.id)
    assert (ended.state, ended.outcome) == (
        State.SUCCEEDED,
        "Verified: 3 pods are ready (there were 5). Its rollout stays paused.",
    )


async def test_what_cannot_go_back_is_told(harness: OperationsHarness) -> None:
    first = await scaled_for_a_while(harness)
    tracked = {"argocd.argoproj.io/tracking-id": "deep-echo-docs:apps/Deployment:deep-echo-prod/deep-echo-main"}
    harness.stand_in.store.modify(
        DEPLOYMENTS_KEPT, ("deep-echo-prod", MAIN), lambda each: each["metadata"]["annotations"].update(tracked)
    )

    harness.clock.advance(TWO_HOURS)
    await harness.timers.run_due()

    last = (await harness.notes(first.id))[-1]
    assert str(last.text).startswith("The time of this scale is over. deep-echo-main in production belongs to Argo CD")
    assert await replicas(harness) == 5


async def test_an_approval_whose_card_reached_nobody_ends_too(harness: OperationsHarness) -> None:
    record = await harness.start(ANA)
    harness.clock.advance(timedelta(minutes=76))

    await harness.timers.run_due()

    ended = await harness.operations.find(record.id)
    assert (ended.state, ended.outcome) == (State.EXPIRED, "Expired: nobody approved it in time.")
    assert ended.end_state == ("Nothing was changed. Ask again if it is still wanted.",)
    with pytest.raises(Refused, match="already expired"):
        await harness.operations.decide(record.id, LEE, Decision.APPROVED)
    assert await harness.revisions() == 6


async def test_a_card_that_arrives_late_still_gives_its_whole_time(harness: OperationsHarness) -> None:
    record = await harness.start(ANA)
    harness.clock.advance(timedelta(minutes=70))
    await harness.deliver()
    harness.clock.advance(timedelta(minutes=10))
    await harness.timers.run_due()

    await harness.operations.decide(record.id, LEE, Decision.APPROVED)

    assert (await harness.wait_ended(record.id)).state is State.SUCCEEDED


@pytest.mark.parametrize("problem", [Refused("The catalogue was read again."), PermanentError("No."), KeyError("gone")])
async def test_a_timer_that_cannot_be_served_keeps_no_other_waiting(harness: OperationsHarness, problem: Exception) -> None:
    served: list[str] = []

    async def broken(_timer: Timer, _at: datetime) -> None:
        raise problem

    async def works(timer: Timer, _at: datetime) -> None:
        served.append(timer.key)

    clocks = replace(harness.timers, handlers={"broken": broken, "works": works})
    at = harness.clock.now()
    async with harness.store.write() as tx:
        for number, kind in enumerate(["of-another-version", "broken", "works"]):
            await tx.timers.set(Timer(f"{kind}/1", kind, "1", at - timedelta(seconds=9 - number)))

    await clocks.run_due()
    assert served == ["works/1"]
    await clocks.run_due()
    assert served == ["works/1"]
    async with harness.store.read() as tx:
        kept = await tx.timers.due(at + 2 * TIMER_CLAIM_TIMEOUT)
    assert [each.key for each in kept] == ["of-another-version/1", "broken/1", "works/1"]
