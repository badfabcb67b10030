"""Who may approve, what a decision holds for, and that nothing moves without one."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from domain.errors import Denied, Refused
from domain.inbound import InboundKind, InboundMessage
from domain.notes import OperationNote
from domain.operations.operation import Decision, OperationRecord, State
from domain.people import Member
from runbooks.engine.engine import PROCEDURES_VERSION
from runbooks.operations.runner import PROCEDURES
from storage.inbox import InboxWriter
from tests.harness.operations import OperationsHarness, open_operations_harness, open_operations_process
from tests.harness.samples.team import ANA, GUS, LEE, RAY, SAM, STAN, VIV, member

MIA = member("U0APPROVER2", "mia")


async def decide(
    harness: OperationsHarness, record: OperationRecord, by: Member, decision: Decision = Decision.APPROVED
) -> OperationRecord:
    return await harness.operations.decide(record.id, by, decision)


async def assert_untouched(harness: OperationsHarness) -> None:
    assert (await harness.image()).endswith(":main-9f00d12")
    assert await harness.revisions() == 6


async def test_a_second_person_approves_and_the_pods_change(harness: OperationsHarness) -> None:
    record = await harness.start(ANA)
    assert record.state is State.WAITING
    await decide(harness, record, LEE)
    ended = await harness.wait_ended(record.id)
    assert ended.outcome == "Verified: all 3 pods run main-abc1234."
    assert (await harness.image()).endswith(":main-abc1234")
    assert await harness.revisions() == 7
    async with harness.store.read() as tx:
        assert await tx.locks.active(harness.clock.now()) == ()


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (ANA, "another person has to approve"),
        (VIV, "needs the role approver in production"),
        (RAY, "needs the role approver in production"),
        (GUS, "Guests can change and look up nothing here"),
        (STAN, "People of other workspaces can change and look up nothing here"),
        (member(LEE.person.user_id, "lee", team="T0OTHER"), "People of other workspaces can change and look up nothing here"),
    ],
    ids=["self", "viewer", "responder", "guest", "stranger", "same id, another workspace"],
)
async def test_the_wrong_person_is_refused_in_words_and_audited(harness: OperationsHarness, who: Member, words: str) -> None:
    record = await harness.start(ANA)
    with pytest.raises(Refused, match=words):
        await decide(harness, record, who)
    assert (await harness.operations.find(record.id)).state is State.WAITING
    last = (await harness.audit())[-1].entry
    assert (last.who, last.operation) == (who.person, record.id)
    assert words in str(last.outcome)
    await assert_untouched(harness)


async def test_an_sre_who_asked_cannot_approve_either(harness: OperationsHarness) -> None:
    record = await harness.start(SAM)
    with pytest.raises(Refused, match="another person"):
        await decide(harness, record, SAM)
    await assert_untouched(harness)


async def test_two_people_at_once_make_one_decision(harness: OperationsHarness) -> None:
    record = await harness.start(ANA)
    answers = await asyncio.gather(
        decide(harness, record, LEE), decide(harness, record, SAM, Decision.REJECTED), return_exceptions=True
    )
    assert sorted(isinstance(each, Refused) for each in answers) == [False, True]
    told = next(str(each) for each in answers if isinstance(each, Refused))
    assert "already" in told
    await harness.wait_ended(record.id)
    decisions = [each.entry.outcome for each in await harness.audit() if each.entry.key.endswith(("/decided", "/ended"))]
    assert ("approved" in decisions) == (await harness.image()).endswith(":main-abc1234")


async def test_a_second_click_changes_nothing(harness: OperationsHarness) -> None:
    record = await harness.start(ANA)
    await decide(harness, record, LEE)
    with pytest.raises(Refused, match="already approved by @U0APPROVER"):
        await decide(harness, record, LEE)
    await harness.wait_ended(record.id)
    with pytest.raises(Refused, match="already approved"):
        await decide(harness, record, SAM, Decision.REJECTED)
    assert await harness.revisions() == 7


async def test_the_time_runs_from_the_delivery_of_the_card_and_then_it_is_over(harness: OperationsHarness) -> None:
    record = await harness.start(ANA)
    harness.clock.advance(timedelta(minutes=20))
    await harness.timers.run_due()
    assert (await harness.operations.find(record.id)).state is State.WAITING
    await harness.deliver()
    harness.clock.advance(timedelta(minutes=15))
    with pytest.raises(Refused, match="expired"):
        await decide(harness, record, LEE)
    await harness.timers.run_due()
    ended = await harness.operations.find(record.id)
    assert (ended.state, ended.end_state) == (State.EXPIRED, ("Nothing was changed. Ask again if it is still wanted.",))
    with pytest.raises(Refused, match="already expired"):
        await decide(harness, record, LEE)
    await assert_untouched(harness)


async def test_a_drifted_plan_is_not_done_and_the_card_says_what_changed(harness: OperationsHarness) -> None:
    record = await harness.start(ANA)
    target = harness.catalogue.target("production", "deep-echo-main")
    now = await harness.cluster.workload(target)
    template = await harness.cluster.template_of(target, now.revisions[2].template_hash)
    await harness.cluster.set_template(
        target, template, expected_hash=now.template_hash, operation_id="x", cause="by hand", annotations_from_revision=True
    )
    await decide(harness, record, LEE)
    ended = await harness.wait_ended(record.id)
    assert ended.state is State.DRIFTED
    assert "now runs main-77aa001 (was main-9f00d12)" in str(ended.outcome)
    assert ended.end_state == ("Nothing was changed.",)
    assert (await harness.image()).endswith(":main-77aa001")


async def test_an_autoscaler_that_moves_replicas_does_not_refuse_it(harness: OperationsHarness) -> None:
    plan = await harness.planner.rollback("production", "abc1234", "deep-echo-cognitive")
    record = await harness.operations.start(plan, source="k", by=ANA, channel="C1", reason="r")
    harness.stand_in.scale_by_hpa("deep-echo-prod", "deep-echo-cognitive", 9)
    await decide(harness, record, LEE)
    assert (await harness.wait_ended(record.id)).outcome == "Verified: all 9 pods run main-abc1234."


async def test_of_two_approved_the_second_finds_drift(harness: OperationsHarness) -> None:
    first, second = await harness.start(ANA, source="a"), await harness.start(ANA, "77aa001", source="b")
    await decide(harness, first, LEE)
    await decide(harness, second, LEE)
    ends = [await harness.wait_ended(first.id), await harness.wait_ended(second.id)]
    assert sorted(each.state for each in ends) == [State.DRIFTED, State.SUCCEEDED]
    assert await harness.revisions() == 7


async def test_rejecting_says_by_whom_and_why(harness: OperationsHarness) -> None:
    record = await harness.start(ANA)
    ended = await harness.operations.decide(record.id, LEE, Decision.REJECTED, "not before the release")
    assert str(ended.outcome) == "Rejected by @U0APPROVER: not before the release."
    notes = [each for each in await harness.deliver() if isinstance(each, OperationNote)]
    assert notes[-1].text == ended.outcome
    assert notes[-1].audit_number == 2
    await assert_untouched(harness)


async def test_only_the_requester_or_one_with_the_role_cancels(harness: OperationsHarness) -> None:
    record = await harness.start(ANA)
    with pytest.raises(Denied):
        await harness.operations.cancel(record.id, VIV)
    ended = await harness.operations.cancel(record.id, ANA)
    assert (ended.state, ended.end_state) == (State.CANCELLED, ("Nothing was changed.",))
    with pytest.raises(Refused, match="already"):
        await decide(harness, record, LEE)


async def test_the_same_delivery_twice_is_one_operation(harness: OperationsHarness) -> None:
    first, again = await harness.start(ANA), await harness.start(ANA)
    assert first.id == again.id
    assert len(await harness.operations.recent()) == 1


async def test_a_click_after_a_restart_counts(tmp_path: Path) -> None:
    async with open_operations_harness(tmp_path) as before:
        record = await before.start(ANA)
        url = f"sqlite:///{tmp_path / 'deepecho.sqlite'}"
        await before.engine.close()
        async with open_operations_process(
            url, before.clock, before.catalogue, before.stand_in, before.cluster, replica="replica-2"
        ) as after:
            await after.recovery.run_once()
            await after.operations.decide(record.id, LEE, Decision.APPROVED)
            assert (await after.wait_ended(record.id)).state is State.SUCCEEDED
            assert await after.revisions() == 7


async def test_an_upgrade_in_the_middle_of_an_approval_puts_it_into_a_persons_hands(tmp_path: Path) -> None:
    async with open_operations_harness(tmp_path) as before:
        record = await before.start(ANA)
        await before.engine.close()
        url = f"sqlite:///{tmp_path / 'deepecho.sqlite'}"
        async with open_operations_process(
            url,
            before.clock,
            before.catalogue,
            before.stand_in,
            before.cluster,
            replica="replica-2",
            procedures=PROCEDURES_VERSION + 1,
        ) as after:
            await after.recovery.run_once()
            ended = await after.operations.find(record.id)
            assert ended.state is State.NEEDS_PERSON
            assert "upgraded" in str(ended.outcome)
            assert ended.end_state == ("deep-echo-main was not touched; it runs main-9f00d12.",)
            with pytest.raises(Refused, match="already ended"):
                await after.operations.decide(record.id, LEE, Decision.APPROVED)
            await assert_untouched(after)


def test_every_verb_has_its_procedure() -> None:
    assert {verb.value for verb in PROCEDURES} == {"deploy", "rollback", "restart", "scale"}


async def test_a_click_that_is_replayed_after_a_crash_is_answered_already(harness: OperationsHarness) -> None:
    record = await harness.start(ANA)
    writer = InboxWriter(harness.store.engines.write)
    await writer.put(InboundMessage(key="click-1", kind=InboundKind.ACTION, body="{}", received_at=harness.clock.now()))
    await harness.operations.decide(record.id, LEE, Decision.APPROVED, source="click-1")
    async with harness.store.write() as tx:
        assert not await tx.inbox.claim("click-1", "replica-2")
