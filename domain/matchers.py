"""Alertmanager's matchers on labels: ``name="value"``, ``!=``, ``=~``, ``!~``. Regular expressions are anchored. Pure."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from domain.errors import UsageError
from domain.label_regex import compile_label_regex
from domain.rich_text import Code, sentence


class Operator(StrEnum):
    """The operator of a matcher."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    MATCHES_NOT = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One comparison. A missing label counts as empty, as in Alertmanager."""

    name: str
    operator: Operator
    value: str


Labels = Mapping[str, str]

MAX_COMPARED_CHARACTERS = 1024
"""Maximum characters of a label's value that a regular expression is matched with. Real labels are far shorter."""

LABEL_NAME = r"[a-zA-Z_][a-zA-Z0-9_]*"

_BARE_NAME = re.compile(LABEL_NAME)
_QUOTED = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_OPERATOR = "=~|!=|!~|="
_MATCHER = re.compile(
    rf"""(?sx) \s*
    (?P<name> {LABEL_NAME} | {_QUOTED} ) \s*
    (?P<operator> {_OPERATOR} ) \s*
    (?P<value> {_QUOTED} | '[^'\\]*(?:\\.[^'\\]*)*' | [^\s"'`{{}},!=~\\]+ )
    \s*"""
)
_GROUP_KEY_MATCHER = re.compile(rf"({LABEL_NAME}|{_QUOTED})({_OPERATOR})({_QUOTED})", re.DOTALL)
_GROUP_KEY_MATCHER_PATTERN = rf"(?:{LABEL_NAME}|{_QUOTED})(?:{_OPERATOR}){_QUOTED}"
_GROUP_KEY_ROUTE_PATTERN = rf"\{{(?:{_GROUP_KEY_MATCHER_PATTERN}(?:,\ ?{_GROUP_KEY_MATCHER_PATTERN})*)?\}}"
_GROUP_KEY = re.compile(rf"({_GROUP_KEY_ROUTE_PATTERN}(?:/{_GROUP_KEY_ROUTE_PATTERN})*):{_GROUP_KEY_ROUTE_PATTERN}", re.DOTALL)
_GO_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\\"'])|([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))", re.DOTALL
)
_GO_UNESCAPES = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_ANCHORED = re.compile(r"\^\(\?:([^()\\]*(?:\\.[^()\\]*)*)\)\$", re.DOTALL)
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
_UNESCAPES = {"n": "\n", '"': '"', "'": "'", "\\": "\\"}


@lru_cache(maxsize=4096)
def parse_matcher(text: str) -> Matcher:
    r"""Parse ``name="value"``. Raises ``ValueError`` with a sentence.

    In quotes ``\n``, ``\"`` and ``\\`` are escapes. Any other backslash stays, so that ``"web-\d+"`` needs no doubling.
    """
    match = _MATCHER.fullmatch(text)
    if not match:
        raise ValueError(_syntax_error(text))
    name = _unquote(match["name"])
    if not name:
        raise ValueError(f"{_shorten(text)} names no label")
    return Matcher(name, Operator(match["operator"]), _unquote(match["value"]))


def check_matcher(text: str) -> str:
    """Validate a matcher and return its text. Raises ``ValueError`` with a sentence, also for an invalid regular expression."""
    matcher = parse_matcher(text)
    if matcher.operator in {Operator.MATCHES, Operator.MATCHES_NOT}:
        try:
            compile_label_regex(matcher.value)
        except ValueError as error:
            raise ValueError(f"{_shorten(text)} has no regular expression that can be used: {error}") from error
    return text


def format_matcher(matcher: Matcher) -> str:
    """Format a matcher in Alertmanager's syntax, which ``parse_matcher`` reads."""
    name = matcher.name if _BARE_NAME.fullmatch(matcher.name) else _quote(matcher.name)
    return f"{name}{matcher.operator}{_quote(matcher.value)}"


def matches(matcher: Matcher, labels: Labels) -> bool:
    """Whether the labels fit the matcher. Raises ``ValueError`` for an expression that ``check_matcher`` rejects."""
    return compile_matcher(matcher)(labels.get(matcher.name, ""))


@lru_cache(maxsize=4096)
def compile_matcher(matcher: Matcher) -> Callable[[str], bool]:
    """Compile a matcher to a function of its label's value. Raises as ``matches`` does."""
    expected = matcher.value
    if matcher.operator is Operator.EQUAL:
        return lambda value: value == expected
    if matcher.operator is Operator.NOT_EQUAL:
        return lambda value: value != expected
    matches = compile_label_regex(expected).matches
    if matcher.operator is Operator.MATCHES:
        return lambda value: matches(value[:MAX_COMPARED_CHARACTERS])
    return lambda value: not matches(value[:MAX_COMPARED_CHARACTERS])


def parse_labels(arguments: Iterable[str]) -> dict[str, str]:
    """Parse ``alertname=HighErrorRate severity=critical``. Raises ``UsageError``."""
    labels: dict[str, str] = {}
    for word in arguments:
        name, equals, value = word.partition("=")
        if not equals or not _BARE_NAME.fullmatch(name) or value.startswith("~"):
            hint = sentence("Write labels like ", Code("alertname=HighErrorRate severity=critical"), ".")
            raise UsageError(f"“{_shorten(word)}” is not a label.", hint)
        if name in labels:
            raise UsageError(f"The label {name} is there twice.", "An alert has each label once.")
        labels[name] = value[1:-1] if len(value) > 1 and value[0] + value[-1] in _QUOTE_PAIRS else value
    return labels


_QUOTE_PAIRS = frozenset({'""', "''", "“”", "””"})
"""Slack's apps replace straight quotes by curly ones while people type."""


def group_matchers(group_key: str, group_labels: Labels) -> tuple[Matcher, ...]:
    """The matchers of a silence of exactly this group: those of its route, then its labels.

    The route is in the key: ``{}/{severity="critical",team=~"a|b"}:{alertname="HighErrorRate"}``. If the key cannot be parsed
    (newer versions of Alertmanager send a hash), the labels remain. Empty if the group contains every alert.
    """
    labels = (Matcher(name, Operator.EQUAL, value) for name, value in sorted(group_labels.items()))
    return tuple(dict.fromkeys([*_route_matchers(group_key), *labels]))


def _route_matchers(group_key: str) -> list[Matcher]:
    """The matchers of the route in the key; empty if any part of the key cannot be parsed."""
    key = _GROUP_KEY.fullmatch(group_key)
    if not key:
        return []
    try:
        parsed = [
            (_unquote_go(name), Operator(operator), _unquote_go(value))
            for name, operator, value in _GROUP_KEY_MATCHER.findall(key[1])
        ]
    except ValueError:
        return []
    return [Matcher(name, operator, _without_anchors(operator, value)) for name, operator, value in parsed]


def _without_anchors(operator: Operator, value: str) -> str:
    """Remove ``^(?:`` and ``)$``, which the key contains for ``match_re``, and for every expression before version 0.22."""
    anchored = _ANCHORED.fullmatch(value) if operator in {Operator.MATCHES, Operator.MATCHES_NOT} else None
    return anchored[1] if anchored else value


def _unquote_go(quoted: str) -> str:
    """Decode Go's ``%q``, a superset of what any version of Alertmanager writes. Raises ``ValueError``."""
    return _GO_ESCAPE.sub(_decode_go_escape, quoted[1:-1]) if quoted.startswith('"') else quoted


def _decode_go_escape(escape: re.Match[str]) -> str:
    letter, octal, *hexadecimal, unknown = escape.groups()
    if unknown is not None:
        raise ValueError(f"{escape[0]} is no escape")
    if letter:
        return _GO_UNESCAPES.get(letter, letter)
    code = int(octal, 8) if octal else int(next(digits for digits in hexadecimal if digits), 16)
    if code > sys.maxunicode or 0xD800 <= code < 0xE000:
        raise ValueError(f"{escape[0]} is no character")
    return chr(code)


def _syntax_error(text: str) -> str:
    shown = _shorten(text)
    if not re.match(rf"\s*(?:{LABEL_NAME}|{_QUOTED})", text, re.DOTALL):
        return f"{shown} does not begin with a label's name"
    if not re.match(rf"\s*(?:{LABEL_NAME}|{_QUOTED})\s*(?:{_OPERATOR})", text, re.DOTALL):
        return f"{shown} has no operator after its label's name; there are =, !=, =~ and !~"
    return f'{shown} has no value that can be read; write it in quotes, like alertname="HighErrorRate"'


def _shorten(text: str) -> str:
    shown = text.strip()
    return (shown if len(shown) <= 80 else f"{shown[:79]}…") or "nothing"


def _quote(value: str) -> str:
    return f'"{"".join(_ESCAPES.get(character, character) for character in value)}"'


def _unquote(text: str) -> str:
    if text[:1] not in {'"', "'"}:
        return text
    inside = text[1:-1]
    return re.sub(r"\\(.)", lambda found: _UNESCAPES.get(found[1], found[0]), inside, flags=re.DOTALL)
