"""The stand-in as one server on loopback."""

import asyncio
import json
import re
import secrets
from collections.abc import Iterable
from typing import Any, Literal

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.elasticsearch import searching
from sandbox.elasticsearch.errors import Refused, illegal
from sandbox.elasticsearch.model import Json, Search, State
from sandbox.loopback_server import LoopbackServer

Flavour = Literal["elasticsearch", "opensearch"]
_PLUGIN = "/_plugins/_asynchronous_search"
_SECONDS = re.compile(r"(\d+)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SEARCH_PARAMETERS = frozenset(
    {"wait_for_completion_timeout", "keep_alive", "keep_on_completion", "ignore_unavailable", "allow_no_indices"}
)
_DAY = 86400.0


class StandInElasticsearch(LoopbackServer):
    """``async with StandInElasticsearch() as server``: up on ``url`` until the block ends. Port 0 takes a free one.

    Tests look into ``state``, and make trouble there. With an ``account``, that is the only Authorization which is let in.
    """

    def __init__(self, *, port: int = 0, flavour: Flavour = "elasticsearch", account: str = "") -> None:
        super().__init__(port)
        self.state = State()
        self._flavour, self._account = flavour, account

    def application(self) -> web.Application:
        """The API."""
        app = web.Application(middlewares=[self._trouble_middleware()])
        if self._flavour == "opensearch":
            app.add_routes([web.post(_PLUGIN, self._start), *_searches(_PLUGIN, self._look, self._delete)])
        else:
            app.add_routes([web.post("/{index}/_async_search", self._start)])
            app.add_routes(_searches("/_async_search", self._look, self._delete))
        app.add_routes([web.get("/", self._version), web.get("/{index}/_field_caps", self._field_caps)])
        return app

    async def _version(self, _request: web.Request) -> web.Response:
        if self._flavour == "opensearch":
            version = {"distribution": "opensearch", "number": "3.1.0"}
        else:
            version = {"number": "8.19.3", "build_flavor": "default"}
        return web.json_response({"name": "log-1", "cluster_name": "logs", "version": version})

    async def _field_caps(self, request: web.Request) -> web.Response:
        _check_parameters(request, {"fields", "ignore_unavailable", "allow_no_indices"})
        indices = self.state.named(request.match_info["index"])
        fields: dict[str, Json] = {}
        for name in request.query.get("fields", "").split(","):
            for index in indices.values():
                if kind := index.fields.get(name):
                    fields.setdefault(name, {})[kind] = {"type": kind, "searchable": True, "aggregatable": kind != "text"}
        return web.json_response({"indices": sorted(indices), "fields": fields})

    async def _start(self, request: web.Request) -> web.Response:
        is_plugin = request.path == _PLUGIN
        _check_parameters(request, _SEARCH_PARAMETERS | ({"index"} if is_plugin else set()))
        names = request.query["index"] if is_plugin else request.match_info["index"]
        if request.query.get("ignore_unavailable") != "true" and (missing := next(iter(self.state.missing(names)), "")):
            raise Refused("index_not_found_exception", f"no such index [{missing}]", 404)
        shortest, usual = (60.0, _DAY / 2) if is_plugin else (1.0, 5 * _DAY)
        keep = _seconds(request, "keep_alive", usual)
        if keep < shortest:
            raise illegal(f"[keep_alive] must be greater than or equal to {shortest:g}s")
        wait, runs = _seconds(request, "wait_for_completion_timeout", 1.0), self.state.trouble.search_seconds
        answer = searching.run(self.state.named(names), await request.json(), self.state.trouble.failed_shards)
        now = asyncio.get_running_loop().time()
        search = Search(secrets.token_urlsafe(48) + "==", answer, now + runs, now + keep)
        is_kept = request.query.get("keep_on_completion") == "true"
        if runs > wait or is_kept:
            # The server runs it on, whether or not somebody still listens.
            self.state.searches[search.id] = search
        await asyncio.sleep(min(wait, runs))
        return web.json_response(self._answer(search, has_id=runs > wait or is_kept))

    async def _look(self, request: web.Request) -> web.Response:
        _check_parameters(request, {"wait_for_completion_timeout", "keep_alive"})
        search = self._search(request)
        left = search.done_at - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, min(left, _seconds(request, "wait_for_completion_timeout", 1.0))))
        return web.json_response(self._answer(search, has_id=True))

    async def _delete(self, request: web.Request) -> web.Response:
        search = self._search(request)
        if self.state.trouble.refuses_deletion:
            raise Refused("es_rejected_execution_exception", "rejected execution", 503)
        del self.state.searches[search.id]
        return web.json_response({"acknowledged": True})

    def _search(self, request: web.Request) -> Search:
        search = self.state.searches.get(request.match_info["id"])
        if search is None or search.expires_at < asyncio.get_running_loop().time():
            raise Refused("resource_not_found_exception", request.match_info["id"], 404)
        return search

    def _answer(self, search: Search, *, has_id: bool) -> Json:
        is_running = search.done_at > asyncio.get_running_loop().time()
        response = searching.empty(2) if is_running else search.answer
        times = {"start_time_in_millis": 0, "expiration_time_in_millis": round(search.expires_at * 1000)}
        known: Json = {"id": search.id} if has_id else {}
        if self._flavour == "opensearch":
            return known | times | {"state": "RUNNING" if is_running else "SUCCEEDED", "response": response}
        is_partial = is_running or response["_shards"]["failed"] > 0
        return known | times | {"is_partial": is_partial, "is_running": is_running, "response": response}

    def _trouble_middleware(self) -> Middleware:
        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            trouble, body = self.state.trouble, await _body(request)
            self.state.requests.append((request.method, request.path_qs, body))
            await asyncio.sleep(trouble.delay_seconds)
            if trouble.status:
                return web.Response(status=trouble.status, text="upstream connect error")
            if trouble.body is not None:
                return web.Response(body=trouble.body, content_type="application/json")
            if self._account and request.headers.get("Authorization") != self._account:
                return Refused("security_exception", "missing authentication credentials", 401).response()
            try:
                return await handler(request)
            except Refused as error:
                return error.response()

        return check


async def _body(request: web.Request) -> Any:
    if not request.can_read_body:
        return None
    try:
        return json.loads(await request.read())
    except ValueError:
        return None


def _searches(path: str, look: Any, delete: Any) -> Iterable[web.RouteDef]:
    return web.get(f"{path}/{{id}}", look), web.delete(f"{path}/{{id}}", delete)


def _check_parameters(request: web.Request, known: Iterable[str]) -> None:
    if unknown := sorted(set(request.query) - set(known)):
        raise illegal(f"request [{request.path}] contains unrecognized parameter: [{unknown[0]}]")


def _seconds(request: web.Request, name: str, default: float) -> float:
    text = request.query.get(name)
    if text is None:
        return default
    found = _SECONDS.fullmatch(text)
    if found is None:
        raise illegal(f"failed to parse setting [{name}] with value [{text}] as a time value: unit is missing or unrecognized")
    return int(found[1]) * _UNITS[found[2]]
