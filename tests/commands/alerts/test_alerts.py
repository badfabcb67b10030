"""Alert groups as people ask for them and look after them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from commands.core.request import Request
from domain.answers.alerts import AlertsAnswer, RouteAnswer
from domain.answers.answers import ErrorAnswer, Form, TextAnswer
from domain.people import Member
from domain.severities import Severity
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.samples.alert_groups import ALL_GROUPS, PRODUCTION, RESOLVED, STAGING, ids
from tests.harness.samples.team import ANA, GUS, LEE, RAY, ROB, SAM, STAN, VIV, alerting_catalogue


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[CommandHarness]:
    async with open_command_harness(tmp_path, alerting_catalogue()) as opened:
        await opened.save_groups(*ALL_GROUPS)
        yield opened


async def listed(harness: CommandHarness, who: Member, text: str) -> AlertsAnswer:
    answer = await harness.run_command(who, text)
    assert isinstance(answer, AlertsAnswer), answer
    return answer


@pytest.mark.parametrize(
    ("who", "text", "shown", "title"),
    [
        (VIV, "alerts", ["al-prod", "al-stag", "al-none"], "Alerts, firing"),
        (VIV, "alerts --firing", ["al-prod", "al-stag", "al-none"], "Alerts, firing"),
        (VIV, "alerts prod", ["al-prod"], "Alerts in production, firing"),
        (VIV, "alerts staging", ["al-stag"], "Alerts in staging, firing"),
        (VIV, "alerts --silenced", [], "Alerts, silenced"),
        (VIV, "alerts --mine", [], "Alerts, acknowledged by you"),
        (VIV, "alerts development --firing --mine", [], "Alerts in development, firing and acknowledged by you"),
        (ROB, "alerts", ["al-stag", "al-none"], "Alerts, firing"),
    ],
)
async def test_what_fires_the_worst_first(harness: CommandHarness, who: Member, text: str, shown: list[str], title: str) -> None:
    answer = await listed(harness, who, text)
    assert (ids(answer.groups), answer.total, answer.title) == (shown, len(shown), title)


async def test_mine_and_silenced(harness: CommandHarness) -> None:
    await harness.run_command(RAY, "ack al-prod")
    await harness.run_command(LEE, "silence al-stag 1h")
    assert ids((await listed(harness, RAY, "alerts --mine")).groups) == ["al-prod"]
    assert ids((await listed(harness, LEE, "alerts --mine")).groups) == []
    assert ids((await listed(harness, LEE, "alerts --silenced")).groups) == ["al-stag"]


async def test_many_are_counted(harness: CommandHarness) -> None:
    await harness.save_groups(*(replace(PRODUCTION, id=f"al-{number:04}") for number in range(40)))
    answer = await listed(harness, VIV, "alerts production")
    assert (len(answer.groups), answer.total) == (30, 41)


@pytest.mark.parametrize(
    ("text", "rule", "severity", "tried"),
    [
        ("alertname=DeepEchoServiceDown environment=production", "outage", Severity.P0, ["outage"]),
        ('severity="critical" environment=production', "critical", Severity.P1, ["outage", "critical"]),
        ("severity=critical environment=staging", "default", Severity.P3, ["outage", "critical"]),
        ('{alertname="High, Rate", severity="critical", environment="prod"}', "critical", Severity.P1, ["outage", "critical"]),
        ('{severity="critical",environment="prod"}', "critical", Severity.P1, ["outage", "critical"]),
        ("{}", "default", Severity.P3, ["outage", "critical"]),
        ("alertname=“High Errors”", "default", Severity.P3, ["outage", "critical"]),
    ],
)
async def test_route_says_which_rule_and_why(
    harness: CommandHarness, text: str, rule: str, severity: Severity, tried: list[str]
) -> None:
    answer = await harness.run_command(VIV, f"alerts route {text}")
    assert isinstance(answer, RouteAnswer), answer
    found = answer.explanation
    assert (found.route.rule, found.route.severity, [each.rule for each in found.steps]) == (rule, severity, tried)
    compared = [each for step in found.steps for each in step.matchers]
    assert compared
    assert all(each.actual == answer.labels.get(each.text.partition("=")[0], "") for each in compared)


async def test_labels_from_a_form_are_several(harness: CommandHarness) -> None:
    text = harness.registry.form_command_text(
        "alerts route", {"labels": "alertname=HighErrorRate severity=critical environment=production"}
    )
    answer = await harness.run_command(VIV, text)
    assert isinstance(answer, RouteAnswer)
    assert answer.explanation.route.rule == "critical"


@pytest.mark.parametrize("spelled", ["al-prod", "AL-PROD", "prod", "Al-Prod"])
async def test_acknowledge(harness: CommandHarness, spelled: str) -> None:
    answer = await harness.run_command(RAY, f"ack {spelled}")
    assert answer == TextAnswer("You acknowledged al-prod until 15:02 UTC. If it still fires then, its thread says so.")
    held = (await harness.group("al-prod")).acknowledgement
    assert held is not None
    assert (held.by, held.until) == (RAY.person, harness.clock.now() + timedelta(hours=1))
    assert [(each.entry.what, each.entry.who) for each in await harness.audit()] == [("acknowledge", RAY.person)]


async def test_rob_responds_in_staging_only(harness: CommandHarness) -> None:
    assert isinstance(await harness.run_command(ROB, "ack al-stag"), TextAnswer)
    refused = await harness.run_command(ROB, "ack al-prod")
    assert isinstance(refused, ErrorAnswer)
    assert str(refused.sentence).startswith("This needs the role responder in production, which you do not hold.")


@pytest.mark.parametrize(
    ("who", "text", "why"),
    [
        (VIV, "ack al-prod", "You may not use `ack` in any environment."),
        (GUS, "ack al-prod", "Guests can change and look up nothing here."),
        (STAN, "ack al-prod", "People of other workspaces can change and look up nothing here."),
        (GUS, "alerts", "Guests can change and look up nothing here."),
        (GUS, "alerts route severity=critical", "Guests can change and look up nothing here."),
        (ROB, "alerts production", "This needs the role viewer in production, which you do not hold."),
        (ROB, "ack al-none", "This needs the role responder, which you do not hold."),
        (RAY, "ack al-over", "al-over is resolved already, so there is nothing to acknowledge."),
        (RAY, "ack al-nope", "There is no alert group al-nope. `alerts` lists them."),
    ],
)
async def test_who_may_not_is_told_why(harness: CommandHarness, who: Member, text: str, why: str) -> None:
    answer = await harness.run_command(who, text)
    assert isinstance(answer, ErrorAnswer), answer
    assert str(answer.sentence).startswith(why)
    assert all([(await harness.group(each.id)).acknowledgement is None for each in ALL_GROUPS])


async def test_a_denied_acknowledgement_is_in_the_audit_log_with_its_group(harness: CommandHarness) -> None:
    await harness.run_command(ROB, "ack al-prod")
    (entry,) = [each.entry for each in await harness.audit()]
    assert (entry.what, entry.where, entry.who) == ("acknowledge", "al-prod", ROB.person)


async def test_acknowledging_twice_is_said(harness: CommandHarness) -> None:
    await harness.run_command(RAY, "ack al-prod")
    answer = await harness.run_command(RAY, "ack al-prod")
    assert isinstance(answer, ErrorAnswer)
    assert str(answer.sentence) == "You have acknowledged al-prod already, until 15:02 UTC."
    assert isinstance(await harness.run_command(SAM, "ack al-prod"), TextAnswer)


@pytest.mark.parametrize(("who", "offered"), [(SAM, ["al-prod", "al-stag", "al-none"]), (ROB, ["al-stag", "al-none"])])
async def test_a_form_offers_the_groups_that_fire(harness: CommandHarness, who: Member, offered: list[str]) -> None:
    form = await harness.run_command(who, "ack")
    assert isinstance(form, Form)
    (field,) = (await harness.registry.load_options(asked(harness, who), form)).fields
    assert [each.value for each in field.options] == offered
    assert field.options[0].label.startswith(f"{offered[0]} · ")
    assert (form.title, field.label) == ("Acknowledge an alert", "Alert")


async def test_ending_a_silence_offers_what_is_silenced(harness: CommandHarness) -> None:
    await harness.run_command(SAM, "silence al-over 1h")
    form = await harness.run_command(SAM, "unsilence")
    assert isinstance(form, Form)
    (field,) = (await harness.registry.load_options(asked(harness, SAM), form)).fields
    assert [each.value for each in field.options] == [RESOLVED.id]


async def test_the_catalogue_may_say_nothing_of_alerts(tmp_path: Path) -> None:
    async with open_command_harness(tmp_path) as plain:
        await plain.save_groups(STAGING)
        for text in ("ack al-stag", "alerts route severity=critical"):
            answer = await plain.run_command(ANA, text)
            assert isinstance(answer, ErrorAnswer)
            assert str(answer.sentence).startswith("The catalogue says nothing of alerts.")


def asked(harness: CommandHarness, who: Member) -> Request:
    return harness.request(who)
