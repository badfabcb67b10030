"""Tokens, channels, people, messages: the Web API answers and refuses as the real one does."""

from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import RunningSlack
from tests.harness.samples.slack_blocks import CARD, METADATA, form, section


async def refusal(call: Awaitable[Any]) -> str:
    """Slack's word for why it said no."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def posted(slack: RunningSlack, method: str, token: str | None, body: dict[str, Any] | None = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(slack.api_url + method, json=body or {}) as response,
    ):
        answer: dict[str, Any] = await response.json()
    return answer


@pytest.mark.parametrize(
    ("method", "token", "error"),
    [
        ("auth.test", None, "not_authed"),
        ("auth.test", "xoxb-wrong", "invalid_auth"),
        ("auth.test", "xapp-1-A0DEEPECHO-sandbox", "not_allowed_token_type"),
        ("chat.postMessage", "", "not_authed"),
        ("apps.connections.open", "xoxb-sandbox-deepecho", "not_allowed_token_type"),
        ("apps.connections.open", "xapp-wrong", "invalid_auth"),
        ("chat.explode", "xoxb-sandbox-deepecho", "unknown_method"),
    ],
)
async def test_tokens_are_checked(slack: RunningSlack, method: str, token: str | None, error: str) -> None:
    assert (await posted(slack, method, token))["error"] == error


async def test_the_bot_learns_who_and_where_it_is(slack: RunningSlack, web: AsyncWebClient) -> None:
    me = await web.auth_test()
    assert (me["user_id"], me["team_id"], me["bot_id"]) == ("U0DEEPECHO", "T0DEEPECHO", "B0DEEPECHO")
    assert (await web.team_info())["team"]["id"] == "T0DEEPECHO"


async def test_people_are_told_apart_by_workspace_and_flags(slack: RunningSlack, web: AsyncWebClient) -> None:
    ana = (await web.users_info(user=slack.people["deployer"]))["user"]
    assert (ana["team_id"], ana["tz"], ana["is_restricted"]) == ("T0DEEPECHO", "Europe/Berlin", False)
    guest = (await web.users_info(user=slack.people["guest"]))["user"]
    assert guest["is_restricted"]
    outsider = (await web.users_info(user=slack.people["outsider"]))["user"]
    assert outsider["is_stranger"]
    assert outsider["team_id"] == "T0PARTNERS"
    assert await refusal(web.users_info(user="U0NOBODY")) == "user_not_found"
    assert (await web.users_lookupByEmail(email="mia@example.com"))["user"]["id"] == slack.people["approver"]
    assert await refusal(web.users_lookupByEmail(email="nobody@example.com")) == "users_not_found"
    assert len((await web.users_list())["members"]) == 12


async def test_a_role_can_come_from_a_group(slack: RunningSlack, web: AsyncWebClient) -> None:
    [group] = (await web.usergroups_list(include_users=True))["usergroups"]
    assert (group["handle"], group["users"]) == ("sre-team", [slack.people["sre"]])
    assert (await web.usergroups_users_list(usergroup=slack.groups["sre-team"]))["users"] == [slack.people["sre"]]
    assert await refusal(web.usergroups_users_list(usergroup="S0NOBODY")) == "no_such_subteam"


async def test_an_incident_channel_is_made_filled_described_and_archived(slack: RunningSlack, web: AsyncWebClient) -> None:
    channel = (await web.conversations_create(name="incident-2026-11-23-14-02"))["channel"]["id"]
    assert await refusal(web.conversations_create(name="incident-2026-11-23-14-02")) == "name_taken"
    ana, mia = slack.people["deployer"], slack.people["approver"]
    await web.conversations_invite(channel=channel, users=[ana, mia])
    assert await refusal(web.conversations_invite(channel=channel, users=[ana])) == "already_in_channel"
    assert await refusal(web.conversations_invite(channel=channel, users=["U0DEEPECHO"])) == "cant_invite_self"
    partly = {"channel": channel, "users": f"{slack.people['sre']},U0NOBODY"}
    assert await refusal(web.api_call("conversations.invite", json=partly)) == "user_not_found"
    assert (await web.api_call("conversations.invite", json=partly | {"force": True}))["ok"]
    members = (await web.conversations_members(channel=channel))["members"]
    assert members == ["U0DEEPECHO", ana, mia, slack.people["sre"]]
    await web.conversations_setTopic(channel=channel, topic="P1 checkout is failing")
    await web.conversations_setPurpose(channel=channel, purpose="Find out why")
    assert await refusal(web.conversations_setTopic(channel=channel, topic="t" * 251)) == "too_long"
    info = (await web.conversations_info(channel=channel))["channel"]
    assert (info["topic"]["value"], info["purpose"]["value"], info["num_members"]) == (
        "P1 checkout is failing",
        "Find out why",
        4,
    )
    ts = (await web.chat_postMessage(channel=channel, text="card"))["ts"]
    await web.pins_add(channel=channel, timestamp=ts)
    assert await refusal(web.pins_add(channel=channel, timestamp=ts)) == "already_pinned"
    assert [item["message"]["ts"] for item in (await web.pins_list(channel=channel))["items"]] == [ts]
    link = "https://example.com/"
    bookmark = (await web.bookmarks_add(channel_id=channel, title="Runbook", type="link", link=link))["bookmark"]
    await web.bookmarks_edit(channel_id=channel, bookmark_id=bookmark["id"], title="The runbook")
    assert [each["title"] for each in (await web.bookmarks_list(channel_id=channel))["bookmarks"]] == ["The runbook"]
    await web.conversations_archive(channel=channel)
    assert await refusal(web.conversations_archive(channel=channel)) == "already_archived"
    assert await refusal(web.chat_postMessage(channel=channel, text="late")) == "is_archived"
    assert await refusal(web.conversations_create(name="incident-2026-11-23-14-02")) == "name_taken"


async def test_channels_are_listed_in_pages(slack: RunningSlack, web: AsyncWebClient) -> None:
    names: list[str] = []
    async for page in await web.conversations_list(limit=3):
        names += [channel["name"] for channel in page["channels"]]
    assert names == list(slack.channels)
    assert await refusal(web.conversations_list(cursor="nonsense")) == "invalid_cursor"


async def test_the_bot_posts_only_where_it_is(slack: RunningSlack, web: AsyncWebClient) -> None:
    assert await refusal(web.chat_postMessage(channel="C0NOWHERE", text="a")) == "channel_not_found"
    channel = slack.channels["ops"]
    await web.conversations_leave(channel=channel)
    assert await refusal(web.chat_postMessage(channel=channel, text="a")) == "not_in_channel"
    await web.conversations_join(channel=channel)
    assert (await web.chat_postMessage(channel=channel, text="a"))["ok"]


async def test_direct_messages_reach_one_person(slack: RunningSlack, web: AsyncWebClient) -> None:
    mia = slack.people["approver"]
    opened = (await web.conversations_open(users=[mia]))["channel"]["id"]
    assert (await web.chat_postMessage(channel=mia, text="You are on call"))["channel"] == opened
    assert [m.text for m in await slack.client.messages(opened)] == ["You are on call"]
    assert await refusal(web.conversations_open(users=["U0NOBODY"])) == "user_not_found"


async def test_only_what_is_given_changes(slack: RunningSlack, web: AsyncWebClient) -> None:
    channel = slack.channels["deploys"]
    ts = (await web.chat_postMessage(channel=channel, text="card", blocks=CARD, metadata=METADATA))["ts"]
    await web.chat_update(channel=channel, ts=ts, text="new words")
    [message] = (await web.conversations_history(channel=channel, include_all_metadata=True))["messages"]
    assert message["text"] == "new words"
    assert [block["type"] for block in message["blocks"]] == ["header", "section", "actions"]
    assert message["metadata"] == METADATA
    await web.chat_update(channel=channel, ts=ts, text="bare", blocks=[], metadata={})
    [message] = (await web.conversations_history(channel=channel, include_all_metadata=True))["messages"]
    assert not message["blocks"]
    assert "metadata" not in message


async def test_what_cannot_be_changed_is_refused(slack: RunningSlack, web: AsyncWebClient) -> None:
    channel = slack.channels["deploys"]
    theirs = await slack.client.say("ana", "mine", channel="deploys")
    assert await refusal(web.chat_update(channel=channel, ts=theirs, text="x")) == "cant_update_message"
    assert await refusal(web.chat_delete(channel=channel, ts=theirs)) == "cant_delete_message"
    assert await refusal(web.chat_update(channel=channel, ts="1.1", text="x")) == "message_not_found"
    assert await refusal(web.chat_postMessage(channel=channel, text="x", thread_ts="1.1")) == "thread_not_found"
    assert await refusal(web.api_call("chat.postMessage", json={"channel": channel})) == "no_text"
    assert await refusal(web.chat_postMessage(channel=channel, text="a", blocks=[{"type": "banner"}])) == "invalid_blocks"
    ephemeral = await web.chat_postEphemeral(channel=channel, user=slack.people["deployer"], text="psst")
    assert await refusal(web.chat_update(channel=channel, ts=ephemeral["message_ts"], text="x")) == "cant_update_message"
    stranger = web.chat_postEphemeral(channel=channel, user=slack.people["outsider"], text="psst")
    assert await refusal(stranger) == "user_not_in_channel"


async def test_reactions_and_links(slack: RunningSlack, web: AsyncWebClient) -> None:
    channel = slack.channels["deploys"]
    ts = (await web.chat_postMessage(channel=channel, text="card"))["ts"]
    await web.reactions_add(channel=channel, timestamp=ts, name="eyes")
    assert await refusal(web.reactions_add(channel=channel, timestamp=ts, name="eyes")) == "already_reacted"
    assert (await web.reactions_get(channel=channel, timestamp=ts))["message"]["reactions"][0]["name"] == "eyes"
    await web.reactions_remove(channel=channel, timestamp=ts, name="eyes")
    assert await refusal(web.reactions_remove(channel=channel, timestamp=ts, name="eyes")) == "no_reaction"
    link = (await web.chat_getPermalink(channel=channel, message_ts=ts))["permalink"]
    assert link == f"{slack.url}/archives/{channel}/p{ts.replace('.', '')}"


async def test_a_scheduled_message_waits_and_can_be_taken_back(slack: RunningSlack, web: AsyncWebClient) -> None:
    channel = slack.channels["deploys"]
    assert await refusal(web.chat_scheduleMessage(channel=channel, text="a", post_at=1)) == "time_in_past"
    far = 4_000_000_000
    assert await refusal(web.chat_scheduleMessage(channel=channel, text="a", post_at=far)) == "time_too_far"
    import time

    soon = int(time.time()) + 3600
    waiting = (await web.chat_scheduleMessage(channel=channel, text="later", post_at=soon))["scheduled_message_id"]
    assert [m["id"] for m in (await web.chat_scheduledMessages_list())["scheduled_messages"]] == [waiting]
    await web.chat_deleteScheduledMessage(channel=channel, scheduled_message_id=waiting)
    assert (await web.chat_scheduledMessages_list())["scheduled_messages"] == []
    await web.chat_scheduleMessage(channel=channel, text="now", post_at=int(time.time()) + 1)
    await slack.client.wait_for_message(lambda m: m.text == "now")


async def test_a_trigger_opens_one_form_and_only_for_three_seconds(slack: RunningSlack, web: AsyncWebClient) -> None:
    assert await refusal(web.views_open(trigger_id="1.2.3", view=form())) == "invalid_trigger_id"
    tickets = slack.gateway.hub.issued_tokens
    trigger = tickets.new_trigger(slack.people["deployer"])
    await web.views_open(trigger_id=trigger, view=form())
    assert await refusal(web.views_open(trigger_id=trigger, view=form())) == "exchanged_trigger_id"
    late = tickets.new_trigger(slack.people["deployer"])
    await slack.client.expire_triggers()
    assert await refusal(web.views_open(trigger_id=late, view=form())) == "expired_trigger_id"


async def test_a_form_changes_only_for_who_has_seen_its_last_state(slack: RunningSlack, web: AsyncWebClient) -> None:
    tickets, ana = slack.gateway.hub.issued_tokens, slack.people["deployer"]
    view = (await web.views_open(trigger_id=tickets.new_trigger(ana), view=form()))["view"]
    update = web.views_update(view_id=view["id"], hash=view["hash"], view=form(section("two"), title="Second"))
    changed = (await update)["view"]
    assert changed["id"] == view["id"]
    stale = web.views_update(view_id=view["id"], hash=view["hash"], view=form(section("three")))
    assert await refusal(stale) == "hash_conflict"
    assert await refusal(web.views_update(view_id="V0NOTHING", view=form())) == "not_found"
    for _ in range(2):
        await web.views_push(trigger_id=tickets.new_trigger(ana), view=form())
    assert await refusal(web.views_push(trigger_id=tickets.new_trigger(ana), view=form())) == "push_limit_reached"
    assert [view.title for view in await slack.client.forms("ana")] == ["Second", "Roll back", "Roll back"]
    assert await slack.client.forms("mia") == []


async def test_a_response_address_works_five_times(slack: RunningSlack) -> None:
    url = slack.gateway.hub.response_url(channel=slack.channels["deploys"], user=slack.people["deployer"])
    statuses = []
    async with aiohttp.ClientSession() as session:
        for number in range(6):
            async with session.post(url, json={"text": f"answer {number}"}) as response:
                statuses.append((await response.json()).get("error", "ok"))
    assert statuses == ["ok"] * 5 + ["used_url"]
    assert len(await slack.client.ephemerals("ana")) == 5
