"""Messages of Slack as texts without markup, and where each is found."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.slack.api import SlackApi, open_session
from bot.slack.message_text import MAX_MESSAGE_LENGTH, parse_markup
from bot.slack.messages import SlackMessages
from domain.errors import PermanentError, TemporaryError
from domain.people import Person
from domain.rich_text import UserMention, parts_of, plain_text
from tests.harness.fakes.scripted_web import ScriptedResponse, ScriptedWeb, scripted_web

IDENTITY = {"ok": True, "user_id": "U0BOT", "team_id": "T0", "url": "https://team.slack.com/"}
REPLY = {"ts": "2.000002", "thread_ts": "1.000001", "user": "U0LEE", "text": "found it"}


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("plain &amp; &lt;simple&gt;", "plain & <simple>"),
        ("<@U0ANA> looks", "@U0ANA looks"),
        ("see <#C0OPS|ops> and <#C0DEV>", "see #ops and #C0DEV"),
        ("<!here> <!subteam^S0SRE|@sre> <!subteam^S0OPS>", "@here @sre @S0OPS"),
        ("<!date^1795440120^{time}|14:02 UTC>", "14:02 UTC"),
        ("<https://example.com/a?b=1&amp;c=2>", "https://example.com/a?b=1&c=2"),
        ("<https://example.com|the graph>", "the graph (https://example.com)"),
        ("<http://example.com|example.com> <mailto:a@example.com|a@example.com>", "http://example.com a@example.com"),
        ("1 &lt; 2 and 3 &gt; 2", "1 < 2 and 3 > 2"),
        ("&lt;@U0ANA&gt; is typed", "<@U0ANA> is typed"),
    ],
)
def test_markup_becomes_text(written: str, text: str) -> None:
    assert plain_text(parse_markup(written, "T0")) == text


def test_people_stay_people() -> None:
    assert parts_of(parse_markup("<@U0ANA>!", "T0")) == (UserMention(Person("U0ANA", "T0")), "!")


@pytest.fixture
async def server() -> AsyncIterator[ScriptedWeb]:
    async with scripted_web() as running:
        running.by_name["auth.test"] = ScriptedResponse(IDENTITY)
        running.respond_ok()
        yield running


@pytest.fixture
async def messages(server: ScriptedWeb) -> AsyncIterator[SlackMessages]:
    async with open_session(server.url) as session:
        yield SlackMessages(SlackApi("xoxb-of-the-test", session, base_url=f"{server.url}/api"))


def answer(server: ScriptedWeb, method: str, *found: dict[str, Any]) -> None:
    server.by_name[method] = ScriptedResponse({"ok": True, "messages": list(found)})


async def test_a_message_is_read_with_its_author_and_permalink(server: ScriptedWeb, messages: SlackMessages) -> None:
    reactions = [{"name": "pushpin", "users": ["U0ANA"], "count": 1}]
    root = {"ts": "1.000001", "user": "U0LEE", "text": "it is DNS", "reactions": reactions, "pinned_to": ["C0INC"]}
    answer(server, "conversations.history", root)
    found = await messages.message("C0INC", "1.000001")
    assert found is not None
    assert found.author is not None
    assert (found.text, found.author.person) == ("it is DNS", Person("U0LEE", "T0"))
    assert found.permalink == "https://team.slack.com/archives/C0INC/p1000001"
    assert (found.is_pinned, found.is_marked) == (True, True)
    assert server.requests[0].query["inclusive"]


async def test_a_reply_is_read_from_its_thread(server: ScriptedWeb, messages: SlackMessages) -> None:
    answer(server, "conversations.history")
    answer(server, "conversations.replies", REPLY)
    found = await messages.message("C0INC", "2.000002")
    assert found is not None
    assert found.permalink == "https://team.slack.com/archives/C0INC/p2000002?thread_ts=1.000001&cid=C0INC"
    assert (found.is_pinned, found.is_marked) == (False, False)


async def test_a_message_that_is_gone_is_none(server: ScriptedWeb, messages: SlackMessages) -> None:
    answer(server, "conversations.history")
    server.by_name["conversations.replies"] = ScriptedResponse({"ok": False, "error": "thread_not_found"})
    assert await messages.message("C0INC", "2.000002") is None
    answer(server, "conversations.replies", {"ts": "1.000001", "text": "the root"})
    assert await messages.message("C0INC", "2.000002") is None


@pytest.mark.parametrize(
    ("code", "error"),
    [("missing_scope", PermanentError), ("not_in_channel", PermanentError), ("token_revoked", TemporaryError)],
)
async def test_what_may_not_be_read_is_not_asked_for_again(
    server: ScriptedWeb, messages: SlackMessages, code: str, error: type[Exception]
) -> None:
    server.by_name["conversations.history"] = ScriptedResponse({"ok": False, "error": code})
    with pytest.raises(error):
        await messages.message("C0INC", "1.000001")


async def test_an_endless_message_is_cut(server: ScriptedWeb, messages: SlackMessages) -> None:
    answer(server, "conversations.history", {"ts": "1.000001", "user": "U0LEE", "text": "x" * 50_000})
    found = await messages.message("C0INC", "1.000001")
    assert found is not None
    assert len(plain_text(found.text)) == MAX_MESSAGE_LENGTH
