"""Links on an alert's card: dashboard, graph, traces, runbook, and those of Grafana's own alerting. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from pydantic import TypeAdapter, ValidationError

from domain.alerts.alerts import AlertGroup, AlertLink, GroupState
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.urls import HttpUrl
from domain.metrics.promql import expression_of

PADDING_BEFORE = timedelta(minutes=30)
"""How much of the time before the alert began a dashboard shows."""
PADDING_AFTER = timedelta(minutes=5)
"""How much of the time after its end a dashboard shows."""
MAX_URL_LENGTH = 1_500
"""Characters."""
MAX_LINKS_LENGTH = 2_700
"""Characters of all links together, which have to fit into the 3,000 of a Slack section. What is too much is left out."""

GRAFANA, PROMETHEUS, TRACES, RUNBOOK = "Grafana", "Prometheus", "traces with errors", "runbook"
GRAFANA_PANEL, GRAFANA_SILENCE = "panel", "silence in Grafana"

_RUNBOOK_ANNOTATIONS = ("runbook_url", "runbook")
_HTTP_URL: TypeAdapter[str] = TypeAdapter(HttpUrl)


def links_of(group: AlertGroup, catalogue: Catalogue) -> tuple[AlertLink, ...]:
    """The links of a group's card, in the order of the card. A system without an address in the catalogue has no link."""
    environment, service = catalogue.environments.get(group.environment), catalogue.services.get(group.service)
    urls = _grafana_urls(group)
    if environment and service and service.dashboard and environment.grafana:
        urls[GRAFANA] = _dashboard_url(f"{environment.grafana}/d/{service.dashboard}", group)
    if environment and environment.prometheus and (expression := _first_expression(group)):
        graph = {"g0.expr": expression, "g0.tab": "0"}
        urls[PROMETHEUS] = _with_query(f"{environment.prometheus}/graph", graph)
    if environment and service and environment.jaeger:
        urls[TRACES] = _traces_url(f"{environment.jaeger}/search", group, service.jaeger_service or group.service)
    urls[RUNBOOK] = group.route.runbook or _runbook_url(group)
    return _within_length(AlertLink(text, url) for text, url in urls.items() if url and len(url) <= MAX_URL_LENGTH)


def _within_length(links: Iterable[AlertLink]) -> tuple[AlertLink, ...]:
    """The links that fit into ``MAX_LINKS_LENGTH``, the first ones before others."""
    fitting: list[AlertLink] = []
    free = MAX_LINKS_LENGTH
    for link in links:
        length = len(link.text) + len(link.url)
        if length <= free:
            fitting.append(link)
            free -= length
    return tuple(fitting)


def _grafana_urls(group: AlertGroup) -> dict[str, str]:
    """The links that Grafana gives its own alerts. One to a silence matches one alert, so it says so of several."""
    details = next((each.grafana for each in group.examples if each.grafana is not None), None)
    if details is None:
        return {}
    urls = {GRAFANA: details.dashboard_url, GRAFANA_PANEL: details.panel_url}
    if group.state is GroupState.FIRING:
        urls[GRAFANA_SILENCE if group.firing == 1 else f"{GRAFANA_SILENCE} (one of them)"] = details.silence_url
    return {text: url for text, url in urls.items() if _is_http_url(url)}


def _dashboard_url(url: str, group: AlertGroup) -> str:
    since, until = _time_range(group)
    names = {"var-environment": group.environment, "var-service": group.service}
    times = {"from": str(_milliseconds(since)), "to": str(_milliseconds(until)) if until else "now"}
    return _with_query(url, names | times)


def _traces_url(url: str, group: AlertGroup, service: str) -> str:
    """Jaeger's times are in microseconds. Without an end it uses the present time."""
    since, until = _time_range(group)
    query = {"service": service, "tags": '{"error":"true"}', "start": str(_milliseconds(since) * 1000)}
    return _with_query(url, query | ({"end": str(_milliseconds(until) * 1000)} if until else {}))


def _time_range(group: AlertGroup) -> tuple[datetime, datetime | None]:
    return group.began_at - PADDING_BEFORE, group.resolved_at + PADDING_AFTER if group.resolved_at else None


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _with_query(url: str, query: Mapping[str, str]) -> str:
    # Lone surrogates, which JSON may contain, cannot be encoded as UTF-8.
    return f"{url}?{urlencode(query, quote_via=quote, errors='replace')}"


def _first_expression(group: AlertGroup) -> str:
    return next((expression for each in group.examples if (expression := expression_of(each.generator_url))), "")


def _runbook_url(group: AlertGroup) -> str:
    """The runbook in the rule's annotations; only an http or https URL without a password counts."""
    candidates = (each.annotations.get(name, "").strip() for each in group.examples for name in _RUNBOOK_ANNOTATIONS)
    return next((each for each in candidates if each and _is_http_url(each)), "")


def _is_http_url(url: str) -> bool:
    try:
        return bool(_HTTP_URL.validate_python(url))
    except ValidationError:
        return False
