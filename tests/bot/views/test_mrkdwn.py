"""Markup: other people's words stay words."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.views.markup import mrkdwn
from bot.views.markup.spans import Strong, join, join_dots, line
from domain.people import BOT, Person
from domain.rich_text import ChannelMention, Code, CommandMention, GroupMention, Text, Timestamp, UserMention, sentence
from tests.harness.samples.operations import MIA


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"),
        ("<!channel> <@U0MIA00003>", "&lt;!channel&gt; &lt;@U0MIA00003&gt;"),
        ("two\nlines\r\nand\ttabs", "two lines and tabs"),
        ("red \x1b[31malert\x07", "red [31malert"),
        ("left\u202eright", "leftright"),
        ("password=hunter2 stays out", "password=••• stays out"),
        ("password=<hunter2>", "password=•••"),
        ("```rm -rf```", "'''rm -rf'''"),
    ],
)
def test_words_of_others_are_shown_as_words(written: str, sent: str) -> None:
    assert mrkdwn.to_mrkdwn(line(written)) == sent


def test_code_cannot_be_left() -> None:
    assert mrkdwn.code("a`b <!here>") == "`a'b &lt;!here&gt;`"
    assert mrkdwn.code("  ") == ""


@given(st.text(alphabet="`\n ab"))
def test_a_code_block_ends_where_it_ends(text: str) -> None:
    block = mrkdwn.code_block(text)
    assert block.count("```") == 2
    assert block.startswith("```\n")
    assert block.endswith("\n```")


def test_bold_gives_way_to_a_star_in_the_text() -> None:
    assert mrkdwn.strong("deep-echo-main") == "*deep-echo-main*"
    assert mrkdwn.strong("2 * 3") == "2 * 3"
    assert mrkdwn.strong("") == ""


def test_times_are_the_readers_and_everybodys() -> None:
    berlin = timezone(timedelta(hours=1))
    shown = mrkdwn.timestamp(datetime(2026, 11, 23, 15, 2, tzinfo=berlin))
    assert shown == "<!date^1795442520^{date_short_pretty} {time}|2026-11-23 14:02> (14:02 UTC)"
    assert mrkdwn.to_mrkdwn(line(Timestamp(datetime(2026, 11, 23, 14, 2, tzinfo=UTC)))) == shown


@pytest.mark.parametrize(
    ("done", "of", "drawn"),
    [
        (2, 3, "▓▓▓▓▓▓░░░"),
        (0, 3, "░░░░░░░░░"),
        (3, 3, "▓▓▓▓▓▓▓▓▓"),
        (1, 90, "▓░░░░░░░░"),
        (89, 90, "▓▓▓▓▓▓▓▓░"),
        (5, 3, "▓▓▓▓▓▓▓▓▓"),
        (0, 0, ""),
    ],
)
def test_a_bar_is_full_when_all_is_done_and_not_before(done: int, of: int, drawn: str) -> None:
    assert mrkdwn.progress_bar(done, of) == drawn


def test_people_are_mentioned_by_id() -> None:
    assert mrkdwn.user_mention(MIA) == "<@U0MIA00003>"
    assert mrkdwn.user_mention(BOT) == "deepecho"
    assert mrkdwn.user_mention(Person("<!here>", "T1")) == "&lt;!here&gt;"


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        (sentence(MIA, " approved this."), "<@U0MIA00003> approved this."),
        (sentence("Rejected by ", MIA, ": ask <@U0KIM00005>"), "Rejected by <@U0MIA00003>: ask &lt;@U0KIM00005&gt;"),
        ("<@U0KIM00005> approved this.", "&lt;@U0KIM00005&gt; approved this."),
        (sentence("Write it like ", Code("2h"), " or ", Code("1h30m"), "."), "Write it like `2h` or `1h30m`."),
        (sentence(CommandMention("help"), " shows every command."), "`/deepecho help` shows every command."),
        (sentence(GroupMention("S0SRETEAM1"), " in ", ChannelMention("C0ALERTS01")), "<!subteam^S0SRETEAM1> in <#C0ALERTS01>"),
        (sentence(CommandMention("rollback `x` <!here>")), "`/deepecho rollback 'x' &lt;!here&gt;`"),
        ("an odd ` stays", "an odd ` stays"),
    ],
)
def test_sentences_mention_their_parts_and_nobody_whom_a_text_names(said: Text, sent: str) -> None:
    assert mrkdwn.to_mrkdwn(line(said)) == sent


def test_lines_leave_out_what_is_not_there() -> None:
    assert mrkdwn.to_mrkdwn(join_dots("a", None, "", line(), Strong("b"), Code("c"))) == "a · *b* · `c`"
    assert mrkdwn.to_mrkdwn(join(", ", ["a", UserMention(MIA)])) == "a, <@U0MIA00003>"
    assert join_dots(None, "") == ()


def test_long_words_are_cut_and_known_to_be() -> None:
    long = line("x" * 700)
    assert mrkdwn.is_truncated(long)
    assert mrkdwn.to_mrkdwn(long) == "x" * 599 + "…"
    assert not mrkdwn.is_truncated(line("x" * 600))


def test_a_secret_is_hidden_before_it_is_cut() -> None:
    token = "x" * 590 + " ghp_" + "a1B2" * 9
    assert "ghp_" not in mrkdwn.to_mrkdwn(line(token))
