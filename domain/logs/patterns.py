"""Patterns of log lines: what stays the same when numbers, ids, times and quoted values change."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.logs.lines import LogLine

PLACE = "…"
"""Stands for what differs."""
_MAX_PATTERN_LENGTH = 200
_MAX_READ = 500
"""Characters of a line that its pattern is made of: whoever writes into a log must not keep the bot busy."""
_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?|\d\d:\d\d:\d\d(?:[.,]\d+)?"
_UUID = r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"
_ADDRESS = r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"
_HEX = r"\b(?:0x)?(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{7,}\b"
_VERSION = r"\bv?\d++(?:\.\d++)++\b"
_ID = r"\b[A-Za-z]{1,12}[-_](?=[A-Za-z0-9]*\d)[A-Za-z0-9]{2,}\b"
_NUMBER = r"(?<![A-Za-z_\d])[-+]?\d++(?:[.,]\d++)*+(?![A-Za-z_]*\d)"
_VARIABLE = re.compile(f"{_TIME}|{_UUID}|{_ADDRESS}|{_VERSION}|{_ID}|{_HEX}|{_NUMBER}")
_MESSAGE_KEYS, _LEVEL_KEYS = ("message", "msg", "event", "log"), ("level", "severity", "log.level", "lvl")
_LEADING = re.compile(rf"^(?:\s|\[|\]|{PLACE}|[-,.:|])+")
_BAD = re.compile(r"\b(?:error|err|fatal|panic|critical|exception|fail(?:ed|ure)?|traceback)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPattern:
    """Lines that are alike: ``text`` has ``PLACE`` where they differ."""

    text: str
    count: int
    first_at: datetime
    last_at: datetime
    is_new: bool = False
    """It was not there in the time before, which was looked at."""

    @property
    def is_bad(self) -> bool:
        """Whether it speaks of an error."""
        return _BAD.search(self.text) is not None


def pattern_of(text: str) -> str:
    """What stays the same in lines of this kind, without the time at its beginning."""
    whole = _VARIABLE.sub(PLACE, " ".join(_spoken(text)[:_MAX_READ].split()))
    return _LEADING.sub("", whole)[:_MAX_PATTERN_LENGTH] or PLACE


def patterns_of(lines: Iterable[LogLine], before: Iterable[LogLine] | None = None) -> tuple[LogPattern, ...]:
    """The patterns, the most frequent first. ``before``: lines of an earlier time, for which patterns are new."""
    known = None if before is None else {pattern_of(each.text) for each in before}
    by_text: dict[str, list[LogLine]] = {}
    for line in lines:
        by_text.setdefault(pattern_of(line.text), []).append(line)
    found = [_pattern(text, group, is_new=known is not None and text not in known) for text, group in by_text.items()]
    return tuple(sorted(found, key=lambda each: (-each.count, each.text)))


def _spoken(text: str) -> str:
    """Level and message of a line that is a JSON object with a message; any other line itself."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return text
    message = next((fields[key] for key in _MESSAGE_KEYS if isinstance(fields.get(key), str)), "")
    level = next((fields[key] for key in _LEVEL_KEYS if isinstance(fields.get(key), str)), "")
    return f"{level.upper()} {message}".strip() if message else text


def _pattern(text: str, lines: list[LogLine], *, is_new: bool) -> LogPattern:
    first_at, last_at = min(line.at for line in lines), max(line.at for line in lines)
    return LogPattern(text=text, count=len(lines), first_at=first_at, last_at=last_at, is_new=is_new)
