"""Sentences as values: what is equal, how it is kept, and how it reads as plain text."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter

from domain.errors import Refused, UsageError
from domain.people import BOT
from domain.rich_text import (
    ChannelMention,
    Code,
    CommandMention,
    GroupMention,
    Sentence,
    Text,
    Timestamp,
    UserMention,
    join,
    plain_text,
    sentence,
    without_ending,
)
from tests.harness.samples.team import ANA

AT = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
KEPT: TypeAdapter[Text] = TypeAdapter(Text)
EVERY_PART = sentence(
    *("{", ANA.person, " of ", GroupMention("S1"), " in ", ChannelMention("C1"), ": ", CommandMention("help"), ", "),
    *(Code("op-k7m2"), " at ", Timestamp(AT, time_only=True), " <@U1> `x`"),
)


def test_sentences_that_read_alike_are_equal() -> None:
    assert sentence("a ", "", None, "b") == "a b"
    assert sentence() == ""
    assert sentence("by ", sentence(ANA.person, "."), "") == Sentence(("by ", UserMention(ANA.person), "."))
    assert sentence(sentence("a ", ANA.person), " b", " c") == sentence("a ", ANA.person, " b c")
    assert join(" or ", [Code("a"), "b", sentence(BOT)]) == sentence(Code("a"), " or b or ", BOT)


def test_every_part_is_read_back_as_it_was_kept() -> None:
    assert KEPT.validate_json(KEPT.dump_json(EVERY_PART)) == EVERY_PART
    assert KEPT.validate_json(KEPT.dump_json('{"parts": ["<@U1>"]}')) == '{"parts": ["<@U1>"]}', "a text is never a sentence"


def test_plain_text_names_every_part() -> None:
    assert plain_text(EVERY_PART) == "{@U0DEPLOYER of @S1 in #C1: `help`, `op-k7m2` at 2026-11-23 14:02 UTC <@U1> `x`"
    assert plain_text(sentence("by ", BOT)) == "by deepecho"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("It failed. Nothing was changed.", "It failed."),
        (sentence("As ", ANA.person, " asked. Nothing was changed."), sentence("As ", ANA.person, " asked.")),
        (sentence("As asked by ", ANA.person), sentence("As asked by ", ANA.person)),
    ],
)
def test_an_ending_is_taken_off_where_it_is_there(text: Text, left: Text) -> None:
    assert without_ending(text, " Nothing was changed.") == left


def test_an_error_carries_its_sentence_and_reads_as_plain_text() -> None:
    refused = Refused(sentence("Locked by ", ANA.person, "."))
    assert (refused.sentence, str(refused)) == (sentence("Locked by ", ANA.person, "."), "Locked by @U0DEPLOYER.")
    usage = UsageError("No.", sentence("Try ", CommandMention("help"), "."))
    assert (usage.sentence, plain_text(usage.hint)) == ("No.", "Try `help`.")
