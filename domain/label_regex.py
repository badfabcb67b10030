"""Regular expressions that people write, for labels and tags, in the dialect of Alertmanager and Prometheus: RE2.

RE2's time is at most proportional to the length of the program times that of the text. Like Alertmanager, it rejects lookaround
and back-references.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

MAX_REGEX_CHARACTERS = 10_000
"""Maximum characters of an expression."""

_MAX_MEMORY = 256 * 1024
"""Bytes of a program and its cache, which limit a program to some 20,000 instructions. The slowest one found within this limit
took 0.3 s for 1,024 characters. RE2's default of 8 MiB is meant for one expression, and a catalogue has many.
"""

_MAX_QUOTED = 40

_ERROR_TEXTS = {
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
"""Beginnings of RE2's messages and the texts for people. ``{part}`` is the part of the expression that RE2 names."""

_LOOKAROUND_STARTS = ("(?=", "(?!", "(?<=", "(?<!")
_ONLY_IN_CPP = re.compile(
    r"""(?xs) \\Q.*?\\E | \[\^?\]?(?:\\. | \[:\^?\w+:\] | [^\]\\])*\]
    | (?P<unsupported> \\[QC] | \{(?=[0-9,]*[0-9]{9})[0-9]+(?:,[0-9]*)?\} ) | \\?."""
)
"""What RE2 in C++ accepts and in Go, as Alertmanager uses it, does not: ``\\C``, huge counts as plain text, and ``\\Q`` without
``\\E``, which would quote the anchor that Alertmanager appends.
"""
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class LabelRegex:
    """A compiled expression."""

    text: str
    _program: Any

    def matches(self, value: str) -> bool:
        """Whether the expression matches the whole value. A dot matches every character but a line feed.

        A lone surrogate, which UTF-8 cannot encode, counts as U+FFFD, as in Alertmanager.
        """
        try:
            text = value.encode()  # With text the binding counts characters, which takes three times as long.
        except UnicodeEncodeError:
            text = _SURROGATE.sub("\ufffd", value).encode()
        return self._program.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def compile_label_regex(text: str) -> LabelRegex:
    """Compile an expression. Raises ``ValueError`` with a clause that says what is wrong."""
    if len(text) > MAX_REGEX_CHARACTERS:
        raise ValueError(f"it is longer than {MAX_REGEX_CHARACTERS:,} characters")
    if _SURROGATE.search(text):
        raise ValueError("it holds half a character")
    try:
        program = re2.compile(text, _options())
    except re2.error as error:
        raise ValueError(_describe(error)) from error
    if unsupported := next(filter(None, (match["unsupported"] for match in _ONLY_IN_CPP.finditer(text))), ""):
        raise ValueError(f"{_cut(unsupported)} means nothing")
    return LabelRegex(text, program)


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False  # RE2 would write to stderr, without the redaction of our logs.
    options.never_capture = True  # Groups cost time, and nothing reads them.
    options.max_mem = _MAX_MEMORY
    return options


def _describe(error: Exception) -> str:
    raw = error.args[0]
    message = raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)
    start = next((start for start in _ERROR_TEXTS if message.startswith(start)), "")
    part = _cut(message.removeprefix(start).removeprefix(" "))
    if part.startswith(_LOOKAROUND_STARTS):
        return f"{part} looks around, which RE2, Alertmanager's dialect, does not do"
    if re.fullmatch(r"\\[1-9]|\(\?P", part):
        return f"{part} refers back to a group, which RE2, Alertmanager's dialect, does not do"
    return _ERROR_TEXTS[start].format(part=part) if start else _cut(message)


def _cut(text: str) -> str:
    shown = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text[:_MAX_QUOTED])
    return shown if len(text) <= _MAX_QUOTED else f"{shown[:-1]}…"
