"""Who may approve, what a decision holds for, and that nothing moves without one."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from domain.errors import Denied, Refused
from domain.inbound import Delivery, DeliveryKind
from domain.notes import OperationNote
from domain.operations.operation import Decision, OperationRecord, State
from domain.people import Member
from runbooks.operations.runner import PROCEDURES
from storage.inbox import InboxWriter
from tests.harness.operations import House, open_floor, open_house
from tests.harness.samples.team import ANA, GUS, LEE, RAY, SAM, STAN, VIV, member

MIA = member("U0APPROVER2", "mia")


async def decide(house: House, record: OperationRecord, by: Member, decision: Decision = Decision.APPROVED) -> OperationRecord:
    return await house.operations.decide(record.id, by, decision)


async def assert_untouched(house: House) -> None:
    assert (await house.image()).endswith(":main-9f00d12")
    assert await house.revisions() == 6


async def test_a_second_person_approves_and_the_pods_change(house: House) -> None:
    record = await house.start(ANA)
    assert record.state is State.WAITING
    await decide(house, record, LEE)
    ended = await house.ended(record.id)
    assert ended.outcome == "Verified: all 3 pods run main-abc1234."
    assert (await house.image()).endswith(":main-abc1234")
    assert await house.revisions() == 7
    async with house.store.read() as tx:
        assert await tx.locks.all(house.clock.now()) == ()


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (ANA, "another person has to approve"),
        (VIV, "takes the role approver in production"),
        (RAY, "takes the role approver in production"),
        (GUS, "Guests and people of other workspaces"),
        (STAN, "Guests and people of other workspaces"),
        (member(LEE.person.user_id, "lee", team="T0OTHER"), "Guests and people of other workspaces"),
    ],
    ids=["self", "viewer", "responder", "guest", "stranger", "same id, another workspace"],
)
async def test_the_wrong_person_is_refused_in_words_and_audited(house: House, who: Member, words: str) -> None:
    record = await house.start(ANA)
    with pytest.raises(Refused, match=words):
        await decide(house, record, who)
    assert (await house.operations.find(record.id)).state is State.WAITING
    last = (await house.audit())[-1].entry
    assert (last.who, last.operation) == (who.person, record.id)
    assert words in last.outcome
    await assert_untouched(house)


async def test_an_sre_who_asked_cannot_approve_either(house: House) -> None:
    record = await house.start(SAM)
    with pytest.raises(Refused, match="another person"):
        await decide(house, record, SAM)
    await assert_untouched(house)


async def test_two_people_at_once_make_one_decision(house: House) -> None:
    record = await house.start(ANA)
    answers = await asyncio.gather(
        decide(house, record, LEE), decide(house, record, SAM, Decision.REJECTED), return_exceptions=True
    )
    assert sorted(isinstance(each, Refused) for each in answers) == [False, True]
    told = next(str(each) for each in answers if isinstance(each, Refused))
    assert "already" in told
    await house.ended(record.id)
    decisions = [each.entry.outcome for each in await house.audit() if each.entry.key.endswith(("/decided", "/ended"))]
    assert ("approved" in decisions) == (await house.image()).endswith(":main-abc1234")


async def test_a_second_click_changes_nothing(house: House) -> None:
    record = await house.start(ANA)
    await decide(house, record, LEE)
    with pytest.raises(Refused, match="already approved by <@U0APPROVER>"):
        await decide(house, record, LEE)
    await house.ended(record.id)
    with pytest.raises(Refused, match="already approved"):
        await decide(house, record, SAM, Decision.REJECTED)
    assert await house.revisions() == 7


async def test_the_time_runs_from_the_delivery_of_the_card_and_then_it_is_over(house: House) -> None:
    record = await house.start(ANA)
    house.clock.go_on(timedelta(minutes=20))
    await house.clocks.run_due()
    assert (await house.operations.find(record.id)).state is State.WAITING
    await house.deliver()
    house.clock.go_on(timedelta(minutes=15))
    with pytest.raises(Refused, match="expired"):
        await decide(house, record, LEE)
    await house.clocks.run_due()
    ended = await house.operations.find(record.id)
    assert (ended.state, ended.stands) == (State.EXPIRED, ("Nothing was changed. Ask again if it is still wanted.",))
    with pytest.raises(Refused, match="already expired"):
        await decide(house, record, LEE)
    await assert_untouched(house)


async def test_a_drifted_plan_is_not_done_and_the_card_says_what_changed(house: House) -> None:
    record = await house.start(ANA)
    target = house.catalogue.target("production", "deep-echo-main")
    now = await house.cluster.workload(target)
    template = await house.cluster.template_of(target, now.revisions[2].template_hash)
    await house.cluster.put_template(
        target, template, expected=now.template_hash, operation_id="x", cause="by hand", annotations_from_revision=True
    )
    await decide(house, record, LEE)
    ended = await house.ended(record.id)
    assert ended.state is State.DRIFTED
    assert "now runs main-77aa001 (was main-9f00d12)" in ended.outcome
    assert ended.stands == ("Nothing was changed.",)
    assert (await house.image()).endswith(":main-77aa001")


async def test_an_autoscaler_that_moves_replicas_does_not_refuse_it(house: House) -> None:
    plan = await house.planner.rollback("production", "abc1234", "deep-echo-cognitive")
    record = await house.operations.start(plan, source="k", by=ANA, channel="C1", reason="r")
    house.stand_in.move_hpa("deep-echo-prod", "deep-echo-cognitive", 9)
    await decide(house, record, LEE)
    assert (await house.ended(record.id)).outcome == "Verified: all 9 pods run main-abc1234."


async def test_of_two_approved_the_second_finds_drift(house: House) -> None:
    first, second = await house.start(ANA, source="a"), await house.start(ANA, "77aa001", source="b")
    await decide(house, first, LEE)
    await decide(house, second, LEE)
    ends = [await house.ended(first.id), await house.ended(second.id)]
    assert sorted(each.state for each in ends) == [State.DRIFTED, State.SUCCEEDED]
    assert await house.revisions() == 7


async def test_rejecting_says_by_whom_and_why(house: House) -> None:
    record = await house.start(ANA)
    ended = await house.operations.decide(record.id, LEE, Decision.REJECTED, "not before the release")
    assert ended.outcome == "Rejected by <@U0APPROVER>: not before the release."
    notes = [each for each in await house.deliver() if isinstance(each, OperationNote)]
    assert notes[-1].text == ended.outcome
    assert notes[-1].audit == 2
    await assert_untouched(house)


async def test_only_the_requester_or_one_with_the_role_cancels(house: House) -> None:
    record = await house.start(ANA)
    with pytest.raises(Denied):
        await house.operations.cancel(record.id, VIV)
    ended = await house.operations.cancel(record.id, ANA)
    assert (ended.state, ended.stands) == (State.CANCELLED, ("Nothing was changed.",))
    with pytest.raises(Refused, match="already"):
        await decide(house, record, LEE)


async def test_the_same_delivery_twice_is_one_operation(house: House) -> None:
    first, again = await house.start(ANA), await house.start(ANA)
    assert first.id == again.id
    assert len(await house.operations.recent()) == 1


async def test_a_click_after_a_restart_counts(tmp_path: Path) -> None:
    async with open_house(tmp_path) as before:
        record = await before.start(ANA)
        url = f"sqlite:///{tmp_path / 'deepecho.sqlite'}"
        await before.engine.close()
        async with open_floor(url, before.clock, before.catalogue, before.stand_in, before.cluster, replica="replica-2") as after:
            await after.recovery.look()
            await after.operations.decide(record.id, LEE, Decision.APPROVED)
            assert (await after.ended(record.id)).state is State.SUCCEEDED
            assert await after.revisions() == 7


async def test_an_upgrade_in_the_middle_of_an_approval_puts_it_into_a_persons_hands(tmp_path: Path) -> None:
    async with open_house(tmp_path) as before:
        record = await before.start(ANA)
        await before.engine.close()
        url = f"sqlite:///{tmp_path / 'deepecho.sqlite'}"
        async with open_floor(
            url, before.clock, before.catalogue, before.stand_in, before.cluster, replica="replica-2", procedures=2
        ) as after:
            await after.recovery.look()
            ended = await after.operations.find(record.id)
            assert ended.state is State.NEEDS_PERSON
            assert "upgraded" in ended.outcome
            assert ended.stands == ("deep-echo-main was not touched; it runs main-9f00d12.",)
            with pytest.raises(Refused, match="already ended"):
                await after.operations.decide(record.id, LEE, Decision.APPROVED)
            await assert_untouched(after)


def test_every_verb_has_its_procedure() -> None:
    assert {verb.value for verb in PROCEDURES} == {"deploy", "rollback", "restart", "scale"}


async def test_a_click_that_is_replayed_after_a_crash_is_answered_already(house: House) -> None:
    record = await house.start(ANA)
    writer = InboxWriter(house.store.engines.write)
    await writer.put(Delivery(key="click-1", kind=DeliveryKind.ACTION, body="{}", received_at=house.clock.now()))
    await house.operations.decide(record.id, LEE, Decision.APPROVED, source="click-1")
    async with house.store.write() as tx:
        assert not await tx.inbox.take("click-1", "replica-2")
