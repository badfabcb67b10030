"""The searches that are sent. Whatever a person typed is a value in them, never part of a query language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.logs.filters import LogFilter, LogTerm

MAX_COUNTED = 10_000
"""Of more lines than this, Elasticsearch only says that there are more: counting them would read them all."""
_TIME_FORMAT = "strict_date_optional_time"
_MAX_EXPANSIONS = 50
"""Words that a prefix stands for; the server's own default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSearch:
    """Lines in ``indices`` whose ``filters`` have exactly these values, the newest ``limit``."""

    indices: str
    filters: Mapping[str, str]
    time_field: str
    message_field: str
    pod_field: str
    words: LogFilter
    since: datetime
    until: datetime
    limit: int


def body_of(search: LineSearch, timeout_seconds: float) -> dict[str, Any]:
    """The body of the search. What narrows it to a service is beside what the person typed, where words cannot reach it."""
    time = {"gte": _instant(search.since), "lt": _instant(search.until), "format": _TIME_FORMAT}
    filters: list[dict[str, Any]] = [{"term": {name: {"value": value}}} for name, value in search.filters.items()]
    filters.append({"range": {search.time_field: time}})
    # What a line must not have is looked for after secrets are masked: the server's count would tell what is in them.
    wanted = [_term(search.message_field, term) for term in search.words.terms if not term.is_excluded]
    return {
        "size": search.limit,
        "track_total_hits": MAX_COUNTED,
        "timeout": f"{round(timeout_seconds * 1000)}ms",
        "_source": False,
        "fields": [{"field": search.time_field, "format": _TIME_FORMAT}, search.message_field, search.pod_field],
        "sort": [{search.time_field: {"order": "desc", "unmapped_type": "date"}}],
        "query": {"bool": {"filter": filters + wanted}},
    }


def _term(field: str, term: LogTerm) -> dict[str, Any]:
    if term.is_prefix:
        return {"match_phrase_prefix": {field: {"query": term.text, "max_expansions": _MAX_EXPANSIONS}}}
    return {"match_phrase": {field: {"query": term.text}}}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
