from datetime import timedelta

import pytest

from commands.home import home
from domain.answers.answers import HelpAnswer, Permissions, Preview, WhoAmI
from domain.people import Member, Role
from tests.harness.commands import CommandHarness
from tests.harness.samples.team import ANA, GUS, LEE, RAY, SAM, STAN, VIV

EVERYTHING = ("deploy", "rollback", "restart", "scale up", "scale down", "lock")


async def test_whoami(harness: CommandHarness) -> None:
    answer = await harness.run_command(ANA, "whoami")
    assert isinstance(answer, WhoAmI)
    assert (answer.person, answer.name, answer.guest) == (ANA.person, "ana", False)
    assert answer.permissions[0] == Permissions(environment="development", role=Role.DEPLOYER, allowed=EVERYTHING)
    assert answer.permissions[2] == Permissions(
        environment="production",
        role=Role.DEPLOYER,
        allowed=("restart", "scale up", "lock"),
        allowed_with_approval=("deploy", "rollback", "scale down"),
    )


async def test_an_approver_may_approve_where_approvals_are_asked_for(harness: CommandHarness) -> None:
    answer = await harness.run_command(LEE, "whoami")
    assert isinstance(answer, WhoAmI)
    assert ["approve" in each.allowed for each in answer.permissions] == [False, False, True]


@pytest.mark.parametrize("who", [GUS, STAN], ids=["guest", "stranger"])
async def test_guests_and_strangers_are_told_who_they_are(harness: CommandHarness, who: Member) -> None:
    answer = await harness.run_command(who, "whoami")
    assert isinstance(answer, WhoAmI)
    assert (answer.guest, answer.stranger) == (who.guest, who.stranger)
    assert [(each.environment, each.role, each.allowed, each.allowed_with_approval) for each in answer.permissions] == [
        (environment, None, (), ()) for environment in ("development", "staging", "production")
    ]


async def test_help_shows_every_command_with_its_example(harness: CommandHarness) -> None:
    answer = await harness.run_command(VIV, "help")
    assert isinstance(answer, HelpAnswer)
    lines = [line for group in answer.groups for line in group.lines]
    assert {line.command for line in lines} == {
        *("help", "status", "versions", "deploy", "rollback", "restart", "scale", "approve", "reject", "cancel"),
        "unscale",
        *("operations", "locks", "lock", "unlock", "audit", "reload", "whoami"),
        *("alerts", "alerts route", "ack", "silence", "unsilence", "silences", "silence extend"),
        *("silence let-end", "rollback-suspect"),
        *("oncall", "oncall week", "oncall override", "oncall take", "oncall undo", "oncall cover", "oncall swap"),
        *("oncall accept", "oncall calendar", "oncall decline", "oncall withdraw"),
        *("page", "page show", "page test"),
        "dash",
        "health",
        "digest",
        "slo",
        *("metrics", "targets", "rules"),
        *("traces", "trace", "trace compare"),
        *("logs", "logs patterns"),
        *("pods", "events", "describe", "top", "nodes", "hpa", "rollout"),
        "leases",
        *(
            f"maintenance {act}"
            for act in ("approve", "backup", "cancel", "end", "extend", "list", "plan", "show", "skip-backup", "start")
        ),
        *("guard", "guard put-back", "guard stop"),
        *(f"incident {act}" for act in ("ack", "close", "declare", "here", "link", "list", "merge", "mitigate", "open", "pause")),
        *(f"incident {act}" for act in ("rename", "reopen", "resolve", "role", "severity", "show", "task", "unlink", "update")),
        *(f"incident {act}" for act in ("catchup", "postmortem", "postmortem done", "stats")),
        *("incident timeline", "incident timeline add", "incident timeline drop"),
    }
    assert all(line.text and line.example.startswith(line.command) and line.usage.startswith(line.command) for line in lines)


async def test_every_example_is_understood(harness: CommandHarness) -> None:
    answer = await harness.run_command(VIV, "help")
    assert isinstance(answer, HelpAnswer)
    lines = [line for group in answer.groups for line in group.lines]
    assert lines
    for line in lines:
        spoken = harness.registry.parse(harness.services.catalogue, line.example)
        assert spoken.command.name == line.command
        assert len(spoken.args.positional) >= spoken.command.usage.min_arguments


@pytest.mark.parametrize("text", ["deploy staging main-abc1234", "rollback production last", "scale staging deep-echo-main 5"])
async def test_the_examples_work_in_the_sandbox(harness: CommandHarness, text: str) -> None:
    assert isinstance(await harness.run_command(SAM, f"{text} --dry-run"), Preview)


async def test_help_for_one_command(harness: CommandHarness) -> None:
    answer = await harness.run_command(VIV, "help rollback")
    assert isinstance(answer, HelpAnswer)
    assert [line.command for group in answer.groups for line in group.lines] == ["rollback"]
    assert answer.home is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [("help alerts route", ["alerts route"]), ("help alerts", ["alerts", "alerts route"]), ("help Silences", ["silences"])],
)
async def test_help_for_a_command_of_two_words(harness: CommandHarness, text: str, shown: list[str]) -> None:
    answer = await harness.run_command(VIV, text)
    assert isinstance(answer, HelpAnswer)
    assert [line.command for group in answer.groups for line in group.lines] == shown


@pytest.mark.parametrize("text", ["", "   ", "\n"])
async def test_nothing_typed_shows_what_this_person_may_do_now(harness: CommandHarness, text: str) -> None:
    asked = await harness.start_operation(ANA, "rollback production abc1234 --reason x")
    answer = await harness.run_command(LEE, text)
    assert isinstance(answer, HelpAnswer)
    assert answer.home is not None
    assert [each.id for each in answer.home.waiting] == [asked.id]
    assert answer.home.approvable == {asked.id}


async def test_home(harness: CommandHarness) -> None:
    asked = await harness.start_operation(ANA, "rollback production abc1234 --reason x")
    running = await harness.start_operation(ANA, "deploy staging abc1234")
    await harness.run_command(SAM, "lock development moving --for 1h")
    seen = await home(harness.request(ANA))
    assert [each.id for each in seen.waiting] == [asked.id]
    assert [each.id for each in seen.running] == [running.id]
    assert [each.environment for each in seen.locks] == ["development"]
    assert seen.approvable == frozenset()
    for who, may in ((LEE, True), (SAM, True), (RAY, False), (VIV, False)):
        assert ((await home(harness.request(who))).approvable == {asked.id}) is may
    harness.clock.advance(timedelta(hours=2))
    assert not (await home(harness.request(ANA))).locks


@pytest.mark.parametrize("who", [GUS, STAN], ids=["guest", "stranger"])
async def test_home_of_a_guest_shows_nothing_of_the_platform(harness: CommandHarness, who: Member) -> None:
    await harness.start_operation(ANA, "rollback production abc1234 --reason x")
    seen = await home(harness.request(who))
    assert (seen.running, seen.waiting, seen.locks) == ((), (), ())
