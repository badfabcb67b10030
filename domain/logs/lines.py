"""Lines of logs, as they were written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.logs.filters import LogFilter
from domain.redaction import MASK, redact
from domain.rich_text import Text

MAX_LINES = 2_000
"""Lines of one answer, the newest: patterns are found in these."""
MAX_LINE_LENGTH = 2_000
"""Characters of a line that are kept."""
_LOOK_AHEAD = 200
_MAX_WORD = 500
_OWN_TIME = re.compile(r"^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|[+-]\d\d:?\d\d))?\]?:? *")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of one pod."""

    at: datetime
    text: str
    pod: str = ""

    @property
    def plain(self) -> str:
        """The text without a time at its beginning, which ``at`` says."""
        return _OWN_TIME.sub("", self.text, count=1)


@dataclass(frozen=True, slots=True)
class PodLog:
    """The newest lines of a pod. ``is_cut``: there are older ones in the time that was asked for."""

    lines: tuple[LogLine, ...]
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Lines of one service, from ``since`` until ``until``, the newest ``limit`` of them."""

    environment: str
    service: str
    filter: LogFilter
    since: datetime
    until: datetime
    limit: int = MAX_LINES


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """What was found, oldest first. A source gives lines as they are, and more than fit; a reader masks them and chooses.

    ``total`` is how many lines fit: at least that many with ``is_at_least``.
    """

    source: str
    """Where it was read: ``the log server``, ``3 pods``."""
    lines: tuple[LogLine, ...] = ()
    total: int = 0
    is_at_least: bool = False
    notes: tuple[Text, ...] = ()
    """What could not be read, and other reasons why there may be more."""


def redacted_lines(lines: Sequence[LogLine]) -> tuple[LogLine, ...]:
    """The lines with their secrets masked, those that span lines of a pod included; oldest first."""
    by_pod: dict[str, list[LogLine]] = {}
    for each in sorted(lines, key=lambda line: line.at):
        by_pod.setdefault(each.pod, []).append(each)
    masked = [line for group in by_pod.values() for line in _redacted_group(group)]
    return tuple(sorted(masked, key=lambda line: line.at))


def _redacted_group(lines: Sequence[LogLine]) -> list[LogLine]:
    """Each with its own text masked. A text may have several lines, and a secret may span those of several texts."""
    numbered = [(number, part) for number, each in enumerate(lines) for part in each.text.split("\n")]
    parts: list[list[str]] = [[] for _ in lines]
    for (number, _), masked in zip(numbered, _masked_parts([part for _, part in numbered]), strict=True):
        parts[number].append(masked)
    return [replace(each, text="\n".join(found)[:MAX_LINE_LENGTH]) for each, found in zip(lines, parts, strict=True)]


def _masked_parts(parts: Sequence[str]) -> list[str]:
    """A secret of several lines becomes one mask, so that fewer lines come back: only what stands among those is shown."""
    together = redact("\n".join(parts)).split("\n")
    if len(together) == len(parts):
        return together
    shown, position = [], 0
    for part in parts:
        text = redact(part)
        ahead = together[position : position + _LOOK_AHEAD]
        found = ahead.index(text) if text in ahead else -1
        position += found + 1
        shown.append(text if found >= 0 else MASK)
    return shown


def without_cut_word(text: str, max_length: int) -> str:
    """The beginning of a long text. A word that would be cut is left out: half a secret is not recognized as one."""
    if len(text) <= max_length:
        return text
    kept = text[:max_length]
    return kept.rsplit(None, 1)[0] if len(kept.rsplit(None, 1)[-1]) < _MAX_WORD else kept
