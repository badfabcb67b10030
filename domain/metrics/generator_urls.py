"""Where the addresses of alerts carry an expression: Prometheus, VictoriaMetrics' UI, Grafana's Explore. Pure."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

from pydantic_core import from_json

MAX_GENERATOR_URL_LENGTH = 100_000
"""Characters; percent encoding makes three of one."""
_MAX_FIELDS = 100
"""Maximum parameters of an address."""
_OTHER_LANGUAGES = frozenset({"loki", "tempo", "elasticsearch", "graphite", "influxdb", "cloudwatch"})
"""Grafana's types of data sources whose ``expr`` is no PromQL."""
_QUOTED = re.compile(r"""("(?:\\.|[^"\\])*"|'[^'"\\]*'|`[^`]*`)""", re.DOTALL)


def expressions_in(url: str) -> Iterator[str]:
    """The expressions in an address, the most certain first; without the quotes that a template put around them.

    They are ``g0.expr`` in the query or in the fragment (VMUI), and ``left`` and ``panes`` of Grafana's Explore.
    """
    if len(url) > MAX_GENERATOR_URL_LENGTH:
        return
    try:
        parts = urlsplit(url)
        queries = [parse_qs(each, max_num_fields=_MAX_FIELDS) for each in (parts.query, parts.fragment.partition("?")[2])]
        fragment = unquote_plus(parts.fragment)
    except ValueError:
        return
    for query in queries:
        yield from (_without_quotes(each) for each in query.get("g0.expr", []))
    states = [text for query in queries for name in ("left", "panes") for text in query.get(name, [])]
    # Prometheus 1 had its graphs as a list in the fragment.
    states += [fragment] if fragment.startswith("[") else []
    for state in states:
        yield from (_without_quotes(each) for each in _expressions_of_state(state))


def _expressions_of_state(text: str) -> Iterator[str]:
    """The expressions in the state of Explore: a list, an object with ``queries``, or an object of such panes."""
    try:
        state = from_json(text)
    except ValueError:
        return
    panes = [state, *state.values()] if isinstance(state, dict) else [state]
    for pane in panes:
        queries = pane.get("queries") if isinstance(pane, dict) else pane
        if isinstance(queries, list) and not _is_other_language(pane):
            yield from (query["expr"] for query in queries if _is_promql(query))


def _is_promql(query: Any) -> bool:
    if not isinstance(query, dict) or query.get("hide") is True or _is_other_language(query):
        return False
    return isinstance(query.get("expr"), str)


def _is_other_language(part: Any) -> bool:
    """Whether a pane or a query names a data source that has another language. One that is only named may have any."""
    source = part.get("datasource") if isinstance(part, dict) else None
    return isinstance(source, dict) and source.get("type") in _OTHER_LANGUAGES


def _without_quotes(expression: str) -> str:
    """``"up > 1"`` without its quotes; alone, a text in quotes is no expression that an alert could have."""
    stripped = expression.strip()
    if not _QUOTED.fullmatch(stripped):
        return stripped
    if stripped.startswith('"'):
        try:
            return str(json.loads(stripped, strict=False)).strip()
        except ValueError:
            return stripped[1:-1].strip()
    return stripped[1:-1].strip()
