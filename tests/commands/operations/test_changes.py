"""Deploy, roll back, restart, scale: who may, what stands in the way, what begins."""

from datetime import timedelta

import pytest

from domain.answers.answers import ErrorAnswer, Preview
from domain.facts import Answer
from domain.operations.operation import State
from domain.operations.plans import Verb
from domain.operations.version_choices import VersionChoices
from domain.people import Member, Role
from runbooks.operations.service import OperationService
from sandbox.cluster import ClusterFault
from tests.harness.commands import CommandHarness
from tests.harness.samples.team import ANA, GUS, LEE, RAY, SAM, STAN, VIV


def sentence(answer: Answer) -> str:
    assert isinstance(answer, ErrorAnswer), answer
    return str(answer.sentence)


async def test_the_story_begins(harness: CommandHarness) -> None:
    record = await harness.start_operation(ANA, "rollback production abc1234 --reason errors went up")
    assert (record.verb, record.environment, record.state) == (Verb.ROLLBACK, "production", State.WAITING)
    assert record.plan.services == ("deep-echo-main", "deep-echo-cognitive")
    assert record.requested_by == ANA.person
    assert record.reason == "errors went up"
    assert record.channel == "C0OPS"
    assert record.approval is not None
    assert record.approval.role is Role.APPROVER


@pytest.mark.parametrize(
    ("who", "text", "state"),
    [
        (ANA, "deploy staging abc1234", State.RUNNING),
        (ANA, "deploy dev main-fffffff", State.RUNNING),
        (ANA, "deploy prod abc1234 --reason x", State.WAITING),
        (ANA, "rollback staging last", State.RUNNING),
        (ANA, "rollback staging abc1234 main", State.RUNNING),
        (LEE, "rollback production abc1234 --reason x", State.WAITING),
        (RAY, "restart staging deep-echo-main", State.RUNNING),
        (RAY, "restart production deep-echo-main --reason stuck", State.RUNNING),
        (RAY, "scale staging deep-echo-main 5", State.RUNNING),
        (RAY, "scale production deep-echo-main 5 --reason load", State.RUNNING),
        (RAY, "scale staging deep-echo-main 1", State.RUNNING),
        (RAY, "scale production deep-echo-main 1 --reason cost", State.WAITING),
    ],
)
async def test_who_may_alone_and_who_asks(harness: CommandHarness, who: Member, text: str, state: State) -> None:
    assert (await harness.start_operation(who, text)).state is state


@pytest.mark.parametrize(
    ("who", "text", "role"),
    [
        (VIV, "restart staging deep-echo-main", "responder"),
        (VIV, "scale staging deep-echo-main 5", "responder"),
        (RAY, "deploy staging main-abc1234", "deployer"),
        (RAY, "rollback production abc1234 --reason x", "deployer"),
        (RAY, "rollback production abc1234 --dry-run", "deployer"),
        (VIV, "lock staging moving", "deployer"),
        (VIV, "unlock staging", "deployer"),
    ],
)
async def test_whoever_may_not_is_told_and_audited(harness: CommandHarness, who: Member, text: str, role: str) -> None:
    assert f"This needs the role {role} in " in sentence(await harness.run_command(who, text))
    assert await harness.no_side_effects()
    (record,) = await harness.audit()
    assert record.entry.who == who.person
    assert record.entry.what == text.partition(" ")[0]
    assert record.entry.outcome.startswith("denied: This needs")


@pytest.mark.parametrize("who", [GUS, STAN], ids=["guest", "stranger"])
@pytest.mark.parametrize(
    "text", ["deploy staging main-abc1234", "rollback", "restart staging deep-echo-main", "lock staging x", "unlock staging"]
)
async def test_guests_and_strangers_change_nothing(harness: CommandHarness, who: Member, text: str) -> None:
    assert "can change and look up nothing here" in sentence(await harness.run_command(who, text))
    assert await harness.no_side_effects()
    (record,) = await harness.audit()
    assert record.entry.who == who.person


async def test_a_role_of_one_environment_opens_no_other(harness: CommandHarness) -> None:
    assert "This needs the role deployer in production" in sentence(await harness.run_command(RAY, "rollback production"))


async def test_without_an_environment_whoever_may_nowhere_gets_no_form(harness: CommandHarness) -> None:
    assert "You may not use `deploy` in any environment" in sentence(await harness.run_command(VIV, "deploy"))
    (record,) = await harness.audit()
    assert record.entry.what == "deploy"


async def test_a_dry_run_shows_the_plan_and_starts_nothing(harness: CommandHarness) -> None:
    answer = await harness.run_command(ANA, "rollback production abc1234 —dry-run --reason “errors went up”")
    assert isinstance(answer, Preview)
    assert answer.plan.services == ("deep-echo-main", "deep-echo-cognitive")
    assert answer.rule.approver_role is Role.APPROVER
    assert answer.approval_within == timedelta(minutes=15)
    assert answer.command == 'rollback production abc1234 --reason "errors went up"'
    assert await harness.no_side_effects()


async def test_a_dry_run_needs_no_reason(harness: CommandHarness) -> None:
    assert isinstance(await harness.run_command(ANA, "rollback production last --dry-run"), Preview)


async def test_a_preview_of_scaling_says_for_how_long(harness: CommandHarness) -> None:
    answer = await harness.run_command(RAY, "scale staging deep-echo-main 5 --for 2h --dry-run")
    assert isinstance(answer, Preview)
    assert answer.duration == timedelta(hours=2)
    assert answer.command == "scale staging deep-echo-main 5 --for 2h"


async def test_scaling_for_a_while_is_kept(harness: CommandHarness) -> None:
    assert (await harness.start_operation(RAY, "scale staging deep-echo-main 5 --for 90m")).duration == timedelta(minutes=90)


async def test_every_choice_of_a_version_is_a_command_that_works(harness: CommandHarness) -> None:
    answer = await harness.run_command(ANA, 'rollback staging fffffff main --reason "errors \\"went\\" up" --dry-run')
    assert isinstance(answer, VersionChoices)
    assert answer.choices[0].command == ('rollback staging main-9f00d12 deep-echo-main --reason "errors \\"went\\" up" --dry-run')
    for choice in answer.choices:
        assert isinstance(await harness.run_command(ANA, choice.command), Preview)


async def test_the_same_delivery_twice_is_one_operation(harness: CommandHarness) -> None:
    request = harness.request(ANA)
    for _ in range(2):
        await harness.answer(request, "rollback production abc1234 --reason x")
    assert len(await harness.services.of(OperationService).recent()) == 1


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (ClusterFault(kind="status", status=500, times=50), "Nothing was started. Try again in a minute."),
        (ClusterFault(kind="drop", times=50), "Nothing was started. Try again in a minute."),
        (ClusterFault(kind="status", status=403, times=50), ""),
    ],
)
async def test_a_cluster_in_trouble_is_told_in_words(harness: CommandHarness, fault: ClusterFault, says: str) -> None:
    harness.stand_in.inject_fault(fault)
    answer = await harness.run_command(ANA, "rollback production abc1234 --reason x")
    assert isinstance(answer, ErrorAnswer)
    assert str(answer.sentence)
    assert str(answer.hint) == says
    assert not harness.engine.started


class TestLockedByAPerson:
    @pytest.fixture(autouse=True)
    async def locked(self, harness: CommandHarness) -> None:
        await harness.run_command(SAM, "lock staging database move --for 2h")

    @pytest.mark.parametrize(
        "text", ["deploy staging abc1234", "restart staging deep-echo-main", "scale staging deep-echo-main 5"]
    )
    async def test_deploy_restart_and_scale_are_refused_for_everybody(self, harness: CommandHarness, text: str) -> None:
        told = sentence(await harness.run_command(SAM, text))
        assert told == (
            "staging is locked by @U0SRE, until 23 Nov 16:02 UTC: database move. "
            "When it may go on: `unlock staging`. Nothing was changed."
        )
        assert not harness.engine.started

    async def test_a_rollback_passes_with_the_role_sre(self, harness: CommandHarness) -> None:
        await harness.start_operation(SAM, "rollback staging abc1234")

    async def test_a_rollback_of_others_is_refused_and_audited(self, harness: CommandHarness) -> None:
        assert "A rollback that passes it needs the role sre in staging, which you do not hold." in sentence(
            await harness.run_command(ANA, "rollback staging abc1234")
        )
        assert not harness.engine.started
        newest = (await harness.audit())[0].entry
        assert (newest.what, newest.who) == ("rollback", ANA.person)

    async def test_other_environments_are_open(self, harness: CommandHarness) -> None:
        await harness.start_operation(ANA, "deploy dev abc1234")

    async def test_a_lock_that_has_run_out_stops_nobody(self, harness: CommandHarness) -> None:
        harness.clock.advance(timedelta(hours=2))
        await harness.start_operation(ANA, "deploy staging abc1234")

    async def test_a_dry_run_says_that_it_is_locked(self, harness: CommandHarness) -> None:
        answer = await harness.run_command(ANA, "deploy staging abc1234 --dry-run")
        assert isinstance(answer, Preview)
        assert "staging is locked by @U0SRE" in str(answer.plan.warnings[-1])
