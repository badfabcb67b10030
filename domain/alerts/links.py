"""Where to look on from an alert: the catalogue's dashboards, graphs and traces, and the rule's runbook. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from pydantic import TypeAdapter, ValidationError

from domain.alerts.alerts import AlertGroup, Link
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.urls import Page
from domain.metrics.promql import expression_of

BEFORE = timedelta(minutes=30)
"""What a dashboard shows of the time before the alert began."""
AFTER = timedelta(minutes=5)
"""And of the time after its end."""
LONGEST = 1_500
"""Characters of an address. All of them together have to fit into the 3,000 of a section."""

GRAFANA, PROMETHEUS, TRACES, RUNBOOK = "Grafana", "Prometheus", "traces with errors", "runbook"

_RUNBOOK_ANNOTATIONS = ("runbook_url", "runbook")
_PAGE: TypeAdapter[str] = TypeAdapter(Page)


def links_of(group: AlertGroup, catalogue: Catalogue) -> tuple[Link, ...]:
    """The links of its card, in the order in which they are shown. What the catalogue has no address for is left out."""
    environment, service = catalogue.environments.get(group.environment), catalogue.services.get(group.service)
    found: dict[str, str] = {}
    if environment and service and service.dashboard and environment.grafana:
        found[GRAFANA] = _dashboard(f"{environment.grafana}/d/{service.dashboard}", group)
    if environment and environment.prometheus and (expression := _expression(group)):
        graph = {"g0.expr": expression, "g0.tab": "0"}
        found[PROMETHEUS] = _with_query(f"{environment.prometheus}/graph", graph)
    if environment and service and environment.jaeger:
        found[TRACES] = _traces(f"{environment.jaeger}/search", group)
    found[RUNBOOK] = group.route.runbook or _runbook(group)
    return tuple(Link(text, url) for text, url in found.items() if url and len(url) <= LONGEST)


def _dashboard(address: str, group: AlertGroup) -> str:
    since, until = _window(group)
    names = {"var-environment": group.environment, "var-service": group.service}
    times = {"from": str(_milliseconds(since)), "to": str(_milliseconds(until)) if until else "now"}
    return _with_query(address, names | times)


def _traces(address: str, group: AlertGroup) -> str:
    """Jaeger counts in microseconds; without an end it takes now."""
    since, until = _window(group)
    query = {"service": group.service, "tags": '{"error":"true"}', "start": str(_milliseconds(since) * 1000)}
    return _with_query(address, query | ({"end": str(_milliseconds(until) * 1000)} if until else {}))


def _window(group: AlertGroup) -> tuple[datetime, datetime | None]:
    return group.began_at - BEFORE, group.resolved_at + AFTER if group.resolved_at else None


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _with_query(address: str, query: Mapping[str, str]) -> str:
    # Lone surrogates have no UTF-8; an expression from hostile JSON may hold one.
    return f"{address}?{urlencode(query, quote_via=quote, errors='replace')}"


def _expression(group: AlertGroup) -> str:
    return next((found for each in group.examples if (found := expression_of(each.generator_url))), "")


def _runbook(group: AlertGroup) -> str:
    """What the rule's author wrote. Only the address of a page: a script, a file or a password in it is none."""
    written = (each.annotations.get(name, "").strip() for each in group.examples for name in _RUNBOOK_ANNOTATIONS)
    return next((each for each in written if each and _is_page(each)), "")


def _is_page(address: str) -> bool:
    try:
        return bool(_PAGE.validate_python(address))
    except ValidationError:
        return False
