"""A real Bolt app lives in the local Slack as it would in the real one."""

from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import RunningSlack
from tests.harness.bolt_bot import BoltBot
from tests.harness.samples.slack_blocks import CARD, METADATA, form, section, text_field


async def test_a_command_is_acknowledged_and_answered_to_its_person_only(slack: RunningSlack, bot: BoltBot) -> None:
    bot.answer = "Working on it"
    ack = await slack.client.command("ana", "rollback production abc1234", channel="deploys")
    assert ack["answered"]
    answer = await slack.client.wait_for_ephemeral("ana")
    assert answer.visible_text == "Working on it"
    assert await slack.client.ephemerals("mia") == []
    assert await slack.client.messages("deploys") == []
    heard = bot.received_of("command")[0]
    assert heard["text"] == "rollback production abc1234"
    assert (heard["user_id"], heard["channel_name"]) == (slack.people["deployer"], "deploys")
    assert heard["response_url"].startswith(slack.url)


async def test_a_card_is_posted_clicked_and_edited_in_place(slack: RunningSlack, bot: BoltBot, web: AsyncWebClient) -> None:
    posted = await web.chat_postMessage(channel=slack.channels["deploys"], text="card", blocks=CARD, metadata=METADATA)
    card = await slack.client.wait_for_message(lambda m: "Roll back" in m.visible_text)
    assert card.buttons == ("Approve", "Reject")

    async def approve(body: dict[str, Any]) -> None:
        await web.chat_update(channel=card.channel, ts=card.ts, text="done", blocks=[section("Approved by mia")])

    bot.on_click = approve
    await slack.client.press("mia", card, "Approve")
    click = bot.received_of("block_actions")[0]
    assert click["user"] == {
        "id": slack.people["approver"],
        "username": "mia",
        "name": "mia",
        "team_id": "T0DEEPECHO",
    }
    assert click["message"]["metadata"] == METADATA
    assert click["container"] == {
        "type": "message",
        "message_ts": posted["ts"],
        "channel_id": slack.channels["deploys"],
        "is_ephemeral": False,
    }
    [after] = await slack.client.messages("deploys")
    assert (after.visible_text, after.buttons, after.edits, after.metadata) == ("Approved by mia", (), 1, METADATA)


async def test_a_click_on_what_the_card_showed_earlier_still_arrives(
    slack: RunningSlack, bot: BoltBot, web: AsyncWebClient
) -> None:
    posted = await web.chat_postMessage(channel=slack.channels["deploys"], text="card", blocks=CARD)
    card = await slack.client.wait_for_message(lambda m: m.ts == posted["ts"])
    await web.chat_update(channel=card.channel, ts=card.ts, text="done", blocks=[section("Expired")])
    await slack.client.click("mia", card, "approve", "op-k7m2", stale=True)
    [action] = bot.received_of("block_actions")[0]["actions"]
    assert (action["action_id"], action["value"]) == ("approve", "op-k7m2")


async def test_metadata_comes_back_only_when_asked_for(slack: RunningSlack, web: AsyncWebClient) -> None:
    channel = slack.channels["deploys"]
    root = await web.chat_postMessage(channel=channel, text="card", metadata=METADATA)
    await web.chat_postMessage(channel=channel, text="reply", thread_ts=root["ts"], metadata=METADATA)
    plain = await web.conversations_history(channel=channel)
    assert "metadata" not in plain["messages"][0]
    history = await web.conversations_history(channel=channel, include_all_metadata=True)
    assert [message["metadata"] for message in history["messages"]] == [METADATA]
    assert history["messages"][0]["reply_count"] == 1
    replies = await web.conversations_replies(channel=channel, ts=root["ts"], include_all_metadata=True)
    assert [message.get("metadata") for message in replies["messages"]] == [METADATA, METADATA]


async def test_history_is_paged_newest_first_without_replies_or_ephemerals(slack: RunningSlack, web: AsyncWebClient) -> None:
    channel = slack.channels["ops"]
    posted = [(await web.chat_postMessage(channel=channel, text=f"message {n}"))["ts"] for n in range(5)]
    await web.chat_postMessage(channel=channel, text="reply", thread_ts=posted[0])
    await web.chat_postEphemeral(channel=channel, user=slack.people["deployer"], text="secret")
    texts: list[str] = []
    pages = 0
    async for page in await web.conversations_history(channel=channel, limit=2):
        texts += [message["text"] for message in page["messages"]]
        pages += 1
    assert texts == [f"message {n}" for n in (4, 3, 2, 1, 0)]
    assert pages == 3
    recent = await web.conversations_history(channel=channel, oldest=posted[3])
    assert [message["text"] for message in recent["messages"]] == ["message 4"]
    both = await web.conversations_history(channel=channel, oldest=posted[3], latest=posted[4], inclusive=True)
    assert [message["ts"] for message in both["messages"]] == [posted[4], posted[3]]


async def test_a_file_goes_into_a_thread_and_its_address_is_the_gateways(slack: RunningSlack, web: AsyncWebClient) -> None:
    channel = slack.channels["deploys"]
    root = await web.chat_postMessage(channel=channel, text="card")
    uploaded = await web.files_upload_v2(
        channel=channel, filename="chart.csv", content="a,b\n1,2\n", title="Errors", thread_ts=root["ts"]
    )
    [reply] = await slack.client.thread("deploys", root["ts"])
    assert reply.files[0]["title"] == "Errors"
    info = await web.files_info(file=uploaded["files"][0]["id"])
    assert info["file"]["url_private"].startswith(slack.url)
    assert info["file"]["shares"]["public"][channel][0]["thread_ts"] == root["ts"]


async def test_a_form_opens_is_filled_after_io_and_is_submitted(slack: RunningSlack, bot: BoltBot, web: AsyncWebClient) -> None:
    async def open_form(body: dict[str, Any]) -> None:
        opened = await web.views_open(trigger_id=body["trigger_id"], view=form(section("One moment")))
        view = opened["view"]
        await web.views_update(view_id=view["id"], hash=view["hash"], view=form(text_field("version"), text_field("reason")))

    async def check(body: dict[str, Any]) -> dict[str, Any] | None:
        values = body["view"]["state"]["values"]
        if values["version"]["version"]["value"] == "abc1234":
            return None
        return {"response_action": "errors", "errors": {"version": "There is no such version."}}

    bot.on_command, bot.on_form = open_form, check
    await slack.client.command("ana", "rollback production")
    view = await slack.client.wait_for_modal("ana", lambda v: "version" in v.fields)
    assert view.title == "Roll back"
    refused = await slack.client.submit("ana", version="nonsense", reason="errors")
    assert refused["payload"]["errors"] == {"version": "There is no such version."}
    assert (await slack.client.modal("ana")).errors == {"version": "There is no such version."}
    await slack.client.submit("ana", version="abc1234", reason="errors")
    assert await slack.client.forms("ana") == []


async def test_an_empty_required_field_is_not_even_submitted(slack: RunningSlack, bot: BoltBot, web: AsyncWebClient) -> None:
    bot.on_command = lambda body: web.views_open(trigger_id=body["trigger_id"], view=form())
    await slack.client.command("ana", "rollback")
    ack = await slack.client.submit("ana")
    assert ack["payload"]["errors"] == {"reason": "Please complete this required field."}
    assert bot.received_of("view_submission") == []


async def test_the_home_tab_is_published_and_clicked(slack: RunningSlack, bot: BoltBot, web: AsyncWebClient) -> None:
    async def publish(body: dict[str, Any]) -> None:
        if body["event"]["type"] == "app_home_opened":
            await web.views_publish(user_id=body["event"]["user"], view={"type": "home", "blocks": CARD})

    bot.on_event = publish
    await slack.client.open_home("sam")
    home = await slack.client.wait_for_home("sam")
    assert home.buttons == ["Approve", "Reject"]
    await slack.client.click_in_home("sam", "approve")
    click = bot.received_of("block_actions")[0]
    assert click["container"] == {"type": "view", "view_id": home.id}
    assert click["view"]["type"] == "home"


async def test_messages_mentions_and_reactions_reach_the_bot(slack: RunningSlack, bot: BoltBot) -> None:
    ts = await slack.client.say("ana", "what about <@U0DEEPECHO>", channel="ops")
    message = await slack.client.wait_for_message(lambda m: m.ts == ts)
    await slack.client.react("mia", message, "pushpin")
    await slack.client.pin("mia", message)

    async def all_heard() -> bool | None:
        return len(bot.received) >= 4 or None

    from sandbox.slack import wait_for

    await wait_for(all_heard)
    assert {body["event"]["type"] for body in bot.received} == {"message", "app_mention", "reaction_added", "pin_added"}
    assert bot.received_of("reaction_added")[0]["event"]["item"]["ts"] == ts


async def test_a_button_can_replace_and_remove_what_it_stood_in(slack: RunningSlack, bot: BoltBot, web: AsyncWebClient) -> None:
    channel, ana = slack.channels["deploys"], slack.people["deployer"]
    await web.chat_postEphemeral(channel=channel, user=ana, text="choose", blocks=CARD)
    message = await slack.client.wait_for_ephemeral("ana", "Roll back")

    async def replace(body: dict[str, Any]) -> None:
        await bot.app.client.api_test()
        async with web.session.post(body["response_url"], json={"replace_original": True, "text": "Gone ahead"}) as answer:  # type: ignore[union-attr]
            assert answer.status == 200

    bot.on_click = replace
    await slack.client.press("ana", message, "Approve")
    assert bot.received_of("block_actions")[0]["container"]["is_ephemeral"]
    assert (await slack.client.wait_for_ephemeral("ana", "Gone ahead")).ts == message.ts
