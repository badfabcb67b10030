"""Search, dashboards, health and settings as Grafana documents them."""

from aiohttp import web

from sandbox.grafana.annotations_api import refused
from sandbox.grafana.model import Json, State

VERSION = "12.3.0"
MAX_LIMIT = 5_000


class DashboardsApi:
    """Reads ``State.dashboards``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/health", self.health),
            web.get("/api/frontend/settings", self.settings),
            web.get("/api/search", self.search),
            web.get("/api/dashboards/uid/{uid}", self.dashboard),
        ]

    async def health(self, _request: web.Request) -> web.Response:
        return web.json_response({"commit": "sandbox", "database": "ok", "version": VERSION})

    async def settings(self, _request: web.Request) -> web.Response:
        return web.json_response({"rendererAvailable": self._state.has_renderer, "buildInfo": {"version": VERSION}})

    async def search(self, request: web.Request) -> web.Response:
        """By words in the title, in any case. Without ``type``, folders too."""
        kind, query = request.query.get("type", ""), request.query.get("query", "")
        limit = request.query.get("limit", "1000")
        if kind not in ("", "dash-db", "dash-folder") or not limit.isdigit() or not 0 < int(limit) <= MAX_LIMIT:
            return refused(400, "bad request data")
        folder = {"id": 1, "uid": "platform", "title": "Platform", "type": "dash-folder", "tags": [], "isStarred": False}
        found = [] if kind == "dash-db" else [folder]
        found += [] if kind == "dash-folder" else [_found(each) for each in self._state.dashboards.values()]
        return web.json_response([each for each in found if _fits(str(each["title"]), query)][: int(limit)])

    async def dashboard(self, request: web.Request) -> web.Response:
        known = self._state.dashboards.get(request.match_info["uid"])
        return web.json_response(known) if known else refused(404, "Dashboard not found")


def _found(dashboard: Json) -> Json:
    body = dashboard["dashboard"]
    path = f"/d/{body['uid']}/{body['uid']}"
    return {
        "id": body["id"],
        "uid": body["uid"],
        "title": body["title"],
        "uri": f"db/{body['uid']}",
        "url": path,
        "slug": "",
        "type": "dash-db",
        "tags": body["tags"],
        "isStarred": False,
        "folderUid": "platform",
        "folderTitle": dashboard["meta"]["folderTitle"],
        "sortMeta": 0,
    }


def _fits(title: str, query: str) -> bool:
    return all(word in title.lower() for word in query.lower().split())
