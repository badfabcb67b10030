"""Finds what the rules describe, in time that is linear in the length of the text, and masks it."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import re2

from domain.redaction.rule import Rule
from domain.redaction.rules import KEYS_OF_SEVERAL_LINES, MAY_HOLD_KEY, RULES
from domain.redaction.tokens import DOUBTFUL_TOKENS, TOKENS

MASK = "•••"

_MASK = MASK.encode()
_HIDDEN = b"\xff"
_MAX_PASSES = 3
"""What is masked can uncover what stands before it; a third pass was never needed by the samples of the tests."""
_MAX_SPARED_BYTES = 1_000
"""Within what is spared, the search goes on: without a limit, a long word of many names would be read once for each of them."""
_MAX_MEMORY = 32 * 2**20
"""Bytes of a program and of the states that it makes as it meets new text."""


@dataclass(frozen=True, slots=True)
class _Program:
    """Rules compiled as one expression, which has one group for each rule: what it hides."""

    program: Any
    spares: tuple[Any, ...]
    guard: Any = None
    """Where this finds nothing, the rules find nothing."""

    def mask(self, text: bytes) -> bytes:
        """Return the text with one ``HIDDEN`` byte for each secret; the text itself where there is none."""
        if self.guard is not None and self.guard.search(text) is None:
            return text
        parts, done, position = [], 0, 0
        while (match := self.program.search(text, position)) is not None:
            rule = match.lastindex
            start, end = match.span(rule)
            if self._is_spared(rule, text[start:end]):
                # Within what one rule spares, another may find something: only what stands before it is behind us.
                position = start if start > match.start() else end
                continue
            parts += [text[done:start], _HIDDEN]
            done = position = _end_of_character(text, end)
        return b"".join((*parts, text[done:])) if parts else text

    def _is_spared(self, rule: int, found: bytes) -> bool:
        spares = self.spares[rule - 1]
        return spares is not None and len(found) <= _MAX_SPARED_BYTES and spares.fullmatch(found) is not None


def redact(text: str) -> str:
    """Mask everything in the text that looks like a secret. A second call changes nothing more."""
    raw = text.encode(errors="surrogatepass")
    masked = before = raw.replace(_MASK, _HIDDEN)
    for _ in range(_MAX_PASSES):
        for program in _programs():
            masked = program.mask(masked)
        if masked is before or masked == before:
            break
        before = masked
    return masked.replace(_HIDDEN, _MASK).decode(errors="surrogatepass")


@cache
def _programs() -> tuple[_Program, ...]:
    return _compile(KEYS_OF_SEVERAL_LINES, MAY_HOLD_KEY), _compile(TOKENS), _compile((*DOUBTFUL_TOKENS, *RULES))


def _compile(rules: tuple[Rule, ...], guard: str = "") -> _Program:
    whole = "|".join(f"{rule.before}({rule.hidden}){rule.after}" for rule in rules)
    return _Program(_compiled(whole), tuple(_compiled(rule.spares) for rule in rules), _compiled(guard))


def _compiled(pattern: str) -> Any:
    return re2.compile(pattern.encode(), _options()) if pattern else None


def _options() -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # A character is a byte: a negated class is one step instead of a dozen.
    options.log_errors = False  # RE2 would write to stderr, past the redaction of our logs.
    options.max_mem = _MAX_MEMORY
    return options


def _end_of_character(text: bytes, position: int) -> int:
    """The position, or the next one that does not split a character: a limit of a rule counts bytes."""
    while position < len(text) and text[position] & 0xC0 == 0x80:
        position += 1
    return position
