"""The stand-in is as strict as PagerDuty: what it refuses, what it drops, what reopens."""

from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from domain.clock import SystemClock
from sandbox.pagerduty import BOT_EMAIL, SERVICE_NAME, StandInPagerDuty, routing_key, user_id
from sandbox.pagerduty.model import Status
from tests.sandbox.pagerduty.conftest import trigger

ACCEPT = "application/vnd.pagerduty+json;version=2"
KEY = routing_key(SERVICE_NAME)
GOOD = {"routing_key": KEY, "event_action": "trigger", "payload": {"summary": "s", "source": "s", "severity": "info"}}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"routing_key": "short"}, "Length of 'routing_key' is incorrect (should be 32 characters)"),
        ({"routing_key": "0" * 32}, "Invalid routing key"),
        ({"event_action": "page"}, "'event_action' is invalid (must be one of trigger, acknowledge, resolve)"),
        ({"event_action": "resolve"}, "'dedup_key' is missing or blank"),
        ({"dedup_key": "x" * 256}, "'dedup_key' must be a string of at most 255 characters"),
        ({"payload": {"summary": "s", "source": "s"}}, "'payload.severity' is missing or blank"),
        ({"payload": {"summary": "x" * 1025, "source": "s", "severity": "info"}}, "Length of 'payload.summary' is incorrect"),
        ({"payload": {"summary": "s", "source": "s", "severity": "P1"}}, "'payload.severity' is invalid"),
    ],
)
async def test_events_that_pagerduty_refuses(
    pagerduty: StandInPagerDuty, http: aiohttp.ClientSession, changes: dict[str, Any], problem: str
) -> None:
    async with http.post(f"{pagerduty.url}/v2/enqueue", json=GOOD | changes) as answer:
        assert answer.status == 400
        assert any(problem in each for each in (await answer.json())["errors"])
    assert not pagerduty.account.incidents


async def test_without_a_key_each_event_is_a_new_alert(pagerduty: StandInPagerDuty, http: aiohttp.ClientSession) -> None:
    for _ in range(2):
        async with http.post(f"{pagerduty.url}/v2/enqueue", json=GOOD) as answer:
            assert answer.status == 202
    assert len(pagerduty.account.incidents) == 2


async def test_after_the_end_acknowledge_and_resolve_are_dropped_and_a_trigger_is_a_new_alert(
    pagerduty: StandInPagerDuty, http: aiohttp.ClientSession
) -> None:
    incident = trigger(pagerduty, "k")
    for action in ("resolve", "resolve", "acknowledge", "trigger"):
        async with http.post(f"{pagerduty.url}/v2/enqueue", json=GOOD | {"event_action": action, "dedup_key": "k"}) as answer:
            assert answer.status == 202
    assert incident.status is Status.RESOLVED
    assert len(pagerduty.account.dropped_events) == 2
    assert len(pagerduty.account.incidents) == 2


def headers(**changes: str) -> dict[str, str]:
    return {"Authorization": "Token token=sandbox-token", "Accept": ACCEPT, "From": BOT_EMAIL} | changes


async def put(http: aiohttp.ClientSession, pagerduty: StandInPagerDuty, incident: str, status: str, **changes: str) -> int:
    body = {"incident": {"type": "incident_reference", "status": status}}
    async with http.put(f"{pagerduty.url}/incidents/{incident}", json=body, headers=headers(**changes)) as answer:
        return answer.status


async def test_acknowledging_by_rest_reopens_what_is_resolved_and_calls_again(
    pagerduty: StandInPagerDuty, http: aiohttp.ClientSession
) -> None:
    """The trap: the client has to read before it writes."""
    incident = trigger(pagerduty)
    assert await put(http, pagerduty, incident.id, "resolved") == 200
    assert await put(http, pagerduty, incident.id, "acknowledged") == 200
    assert incident.status is Status.ACKNOWLEDGED
    assert len(incident.notifications) == 2
    assert await put(http, pagerduty, incident.id, "resolved") == 200
    assert await put(http, pagerduty, incident.id, "resolved") == 400


async def test_who_writes_needs_a_name_a_token_and_a_version(pagerduty: StandInPagerDuty, http: aiohttp.ClientSession) -> None:
    incident = trigger(pagerduty)
    assert await put(http, pagerduty, incident.id, "resolved", From="nobody@example.com") == 400
    assert await put(http, pagerduty, incident.id, "resolved", Authorization="Token token=x") == 401
    assert await put(http, pagerduty, incident.id, "resolved", Accept="application/json") == 400
    assert await put(http, pagerduty, incident.id, "closed") == 400
    assert incident.status is Status.TRIGGERED


async def test_times_without_a_zone_are_the_accounts(pagerduty: StandInPagerDuty, http: aiohttp.ClientSession) -> None:
    trigger(pagerduty)
    async with http.get(f"{pagerduty.url}/incidents", headers=headers()) as answer:
        (found,) = (await answer.json())["incidents"]
        assert found["created_at"].endswith(("-08:00", "-07:00"))
        assert answer.headers["ratelimit-limit"] == "960"
    until = SystemClock().now().strftime("%Y-%m-%dT%H:%M:%S")
    async with http.get(f"{pagerduty.url}/incidents?since=2026-01-01T00:00:00&until={until}", headers=headers()) as answer:
        assert answer.status == 400
    async with http.get(f"{pagerduty.url}/incidents?offset=9950&limit=100", headers=headers()) as answer:
        assert answer.status == 400


async def test_what_nobody_acknowledges_goes_to_the_next_level_until_the_last(pagerduty: StandInPagerDuty) -> None:
    incident = trigger(pagerduty)
    for expected in (["Mia"], ["Kim"], ["Kim"]):
        incident.changed_at -= timedelta(minutes=6)
        pagerduty.account.tick()
        assert [each.name for each in incident.assignees] == expected
    assert len(incident.notifications) == 3


async def test_control_orders_faults_acts_and_tells(pagerduty: StandInPagerDuty, http: aiohttp.ClientSession) -> None:
    control = f"{pagerduty.url}/_control"
    async with http.post(f"{control}/faults", json={"call": "events", "kind": "503", "for_seconds": 600}) as answer:
        assert answer.status == 200
    for _ in range(3):
        async with http.post(f"{pagerduty.url}/v2/enqueue", json=GOOD) as answer:
            assert answer.status == 503
    async with http.delete(f"{control}/faults") as answer:
        assert answer.status == 200
    async with http.post(f"{control}/faults", json={"call": "events", "kind": "fire"}) as answer:
        assert answer.status == 400
    async with http.post(f"{pagerduty.url}/v2/enqueue", json=GOOD | {"dedup_key": "k"}) as answer:
        assert answer.status == 202
    act = {"as": user_id("mia"), "incident": "k", "action": "acknowledge"}
    async with http.post(f"{control}/act", json=act) as answer:
        assert (await answer.json())["acknowledgers"] == [user_id("mia")]
    async with http.get(f"{control}/state") as answer:
        state = await answer.json()
    assert [each["status"] for each in state["incidents"]] == ["acknowledged"]
    assert state["events"] == [{"event_action": "trigger", "dedup_key": "k"}]
