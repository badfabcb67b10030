"""What a test can let go wrong: faults, limits, sockets, late and repeated deliveries."""

import asyncio
import time
from typing import Any

import aiohttp
import pytest
from aiohttp import web as http
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import RunningSlack, SlackCallRefused, sign, wait_for
from tests.harness.bolt_bot import BoltBot
from tests.harness.samples.slack_blocks import CARD


async def post(slack: RunningSlack, web: AsyncWebClient, text: str = "card") -> Any:
    return await web.chat_postMessage(channel=slack.channels["deploys"], text=text)


async def test_429_says_how_long_to_wait_as_often_as_ordered(slack: RunningSlack, web: AsyncWebClient) -> None:
    await slack.client.faults.rate_limit("chat.postMessage", retry_after=7, times=2)
    for _ in range(2):
        with pytest.raises(SlackApiError) as refused:
            await post(slack, web)
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["Retry-After"] == "7"
    assert (await post(slack, web))["ok"]
    assert [call["outcome"] for call in await slack.client.api_calls("chat.postMessage")] == ["429", "429", "ok"]


@pytest.mark.parametrize("kind", ["500", "503"])
async def test_server_errors_do_not_deliver(slack: RunningSlack, web: AsyncWebClient, kind: str) -> None:
    await slack.client.faults.add("chat.postMessage", kind)
    with pytest.raises(SlackApiError):
        await post(slack, web)
    assert await slack.client.messages("deploys") == []


@pytest.mark.parametrize(("kind", "messages"), [("timeout_before", 0), ("timeout_after", 1), ("drop_after", 1)])
async def test_an_unknown_outcome_is_delivered_or_not_as_ordered(
    slack: RunningSlack, web: AsyncWebClient, kind: str, messages: int
) -> None:
    await slack.client.faults.add("chat.postMessage", kind)
    with pytest.raises((TimeoutError, aiohttp.ClientError)):
        await post(slack, web)
    assert len(await slack.client.messages("deploys")) == messages
    [call] = await slack.client.api_calls("chat.postMessage")
    assert (call["outcome"], call["delivered"]) == (kind, bool(messages))


async def test_a_fault_can_meet_one_channel_one_word_or_be_taken_back(slack: RunningSlack, web: AsyncWebClient) -> None:
    await slack.client.faults.add("chat.postMessage", "ok_false:fatal_error", channel=slack.channels["ops"])
    assert (await post(slack, web))["ok"]
    with pytest.raises(SlackApiError, match="fatal_error"):
        await web.chat_postMessage(channel=slack.channels["ops"], text="a")
    await slack.client.faults.answer_unavailable("*", times=9)
    await slack.client.faults.clear()
    assert (await post(slack, web))["ok"]
    with pytest.raises(SlackCallRefused, match="There is no fault 'earthquake'"):
        await slack.client.faults.add("chat.postMessage", "earthquake")


async def test_response_addresses_and_uploads_can_fail_too(slack: RunningSlack, web: AsyncWebClient) -> None:
    url = slack.gateway.hub.response_url(channel=slack.channels["deploys"], user=slack.people["deployer"])
    await slack.client.faults.answer_unavailable("response_url")
    async with aiohttp.ClientSession() as session, session.post(url, json={"text": "a"}) as response:
        assert response.status == 503
    await slack.client.faults.answer_unavailable("upload")
    with pytest.raises(SlackRequestError, match="503"):
        await web.files_upload_v2(channel=slack.channels["deploys"], filename="a.txt", content="a")
    assert await slack.client.all_messages("deploys") == []


async def test_the_real_limits_hold_when_switched_on(slack: RunningSlack, web: AsyncWebClient) -> None:
    for number in range(4):
        await post(slack, web, f"counted {number}")
    assert await slack.client.faults.over_budget() == {slack.channels["deploys"]: 1}
    await slack.client.faults.enforce_rate_limits(1)
    for number in range(3):
        await post(slack, web, f"burst {number}")
    with pytest.raises(SlackApiError, match="ratelimited") as refused:
        await post(slack, web, "too much")
    assert refused.value.response.headers["Retry-After"] == "1"
    assert (await web.chat_postMessage(channel=slack.channels["ops"], text="elsewhere"))["ok"]
    await slack.client.faults.enforce_rate_limits(1000)
    for number in range(50):
        await post(slack, web, f"scaled {number}")
    await slack.client.faults.enforce_rate_limits(0.05)
    await web.pins_list(channel=slack.channels["ops"])
    with pytest.raises(SlackApiError, match="ratelimited"):
        await web.pins_list(channel=slack.channels["ops"])


async def test_a_dropped_socket_comes_back(slack: RunningSlack, bot: BoltBot) -> None:
    await slack.client.sockets.drop()

    async def reconnected() -> bool | None:
        status = await slack.client.sockets.status()
        return (status["opened"] >= 2 and status["connections"] == 1) or None

    await wait_for(reconnected, within=30)
    assert (await slack.client.command("ana", "status"))["answered"]


async def test_goodbye_is_announced_and_the_bot_connects_again(slack: RunningSlack, bot: BoltBot) -> None:
    await slack.client.sockets.disconnect()

    async def reconnected() -> bool | None:
        status = await slack.client.sockets.status()
        return (status["opened"] >= 2 and status["connections"] == 1) or None

    await wait_for(reconnected, within=30)


async def test_an_envelope_can_come_twice(slack: RunningSlack, bot: BoltBot) -> None:
    await slack.client.sockets.repeat()
    await slack.client.command("ana", "status")

    async def both_came() -> bool | None:
        return len(bot.received_of("command")) == 2 or None

    await wait_for(both_came)
    first, second = bot.received_of("command")
    assert first["trigger_id"] == second["trigger_id"]
    await slack.client.command("ana", "again")
    assert len(bot.received_of("command")) == 3


async def test_a_mute_socket_is_connected_and_deaf(slack: RunningSlack, bot: BoltBot) -> None:
    await slack.client.sockets.mute()
    ack = await slack.client.command("ana", "status")
    assert not ack["answered"]
    assert bot.received_of("command") == []
    told = await slack.client.wait_for_ephemeral("ana")
    assert told.text == '/deepecho failed with the error "operation_timeout"'
    await slack.client.sockets.unmute()
    assert (await slack.client.command("ana", "status"))["answered"]


async def test_without_a_bot_people_are_told(slack: RunningSlack) -> None:
    await slack.client.command("ana", "status")
    told = await slack.client.wait_for_ephemeral("ana")
    assert told.text == '/deepecho failed with the error "dispatch_failed"'


async def test_each_payload_goes_to_one_of_several_connections(slack: RunningSlack, bot: BoltBot, web: AsyncWebClient) -> None:
    from tests.harness.bolt_bot import running_bolt_bot

    async with running_bolt_bot(slack, web) as other:
        await slack.client.wait_for_bot(connections=2)
        for number in range(4):
            await slack.client.command("ana", f"number {number}")
        texts = sorted(body["text"] for body in [*bot.received_of("command"), *other.received_of("command")])
        assert texts == [f"number {number}" for number in range(4)]
        assert bot.received_of("command")
        assert other.received_of("command")


async def test_signed_requests_arrive_in_http_mode(slack: RunningSlack, web: AsyncWebClient) -> None:
    verifier = SignatureVerifier(slack.signing_secret)
    heard: list[tuple[bool, dict[str, str]]] = []

    async def door(request: http.Request) -> http.Response:
        body = await request.read()
        heard.append((verifier.is_valid_request(body, dict(request.headers)), dict(await request.post())))  # type: ignore[arg-type]
        return http.json_response({"text": "Got it"})

    app = http.Application()
    app.add_routes([http.post("/slack/events", door)])
    runner = http.AppRunner(app)
    await runner.setup()
    site = http.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
        await slack.client.set_request_url(url)
        ack = await slack.client.command("ana", "status production")
        assert ack == {"answered": True, "payload": {"text": "Got it"}, "status": 200}
        assert heard[0][0]
        assert heard[0][1]["text"] == "status production"
        assert (await slack.client.wait_for_ephemeral("ana")).text == "Got it"
        posted = await web.chat_postMessage(channel=slack.channels["deploys"], text="card", blocks=CARD)
        card = await slack.client.wait_for_message(lambda m: m.ts == posted["ts"])
        await slack.client.press("mia", card, "Approve")
        assert heard[1][0]
        assert '"block_actions"' in heard[1][1]["payload"]
        old = str(int(time.time()) - 600)
        await slack.client.post_signed(url, {"type": "block_actions"}, timestamp=old)
        await slack.client.post_signed(url, {"type": "block_actions"}, secret="wrong")
        assert [valid for valid, _ in heard] == [True, True, False, False]
    finally:
        await runner.cleanup()


def test_a_signature_is_the_documented_one() -> None:
    # The example of Slack's page "Verifying requests from Slack".
    body = (
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
        "&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
        "%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121"
        ".803a0bc887a14d10d2c447fce8b6703c"
    )
    signature = sign("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body)
    assert signature == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


async def test_a_reset_leaves_an_empty_workspace_and_a_connected_bot(
    slack: RunningSlack, bot: BoltBot, web: AsyncWebClient
) -> None:
    await post(slack, web)
    await web.conversations_create(name="incident-1")
    await slack.client.faults.answer_unavailable("chat.postMessage")
    await slack.client.reset()
    assert await slack.client.all_messages_everywhere() == []
    assert (await post(slack, web))["ok"]
    assert (await web.conversations_create(name="incident-1"))["ok"]
    assert (await slack.client.command("ana", "status"))["answered"]


async def test_the_local_slacks_own_control_reaches_the_bot(slack: RunningSlack, bot: BoltBot, web: AsyncWebClient) -> None:
    channel, ana = slack.channels["deploys"], slack.people["deployer"]
    posted = await web.chat_postMessage(channel=channel, text="card", blocks=CARD)
    async with aiohttp.ClientSession() as session:
        command = {"channel": channel, "user": ana, "command": "/deepecho", "text": "help"}
        async with session.post(f"{slack.control_url}/command", json=command) as response:
            assert (await response.json())["ok"]
        click = {"channel": channel, "user": ana, "messageTs": posted["ts"], "action": {"action_id": "approve"}}
        async with session.post(f"{slack.control_url}/interact", json=click) as response:
            assert (await response.json())["ok"]
        async with session.get(f"{slack.control_url}/messages/{channel}") as response:
            assert [message["text"] for message in (await response.json())["messages"]] == ["card"]
    assert bot.received_of("command")[0]["text"] == "help"
    assert bot.received_of("block_actions")[0]["actions"][0]["value"] == "op-k7m2"


async def test_it_stops_at_once_though_calls_hang(web: AsyncWebClient, slack: RunningSlack) -> None:
    await slack.client.faults.hang_before_delivery("chat.postMessage")
    hanging = asyncio.create_task(post(slack, web))

    async def is_open() -> bool | None:
        return bool(await slack.client.api_calls("chat.postMessage")) or None

    await wait_for(is_open)
    await slack.client.faults.clear()
    with pytest.raises(aiohttp.ClientError):
        await hanging
