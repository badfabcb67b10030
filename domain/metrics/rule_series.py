"""Finds the series that an alert's expression cannot do without. Pure.

It reads the form in which Prometheus prints expressions, which has no comments. What it does not know gets no verdict.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from domain.metrics.monitoring_rules import AlertRule
from domain.rich_text import Text

LOOK_BACK = timedelta(hours=2)
"""How long ago a series may have been there. Longer than the ranges, of minutes, for which there is a verdict."""

_TOKEN = re.compile(
    r"""
    \s+
    | (?P<list>\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\))
    | (?P<selector>[a-zA-Z_:][a-zA-Z0-9_:]*\{(?:"(?:\\.|[^"\\])*"|[^"{}])*\}|\{(?:"(?:\\.|[^"\\])*"|[^"{}])*\})
    | (?P<range>\[[0-9a-z:]*\])
    | (?P<string>"(?:\\.|[^"\\])*")
    | (?P<call>[a-zA-Z_][a-zA-Z0-9_]*(?=\s*\(|\s+(?:by|without)\b))
    | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
    | (?P<number>[0-9][0-9a-zA-Z.]*(?:(?<=e)[+-][0-9]+)?)
    | (?P<mark>==|!=|>=|<=|[-+*/%^<>(),])
    """,
    re.VERBOSE,
)
_WORDS = {"and", "bool", "atan2", "inf", "nan", "group_left", "group_right"}
_ALTERNATIVES = {"or", "unless"}
_CALLS_WITHOUT_SERIES = {"absent", "absent_over_time", "scalar", "vector", "info"}
"""Functions that have a result where their series do not exist, or that read series which nobody names."""
_LONG_RANGE = re.compile(r"[hdwy]")


@dataclass(frozen=True, slots=True)
class NeededSeries:
    """``is_any``: one of them is enough for a result; else every one is needed."""

    selectors: tuple[str, ...]
    is_any: bool

    def missing(self, absent: Collection[str]) -> tuple[str, ...]:
        """Those for want of which there is no result; empty where there can be one."""
        found = tuple(each for each in self.selectors if each in absent)
        return () if self.is_any and len(found) < len(self.selectors) else found


@dataclass(frozen=True, slots=True)
class NeverFiring:
    """A rule that cannot fire. ``missing`` are the selectors without a series in the time of ``LOOK_BACK``."""

    rule: AlertRule
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesVerdicts:
    """``unsettled`` counts rules whose series were not all asked about, ``problem`` says why.

    ``undecidable`` counts rules of which missing series say nothing.
    """

    never_firing: tuple[NeverFiring, ...] = ()
    unsettled: int = 0
    undecidable: int = 0
    problem: Text = ""


def needed_series(expression: str) -> NeededSeries | None:
    """The selectors; None where missing series say nothing: ``absent``, another time, a range of hours, an unknown form."""
    selectors: list[str] = []
    is_any, at = False, 0
    while at < len(expression):
        match = _TOKEN.match(expression, at)
        if match is None:
            return None
        at, kind, text = match.end(), match.lastgroup, match[0]
        word = text.lower()
        if kind in ("name", "call") and word in _ALTERNATIVES:
            is_any = True
        elif word == "offset" or _is_beyond(kind, word):
            return None
        elif kind == "selector" or (kind == "name" and word not in _WORDS):
            selectors.append(text)
    return NeededSeries(tuple(dict.fromkeys(selectors)), is_any) if selectors else None


def _is_beyond(kind: str | None, word: str) -> bool:
    return (kind == "call" and word in _CALLS_WITHOUT_SERIES) or (kind == "range" and bool(_LONG_RANGE.search(word)))
