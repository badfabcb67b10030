"""Words that people type: the nearest known one, and spans of time."""

import difflib
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta

from domain.errors import UsageError
from domain.rich_text import Code, sentence

_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?")
_DURATION_HINT = sentence("Write it like ", Code("2h"), ", ", Code("90m"), " or ", Code("1h30m"), ".")


def nearest(word: str, known: Iterable[str], max_results: int = 3) -> list[str]:
    """The known words that are most similar to this one, best first."""
    return difflib.get_close_matches(word.lower(), list(dict.fromkeys(known)), n=max_results, cutoff=0.55)


def parse_duration(word: str, max_duration: timedelta) -> timedelta:
    """Parse ``2h``, ``90m`` or ``1d``. Raises ``UsageError`` for anything else, for zero, and beyond ``max_duration``."""
    match = _DURATION.fullmatch(word.lower())
    if not word or not match:
        raise UsageError(f"“{word}” is not a span of time.", _DURATION_HINT)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not duration:
        raise UsageError("A span of no time does nothing.", _DURATION_HINT)
    if duration > max_duration:
        raise UsageError(f"“{word}” is too long.", f"At most {format_duration(max_duration)} are possible.")
    return duration


def format_duration(duration: timedelta) -> str:
    """``41 s``, ``6 min``, ``1 h 30 min``, ``3 days 2 h``: the two largest parts."""
    seconds = max(0, round(duration.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if not hours:
        return f"{minutes} min" if seconds % 60 == 0 or minutes >= 10 else f"{minutes} min {seconds % 60} s"
    if not days:
        return f"{hours} h" if minutes % 60 == 0 else f"{hours} h {minutes % 60} min"
    name = "day" if days == 1 else "days"
    return f"{days} {name}" if hours % 24 == 0 else f"{days} {name} {hours % 24} h"


def clip(text: str, max_length: int) -> str:
    """Cut the text to ``max_length`` characters. The last one is an ellipsis if something is left out."""
    return text if len(text) <= max_length else text[: max_length - 1].rstrip() + "…"


def and_more(count: int) -> str:
    """``and 3 more``, for a list that leaves out ``count`` items; empty if it leaves out none."""
    return f"and {count:,} more" if count > 0 else ""


def times(count: int) -> str:
    """``once``, ``twice``, ``9 times``."""
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def join_and(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``; empty without names."""
    return " and ".join([*filter(None, [", ".join(names[:-1])]), *names[-1:]])


def first_names(names: Sequence[str], max_names: int) -> str:
    """``a, b and 5 more``: the first names, and how many are left out."""
    return " ".join(filter(None, [", ".join(names[:max_names]), and_more(len(names) - max_names)]))


def shorten(text: str, limit: int) -> str:
    """Cut to ``limit`` characters, the last of which shows that it was cut."""
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"
