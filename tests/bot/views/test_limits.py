"""Slack's limits: whatever comes in, what leaves is accepted, and buttons are the last to go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.views.markup import blocks, limits
from sandbox.slack.limits import check_message
from tests.harness.message_text import Json

MARKUP = st.one_of(
    st.sampled_from(["<!date^1^{time}|x> ", "&amp;", "<@U0MIA00003>", "```", "😀", "a", " ", "\n", "`"]),
    st.text(max_size=8).map(lambda text: text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")),
)
TEXT = st.builds(lambda pieces, times: "".join(pieces) * times, st.lists(MARKUP, max_size=12), st.integers(1, 600))
BUTTON = st.builds(lambda text, value: blocks.button(text or "x", action="a", value=value), TEXT, TEXT)
BLOCK: st.SearchStrategy[Json] = st.one_of(
    TEXT.map(blocks.section),
    TEXT.map(blocks.header),
    st.lists(TEXT, min_size=1, max_size=14).map(lambda texts: blocks.context(*texts)),
    st.lists(TEXT, min_size=1, max_size=14).map(lambda texts: blocks.fields(*texts)),
    st.just(blocks.divider()),
    BUTTON.map(blocks.actions),
)


@given(TEXT, st.integers(20, 3_000))
def test_a_cut_never_ends_within_markup(text: str, most: int) -> None:
    kept = limits.cut(text, most)
    assert limits.text_length(kept) <= most
    assert kept == text or ("…" in kept and kept.count("```") % 2 == 0)
    assert kept == text or kept.count("<") == kept.count(">")


@given(st.lists(BLOCK, max_size=70))
def test_slack_accepts_what_was_fitted(given_blocks: list[Json]) -> None:
    fitted, is_short = limits.fit(given_blocks)
    check_message({"text": "x", "blocks": list(fitted)})
    assert is_short or list(fitted) == [each for each in given_blocks if each in fitted]


def test_what_fits_stays_as_it_is() -> None:
    given_blocks = [blocks.header("a"), blocks.section("b"), blocks.divider()]
    assert limits.fit(given_blocks) == (tuple(given_blocks), False)


def test_buttons_and_headlines_stay_longest() -> None:
    approve = blocks.actions(blocks.button("Approve", action="operation.approve", value="op-k7m2"))
    many = [blocks.header("Title"), *(blocks.section(f"line {number}") for number in range(80)), approve]
    fitted, is_short = limits.fit(many)
    assert is_short
    assert len(fitted) == limits.MESSAGE_BLOCKS
    assert fitted[0]["type"] == "header"
    assert approve in fitted
    assert fitted[-1]["elements"][0]["text"] == "and 33 more parts, not shown here"


def test_only_buttons_are_cut_too() -> None:
    fitted, _ = limits.fit([blocks.actions(blocks.button("x", action="a", value=str(number))) for number in range(60)])
    check_message({"text": "x", "blocks": list(fitted)})


def test_the_sum_over_all_blocks_is_kept() -> None:
    fitted, is_short = limits.fit([blocks.section("x" * 2_900) for _ in range(6)])
    assert is_short
    assert limits.total_text_length(fitted) <= limits.MESSAGE_CHARACTERS
    assert len(fitted) == 5


def test_a_value_that_would_be_cut_is_no_button() -> None:
    row = blocks.actions(blocks.button("a", action="a", value="v" * 2_001), blocks.button("b" * 90, action="b", value="v"))
    fitted, _ = limits.fit([row])
    assert [each["text"]["text"] for each in fitted[0]["elements"]] == ["b" * 74 + "…"]


@pytest.mark.parametrize(
    "empty",
    [blocks.section(" \n"), blocks.header(""), blocks.context(""), blocks.actions(), blocks.fields("", " ")],
)
def test_what_says_nothing_is_not_sent(empty: Json) -> None:
    assert limits.fit([empty]) == ((), False)


def test_emoji_count_as_slack_may_count_them() -> None:
    assert limits.text_length("a😀") == 3
    assert limits.cut("😀" * 10, 11) == "😀" * 5 + "…"
