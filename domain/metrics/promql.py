"""Finds the threshold in an alert's PromQL expression. It parses no more of PromQL than that needs. Pure."""

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from domain.metrics.generator_urls import expressions_in
from domain.metrics.promql_numbers import constant_of

MAX_EXPRESSION_LENGTH = 10_000
"""Characters. A longer expression is ignored, not cut: half of it would mean something else."""

MAX_NESTED_CONDITIONS = 10
"""How many parentheses with conditions of their own are read; more of them would cost time, and nobody writes them."""


class Comparison(StrEnum):
    """PromQL's comparison operators."""

    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="
    EQUAL = "=="
    NOT_EQUAL = "!="


_MIRRORED = {
    Comparison.ABOVE: Comparison.BELOW,
    Comparison.AT_LEAST: Comparison.AT_MOST,
    Comparison.BELOW: Comparison.ABOVE,
    Comparison.AT_MOST: Comparison.AT_LEAST,
}
"""``10 < x`` means ``x > 10``."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A comparison with a number. ``left`` is the measured expression, in PromQL and without comments.

    ``limit`` may be infinite, never NaN. ``boolean``: the expression yields 0 or 1 (``> bool 10``) instead of filtering series.
    """

    left: str
    comparison: Comparison
    limit: float
    boolean: bool = False
    inner_limits: tuple[tuple[Comparison, float], ...] = ()
    """The limits before the last one in a chain: of ``3 <= x < 20`` those are at least 3."""
    condition: str = ""
    """What the rule demands besides, beginning with ``and`` or ``unless``. The value is that of ``left`` all the same."""

    @property
    def expression(self) -> str:
        """The whole comparison, with the numbers on the right."""
        inner = "".join(f" {comparison} {_format_number(limit)}" for comparison, limit in self.inner_limits)
        own = f"{self.comparison} {'bool ' if self.boolean else ''}{_format_number(self.limit)}"
        return f"{self.left}{inner} {own}{f' {self.condition}' if self.condition else ''}"


def expression_of(generator_url: str) -> str:
    """The expression in an alert's ``generatorURL``: see ``domain.metrics.generator_urls``.

    Empty if there is none, if it is longer than ``MAX_EXPRESSION_LENGTH``, or if it contains control characters.
    """
    expression = next(filter(None, expressions_in(generator_url)), "")
    if len(expression) > MAX_EXPRESSION_LENGTH or any(_is_control_character(character) for character in expression):
        return ""
    return expression


def split_threshold(expression: str) -> Threshold | None:
    """Split an expression that compares one thing with numbers at its top level, besides conditions that follow.

    None for everything else: ``or`` at the top level, a comparison of two series, text that is not PromQL. The time is
    proportional to the length.
    """
    tokens = _tokenize(expression)
    parts = None if tokens is None else _split_condition(tokens)
    if parts is None:
        return None
    inner, condition = parts
    positions = [place for place in _top_level(inner) if inner[place].text in _COMPARISONS]
    threshold = _build_threshold(inner, positions) if positions else None
    return replace(threshold, condition=condition) if threshold else None


def why_no_limit(expression: str) -> str:
    """Why a rule that compares something has no limit that can be drawn; empty if it has one, or compares nothing."""
    tokens = _tokenize(expression)
    if tokens is None or split_threshold(expression) is not None:
        return ""
    inner = _strip_parentheses(tokens)
    operators = {inner[place].text.lower() for place in _top_level(inner)} & {*_COMPARISONS, *_SET_OPERATORS}
    if "or" in operators:
        return "the rule has alternatives (or), each with a limit of its own"
    return "the rule compares with no single number" if operators else ""


@dataclass(frozen=True, slots=True)
class _Token:
    """A token. ``closing_offset`` of an opening bracket is the number of tokens to its closing one."""

    text: str
    start: int
    closing_offset: int = 0

    @property
    def end(self) -> int:
        return self.start + len(self.text)


_TOKEN = re.compile(
    r"""(?x)
    (?P<blank> \s+ | \#[^\n]* )
    | (?P<string> "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | `[^`]*` )
    | (?P<number> \d[\d_]*(?:\.[\d_]*)?[eE][+-][\d_]+ | \.[\d_]+[eE][+-][\d_]+ )
    | (?P<word> [\w:.]+ )
    | (?P<operator> =~ | !~ | == | != | >= | <= | [<>=!] )
    | (?P<other> . )
    """
)
_OPENING = {"(": ")", "{": "}", "[": "]"}
_CLOSING = frozenset(_OPENING.values())
_SET_OPERATORS = frozenset({"and", "or", "unless"})
_COMPARISONS = frozenset(Comparison)
_NO_OPERATORS = frozenset({"=", "!", "=~", "!~"})
"""They stand between braces only."""


def _tokenize(expression: str) -> list[_Token] | None:
    """The tokens, without blanks and comments. None if brackets or quotes do not match."""
    tokens: list[_Token] = []
    open_brackets: list[int] = []
    for match in _TOKEN.finditer(expression):
        text = match[0]
        if match.lastgroup == "blank":
            continue
        if text in _OPENING:
            open_brackets.append(len(tokens))
        elif text in _CLOSING:
            if not open_brackets or _OPENING[tokens[open_brackets[-1]].text] != text:
                return None
            position = open_brackets.pop()
            tokens[position] = _Token(tokens[position].text, tokens[position].start, len(tokens) - position)
        elif match.lastgroup == "other" and text in "\"'`":
            return None
        tokens.append(_Token(text, match.start()))
    return None if open_brackets else tokens


def _strip_parentheses(tokens: Sequence[_Token]) -> Sequence[_Token]:
    """The tokens without parentheses around the whole expression."""
    depth = 0
    while (
        len(tokens) - 2 * depth > 2 and tokens[depth].text == "(" and tokens[depth].closing_offset == len(tokens) - 2 * depth - 1
    ):
        depth += 1
    return tokens[depth : len(tokens) - depth]


def _top_level(tokens: Sequence[_Token]) -> Iterator[int]:
    """Positions of the tokens outside of all brackets."""
    position = 0
    while position < len(tokens):
        yield position
        position += tokens[position].closing_offset + 1


def _split_condition(tokens: Sequence[_Token]) -> tuple[Sequence[_Token], str] | None:
    """What is measured and compared, and the text of the conditions after it. None with ``or``, or without PromQL."""
    conditions: list[str] = []
    for _ in range(MAX_NESTED_CONDITIONS):
        tokens = _strip_parentheses(tokens)
        places = list(_top_level(tokens))
        if any(tokens[place].text in _NO_OPERATORS or tokens[place].text.lower() == "or" for place in places):
            return None
        first = next((place for place in places if tokens[place].text.lower() in _SET_OPERATORS), None)
        if first is None:
            return tokens, " ".join(reversed(conditions))
        if first in {0, len(tokens) - 1}:
            return None
        conditions.append(_source_text(tokens[first:]))
        tokens = tokens[:first]
    return None


def _build_threshold(tokens: Sequence[_Token], positions: Sequence[int]) -> Threshold | None:
    """``operand comparison operand comparison operand …``, grouped from the left, where exactly one is no number."""
    edges = [-1, *positions, len(tokens)]
    operands = [tokens[before + 1 : after] for before, after in pairwise(edges)]
    comparisons = [Comparison(tokens[place].text) for place in positions]
    boolean = [bool(each) and each[0].text.lower() == "bool" for each in operands]
    operands = [each[1:] if is_boolean else each for each, is_boolean in zip(operands, boolean, strict=True)]
    numbers = [constant_of(token.text for token in each) for each in operands]
    if any(number is not None and math.isnan(number) for number in numbers):
        return None
    measured = [place for place, number in enumerate(numbers) if number is None]
    # In a chain with ``bool`` the later limits are those of 0 and 1; of ``1 < 2 < x`` the first is none of x.
    if measured not in ([0], [1]) or not all(operands) or (any(boolean) and len(positions) > 1):
        return None
    limits = [(comparison, number) for comparison, number in zip(comparisons, numbers[1:], strict=True) if number is not None]
    if measured == [1] and numbers[0] is not None:
        limits.insert(0, (_MIRRORED.get(comparisons[0], comparisons[0]), numbers[0]))
    (comparison, limit) = limits[-1]
    return Threshold(_source_text(operands[measured[0]]), comparison, limit, any(boolean), tuple(limits[:-1]))


def _source_text(tokens: Sequence[_Token]) -> str:
    """The source of the tokens, with one space for each run of blanks and comments."""
    pieces = [tokens[0].text]
    for before, token in pairwise(tokens):
        pieces.append(" " if before.end < token.start else "")
        pieces.append(token.text)
    return "".join(pieces)


def _format_number(limit: float) -> str:
    """``10``, ``0.05``, ``1e+30``, ``-Inf``."""
    if math.isinf(limit):
        return "Inf" if limit > 0 else "-Inf"
    return f"{limit:.0f}" if limit.is_integer() and abs(limit) < 1e15 else repr(limit)


def _is_control_character(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"} and character not in "\t\n\r"
