"""Pages to PagerDuty: what it gets, what it does with it, and what is known of a page whose answer is lost."""

import asyncio
import json
from dataclasses import replace

import pytest

from domain.errors import DeepechoError, Forbidden, PermanentError, TemporaryError, UnknownOutcome
from domain.paging.ways import Handover
from domain.severities import Severity
from integrations.pagerduty import PagerDutyEvents, open_pagerduty_events
from integrations.pagerduty.event_body import MAX_BYTES, event_body
from sandbox.pagerduty import SERVICE_NAME, StandInPagerDuty, routing_key, user_id
from sandbox.pagerduty.faults import Fault
from sandbox.pagerduty.model import Incident, Status
from tests.harness.fakes.scripted_web import ScriptedResponse, scripted_web
from tests.harness.page_messages import acknowledged, page_message, resolved


def only_incident(pagerduty: StandInPagerDuty) -> Incident:
    (incident,) = pagerduty.account.incidents.values()
    return incident


async def test_a_page_calls_the_person_on_call_once_however_often_it_is_sent(
    pagerduty: StandInPagerDuty, events: PagerDutyEvents
) -> None:
    receipts = [await events.send(page_message(), SERVICE_NAME) for _ in range(3)]

    incident = only_incident(pagerduty)
    assert (incident.title, incident.severity) == ("P1 deep-echo-main: many errors in production", "error")
    assert incident.details["facts"][0] == "12 % of requests fail since 03:02 UTC"
    assert (incident.triggers, len(incident.notifications)) == (3, 1)
    assert [each.handover for each in receipts] == [Handover.ACCEPTED] * 3
    assert receipts[0].reference == "inc-k7m2/1"


async def test_acknowledge_and_resolve_reach_the_same_incident(pagerduty: StandInPagerDuty, events: PagerDutyEvents) -> None:
    await events.send(page_message(), SERVICE_NAME)
    await events.send(acknowledged(page_message()), SERVICE_NAME)
    assert only_incident(pagerduty).status is Status.ACKNOWLEDGED
    await events.send(resolved(page_message()), SERVICE_NAME)
    assert only_incident(pagerduty).status is Status.RESOLVED


@pytest.mark.parametrize(("severity", "word"), [*zip(Severity, ["critical", "error", "warning", "info"], strict=True)])
async def test_each_severity_has_pagerdutys_word(
    pagerduty: StandInPagerDuty, events: PagerDutyEvents, severity: Severity, word: str
) -> None:
    await events.send(page_message(severity=severity), SERVICE_NAME)
    assert only_incident(pagerduty).severity == word


async def test_a_late_trigger_after_our_resolve_is_not_sent(pagerduty: StandInPagerDuty, events: PagerDutyEvents) -> None:
    await events.send(page_message(), SERVICE_NAME)
    await events.send(resolved(page_message()), SERVICE_NAME)

    receipt = await events.send(page_message(), SERVICE_NAME)

    assert receipt.handover is Handover.SUPPRESSED
    assert (only_incident(pagerduty).status, only_incident(pagerduty).triggers) == (Status.RESOLVED, 1)


async def test_a_trigger_after_a_resolve_whose_answer_was_lost_is_not_sent_either(
    pagerduty: StandInPagerDuty, events: PagerDutyEvents
) -> None:
    await events.send(page_message(), SERVICE_NAME)
    pagerduty.faults.add(Fault(call="events", kind="drop_after"))
    with pytest.raises(UnknownOutcome):
        await events.send(resolved(page_message()), SERVICE_NAME)

    assert (await events.send(page_message(), SERVICE_NAME)).handover is Handover.SUPPRESSED
    await events.send(resolved(page_message()), SERVICE_NAME)
    assert only_incident(pagerduty).status is Status.RESOLVED


async def test_what_comes_up_again_has_a_new_key_and_calls_again(pagerduty: StandInPagerDuty, events: PagerDutyEvents) -> None:
    await events.send(page_message(), SERVICE_NAME)
    await events.send(resolved(page_message()), SERVICE_NAME)
    await events.send(page_message("inc-k7m2/2"), SERVICE_NAME)
    assert [each.status for each in pagerduty.account.incidents.values()] == [Status.RESOLVED, Status.TRIGGERED]


async def test_a_resolve_waits_for_the_trigger_that_is_still_on_its_way(
    pagerduty: StandInPagerDuty, events: PagerDutyEvents
) -> None:
    pagerduty.faults.add(Fault(call="events", kind="slow", seconds=0.2))
    await asyncio.gather(events.send(page_message(), SERVICE_NAME), events.send(resolved(page_message()), SERVICE_NAME))
    assert [each["event_action"] for each in pagerduty.events.received] == ["trigger", "resolve"]
    assert only_incident(pagerduty).status is Status.RESOLVED


@pytest.mark.parametrize("kind", ["timeout_after", "drop_after", "500_after"])
async def test_when_the_answer_is_lost_sending_again_makes_no_second_page(
    pagerduty: StandInPagerDuty, events: PagerDutyEvents, kind: str
) -> None:
    pagerduty.faults.add(Fault(call="events", kind=kind))

    with pytest.raises(UnknownOutcome, match="may or may not have been done"):
        await events.send(page_message(), SERVICE_NAME)
    assert events.repeats_safely
    await events.send(page_message(), SERVICE_NAME)

    assert (only_incident(pagerduty).triggers, len(only_incident(pagerduty).notifications)) == (2, 1)


@pytest.mark.parametrize(("kind", "wait"), [("429", 60.0), ("503", None), ("down", None)])
async def test_what_is_over_later_is_tried_again(
    pagerduty: StandInPagerDuty, events: PagerDutyEvents, kind: str, wait: float | None
) -> None:
    pagerduty.faults.add(Fault(call="events", kind=kind))

    with pytest.raises(TemporaryError) as caught:
        await events.send(page_message(), SERVICE_NAME)
    assert caught.value.retry_after == wait
    assert not pagerduty.account.incidents
    await events.send(page_message(), SERVICE_NAME)
    assert len(pagerduty.account.incidents) == 1


async def test_the_limit_of_a_service_is_told_as_such_and_holds_up_no_other(events: PagerDutyEvents) -> None:
    async with (
        StandInPagerDuty(events_per_minute=2) as pagerduty,
        open_pagerduty_events(pagerduty.url, {SERVICE_NAME: routing_key(SERVICE_NAME)}) as limited,
    ):
        for number in range(2):
            await limited.send(page_message(f"inc-{number}"), SERVICE_NAME)
        with pytest.raises(TemporaryError, match="takes no more events of this service") as caught:
            await limited.send(page_message("inc-3"), SERVICE_NAME)
    assert type(caught.value) is TemporaryError
    await events.send(page_message(), SERVICE_NAME)


@pytest.mark.parametrize(
    ("response", "error", "words"),
    [
        (
            ScriptedResponse({"status": "invalid event", "message": "Event object is invalid", "errors": ["bad"]}, status=400),
            PermanentError,
            "refused to trigger the page: Event object is invalid: bad",
        ),
        (ScriptedResponse("blocked by proxy", status=403), Forbidden, "refused to trigger the page (HTTP 403): blocked by proxy"),
        (ScriptedResponse("", status=301), PermanentError, "answered HTTP 301"),
        (ScriptedResponse("", status=429, headers={"Retry-After": "90"}), TemporaryError, "takes no more events"),
        (ScriptedResponse("<html>", status=202), UnknownOutcome, "gave an answer that cannot be read"),
    ],
)
async def test_each_answer_is_a_sentence_and_an_error_of_ours(
    response: ScriptedResponse, error: type[DeepechoError], words: str
) -> None:
    async with scripted_web() as server, open_pagerduty_events(server.url, {"platform": "k" * 32}) as events:
        server.responses = [response]
        with pytest.raises(DeepechoError) as caught:
            await events.send(page_message(), "platform")
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert "kkkk" not in str(caught.value)
    if response.headers:
        assert isinstance(caught.value, TemporaryError)
        assert caught.value.retry_after == 90


async def test_a_key_that_pagerduty_does_not_know_is_refused_in_its_words(pagerduty: StandInPagerDuty) -> None:
    async with open_pagerduty_events(pagerduty.url, {"other": "0" * 32}) as events:
        with pytest.raises(PermanentError, match="Event object is invalid: Invalid routing key"):
            await events.send(page_message(), "other")


async def test_a_service_that_the_settings_do_not_have_is_named(events: PagerDutyEvents) -> None:
    with pytest.raises(PermanentError, match=r"There is no PagerDuty service `dba`; the settings have platform\."):
        await events.send(page_message(), "dba")


async def test_a_policy_that_names_no_service_means_the_only_one(pagerduty: StandInPagerDuty, events: PagerDutyEvents) -> None:
    await events.send(page_message(), "")
    assert only_incident(pagerduty).service.name == "Deep Echo platform"
    async with open_pagerduty_events(pagerduty.url, {"a": "a" * 32, "b": "b" * 32}) as two:
        with pytest.raises(PermanentError, match="The policy names no PagerDuty service; the settings have a, b"):
            await two.send(page_message(), "")


async def test_a_page_of_any_size_is_taken(pagerduty: StandInPagerDuty, events: PagerDutyEvents) -> None:
    """Umlauts and emoji are six and twelve bytes in JSON: what counts is the event's size, not its letters."""
    huge = page_message(
        title="Ü" * 5000, lines=("erste Zeile", "😀ü" * 200_000, "letzte Zeile"), link="https://example.com/" + "x" * 1000
    )

    await events.send(huge, SERVICE_NAME)

    assert len(json.dumps(event_body(huge, "k" * 32)).encode()) < MAX_BYTES
    incident = only_incident(pagerduty)
    assert len(incident.title) == 1024
    assert incident.title.endswith("…")
    assert incident.details["facts"][0] == "erste Zeile"
    assert incident.details["facts"][-1].endswith("…")


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_a_key_that_pagerduty_would_cut_is_refused_before(
    pagerduty: StandInPagerDuty, events: PagerDutyEvents, key: str
) -> None:
    with pytest.raises(PermanentError, match="more than 255 characters"):
        await events.send(replace(page_message(), dedup_key=key), SERVICE_NAME)
    assert not pagerduty.events.received


async def test_a_test_is_marked_as_one(pagerduty: StandInPagerDuty, events: PagerDutyEvents) -> None:
    await events.send(page_message(is_test=True), SERVICE_NAME)
    assert only_incident(pagerduty).title.startswith("TEST P1 ")
    assert [each.id for each in only_incident(pagerduty).assignees] == [user_id("lee")]
