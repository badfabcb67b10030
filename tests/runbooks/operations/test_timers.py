"""What is due happens once, late rather than never: approvals that ran out, temporary scales that go back."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.errors import PermanentError, Refused
from domain.operations.operation import Decision, OperationRecord, State
from domain.people import BOT
from sandbox.cluster import Fault
from sandbox.cluster.resources import DEPLOYMENTS as DEPLOYMENTS_KEPT
from storage.timers import STALE, Timer
from tests.harness.operations import House
from tests.harness.samples.team import ANA, LEE, RAY

MAIN = "deep-echo-main"
DEPLOYMENTS = "/apis/apps/v1/namespaces/deep-echo-prod/deployments"
TWO_HOURS = timedelta(hours=2)


async def scaled_for_a_while(house: House) -> OperationRecord:
    plan = await house.planner.scale("production", MAIN, 5)
    record = await house.operations.start(plan, source="k", by=RAY, channel="C1", reason="the fair", lasts=TWO_HOURS)
    ended = await house.ended(record.id)
    assert ended.outcome == "Verified: 5 pods are ready (there were 3). In 2 h it goes back to 3."
    return ended


async def replicas(house: House) -> int:
    return (await house.cluster.workload(house.target())).replicas


async def others(house: House, first: OperationRecord) -> list[OperationRecord]:
    return [each for each in await house.operations.recent() if each.id != first.id]


async def test_a_temporary_scale_goes_back_by_itself_and_once(house: House) -> None:
    first = await scaled_for_a_while(house)
    await house.clocks.run_due()
    assert await others(house, first) == []

    house.clock.go_on(TWO_HOURS)
    await asyncio.gather(house.clocks.run_due(), house.clocks.run_due())

    (back,) = await others(house, first)
    ended = await house.ended(back.id)
    assert ended.outcome == "Verified: 3 pods are ready (there were 5)."
    assert (ended.requested_by, ended.reason, ended.channel) == (BOT, f"the time of {first.id} is over", first.channel)
    assert ended.approval is None
    assert await replicas(house) == 3
    await house.clocks.run_due()
    assert len(await others(house, first)) == 1


async def test_what_somebody_has_scaled_since_is_left_alone(house: House) -> None:
    first = await scaled_for_a_while(house)
    await house.carried_out(await house.planner.scale("production", MAIN, 7), by=RAY)

    house.clock.go_on(TWO_HOURS)
    await house.clocks.run_due()

    assert await replicas(house) == 7
    last = (await house.notes(first.id))[-1]
    assert last.text == "The time of this scale is over. deep-echo-main has 7 replicas by now, so it was left alone."
    assert len(await others(house, first)) == 1


async def test_a_time_that_was_over_while_the_cluster_was_away_is_made_up_for(house: House) -> None:
    first = await scaled_for_a_while(house)
    house.clock.go_on(TWO_HOURS)
    house.stand_in.fail(Fault(kind="status", status=503, times=100, path_prefix=DEPLOYMENTS))
    await house.clocks.run_due()
    house.stand_in.control.clear()

    house.clock.go_on(timedelta(minutes=2))
    await house.clocks.run_due()

    (back,) = await others(house, first)
    assert (await house.ended(back.id)).state is State.SUCCEEDED
    assert await replicas(house) == 3


async def test_what_cannot_go_back_is_told(house: House) -> None:
    first = await scaled_for_a_while(house)
    house.stand_in.store.modify(DEPLOYMENTS_KEPT, ("deep-echo-prod", MAIN), lambda each: each["spec"].update(paused=True))

    house.clock.go_on(TWO_HOURS)
    await house.clocks.run_due()

    last = (await house.notes(first.id))[-1]
    assert last.text.startswith("The time of this scale is over. The rollout of deep-echo-main in production is paused")
    assert await replicas(house) == 5


async def test_an_approval_whose_card_reached_nobody_ends_too(house: House) -> None:
    record = await house.start(ANA)
    house.clock.go_on(timedelta(minutes=76))

    await house.clocks.run_due()

    ended = await house.operations.find(record.id)
    assert (ended.state, ended.outcome) == (State.EXPIRED, "Expired: nobody approved it in time.")
    assert ended.stands == ("Nothing was changed. Ask again if it is still wanted.",)
    with pytest.raises(Refused, match="already expired"):
        await house.operations.decide(record.id, LEE, Decision.APPROVED)
    assert await house.revisions() == 6


async def test_a_card_that_arrives_late_still_gives_its_whole_time(house: House) -> None:
    record = await house.start(ANA)
    house.clock.go_on(timedelta(minutes=70))
    await house.deliver()
    house.clock.go_on(timedelta(minutes=10))
    await house.clocks.run_due()

    await house.operations.decide(record.id, LEE, Decision.APPROVED)

    assert (await house.ended(record.id)).state is State.SUCCEEDED


@pytest.mark.parametrize("problem", [Refused("The catalogue was read again."), PermanentError("No."), KeyError("gone")])
async def test_a_timer_that_cannot_be_served_keeps_no_other_waiting(house: House, problem: Exception) -> None:
    served: list[str] = []

    async def broken(_timer: Timer, _at: datetime) -> None:
        raise problem

    async def works(timer: Timer, _at: datetime) -> None:
        served.append(timer.key)

    clocks = replace(house.clocks, handlers={"broken": broken, "works": works})
    at = house.clock.now()
    async with house.store.write() as tx:
        for number, kind in enumerate(["of-another-version", "broken", "works"]):
            await tx.timers.set(Timer(f"{kind}/1", kind, "1", at - timedelta(seconds=9 - number)))

    await clocks.run_due()
    assert served == ["works/1"]
    await clocks.run_due()
    assert served == ["works/1"]
    async with house.store.read() as tx:
        kept = await tx.timers.due(at + 2 * STALE)
    assert [each.key for each in kept] == ["of-another-version/1", "broken/1", "works/1"]
