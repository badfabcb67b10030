"""Addresses of dashboards and panels, with the time and the variables that they are about. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

MAX_URL_LENGTH = 1_500
"""Characters. Slack takes no more than 3,000 for a section, and people copy addresses."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The time that a dashboard shows."""

    since: datetime
    until: datetime


def milliseconds(at: datetime) -> int:
    """As Grafana counts: since 1970."""
    return int(at.timestamp() * 1000)


def dashboard_url(base_url: str, uid: str, shown: TimeRange, values: Mapping[str, str], panel: int | None = None) -> str:
    """The page of a dashboard, or of one of its panels. Without the variables, where they would make it too long."""
    query = [("from", str(milliseconds(shown.since))), ("to", str(milliseconds(shown.until)))]
    query += [("viewPanel", str(panel))] if panel is not None else []
    variables = [(f"var-{name}", value) for name, value in values.items()]
    url = f"{base_url}/d/{quote(uid, safe='')}"
    whole = f"{url}?{_encoded([*query, *variables])}"
    return whole if len(whole) <= MAX_URL_LENGTH else f"{url}?{_encoded(query)}"


def search_url(base_url: str, words: str) -> str:
    """The page on which Grafana lists the dashboards with these words in their titles."""
    return f"{base_url}/dashboards?{_encoded([('query', words)])}" if words else f"{base_url}/dashboards"


def _encoded(query: list[tuple[str, str]]) -> str:
    # Lone surrogates, which Slack's JSON may contain, cannot be encoded as UTF-8.
    return urlencode(query, quote_via=quote, errors="replace")
