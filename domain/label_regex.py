"""Regular expressions that people write, for labels and tags, in RE2: the dialect of Alertmanager and Prometheus.

RE2 takes time in proportion to the program times the text, whatever the expression. What it cannot do (look around,
refer back) it refuses, and so does Alertmanager.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

MAX_REGEX_CHARACTERS = 10_000
"""Characters of an expression."""

_MAX_MEMORY = 256 * 1024
"""Bytes for the program and its cache, which bounds a program to some 20,000 instructions. The worst that was found within
this bound took 0.3 s on 1,024 characters; RE2's default of 8 MiB is for one expression, not for a catalogue of them.
"""

_MAX_QUOTED = 40

_WORDS = {
    "unexpected ):": "a ) has no ( before it",
    "missing ):": "a ( is never closed",
    "missing ]:": "{part} has no ] at its end",
    "no argument for repetition operator:": "{part} has nothing before it to repeat",
    "bad repetition operator:": "{part} repeats a repetition",
    "invalid repetition size:": "{part} counts backwards or repeats more than 1,000 times, inner repetitions included",
    "invalid character class range:": "{part} is no range and no class of characters",
    "invalid escape sequence:": "{part} means nothing",
    "trailing \\": "it ends with a single backslash",
    "invalid named capture group:": "{part} is no name of a group",
    "invalid perl operator:": "{part} means nothing",
    "pattern too large": "it is too large",
}
"""How RE2 begins its messages, and what that means. ``{part}``: the place that RE2 names."""

_LOOKS_AROUND = ("(?=", "(?!", "(?<=", "(?<!")
_ONLY_IN_CPP = re.compile(
    r"""(?xs) \\Q.*?\\E | \[\^?\]?(?:\\. | \[:\^?\w+:\] | [^\]\\])*\]
    | (?P<wrong> \\[QC] | \{(?=[0-9,]*[0-9]{9})[0-9]+(?:,[0-9]*)?\} ) | \\?."""
)
"""What RE2's original takes and Go's, in which Alertmanager is written, does not: one byte, absurd counts
as plain text, and a quotation without an end, which would hold the anchors that Alertmanager sets.
"""
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class LabelRegex:
    """An expression that was compiled."""

    text: str
    _program: Any

    def matches(self, value: str) -> bool:
        """Whether all of the value is as the expression says. A dot is any character but the end of a line.

        Half a surrogate pair, which has no UTF-8, counts as U+FFFD: so Alertmanager reads it.
        """
        try:
            text = value.encode()  # Bytes, because the binding takes three times as long to count characters for text.
        except UnicodeEncodeError:
            text = _SURROGATE.sub("\ufffd", value).encode()
        return self._program.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def compile_label_regex(text: str) -> LabelRegex:
    """The expression, compiled. Raises ``ValueError`` with half a sentence that says what is wrong."""
    if len(text) > MAX_REGEX_CHARACTERS:
        raise ValueError(f"it is longer than {MAX_REGEX_CHARACTERS:,} characters")
    if _SURROGATE.search(text):
        raise ValueError("it holds half a character")
    try:
        program = re2.compile(text, _options())
    except re2.error as error:
        raise ValueError(_in_words(error)) from error
    if wrong := next(filter(None, (found["wrong"] for found in _ONLY_IN_CPP.finditer(text))), ""):
        raise ValueError(f"{_cut(wrong)} means nothing")
    return LabelRegex(text, program)


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False  # It would write to stderr, past the logs and their redaction.
    options.never_capture = True  # Nobody asks for groups, and they cost.
    options.max_mem = _MAX_MEMORY
    return options


def _in_words(error: Exception) -> str:
    message = error.args[0]
    said = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
    start = next((start for start in _WORDS if said.startswith(start)), "")
    part = _cut(said.removeprefix(start).removeprefix(" "))
    if part.startswith(_LOOKS_AROUND):
        return f"{part} looks around, which RE2, Alertmanager's dialect, does not do"
    if re.fullmatch(r"\\[1-9]|\(\?P", part):
        return f"{part} refers back to a group, which RE2, Alertmanager's dialect, does not do"
    return _WORDS[start].format(part=part) if start else _cut(said)


def _cut(text: str) -> str:
    shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text[:_MAX_QUOTED])
    return shown if len(text) <= _MAX_QUOTED else f"{shown[:-1]}…"
