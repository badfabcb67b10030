"""Finds the threshold in an alert's PromQL expression. It parses no more of PromQL than that needs. Pure."""

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

MAX_EXPRESSION_LENGTH = 10_000
"""Characters. A longer expression is ignored, not cut: half of it would mean something else."""

MAX_GENERATOR_URL_LENGTH = 100_000
"""Characters; percent encoding makes three of one."""


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

    @property
    def expression(self) -> str:
        """The whole comparison, with the number on the right."""
        return f"{self.left} {self.comparison} {'bool ' if self.boolean else ''}{_format_number(self.limit)}"


def expression_of(generator_url: str) -> str:
    """The expression in an alert's ``generatorURL``, which is its parameter ``g0.expr``.

    Empty if there is none, if it is longer than ``MAX_EXPRESSION_LENGTH``, or if it contains control characters.
    """
    if len(generator_url) > MAX_GENERATOR_URL_LENGTH:
        return ""
    try:
        expression = parse_qs(urlsplit(generator_url).query, max_num_fields=100).get("g0.expr", [""])[0].strip()
    except ValueError:
        return ""
    if len(expression) > MAX_EXPRESSION_LENGTH or any(_is_control_character(character) for character in expression):
        return ""
    return expression


def split_threshold(expression: str) -> Threshold | None:
    """Split an expression whose top level is exactly one comparison with a number.

    None for everything else: ``and``, ``or``, ``unless`` at the top level, two comparisons, a comparison of two series, text that
    is not PromQL. The time is proportional to the length.
    """
    tokens = _tokenize(expression)
    if tokens is None:
        return None
    inner = _strip_parentheses(tokens)
    positions = _comparison_positions(inner)
    if positions is None or len(positions) != 1:
        return None
    left, right = inner[: positions[0]], inner[positions[0] + 1 :]
    boolean = bool(right) and right[0].text.lower() == "bool"
    return _build_threshold(left, Comparison(inner[positions[0]].text), right[1:] if boolean else right, boolean=boolean)


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


def _comparison_positions(tokens: Sequence[_Token]) -> list[int] | None:
    """Positions of the comparisons outside of all brackets. None if there is a set operator, or text that is not PromQL."""
    positions = []
    position = 0
    while position < len(tokens):
        text = tokens[position].text
        if text in _COMPARISONS:
            positions.append(position)
        elif text.lower() in _SET_OPERATORS or text in {"=", "!", "=~", "!~"}:
            return None
        position += tokens[position].closing_offset + 1
    return positions


def _build_threshold(
    left: Sequence[_Token], comparison: Comparison, right: Sequence[_Token], *, boolean: bool
) -> Threshold | None:
    first, second = _parse_number(left), _parse_number(right)
    if (first is None) == (second is None) or not left or not right:
        return None
    if second is not None:
        return _threshold_or_none(_source_text(left), comparison, second, boolean=boolean)
    return _threshold_or_none(_source_text(right), _MIRRORED.get(comparison, comparison), first, boolean=boolean)


def _threshold_or_none(left: str, comparison: Comparison, limit: float | None, *, boolean: bool) -> Threshold | None:
    return None if limit is None or math.isnan(limit) else Threshold(left, comparison, limit, boolean)


def _source_text(tokens: Sequence[_Token]) -> str:
    """The source of the tokens, with one space for each run of blanks and comments."""
    pieces = [tokens[0].text]
    for before, token in pairwise(tokens):
        pieces.append(" " if before.end < token.start else "")
        pieces.append(token.text)
    return "".join(pieces)


def _parse_number(tokens: Sequence[_Token]) -> float | None:
    """The number, if the tokens are a number with signs and parentheses and nothing else."""
    start, end, sign = 0, len(tokens), 1
    while start < end:
        token = tokens[start]
        if token.text in {"+", "-"}:
            sign = -sign if token.text == "-" else sign
        elif token.text == "(" and token.closing_offset == end - start - 1:
            end -= 1
        else:
            break
        start += 1
    value = _parse_literal(tokens[start].text) if end - start == 1 else None
    return None if value is None else sign * value


_DIGITS = r"\d+(?:_\d+)*"
_DECIMAL = re.compile(rf"(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?", re.ASCII)
_HEXADECIMAL = re.compile(r"0[xX]_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*")
_OCTAL = re.compile(r"0(?:_?[0-7])+")
_NAMED_NUMBERS = {"inf": math.inf, "nan": math.nan}
_DURATION = re.compile(
    r"(?:(?P<y>\d+)y)?(?:(?P<w>\d+)w)?(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+)s)?(?:(?P<ms>\d+)ms)?",
    re.ASCII,
)
_UNIT_SECONDS = {"y": 365 * 86_400.0, "w": 7 * 86_400.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_MAX_DURATION_SECONDS = 2**63 / 1e9
"""Seconds. Go counts nanoseconds in 64 bits, and Prometheus rejects a longer duration."""


def _parse_literal(text: str) -> float | None:
    """Parse a number of PromQL. ``010`` is octal as in Go; ``5m`` is a number of seconds since Prometheus 3."""
    if text.lower() in _NAMED_NUMBERS:
        return _NAMED_NUMBERS[text.lower()]
    digits = text.replace("_", "")
    if _HEXADECIMAL.fullmatch(text):
        return _of_64_bits(int(digits, 16))
    if _OCTAL.fullmatch(text) and (octal := _of_64_bits(int(digits, 8))) is not None:
        return octal
    if _DECIMAL.fullmatch(text):
        return _finite(float(digits))
    duration = _DURATION.fullmatch(text)
    if duration and text:
        seconds = sum(float(number) * _UNIT_SECONDS[unit] for unit, number in duration.groupdict().items() if number)
        return seconds if seconds < _MAX_DURATION_SECONDS else None
    return None


def _of_64_bits(number: int) -> float | None:
    """None beyond 64 bits: Go rejects a larger hexadecimal number, and reads a larger octal one as decimal."""
    return float(number) if number.bit_length() < 64 else None


def _finite(number: float) -> float | None:
    """None for an infinite number, such as 1e400, which Prometheus rejects."""
    return None if math.isinf(number) else number


def _format_number(limit: float) -> str:
    """``10``, ``0.05``, ``1e+30``, ``-Inf``."""
    if math.isinf(limit):
        return "Inf" if limit > 0 else "-Inf"
    return f"{limit:.0f}" if limit.is_integer() and abs(limit) < 1e15 else repr(limit)


def _is_control_character(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"} and character not in "\t\n\r"
