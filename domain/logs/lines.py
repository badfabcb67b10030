"""Lines of logs, as they were written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.logs.filters import LogFilter
from domain.redaction import MASK, redact
from domain.rich_text import Text

MAX_LINES = 2_000
"""Lines of one answer, the newest: patterns are found in these."""
MAX_LINE_LENGTH = 2_000
"""Characters of a line that are kept."""
_LOOK_AHEAD = 200
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
    """What was found, oldest first. ``total`` is how many lines fit: at least that many with ``is_at_least``."""

    source: str
    """Where it was read: ``Elasticsearch``, ``3 pods``."""
    lines: tuple[LogLine, ...] = ()
    total: int = 0
    is_at_least: bool = False
    notes: tuple[Text, ...] = field(default=())
    """What could not be read, and other reasons why there may be more."""


def redacted_lines(lines: Sequence[LogLine]) -> tuple[LogLine, ...]:
    """The lines with their secrets masked, those that span lines of a pod included; oldest first."""
    by_pod: dict[str, list[LogLine]] = {}
    for each in sorted(lines, key=lambda line: line.at):
        by_pod.setdefault(each.pod, []).append(each)
    masked = [line for group in by_pod.values() for line in _redacted_group(group)]
    return tuple(sorted(masked, key=lambda line: line.at))


def _redacted_group(lines: Sequence[LogLine]) -> list[LogLine]:
    """A secret of several lines becomes one mask, so that fewer lines come back: only what stands among those is shown."""
    together = redact("\n".join(each.text for each in lines)).split("\n")
    if len(together) == len(lines):
        return [replace(each, text=text) for each, text in zip(lines, together, strict=True)]
    shown, position = [], 0
    for each in lines:
        text = redact(each.text)
        ahead = together[position : position + _LOOK_AHEAD]
        found = ahead.index(text) if text in ahead else -1
        position += found + 1
        shown.append(replace(each, text=text if found >= 0 else MASK))
    return shown
