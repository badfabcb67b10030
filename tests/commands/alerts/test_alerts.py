"""Alert groups as people ask for them and look after them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from commands.core.request import Request
from commands.forms import choices
from domain.answers.alerts import AlertsAnswer, RouteAnswer
from domain.answers.answers import Complaint, Form, Said
from domain.people import Member
from domain.severities import Severity
from tests.harness.commands import House, open_house
from tests.harness.samples.alert_groups import EVERY, OVER, PRODUCTION, STAGING, ids
from tests.harness.samples.team import ANA, GUS, LEE, RAY, ROB, SAM, STAN, VIV, alerting_catalogue


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, alerting_catalogue()) as opened:
        await opened.alert(*EVERY)
        yield opened


async def listed(house: House, who: Member, text: str) -> AlertsAnswer:
    answer = await house.says(who, text)
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
async def test_what_fires_the_worst_first(house: House, who: Member, text: str, shown: list[str], title: str) -> None:
    answer = await listed(house, who, text)
    assert (ids(answer.groups), answer.total, answer.title) == (shown, len(shown), title)


async def test_mine_and_silenced(house: House) -> None:
    await house.says(RAY, "ack al-prod")
    await house.says(LEE, "silence al-stag 1h")
    assert ids((await listed(house, RAY, "alerts --mine")).groups) == ["al-prod"]
    assert ids((await listed(house, LEE, "alerts --mine")).groups) == []
    assert ids((await listed(house, LEE, "alerts --silenced")).groups) == ["al-stag"]


async def test_many_are_counted(house: House) -> None:
    await house.alert(*(replace(PRODUCTION, id=f"al-{number:04}") for number in range(40)))
    answer = await listed(house, VIV, "alerts production")
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
async def test_route_says_which_rule_and_why(house: House, text: str, rule: str, severity: Severity, tried: list[str]) -> None:
    answer = await house.says(VIV, f"alerts route {text}")
    assert isinstance(answer, RouteAnswer), answer
    found = answer.explanation
    assert (found.route.rule, found.route.severity, [each.rule for each in found.steps]) == (rule, severity, tried)
    compared = [each for step in found.steps for each in step.matchers]
    assert all(each.actual == answer.labels.get(each.text.partition("=")[0], "") for each in compared)


async def test_labels_from_a_form_are_several(house: House) -> None:
    text = house.menu.form_text("alerts route", {"labels": "alertname=HighErrorRate severity=critical environment=production"})
    answer = await house.says(VIV, text)
    assert isinstance(answer, RouteAnswer)
    assert answer.explanation.route.rule == "critical"


@pytest.mark.parametrize("spelled", ["al-prod", "AL-PROD", "prod", "Al-Prod"])
async def test_acknowledge(house: House, spelled: str) -> None:
    answer = await house.says(RAY, f"ack {spelled}")
    assert answer == Said("You acknowledged al-prod until 15:02 UTC. If it still fires then, its thread says so.")
    held = (await house.group("al-prod")).acknowledgement
    assert held is not None
    assert (held.by, held.until) == (RAY.person, house.clock.now() + timedelta(hours=1))
    assert [(each.entry.what, each.entry.who) for each in await house.audit()] == [("acknowledge", RAY.person)]


async def test_rob_responds_in_staging_only(house: House) -> None:
    assert isinstance(await house.says(ROB, "ack al-stag"), Said)
    refused = await house.says(ROB, "ack al-prod")
    assert isinstance(refused, Complaint)
    assert refused.sentence.startswith("This needs a responder in production, and you are not one.")


@pytest.mark.parametrize(
    ("who", "text", "why"),
    [
        (VIV, "ack al-prod", "You may not use `ack` in any environment."),
        (GUS, "ack al-prod", "Guests can change and look up nothing here."),
        (STAN, "ack al-prod", "People of other workspaces can change and look up nothing here."),
        (GUS, "alerts", "Guests can change and look up nothing here."),
        (GUS, "alerts route severity=critical", "Guests can change and look up nothing here."),
        (ROB, "alerts production", "This needs a viewer in production, and you are not one."),
        (ROB, "ack al-none", "This needs a responder, and you are not one."),
        (RAY, "ack al-over", "al-over is resolved already, so there is nothing to acknowledge."),
        (RAY, "ack al-nope", "There is no alert group al-nope. `/deepecho alerts` lists them."),
    ],
)
async def test_who_may_not_is_told_why(house: House, who: Member, text: str, why: str) -> None:
    answer = await house.says(who, text)
    assert isinstance(answer, Complaint), answer
    assert answer.sentence.startswith(why)
    assert all([(await house.group(each.id)).acknowledgement is None for each in EVERY])


async def test_a_denied_acknowledgement_is_in_the_audit_log_with_its_group(house: House) -> None:
    await house.says(ROB, "ack al-prod")
    (entry,) = [each.entry for each in await house.audit()]
    assert (entry.what, entry.where, entry.who) == ("ack", "al-prod", ROB.person)


async def test_acknowledging_twice_is_said(house: House) -> None:
    await house.says(RAY, "ack al-prod")
    answer = await house.says(RAY, "ack al-prod")
    assert isinstance(answer, Complaint)
    assert answer.sentence == "You have acknowledged al-prod already, until 15:02 UTC."
    assert isinstance(await house.says(SAM, "ack al-prod"), Said)


@pytest.mark.parametrize(("who", "offered"), [(SAM, ["al-prod", "al-stag", "al-none"]), (ROB, ["al-stag", "al-none"])])
async def test_a_form_offers_the_groups_that_fire(house: House, who: Member, offered: list[str]) -> None:
    form = await house.says(who, "ack")
    assert isinstance(form, Form)
    (field,) = (await choices(asked(house, who), form)).fields
    assert [each.value for each in field.choices] == offered
    assert field.choices[0].label.startswith(f"{offered[0]} · ")
    assert (form.title, field.label) == ("Acknowledge an alert", "Alert")


async def test_ending_a_silence_offers_what_is_silenced(house: House) -> None:
    await house.says(SAM, "silence al-over 1h")
    form = await house.says(SAM, "unsilence")
    assert isinstance(form, Form)
    (field,) = (await choices(asked(house, SAM), form)).fields
    assert [each.value for each in field.choices] == [OVER.id]


async def test_the_catalogue_may_say_nothing_of_alerts(tmp_path: Path) -> None:
    async with open_house(tmp_path) as plain:
        await plain.alert(STAGING)
        for text in ("ack al-stag", "alerts route severity=critical"):
            answer = await plain.says(ANA, text)
            assert isinstance(answer, Complaint)
            assert answer.sentence.startswith("The catalogue says nothing of alerts.")


def asked(house: House, who: Member) -> Request:
    return house.request(who)
