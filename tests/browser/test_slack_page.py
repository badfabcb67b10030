"""The page that people see, in a real browser, with a small bot behind it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, expect
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import LocalSlack, RunningSlack
from tests.harness.bolt_bot import BoltBot, running_bolt_bot
from tests.harness.samples.slack_blocks import CARD, METADATA, form, mrkdwn, plain, section, text_field
from tests.harness.slack_page import SlackPage

pytestmark = pytest.mark.browser
SCREENSHOTS = Path(__file__).resolve().parents[2] / ".screenshots" / "slack-page"
FIELDS = form(
    {
        "type": "input",
        "block_id": "environment",
        "label": plain("Environment"),
        "dispatch_action": True,
        "element": {
            "type": "static_select",
            "action_id": "environment",
            "initial_option": {"text": plain("production"), "value": "production"},
            "options": [{"text": plain(name), "value": name} for name in ("staging", "production")],
        },
    },
    text_field("version", label=plain("Version")),
    {
        "type": "input",
        "block_id": "who",
        "label": plain("Approver"),
        "optional": True,
        "element": {"type": "users_select", "action_id": "who"},
    },
    text_field("reason", label=plain("Reason")),
)


@pytest.fixture
async def slack() -> AsyncIterator[RunningSlack]:
    async with LocalSlack() as running:
        yield running
        assert running.gateway.problems == []


@pytest.fixture
async def web(slack: RunningSlack) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[])


@pytest.fixture
async def bot(slack: RunningSlack, web: AsyncWebClient) -> AsyncIterator[BoltBot]:
    async with running_bolt_bot(slack, web) as small:
        yield small


async def test_one_asks_another_approves_and_both_see_it(
    slack: RunningSlack, bot: BoltBot, web: AsyncWebClient, browser: Browser
) -> None:
    async def post(body: dict[str, Any]) -> None:
        card = await web.chat_postMessage(channel=body["channel_id"], text="card", blocks=CARD, metadata=METADATA)
        await web.chat_postMessage(channel=body["channel_id"], text="```3 pods\nwait```", thread_ts=card["ts"])

    async def approve(body: dict[str, Any]) -> None:
        told = section(f"Approved by <@{body['user']['id']}>")
        await web.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text="done", blocks=[told])

    bot.answer, bot.on_command, bot.on_click = "Working on it", post, approve
    ana = await SlackPage.open(browser, slack.url, SCREENSHOTS, as_user="ana")
    mia = await SlackPage.open(browser, slack.url, SCREENSHOTS, as_user="mia")
    for page in (ana, mia):
        await page.channel("deploys")
    await ana.command("/deepecho rollback production abc1234")
    await ana.wait_for_message("Working on it")
    await mia.wait_for_message("Roll back deep-echo in production")
    await expect(mia.message("Working on it")).to_have_count(0)
    await mia.screenshot("1-card")
    replies = await mia.thread_of("Roll back")
    await expect(replies.last).to_contain_text("3 pods")
    await mia.screenshot("2-thread")
    await mia.close_thread()
    await mia.click_button("Approve")
    for page in (ana, mia):
        await page.wait_for_message("Approved by @Mia")
    await ana.as_user("sam")
    await expect(ana.message("Working on it")).to_have_count(0)


async def test_a_form_is_filled_in_corrected_and_submitted(
    slack: RunningSlack, bot: BoltBot, web: AsyncWebClient, browser: Browser
) -> None:
    async def check(body: dict[str, Any]) -> dict[str, Any] | None:
        version = body["view"]["state"]["values"]["version"]["version"]["value"]
        wrong = {"response_action": "errors", "errors": {"version": "There is no such version."}}
        return None if version == "abc1234" else wrong

    bot.on_command = lambda body: web.views_open(trigger_id=body["trigger_id"], view=FIELDS)
    bot.on_form = check
    ana = await SlackPage.open(browser, slack.url, SCREENSHOTS, as_user="ana")
    await ana.command("/deepecho rollback")
    await ana.choose("Environment", "staging")
    await ana.fill("Version", "nonsense")
    await ana.choose("Approver", "Mia")
    await ana.fill("Reason", "errors")
    await ana.submit()
    await expect(ana.modal).to_contain_text("Version: There is no such version.")
    await ana.screenshot("3-form")
    await ana.fill("Version", "abc1234")
    await ana.submit()
    await expect(ana.modal).to_have_count(0)
    values = bot.received_of("view_submission")[-1]["view"]["state"]["values"]
    assert values["environment"]["environment"]["selected_option"]["value"] == "staging"
    assert values["who"]["who"]["selected_user"] == slack.people["approver"]
    assert bot.received_of("block_actions")[0]["actions"][0]["selected_option"]["value"] == "staging"


async def test_the_home_tab_and_a_button_that_asks_first(
    slack: RunningSlack, bot: BoltBot, web: AsyncWebClient, browser: Browser
) -> None:
    confirm = {"title": plain("Cancel it?"), "text": mrkdwn("It ends."), "confirm": plain("End"), "deny": plain("Keep")}
    cancel = {"type": "button", "text": plain("Cancel"), "action_id": "cancel", "confirm": confirm}
    view = {"type": "home", "blocks": [section("*Running* op-k7m2"), {"type": "actions", "elements": [cancel]}]}
    bot.on_event = lambda body: web.views_publish(user_id=body["event"]["user"], view=view)
    sam = await SlackPage.open(browser, slack.url, SCREENSHOTS, as_user="sam")
    home = await sam.home()
    await expect(home).to_contain_text("Running op-k7m2")
    await home.get_by_text("Cancel", exact=True).click()
    await sam.confirm(yes=False)
    await home.get_by_text("Cancel", exact=True).click()
    await sam.screenshot("4-home")
    async with bot.wait_for("block_actions"):
        await sam.confirm()
    assert len(bot.received_of("block_actions")) == 1
