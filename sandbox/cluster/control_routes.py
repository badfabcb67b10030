"""``/_control``: trouble on request over HTTP. The server listens on loopback only, and so do these."""

from collections.abc import Callable
from dataclasses import fields

from aiohttp import web

from sandbox.cluster import errors, requests
from sandbox.cluster.autoscaler import AutoscalerController
from sandbox.cluster.control import ClusterControl, ClusterFault
from sandbox.cluster.model import Json
from sandbox.cluster.resources import RESOURCES
from sandbox.cluster.server import StandInApiServer
from sandbox.cluster.store import ObjectStore

_KINDS = ("status", "delay", "hold", "hang", "drop", "fail_after_apply", "body")


class ControlRoutes:
    """The handlers; ``autoscaler`` answers the one at work."""

    def __init__(
        self,
        store: ObjectStore,
        control: ClusterControl,
        server: StandInApiServer,
        autoscaler: Callable[[], AutoscalerController],
    ) -> None:
        self._store = store
        self._control = control
        self._server = server
        self._autoscaler = autoscaler

    def add_to(self, app: web.Application) -> None:
        add = app.router.add_route
        add("POST", "/_control/faults", self._add_fault)
        add("DELETE", "/_control/faults", self._clear_faults)
        add("POST", "/_control/compact", self._compact)
        add("POST", "/_control/hpa", self._scale_by_hpa)
        add("POST", "/_control/watches/drop", self._drop_watches)
        add("GET", "/_control/requests", self._requests)
        add("GET", "/_control/state", self._state)

    async def _add_fault(self, request: web.Request) -> web.Response:
        """``{"kind": "status", "status": 503, "times": 2, "path_prefix": "/apis/apps"}``; a bare status needs no kind."""
        fields_given = await requests.read_body(request)
        known = {each.name for each in fields(ClusterFault)}
        if fields_given.keys() - known:
            raise errors.bad_request(f"unknown: {', '.join(sorted(fields_given.keys() - known))}")
        fields_given.setdefault("kind", "status")
        if fields_given["kind"] not in _KINDS:
            raise errors.bad_request(f"kind is one of {', '.join(_KINDS)}")
        self._control.add_fault(ClusterFault(**fields_given))
        return web.json_response({"waiting": len(self._control.faults)})

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self._control.clear_faults()
        return web.json_response({"waiting": 0})

    async def _compact(self, _: web.Request) -> web.Response:
        self._store.compact()
        return web.json_response({"oldest": self._store.oldest})

    async def _scale_by_hpa(self, request: web.Request) -> web.Response:
        """``{"namespace": "deep-echo-prod", "name": "deep-echo-cognitive", "replicas": 9}``"""
        body = await requests.read_body(request)
        try:
            key, replicas = (str(body["namespace"]), str(body["name"])), int(body["replicas"])
        except (KeyError, ValueError, TypeError) as error:
            raise errors.bad_request("namespace, name and replicas are needed") from error
        moved = self._autoscaler().scale(key, replicas)
        return web.json_response({"status": moved["status"]})

    async def _drop_watches(self, _: web.Request) -> web.Response:
        return web.json_response({"dropped": self._server.end_watches(drop=True)})

    async def _requests(self, request: web.Request) -> web.Response:
        """What was asked of the cluster, oldest first; ``?writes=true`` for changes only."""
        seen = self._control.writes() if requests.query_flag(request, "writes") else list(self._control.requests)
        return web.json_response([each.as_json() for each in seen])

    async def _state(self, _: web.Request) -> web.Response:
        counts: Json = {each.qualified: len(self._store.all(each)) for each in RESOURCES if not each.stored_as}
        watch_state = {"version": self._store.version, "oldest": self._store.oldest, "watches": len(self._server.watches)}
        return web.json_response({**watch_state, "faults": len(self._control.faults), "objects": counts})
