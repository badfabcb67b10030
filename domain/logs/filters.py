"""What a person looks for in logs: words and phrases that a line has, or has not. Every text is meant literally."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import UsageError
from domain.rich_text import Code, sentence

MAX_TERMS = 10
_MIN_PREFIX_LENGTH = 2
_WILDCARDS = "*?"
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class LogTerm:
    """A word or a phrase. ``is_prefix``: its last word may go on; ``is_excluded``: a line must not have it."""

    text: str
    is_prefix: bool = False
    is_excluded: bool = False

    def __str__(self) -> str:
        """As it was typed, a phrase in quotation marks."""
        text = f"{self.text}{'*' if self.is_prefix else ''}"
        return f"{'-' if self.is_excluded else ''}{f'“{text}”' if ' ' in text else text}"


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What a line must fulfil; no terms: every line fits."""

    terms: tuple[LogTerm, ...] = ()

    def __str__(self) -> str:
        """The terms, as they were typed."""
        return " ".join(str(term) for term in self.terms)

    def matches(self, text: str) -> bool:
        """Whether a line fits, upper and lower case being the same: a term stands in it as it is, or word by word."""
        words = _WORD.findall(text.casefold())
        return all(self._has(term, text.casefold(), words) != term.is_excluded for term in self.terms)

    def _has(self, term: LogTerm, text: str, words: Sequence[str]) -> bool:
        if term.text.casefold() in text:
            return True
        *before, last = _WORD.findall(term.text.casefold()) or [""]
        for begin in range(len(words) - len(before)):
            found = words[begin : begin + len(before) + 1]
            if found[:-1] == before and (found[-1].startswith(last) if term.is_prefix else found[-1] == last):
                return bool(last)
        return False


def parse_filter(words: Sequence[str]) -> LogFilter:
    """Read words and quoted phrases: ``timeout``, ``connection refused``, ``time*``, ``-debug``. Raises ``UsageError``."""
    if len(words) > MAX_TERMS:
        raise UsageError(f"At most {MAX_TERMS} words are looked for.", "Put a phrase in quotation marks: it counts as one.")
    return LogFilter(tuple(_term(word) for word in words))


def _term(word: str) -> LogTerm:
    is_excluded = len(word) > 1 and word.startswith("-")
    text = (word[1:] if is_excluded else word).strip()
    if not text:
        raise UsageError("An empty word is in every line.", "Leave it out.")
    if text[0] in _WILDCARDS:
        hint = sentence("Type how the word begins, such as ", Code("time*"), ", or a whole word.")
        raise UsageError(f"“{word[:60]}” begins with a wildcard, for which every word of the logs would be read.", hint)
    is_prefix = text.endswith("*")
    text = text.removesuffix("*")
    if "*" in text:
        raise UsageError("A * can only end a word.", sentence("Write it like ", Code("time*"), "."))
    if is_prefix and len(text.strip()) < _MIN_PREFIX_LENGTH:
        raise UsageError(f"Before a * there have to be {_MIN_PREFIX_LENGTH} characters.")
    return LogTerm(text, is_prefix, is_excluded)
