"""What an alert's expression compares with what: read from its PromQL, far enough to draw it with its limit."""

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

LONGEST_EXPRESSION = 10_000
"""Characters. A longer expression counts as none: half of one would ask for something else."""

LONGEST_URL = 100_000
"""Characters, every one of which may be written as three."""


class Comparison(StrEnum):
    """PromQL's comparison operators."""

    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="
    EQUAL = "=="
    NOT_EQUAL = "!="


_TURNED = {
    Comparison.ABOVE: Comparison.BELOW,
    Comparison.AT_LEAST: Comparison.AT_MOST,
    Comparison.BELOW: Comparison.ABOVE,
    Comparison.AT_MOST: Comparison.AT_LEAST,
}
"""``10 < x`` says ``x > 10``."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """An expression that compares with a number: ``left`` is what is measured, in PromQL and without comments.

    ``limit`` may be infinite, never NaN. ``boolean``: it answers 0 or 1 (``> bool 10``) instead of leaving out what does not fit.
    """

    left: str
    comparison: Comparison
    limit: float
    boolean: bool = False

    @property
    def expression(self) -> str:
        """Joined again, the number on the right."""
        return f"{self.left} {self.comparison} {'bool ' if self.boolean else ''}{_written(self.limit)}"


def expression_of(generator_url: str) -> str:
    """The expression in the address that Prometheus gives with an alert (its parameter ``g0.expr``).

    Empty where there is none, where it is longer than ``LONGEST_EXPRESSION``, or where it holds characters that no expression
    has.
    """
    if len(generator_url) > LONGEST_URL:
        return ""
    try:
        found = parse_qs(urlsplit(generator_url).query, max_num_fields=100).get("g0.expr", [""])[0].strip()
    except ValueError:
        return ""
    if len(found) > LONGEST_EXPRESSION or any(_unspeakable(character) for character in found):
        return ""
    return found


def split_threshold(expression: str) -> Threshold | None:
    """The expression at its comparison, where that is the only one at the top level and one of its sides is a number.

    None for everything else: ``and``, ``or``, ``unless`` at the top level, two comparisons, a comparison of two series, text that
    is no PromQL. Takes time in proportion to the length.
    """
    tokens = _tokens(expression)
    if tokens is None:
        return None
    inner = _unwrapped(tokens)
    places = _comparisons(inner)
    if places is None or len(places) != 1:
        return None
    left, right = inner[: places[0]], inner[places[0] + 1 :]
    boolean = bool(right) and right[0].text.lower() == "bool"
    return _threshold(left, Comparison(inner[places[0]].text), right[1:] if boolean else right, boolean=boolean)


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of an expression. ``match``: how many tokens behind an opening bracket its closing one stands."""

    text: str
    start: int
    match: int = 0

    @property
    def end(self) -> int:
        return self.start + len(self.text)


_TOKEN = re.compile(
    r"""(?x)
    (?P<blank> \s+ | \#[^\n]* )
    | (?P<string> "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | `[^`]*` )
    | (?P<number> \d[\d_]*(?:\.\d*)?[eE][+-]\d+ | \.\d+[eE][+-]\d+ )
    | (?P<word> [\w:.]+ )
    | (?P<operator> =~ | !~ | == | != | >= | <= | [<>=!] )
    | (?P<other> . )
    """
)
_OPENING = {"(": ")", "{": "}", "[": "]"}
_CLOSING = frozenset(_OPENING.values())
_SETS = frozenset({"and", "or", "unless"})
_COMPARISONS = frozenset(Comparison)


def _tokens(expression: str) -> list[_Token] | None:
    """Without blanks and comments. None where brackets or quotes have no partner."""
    tokens: list[_Token] = []
    opened: list[int] = []
    for found in _TOKEN.finditer(expression):
        text = found[0]
        if found.lastgroup == "blank":
            continue
        if text in _OPENING:
            opened.append(len(tokens))
        elif text in _CLOSING:
            if not opened or _OPENING[tokens[opened[-1]].text] != text:
                return None
            place = opened.pop()
            tokens[place] = _Token(tokens[place].text, tokens[place].start, len(tokens) - place)
        elif found.lastgroup == "other" and text in "\"'`":
            return None
        tokens.append(_Token(text, found.start()))
    return None if opened else tokens


def _unwrapped(tokens: Sequence[_Token]) -> Sequence[_Token]:
    """Without the parentheses around the whole."""
    depth = 0
    while len(tokens) - 2 * depth > 2 and tokens[depth].text == "(" and tokens[depth].match == len(tokens) - 2 * depth - 1:
        depth += 1
    return tokens[depth : len(tokens) - depth]


def _comparisons(tokens: Sequence[_Token]) -> list[int] | None:
    """Where the comparisons outside of all brackets are. None where something else decides what the expression says."""
    places = []
    at = 0
    while at < len(tokens):
        text = tokens[at].text
        if text in _COMPARISONS:
            places.append(at)
        elif text.lower() in _SETS or text in {"=", "!", "=~", "!~"}:
            return None
        at += tokens[at].match + 1
    return places


def _threshold(left: Sequence[_Token], comparison: Comparison, right: Sequence[_Token], *, boolean: bool) -> Threshold | None:
    first, second = _number(left), _number(right)
    if (first is None) == (second is None) or not left or not right:
        return None
    if second is not None:
        return _of_number(_text(left), comparison, second, boolean=boolean)
    return _of_number(_text(right), _TURNED.get(comparison, comparison), first, boolean=boolean)


def _of_number(left: str, comparison: Comparison, limit: float | None, *, boolean: bool) -> Threshold | None:
    return None if limit is None or math.isnan(limit) else Threshold(left, comparison, limit, boolean)


def _text(tokens: Sequence[_Token]) -> str:
    """The tokens as they were written, with one space for every stretch of blanks and comments."""
    pieces = [tokens[0].text]
    for before, token in pairwise(tokens):
        pieces.append(" " if before.end < token.start else "")
        pieces.append(token.text)
    return "".join(pieces)


def _number(tokens: Sequence[_Token]) -> float | None:
    """What the tokens say, if that is a number and nothing else."""
    start, end, sign = 0, len(tokens), 1
    while start < end:
        token = tokens[start]
        if token.text in {"+", "-"}:
            sign = -sign if token.text == "-" else sign
        elif token.text == "(" and token.match == end - start - 1:
            end -= 1
        else:
            break
        start += 1
    value = _literal(tokens[start].text) if end - start == 1 else None
    return None if value is None else sign * value


_DECIMAL = re.compile(r"(?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]+")
_OCTAL = re.compile(r"0[0-7]+")
_NAMED = {"inf": math.inf, "nan": math.nan}
_DURATION = re.compile(
    r"(?:(?P<y>\d+)y)?(?:(?P<w>\d+)w)?(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+)s)?(?:(?P<ms>\d+)ms)?",
    re.ASCII,
)
_SECONDS = {"y": 365 * 86_400.0, "w": 7 * 86_400.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def _literal(text: str) -> float | None:
    """A number as PromQL writes it: ``010`` is octal as in Go, ``5m`` are seconds since Prometheus 3."""
    if text.lower() in _NAMED:
        return _NAMED[text.lower()]
    if _HEXADECIMAL.fullmatch(text):
        return _as_float(int(text, 16))
    if _OCTAL.fullmatch(text):
        return _as_float(int(text, 8))
    if _DECIMAL.fullmatch(text):
        return float(text.replace("_", ""))
    duration = _DURATION.fullmatch(text)
    if duration and text:
        return sum(float(number) * _SECONDS[unit] for unit, number in duration.groupdict().items() if number)
    return None


def _as_float(number: int) -> float:
    """Go reads what does not fit into 64 bits as a decimal; nobody writes such a limit, and nothing may break on it."""
    return float(number) if number.bit_length() < 64 else math.nan


def _written(limit: float) -> str:
    """``10``, ``0.05``, ``1e+30``, ``-Inf``."""
    if math.isinf(limit):
        return "Inf" if limit > 0 else "-Inf"
    return f"{limit:.0f}" if limit.is_integer() and abs(limit) < 1e15 else repr(limit)


def _unspeakable(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"} and character not in "\t\n\r"
