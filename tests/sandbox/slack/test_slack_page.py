"""What the page is told: for the person it acts as, in what it can draw, and what comes back from it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import RunningSlack, wait_for
from sandbox.slack.page_messages import FENCED, draw_blocks, draw_errors, draw_message, draw_text
from tests.harness.bolt_bot import BoltBot
from tests.harness.samples.slack_blocks import CARD, Block, actions, button, form, mrkdwn, plain, section, text_field

ANA, MIA, SAM = "U0ANA00001", "U0MIA00003", "U0SAM00004"
CONFIRM = {"title": plain("Sure?"), "text": mrkdwn("It restarts."), "confirm": plain("Yes"), "deny": plain("No")}


@dataclass
class FakeBrowser:
    """The page's own socket, without the page."""

    socket: aiohttp.ClientWebSocketResponse
    frames: list[Block] = field(default_factory=list)

    async def send(self, **frame: Any) -> None:
        await self.socket.send_str(json.dumps(frame))

    async def next(self, kind: str) -> Block:
        """The next frame of a kind; those before it are dropped."""
        while True:
            frame: Block = json.loads((await self.socket.receive(timeout=5)).data)
            if frame["t"] == kind:
                return frame


@asynccontextmanager
async def browser(slack: RunningSlack, person: str) -> AsyncIterator[FakeBrowser]:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{slack.url}/ui") as socket:
        page = FakeBrowser(socket)
        await page.next("init")
        if person != ANA:
            await page.send(t="acting", user=person)
            await page.next("init")
        yield page


async def test_the_page_comes_through_with_our_script(slack: RunningSlack) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(slack.url) as response:
            page = await response.text()
        async with session.get(f"{slack.url}/_gateway/page.js") as response:
            script = await response.text()
    assert '<head><script src="/_gateway/page.js"></script>' in page
    assert "try /deepecho help" in page
    assert "acting" in script


async def test_what_is_for_one_person_is_shown_to_them_only(slack: RunningSlack, web: AsyncWebClient) -> None:
    channel = slack.channels["deploys"]
    async with browser(slack, ANA) as ana, browser(slack, MIA) as mia:
        await web.chat_postEphemeral(channel=channel, user=ANA, text="only ana")
        await web.chat_postMessage(channel=channel, text="everybody")
        assert (await ana.next("message"))["message"]["text"] == "only ana"
        assert (await mia.next("message"))["message"]["text"] == "everybody"
        await mia.send(t="acting", user=ANA)
        state = (await mia.next("init"))["state"]
        assert [message["text"] for message in state["messages"][channel]] == ["only ana", "everybody"]


async def test_a_form_opens_on_the_page_of_its_person_only(slack: RunningSlack, bot: BoltBot, web: AsyncWebClient) -> None:
    bot.on_command = lambda body: web.views_open(trigger_id=body["trigger_id"], view=form())
    async with browser(slack, ANA) as ana, browser(slack, MIA) as mia:
        await ana.send(t="slash_command", user=ANA, channel=slack.channels["deploys"], command="/deepecho", text="rollback")
        [view] = (await ana.next("view"))["stack"]
        assert view["title"]["text"] == "Roll back"
        block = view["blocks"][0]["block_id"]
        await ana.send(t="view_submit", user=ANA, values={block: {"reason": {"type": "plain_text_input", "value": "errors"}}})
        assert (await ana.next("view"))["stack"] == []
        await mia.send(t="acting", user=SAM)
        assert (await mia.next("init"))["state"]["modalStack"] == []
    assert bot.received_of("view_submission")[0]["view"]["state"]["values"]["reason"]["reason"]["value"] == "errors"


async def test_a_click_that_wants_a_confirmation_asks_first(slack: RunningSlack, bot: BoltBot, web: AsyncWebClient) -> None:
    channel = slack.channels["deploys"]
    blocks = [actions(button("Drop", "drop", confirm=CONFIRM))]
    posted = await web.chat_postMessage(channel=channel, text="card", blocks=blocks)
    async with browser(slack, MIA) as mia:
        click = {"action_id": "drop", "value": "op-k7m2", "type": "button"}
        await mia.send(t="block_action", user=MIA, channel=channel, messageTs=posted["ts"], action=click)
        asked = await mia.next("confirm")
        assert asked["confirm"]["title"]["text"] == "Sure?"
        assert bot.received_of("block_actions") == []
        await mia.send(t="confirmed", id=asked["id"])

        async def clicked() -> bool | None:
            return bool(bot.received_of("block_actions")) or None

        await wait_for(clicked)


async def test_the_page_knows_whether_the_bot_is_there(slack: RunningSlack, web: AsyncWebClient) -> None:
    from tests.harness.bolt_bot import running_bolt_bot

    async with browser(slack, ANA) as ana:
        async with running_bolt_bot(slack, web):
            assert (await ana.next("socket_status"))["connected"]
        assert not (await ana.next("socket_status"))["connected"]


async def test_new_and_archived_channels_come_and_go(slack: RunningSlack, web: AsyncWebClient) -> None:
    async with browser(slack, ANA) as ana:
        channel = (await web.conversations_create(name="incident-1"))["channel"]["id"]
        names = [each["name"] for each in (await ana.next("init"))["state"]["channels"]]
        assert "incident-1" in names
        await web.conversations_archive(channel=channel)
        names = [each["name"] for each in (await ana.next("init"))["state"]["channels"]]
        assert "incident-1" not in names


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<!date^1795442520^{date_short} at {time}|fallback>", "Nov 23, 2026 at 15:02"),
        ("<!date^1795442520^{date_num} {time_secs}^https://x.y|f>", "<https://x.y|2026-11-23 15:02:00>"),
        ("<!here> <!channel|all> <!subteam^S0SRETEAM1>", "@here @channel @sre-team"),
        ("a &amp; b &lt;@U1&gt;", "a & b <\u200b@U1>"),
        ("```one\n*two*```", f"`{FENCED}one`\n`{FENCED}\u2217two\u2217`\n"),
        ("before ```:up: _x_``` after", f"before \n`{FENCED}:\u200bup: \u200b_x_`\n after"),
    ],
)
def test_mark_up_that_the_page_does_not_know_is_told_in_what_it_does(text: str, told: str) -> None:
    assert draw_text(text, ANA) == told


def test_times_are_in_the_readers_zone() -> None:
    text = "<!date^1795442520^{time}|fallback>"
    assert [draw_text(text, reader) for reader in (ANA, MIA, SAM)] == ["15:02", "14:02", "22:02"]


def test_days_that_are_near_say_so() -> None:
    noon = datetime.now(ZoneInfo("Europe/Berlin")).replace(hour=12, minute=0)
    days = [noon + timedelta(days=away) for away in (-1, 0, 1)]
    told = [draw_text(f"<!date^{int(day.timestamp())}^{{date_short_pretty}} {{time}}|x>", ANA) for day in days]
    assert told == ["yesterday 12:00", "today 12:00", "tomorrow 12:00"]
    assert draw_text(f"<!date^{int(noon.timestamp())}^{{date_num}}|x>", ANA) == f"{noon:%Y-%m-%d}"


def test_blocks_that_the_page_does_not_know_become_ones_that_it_does() -> None:
    rich = {
        "type": "rich_text",
        "elements": [
            {"type": "rich_text_section", "elements": [{"type": "text", "text": "bold", "style": {"bold": True}}]},
            {
                "type": "rich_text_list",
                "style": "ordered",
                "elements": [{"type": "rich_text_section", "elements": [{"type": "user", "user_id": MIA}]}],
            },
        ],
    }
    drawn = draw_blocks([rich, {"type": "markdown", "text": "## Now\n**bold** [link](https://x.y)"}], ANA)
    assert [block["text"]["text"] for block in drawn] == [f"*bold*\n1. <@{MIA}>", "*Now*\n*bold* <https://x.y|link>"]


def test_attachments_are_drawn_below_the_message() -> None:
    message = {"text": "card", "attachments": [{"color": "#f00", "blocks": CARD[:1]}, {"title": "Old", "text": "style"}]}
    drawn = draw_message(message, ANA)
    assert [block["type"] for block in drawn["blocks"]] == ["header", "section"]
    assert drawn["blocks"][1]["text"]["text"] == "Old\nstyle"


def test_fields_become_ones_that_the_page_can_fill_in() -> None:
    def drawn(kind: str, **more: Any) -> Block:
        block = text_field("a", element={"type": kind, "action_id": "a", **more})
        element: Block = draw_blocks([block], ANA, is_form=True)[0]["element"]
        return element

    option = {"text": plain("production"), "value": "production"}
    number = drawn("number_input", initial_value="3")
    assert (number["type"], number["initial_value"]) == ("plain_text_input", "3")
    assert drawn("users_select")["options"][0] == {"text": plain("Ana"), "value": ANA}
    assert drawn("multi_conversations_select")["type"] == "checkboxes"
    assert drawn("static_select", options=[option], initial_option=option)["placeholder"]["text"] == "production"


def test_what_is_wrong_is_told_by_label() -> None:
    view = form(text_field("reason", label=plain("Why")), section("x"))
    assert draw_errors(view, {"reason": "Too short.", "form": "Broken."}) == {"Why": "Too short.", "form": "Broken."}
