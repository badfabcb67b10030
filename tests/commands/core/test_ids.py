"""Ids as people type them."""

import pytest

from commands.core.ids import parse_id
from domain.errors import UsageError
from domain.rich_text import plain_text


@pytest.mark.parametrize("word", ["op-k7m2", "OP-K7M2", "k7m2", "K7M2"])
def test_an_id_is_known_in_any_case_with_and_without_what_it_begins_with(word: str) -> None:
    assert parse_id(word, "op-k7m2", "an operation's", "operations") == "op-k7m2"


@pytest.mark.parametrize("word", ["", "op-", "al-k7m2", "op-op-k7m2", "k7 m2", "k7m2\n", "ä", "x" * 41])
def test_what_is_no_id_is_told_how_one_looks_and_where_they_are(word: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_id(word, "op-k7m2", "an operation's", "operations")
    assert plain_text(refused.value.sentence) == f"“{word[:40]}” is not an operation's id."
    hint = plain_text(refused.value.hint)
    assert hint == "They look like `op-k7m2`; `operations` lists them."
