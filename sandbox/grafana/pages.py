"""The pages for people: what a link of the bot leads to."""

import html
from datetime import UTC, datetime

from aiohttp import web

from sandbox.grafana.model import State


class Pages:
    """One page for each dashboard: the time and variables of the address, panels, annotations."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.overview),
            web.get("/dashboards", self.overview),
            web.get("/d/{uid}", self.dashboard),
        ]

    async def overview(self, _request: web.Request) -> web.Response:
        known = (each["dashboard"] for each in self._state.dashboards.values())
        links = "".join(f'<li><a href="/d/{each["uid"]}">{html.escape(each["title"])}</a></li>' for each in known)
        return _page("Dashboards", f"<ul>{links}</ul>")

    async def dashboard(self, request: web.Request) -> web.Response:
        known = self._state.dashboards.get(request.match_info["uid"])
        if known is None:
            return web.Response(status=404, text="Dashboard not found")
        query = request.query
        values = [f"{name.removeprefix('var-')} = {value}" for name, value in query.items() if name.startswith("var-")]
        shown = " to ".join(_time(query[name]) for name in ("from", "to") if query.get(name, "").isdigit())
        panels = [each for each in _panels(known["dashboard"]["panels"]) if query.get("viewPanel", each["id"]) == each["id"]]
        marks = [f"{_time(str(each.time))}: {each.text}" for each in self._state.annotations.values()]
        body = f"<p>{html.escape(shown)}</p><p>{html.escape(', '.join(values))}</p>"
        # The text of an annotation is HTML, as in Grafana.
        body += _list("Panels", [html.escape(panel["title"]) for panel in panels]) + _list("Annotations", marks)
        return _page(known["dashboard"]["title"], body)


def _panels(panels: list[dict[str, object]]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for panel in panels:
        inner = panel.get("panels")
        found += _panels(inner) if isinstance(inner, list) else [{name: str(panel[name]) for name in ("id", "title")}]
    return found


def _list(title: str, items: list[str]) -> str:
    return f"<h2>{title}</h2><ul>{''.join(f'<li>{each}</li>' for each in items)}</ul>"


def _time(milliseconds: str) -> str:
    return f"{datetime.fromtimestamp(int(milliseconds) / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def _page(title: str, body: str) -> web.Response:
    text = f"<!doctype html><title>{html.escape(title)}</title><h1>{html.escape(title)}</h1>{body}"
    return web.Response(text=text, content_type="text/html")
