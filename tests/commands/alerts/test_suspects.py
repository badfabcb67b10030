"""Rolling back the suspect of an alert: the rollback of everybody, with its words filled in."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.alerts.alerts import AlertGroup
from domain.answers.answers import ErrorAnswer, Form, Preview, TextAnswer
from domain.changes.platform_changes import PlatformChange, Suspect
from domain.operations.operation import Decision, State
from domain.operations.plans import Verb
from domain.operations.version_choices import VersionChoices
from domain.people import Member
from runbooks.operations.service import OperationService
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.samples.alert_groups import PRODUCTION, RESOLVED
from tests.harness.samples.alerts import CONFIG, DEPLOY, SUSPECT
from tests.harness.samples.operations import NEW, OLD
from tests.harness.samples.team import ANA, DEE, GUS, LEE, RAY, ROB, SAM, STAN, VIV, alerting_catalogue

BLAMED = replace(PRODUCTION, id="al-k7m2", suspect=SUSPECT)
BOTH = ("deep-echo-main", "deep-echo-cognitive")


def blamed(change: PlatformChange, **more: object) -> AlertGroup:
    suspect = Suspect(change=change, score=80, reasons=("12 min before",))
    return replace(BLAMED, id="al-b1ad", suspect=suspect, **more)  # type: ignore[arg-type]


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[CommandHarness]:
    async with open_command_harness(tmp_path, alerting_catalogue()) as opened:
        await opened.save_groups(BLAMED, PRODUCTION, replace(RESOLVED, suspect=SUSPECT))
        yield opened


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("rollback-suspect al-k7m2", "HighErrorRate (al-k7m2), suspect op-h3c9"),
        ("Rollback-Suspect AL-K7M2", "HighErrorRate (al-k7m2), suspect op-h3c9"),
        ("rollback-suspect al-k7m2 --reason checkout fails", "checkout fails"),
        ("rollback-suspect al-over", "RedisDown (al-over, resolved at 14:00 UTC), suspect op-h3c9"),
    ],
)
async def test_the_rollback_waits_for_an_approval_like_every_other(harness: CommandHarness, text: str, reason: str) -> None:
    record = await harness.start_operation(ANA, text)
    assert (record.verb, record.environment, record.plan.services) == (Verb.ROLLBACK, "production", ("deep-echo-main",))
    assert [each.after.version for each in record.plan.changes] == [NEW]
    assert (record.reason, record.state, record.requested_by) == (reason, State.WAITING, ANA.person)


async def test_several_services_that_went_together_go_back_together(harness: CommandHarness) -> None:
    await harness.save_groups(blamed(replace(DEPLOY, services=BOTH, previous_versions=dict.fromkeys(BOTH, NEW))))
    record = await harness.start_operation(ANA, "rollback-suspect al-b1ad")
    assert record.plan.services == BOTH


async def test_without_an_operation_the_reason_names_the_change(harness: CommandHarness) -> None:
    await harness.save_groups(blamed(replace(DEPLOY, operation_id="")))
    record = await harness.start_operation(ANA, "rollback-suspect al-b1ad")
    assert record.reason == "HighErrorRate (al-b1ad), suspect deploy main-9f00d12 of 23 Nov 13:44 UTC"


async def test_the_alerts_thread_tells_of_it(harness: CommandHarness) -> None:
    record = await harness.start_operation(ANA, "rollback-suspect al-k7m2")
    async with harness.services.store.read() as tx:
        group = await tx.alerts.get("al-k7m2")
        counts = await tx.outbox.count_by_state()
    assert group is not None
    assert group.reply_count == 1
    assert counts == {"pending": 3}, "the operation's card and its reply, and one reply in the alert's thread"
    assert record.requested_by == ANA.person


async def test_a_dry_run_shows_the_plan_and_the_command(harness: CommandHarness) -> None:
    answer = await harness.run_command(ANA, "rollback-suspect al-k7m2 --dry-run")
    assert isinstance(answer, Preview)
    assert answer.command == 'rollback-suspect al-k7m2 --reason "HighErrorRate (al-k7m2), suspect op-h3c9"'
    assert await harness.no_side_effects()


@pytest.mark.parametrize(
    ("who", "text", "why"),
    [
        (VIV, "rollback-suspect al-k7m2", "You may not use `rollback-suspect` in any environment."),
        (RAY, "rollback-suspect al-k7m2", "You may not use `rollback-suspect` in any environment."),
        (ROB, "rollback-suspect al-k7m2", "You may not use `rollback-suspect` in any environment."),
        (DEE, "rollback-suspect al-k7m2", "This needs the role deployer in production, which you do not hold."),
        (GUS, "rollback-suspect al-k7m2", "Guests can change and look up nothing here."),
        (STAN, "rollback-suspect al-k7m2", "People of other workspaces can change"),
        (ANA, "rollback-suspect al-prod", "No change is under suspicion for al-prod, so there is nothing to roll back."),
        (ANA, "rollback-suspect al-nope", "There is no alert group al-nope."),
    ],
)
async def test_who_may_not_or_cannot_is_told_why(harness: CommandHarness, who: Member, text: str, why: str) -> None:
    answer = await harness.run_command(who, text)
    assert isinstance(answer, ErrorAnswer), answer
    assert str(answer.sentence).startswith(why)
    assert await harness.no_side_effects()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (CONFIG, "A rollback puts back versions and does not undo a change of configuration."),
        (replace(DEPLOY, previous_versions={}), "It is not known what ran before it. `versions production` shows"),
        (replace(DEPLOY, services=()), "It is not known what ran before it."),
        (
            replace(DEPLOY, services=BOTH, previous_versions={BOTH[0]: NEW, BOTH[1]: "main-77aa001"}),
            "`rollback production main-77aa001 deep-echo-cognitive`",
        ),
        (
            replace(
                DEPLOY,
                services=("deep-echo-main", "deep-echo-docs"),
                previous_versions={"deep-echo-main": NEW, "deep-echo-docs": NEW},
            ),
            f"`rollback production {NEW} deep-echo-docs`",
        ),
        (replace(DEPLOY, environment="gone"), "The catalogue no longer has the environment gone"),
        (replace(DEPLOY, previous_versions={"deep-echo-main": "main-9f00d12"}), "already runs main-9f00d12"),
    ],
)
async def test_what_cannot_be_rolled_back_says_what_to_do(harness: CommandHarness, change: PlatformChange, why: str) -> None:
    await harness.save_groups(blamed(change))
    answer = await harness.run_command(SAM, "rollback-suspect al-b1ad")
    assert isinstance(answer, ErrorAnswer), answer
    assert why in str(answer.sentence)
    assert await harness.no_side_effects()


async def test_a_version_that_is_no_longer_known_offers_those_that_are(harness: CommandHarness) -> None:
    await harness.save_groups(blamed(replace(DEPLOY, previous_versions={"deep-echo-main": "main-fffffff"})))
    answer = await harness.run_command(ANA, "rollback-suspect al-b1ad")
    assert isinstance(answer, VersionChoices)
    assert answer.choices[0].command == f"rollback production {NEW} deep-echo-main"


async def test_hostile_names_stay_within_the_reason(harness: CommandHarness) -> None:
    await harness.save_groups(blamed(replace(DEPLOY, description="x" * 400, operation_id=""), title="<!channel>\n" + "y" * 5000))
    record = await harness.start_operation(ANA, "rollback-suspect al-b1ad")
    assert len(record.reason) <= 500


async def test_a_form_asks_which(harness: CommandHarness) -> None:
    answer = await harness.run_command(ANA, "rollback-suspect")
    assert isinstance(answer, Form)
    assert [each.id for each in answer.fields] == ["alert", "reason"]
    assert answer.title == "Rollback suspect"


async def test_it_is_approved_by_somebody_else_like_every_other(harness: CommandHarness) -> None:
    record = await harness.start_operation(LEE, "rollback-suspect al-k7m2")
    alone = await harness.run_command(LEE, f"approve {record.id}")
    assert isinstance(alone, ErrorAnswer)
    assert str(alone.sentence).endswith("another person has to approve it. Nothing was changed.")
    assert isinstance(await harness.run_command(SAM, f"approve {record.id}"), TextAnswer)
    approved = await harness.services.of(OperationService).find(record.id)
    assert approved.approval is not None
    assert (approved.approval.decision, approved.approval.decided_by) == (Decision.APPROVED, SAM.person)
    assert approved.approval.digest == record.plan.digest()


@pytest.mark.parametrize(("what", "is_stale"), [(f"deploy {OLD}", False), ("deploy main-77aa001", True)])
async def test_what_came_after_the_suspect_is_named(harness: CommandHarness, what: str, *, is_stale: bool) -> None:
    await harness.save_groups(blamed(replace(DEPLOY, description=what)))
    answer = await harness.run_command(ANA, "rollback-suspect al-b1ad --dry-run")
    assert isinstance(answer, Preview)
    said = [each for each in map(str, answer.plan.warnings) if "which did not come with the suspect" in each]
    assert bool(said) is is_stale
    assert all(each.startswith(f"deep-echo-main runs {OLD} by now") for each in said)
    record = await harness.start_operation(ANA, "rollback-suspect al-b1ad")
    assert record.plan.warnings == answer.plan.warnings
    assert record.plan.digest() == replace(record.plan, warnings=()).digest()


@pytest.mark.parametrize("services", [("gone",), ("deep-echo-main", "gone")])
async def test_a_service_that_a_reload_took_away_is_said(harness: CommandHarness, services: tuple[str, ...]) -> None:
    await harness.save_groups(blamed(replace(DEPLOY, services=services, previous_versions=dict.fromkeys(services, NEW))))
    answer = await harness.run_command(SAM, "rollback-suspect al-b1ad")
    assert isinstance(answer, ErrorAnswer)
    assert str(answer.sentence) == "The catalogue no longer has gone, so nothing was rolled back."
    assert await harness.no_side_effects()


@pytest.mark.parametrize(
    "text",
    [
        "rollback-suspect al-k7m2;rollback",
        "rollback-suspect al-k7m2\u00a0production",
        "rollback-suspect ../../al-k7m2",
        "rollback-suspect al-K7M2%00",
        f"rollback-suspect al-{'x' * 41}",
    ],
)
async def test_what_is_no_id_names_nothing(harness: CommandHarness, text: str) -> None:
    assert isinstance(await harness.run_command(SAM, text), ErrorAnswer)
    assert await harness.no_side_effects()


async def test_who_was_denied_is_in_the_audit_log(harness: CommandHarness) -> None:
    await harness.run_command(DEE, "rollback-suspect al-k7m2")
    (entry,) = [each.entry for each in await harness.audit()]
    assert (entry.what, entry.where, entry.who) == ("rollback", "al-k7m2", DEE.person)
