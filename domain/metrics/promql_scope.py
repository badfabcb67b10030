"""Keeps a person's PromQL inside one environment: every selector gets the environment's label. Pure.

What the tokens here do not know is refused, also where Prometheus would take it: a selector that is not recognised would read the
whole Prometheus.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from domain.errors import UsageError
from domain.rich_text import Code, sentence

MAX_LENGTH = 1000
_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`[^`]*`)
    | (?P<range>\[[0-9a-z:\s]*\])
    | (?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?:(?:ms|[smhdwy])(?:\d+(?:ms|[smhdwy]))*)?)
    | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
    | (?P<operator>==|!=|=~|!~|>=|<=|[-+*/%^<>=])
    | (?P<mark>[(){},@])
    """,
    re.VERBOSE,
)
_LABEL_LISTS = {"by", "without", "on", "ignoring"}
_GROUPS = {"group_left", "group_right"}
_SET_OPERATORS = {"and", "or", "unless", "atan2"}
_COMPARISONS = {"==", "!=", ">", "<", ">=", "<="}
_NUMBERS = {"inf", "nan"}
_OPERANDS = ("string", "range", "number", "name")
_UNSCOPED_FUNCTIONS = {"info"}
"""Functions that read series which no selector of the expression names."""


class _Token(NamedTuple):
    kind: str
    text: str


def scoped(expression: str, label: str, value: str) -> str:
    """The expression with ``label="value"`` in every selector. Raises ``UsageError`` for what is not understood.

    ``value`` is the name of an environment and needs no escape.
    """
    matcher = f'{label}="{value}"'
    tokens = _tokens(expression)
    return " ".join(_Scoper(tokens, matcher).run())


def _tokens(expression: str) -> list[_Token]:
    if len(expression) > MAX_LENGTH:
        raise UsageError(f"The expression is longer than {MAX_LENGTH:,} characters.")
    found: list[_Token] = []
    at = 0
    while at < len(expression):
        match = _TOKEN.match(expression, at)
        if match is None or match.lastgroup is None:
            raise UsageError(f"“{expression[at : at + 10]}” is not understood.", "Comments and other characters are not taken.")
        if match.lastgroup != "space":
            found.append(_Token(match.lastgroup, match[0]))
        at = match.end()
    if not found:
        raise UsageError("The expression is empty.")
    return found


class _Scoper:
    """Walks once from left to right."""

    def __init__(self, tokens: Sequence[_Token], matcher: str) -> None:
        self._tokens, self._matcher, self._at = tokens, matcher, 0

    def run(self) -> Iterator[str]:
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.text == "{":
                yield from self._braces()
            elif token.kind == "name":
                yield from self._name(token.text)
            else:
                self._at += 1
                yield token.text

    def _braces(self) -> Iterator[str]:
        """A selector's matchers, with ours before them."""
        self._at += 1
        yield f"{{{self._matcher},"
        while self._at < len(self._tokens) and (token := self._tokens[self._at]).text != "}":
            if token.text == "{":
                raise UsageError("A brace within braces is not understood.")
            if token.kind == "operator" and self._kind(self._at + 1) != "string":
                example = sentence("Put the whole expression into single quotes: ", Code("'up{job=\"web\"}'"), ".")
                raise UsageError("A value in braces needs quotation marks.", example)
            self._at += 1
            yield token.text
        if self._at == len(self._tokens):
            raise UsageError("A brace is not closed.")
        self._at += 1
        yield "}"

    def _name(self, name: str) -> Iterator[str]:
        lowered, following = name.lower(), self._text(self._at + 1)
        if lowered in _LABEL_LISTS | _GROUPS:
            yield from self._label_list(lowered)
        elif self._is_operator(lowered) or lowered in _NUMBERS:
            self._at += 1
            yield name
        elif following == "(" or following.lower() in ("by", "without"):
            if lowered in _UNSCOPED_FUNCTIONS:
                raise UsageError(f"The function {name} is not taken here.", "It reads series that the expression does not name.")
            self._at += 1
            yield name
        else:
            self._at += 1
            yield name
            yield from self._braces() if following == "{" else (f"{{{self._matcher}}}",)

    def _label_list(self, word: str) -> Iterator[str]:
        """``by (a, b)``: names of labels, and no selectors. Only ``group_left`` may stand without a list."""
        self._at += 1
        yield word
        if self._text(self._at) != "(":
            if word in _GROUPS and self._text(self._at - 2) == ")":
                return
            raise UsageError(f"After “{word}” a list of labels in parentheses is needed.")
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind not in ("name", "string") and token.text not in ("(", ")", ","):
                break
            self._at += 1
            yield token.text
            if token.text == ")":
                return
        raise UsageError(f"The list of labels after “{word}” is not understood.")

    def _is_operator(self, word: str) -> bool:
        """Whether the word is an operator here, and not the name of a metric: Prometheus lets metrics have these names."""
        before = self._tokens[self._at - 1] if self._at else _Token("", "")
        after_operand = before.kind in _OPERANDS or before.text in (")", "}")
        if word in _SET_OPERATORS or word == "offset":
            if not after_operand:
                raise UsageError(f"“{word}” is not understood here.")
            return True
        if word == "bool":
            if before.text not in _COMPARISONS:
                raise UsageError("“bool” is not understood here.")
            return True
        return False

    def _kind(self, at: int) -> str:
        return self._tokens[at].kind if at < len(self._tokens) else ""

    def _text(self, at: int) -> str:
        return self._tokens[at].text if 0 <= at < len(self._tokens) else ""
