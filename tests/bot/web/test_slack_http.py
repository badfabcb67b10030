"""Slack's HTTP endpoint: authentication, what is stored when it answers 200, and its answers when it cannot store."""

import json
import time
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from bot.core.intake import MAX_QUEUED_MESSAGES
from bot.slack.http import MAX_BODY_BYTES, SLACK_PATHS
from bot.slack.payloads import parse_inbound
from bot.slack.signatures import Signatures
from bot.web.server import HttpServer
from domain.clock import SystemClock
from domain.inbound import InboundKind
from tests.harness.databases import migrated_file, sqlite_url
from tests.harness.slack_endpoint import CLICK, COMMAND, SECRET, TOKEN, SlackEndpointHarness, harness, submission

__all__ = ["harness", "migrated_file", "sqlite_url"]


async def test_a_command_is_on_the_disk_when_it_is_acknowledged(harness: SlackEndpointHarness) -> None:
    assert await harness.command() == (200, "")
    heard = await harness.interaction()
    assert heard.kind is InboundKind.COMMAND
    assert heard.key == "1.2.3"
    assert heard.text == COMMAND["text"]
    assert (heard.person.user_id, heard.person.team_id, heard.channel) == ("U0ANA", "T0HOME", "C0OPS")
    assert [each.key for each in harness.submitted] == ["1.2.3"]


async def test_the_same_command_again_is_acknowledged_and_goes_no_further(harness: SlackEndpointHarness) -> None:
    assert [await harness.command(), await harness.command()] == [(200, ""), (200, "")]
    assert len(await harness.stored()) == len(harness.submitted) == 1


async def test_a_click_is_kept_without_the_message_around_it(harness: SlackEndpointHarness) -> None:
    assert await harness.interact(CLICK) == (200, "")
    (delivery,) = await harness.stored()
    assert len(delivery.body) < 500
    heard = parse_inbound(delivery)
    assert (heard.action, heard.value, heard.person.user_id) == ("operation.approve", "op-k7m2", "U0MIA")


STALE = "The request is older than five minutes."
FALSE = "The signature does not belong to the body."
NO_SIGNATURE = "There is no signature of the form v0=…."
NO_NUMBER = "The timestamp is not a number."


@pytest.mark.parametrize("path", ["/slack/commands", "/slack/interactions", "/slack/events"])
@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ({"secret": "another-secret"}, FALSE),
        ({"signature": "v0=" + "0" * 64}, FALSE),
        ({"signature": ""}, NO_SIGNATURE),
        ({"signature": "v0="}, NO_SIGNATURE),
        ({"signature": "v1=" + "0" * 64}, NO_SIGNATURE),
        ({"signature": "v0=" + "é" * 64}, NO_SIGNATURE),
        ({"ahead": -301}, STALE),
        ({"ahead": 400}, STALE),
        ({"stamp": ""}, NO_NUMBER),
        ({"stamp": "now"}, NO_NUMBER),
        ({"stamp": "-1"}, NO_NUMBER),
        ({"stamp": "1e9"}, NO_NUMBER),
        ({"stamp": "9" * 400}, NO_NUMBER),
        ({"stamp": "١٢٣"}, NO_NUMBER),
    ],
)
async def test_who_is_not_slack_is_not_let_in_and_leaves_nothing(
    harness: SlackEndpointHarness, path: str, headers: dict[str, Any], sentence: str
) -> None:
    body = urlencode(COMMAND | {"payload": json.dumps(CLICK)}).encode()
    if ahead := headers.get("ahead"):  # of the moment when it is sent, which may be long after the tests were collected
        headers = {"stamp": str(int(time.time()) + ahead)}
    assert await harness.post(path, body, **headers) == (401, sentence)
    assert await harness.stored() == []


async def test_a_body_that_was_changed_on_the_way_is_not_let_in(harness: SlackEndpointHarness) -> None:
    body = urlencode(COMMAND).encode()
    stamp = str(int(time.time()))
    signature = Signatures(SECRET).sign(stamp, body)
    status, _ = await harness.post("/slack/commands", body.replace(b"abc1234", b"def5678"), stamp=stamp, signature=signature)
    assert status == 401


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("/slack/commands", b"", "the command names nobody"),
        ("/slack/commands", b"user_id=U0ANA&team_id=T0HOME", "the delivery has no usable id"),
        ("/slack/commands", b"user_id=U&team_id=T&trigger_id=" + b"1" * 300, "the delivery has no usable id"),
        ("/slack/commands", b"%%%=&&&==%zz", "the command names nobody"),
        ("/slack/interactions", b"nothing=here", "there is no payload"),
        ("/slack/interactions", b"payload=not+json", "the payload is not JSON"),
        ("/slack/interactions", b"payload=[]", "the payload is not an object"),
        ("/slack/interactions", b'payload={"type":"block_actions"}', "the payload has no actions"),
        ("/slack/interactions", b'payload={"type":"block_actions","actions":[{}]}', "the click names no button"),
        (
            "/slack/interactions",
            b'payload={"type":"block_actions","actions":[{"action_id":"x"}]}',
            "the click names nobody, or no button",
        ),
        ("/slack/interactions", b"payload=" + b"[" * 100_000, "the payload is not JSON"),
        ("/slack/events", b"\xff\xfe", "the payload is not JSON"),
    ],
)
async def test_what_slack_would_never_send_is_refused_in_words(
    harness: SlackEndpointHarness, path: str, body: bytes, sentence: str
) -> None:
    assert await harness.post(path, body) == (400, sentence)
    assert await harness.stored() == []


async def test_a_body_that_is_too_large_is_not_read(harness: SlackEndpointHarness) -> None:
    status, _ = await harness.post("/slack/commands", b"text=" + b"x" * MAX_BODY_BYTES)
    assert status == 413
    assert await harness.stored() == []


async def test_overload_says_come_again(harness: SlackEndpointHarness) -> None:
    harness.waiting = MAX_QUEUED_MESSAGES
    status, sentence = await harness.command()
    assert (status, sentence) == (503, "Too much is waiting already. Nothing was kept; try again in a minute.")
    assert await harness.stored() == []


async def test_a_database_that_does_not_take_it_says_come_again(harness: SlackEndpointHarness) -> None:
    async with harness.store.engines.write.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE inbox RENAME TO elsewhere")
    status, sentence = await harness.command()
    assert (status, sentence) == (503, "The inbox could not be written: OperationalError.")


async def test_slack_may_ask_whether_the_address_is_ours(harness: SlackEndpointHarness) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "c-123", "token": "t"}).encode()
    status, text = await harness.post("/slack/events", body, **{"Content-Type": "application/json"})
    assert (status, json.loads(text)) == (200, {"challenge": "c-123"})


async def test_an_opened_home_tab_is_kept_once_by_its_event_id(harness: SlackEndpointHarness) -> None:
    event = {"type": "app_home_opened", "user": "U0ANA", "tab": "home"}
    body = json.dumps({"type": "event_callback", "team_id": "T0HOME", "event_id": "Ev1", "event": event}).encode()
    for _ in range(2):
        assert (await harness.post("/slack/events", body, **{"Content-Type": "application/json"}))[0] == 200
    heard = await harness.interaction()
    assert (heard.key, heard.kind, heard.person.user_id, heard.is_from_home) == ("Ev1", InboundKind.EVENT, "U0ANA", True)


async def test_other_events_and_shortcuts_are_acknowledged_and_forgotten(harness: SlackEndpointHarness) -> None:
    event = {"type": "event_callback", "team_id": "T0HOME", "event_id": "Ev2", "event": {"type": "reaction_added", "user": "U0"}}
    assert (await harness.post("/slack/events", json.dumps(event).encode()))[0] == 200
    for payload in (
        {"type": "shortcut", "callback_id": "x", "user": {"id": "U0"}},
        {"type": "message_action", "callback_id": "x", "user": {"id": "U0"}},
        {"type": "view_closed", "user": {"id": "U0"}, "view": {"callback_id": "form", "type": "modal"}},
        {"type": "something_new"},
    ):
        assert (await harness.interact(payload))[0] == 200
    assert await harness.stored() == []


async def test_suggestions_are_answered_within_the_acknowledgement(harness: SlackEndpointHarness) -> None:
    payload = {"type": "block_suggestion", "action_id": "version", "block_id": "b", "value": "ma", "user": {"id": "U0"}}
    status, text = await harness.interact(payload)
    assert (status, json.loads(text)) == (200, {"options": []})


async def test_a_submitted_form_becomes_the_command_it_stands_for(harness: SlackEndpointHarness) -> None:
    assert await harness.interact(submission(env="staging", **{"reason…": "the new cache"})) == (200, "")
    heard = await harness.interaction()
    assert heard.kind is InboundKind.VIEW
    assert heard.text.startswith("lock staging")
    assert (heard.channel, heard.response_url, heard.trigger_id) == ("C0OPS", "https://hooks.slack.com/1", "")


async def test_before_the_process_is_ready_slack_is_told_to_come_again() -> None:
    http = HttpServer("127.0.0.1", 0)
    http.reserve(*SLACK_PATHS)
    port = await http.open()
    async with aiohttp.ClientSession() as session, session.post(f"http://127.0.0.1:{port}/slack/commands") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
    await http.close()


def test_signatures_are_slacks_own() -> None:
    """The example of Slack's documentation."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
        b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
        b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signed = Signatures("8f742231b10e8888abcd99yyyzzz85a5").sign("1531420618", body)
    assert signed == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


async def test_slacks_verification_token_is_never_kept(harness: SlackEndpointHarness) -> None:
    await harness.post("/slack/commands", urlencode(COMMAND | {"token": TOKEN}).encode())
    await harness.interact(CLICK | {"token": TOKEN})
    kept = await harness.stored()
    assert len(kept) == 2
    assert [each.body for each in kept if TOKEN in each.body] == []


async def test_once_answered_neither_words_nor_addresses_are_kept(harness: SlackEndpointHarness) -> None:
    await harness.command()
    (delivery,) = await harness.stored()
    async with harness.store.write() as tx:
        await tx.inbox.mark_answered(delivery.key, SystemClock().now(), "op-k7m2")
    async with harness.store.engines.read.connect() as connection:
        [row] = (await connection.exec_driver_sql("SELECT * FROM inbox")).all()
    assert "hooks.slack.com" not in str(row)
    assert "abc1234" not in str(row)
