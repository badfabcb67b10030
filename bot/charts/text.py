"""Prepares external text for drawing: one line, without secrets, only glyphs of the font, clipped to a width."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import takewhile

from bot.charts.canvas import has_glyph
from bot.views.markup.mrkdwn import clean

_MAX_TEXT_LENGTH = 400
"""Characters that are used: a picture is about a hundred wide, and measuring takes time for each."""
_MAX_COMBINING_MARKS = 2
"""Accents for each letter; stacks of more would cover the picture."""
_SEPARATORS = '-_/.:=,"'
_MIN_SHARED_PREFIX = 8
_UNKNOWN = "□"
_ELLIPSIS = "…"
_PICTOGRAPHS = "\u2600"
"""From this character on the font has few of many symbols; all are left out, because half of them would mislead."""

Measure = Callable[[str], float]


def drawable(text: str, *, bold: bool = False) -> str:
    """The text in glyphs of the font. Emoji are left out; letters of a script that it lacks become one box."""
    letters: list[str] = []
    marks = 0
    for letter in unicodedata.normalize("NFC", clean(text)[: 2 * _MAX_TEXT_LENGTH]):
        # NFC leaves only accents that have no composed letter; their number is limited.
        marks = marks + 1 if unicodedata.category(letter).startswith("M") else 0
        if marks <= _MAX_COMBINING_MARKS:
            letters.append(_letter(letter, bold=bold))
    return " ".join(re.sub(f"{_UNKNOWN}+", _UNKNOWN, "".join(letters)).split())[:_MAX_TEXT_LENGTH].rstrip()


def common_start(names: Sequence[str]) -> str:
    """The prefix that all names share, up to a separator: `deep-echo-main-7f6b9c5d48-`. Empty where short or a whole name."""
    same = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False)) if len(names) > 1 else ()
    start = "".join(letters[0] for letters in same)
    start = start[: max(map(start.rfind, _SEPARATORS)) + 1]
    return start if len(start) >= _MIN_SHARED_PREFIX and start not in names else ""


def clip_end(text: str, max_width: float, measure: Measure) -> str:
    """As much of the text's start as fits into ``max_width`` pixels, with an ellipsis where something is missing."""
    return _longest_fit(text, max_width, measure, lambda length: text[:length].rstrip() + _ELLIPSIS)


def clip_middle(text: str, max_width: float, measure: Measure) -> str:
    """The text's start and end as far as they fit: pods of one Deployment differ only in their last letters."""
    return _longest_fit(
        text, max_width, measure, lambda length: text[: (length + 1) // 2] + _ELLIPSIS + text[len(text) - length // 2 :]
    )


def _longest_fit(text: str, max_width: float, measure: Measure, cut: Callable[[int], str]) -> str:
    if measure(text) <= max_width:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        fits, too_long = (middle, too_long) if measure(cut(middle)) <= max_width else (fits, middle)
    return cut(fits)


def _letter(letter: str, *, bold: bool) -> str:
    if letter.isspace():
        return " "
    if has_glyph(letter, bold=bold) and letter.isprintable() and letter < _PICTOGRAPHS:
        return letter
    return _UNKNOWN if letter.isalnum() else ""
