"""The dashboards of the platform: one for each service, and one of everything."""

from typing import Any

from sandbox.grafana.model import Json

SERVICES = ("main", "cognitive", "load-balancer", "cache")
ENVIRONMENTS = ("development", "staging", "production")
OVERVIEW = "platform-overview"
_PANELS = ("Requests per minute", "Errors (%)", "Response time p95", "Saturation")


def dashboard_uid(component: str) -> str:
    """The uid of a service's dashboard, for the catalogue; empty for a service that has none."""
    return f"deep-echo-{component}" if component in SERVICES else ""


def seed_dashboards() -> dict[str, Json]:
    """By uid."""
    variables = [_custom("environment", ENVIRONMENTS), _query("pod")]
    own = {
        dashboard_uid(name): _dashboard(number, dashboard_uid(name), f"Deep Echo: {name}", variables)
        for number, name in enumerate(SERVICES, 2)
    }
    overview = _dashboard(1, OVERVIEW, "Deep Echo: overview", [_custom("env", ("dev", "stage", "prod")), _query("service")])
    return {OVERVIEW: overview, **own}


def _dashboard(number: int, uid: str, title: str, variables: list[Json]) -> Json:
    """With two panels on top, and two in a folded row."""
    panels: list[Json] = [
        {"id": place, "type": "timeseries", "title": name, "gridPos": {"x": 0, "y": place, "w": 12, "h": 8}}
        for place, name in enumerate(_PANELS, 1)
    ]
    row = {"id": 10, "type": "row", "title": "Details", "collapsed": True, "panels": panels[2:]}
    body: dict[str, Any] = {
        "id": number,
        "uid": uid,
        "title": title,
        "tags": ["deep-echo"],
        "schemaVersion": 41,
        "version": 1,
        "templating": {"list": variables},
        "panels": [*panels[:2], row],
    }
    return {"dashboard": body, "meta": {"slug": uid, "folderUid": "platform", "folderTitle": "Platform", "version": 1}}


def _custom(name: str, values: tuple[str, ...]) -> Json:
    options = [{"text": each, "value": each, "selected": each == values[0]} for each in values]
    return {"name": name, "type": "custom", "options": options, "current": options[0]}


def _query(name: str) -> Json:
    return {"name": name, "type": "query", "options": [], "current": {}}
