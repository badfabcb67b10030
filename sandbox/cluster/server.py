"""The HTTP server of the stand-in cluster: paths and headers in, answers and streams out."""

import contextlib
from collections.abc import Awaitable, Callable

from aiohttp import web

from sandbox.cluster import discovery, errors, requests, streams
from sandbox.cluster.access import User, answer_self_review, authenticate, authorize, is_self_review
from sandbox.cluster.control import ClusterControl, ClusterFault, RecordedRequest
from sandbox.cluster.model import Json, Now
from sandbox.cluster.pod_metrics import pod_metrics, pod_metrics_list
from sandbox.cluster.reads import Watch, list_page, with_type_meta
from sandbox.cluster.representation import Representation, negotiate
from sandbox.cluster.resources import POD_METRICS, PODS
from sandbox.cluster.store import ObjectStore
from sandbox.cluster.writes import APPLY, PATCH_TYPES, ObjectWriter, ResourcePath, scale_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_USER = web.RequestKey("user", User)
_TOKEN = web.RequestKey("token", str)
_PATH = web.RequestKey("path", str)
_HEALTH = ("healthz", "livez", "readyz")
_MAX_BODY_BYTES = 3 * 1024**2
"""Bytes; the real server's limit for a request."""


class StandInApiServer:
    """Answers requests about one store. ``failure`` tells why the controllers died, or None while they live."""

    def __init__(
        self, store: ObjectStore, control: ClusterControl, now: Now, *, bookmark_every: float, failure: Callable[[], str | None]
    ) -> None:
        self._store = store
        self._control = control
        self._now = now
        self._bookmark_every = bookmark_every
        self._failure = failure
        self._writer = ObjectWriter(store, now, lambda: control.alter)
        self.watches: set[Watch] = set()

    def app(self) -> web.Application:
        app = web.Application(
            middlewares=[self._record_request, self._apply_fault, self._handle_errors], client_max_size=_MAX_BODY_BYTES
        )
        app.router.add_route("*", "/{path:.*}", self._answer)
        app.on_shutdown.append(self._close)
        return app

    async def _close(self, _: web.Application) -> None:
        self.end_watches(drop=False)
        self._control.clear_faults()

    def end_watches(self, *, drop: bool) -> int:
        """Ends every open watch, with a proper last chunk or by cutting the connection; says how many there were."""
        for watch in self.watches:
            watch.close(drop=drop)
        return len(self.watches)

    # -- around every request

    @web.middleware
    async def _record_request(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        request[_TOKEN], path = requests.token_and_path(request)
        request[_PATH] = path
        if path.startswith("/_control"):
            return await handler(request)
        status = 0
        try:
            response = await handler(request)
            status = response.status if request.transport is not None and not request.transport.is_closing() else 0
        finally:
            user = request[_USER].name if _USER in request else ""
            recorded = RecordedRequest(method=request.method, path=path, query=request.query_string, user=user, status=status)
            self._control.requests.append(recorded)
        return response

    @web.middleware
    async def _apply_fault(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request[_PATH]
        fault = None if path.startswith("/_control") else self._control.take_fault(request.method, path)
        if fault is None:
            return await handler(request)
        return await self._inject(fault, request, handler)

    async def _inject(self, fault: ClusterFault, request: web.Request, handler: Handler) -> web.StreamResponse:
        if fault.kind == "status":
            wait = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            message = fault.message or f"fault on request: {fault.status}"
            error = errors.ApiError(fault.status, requests.reason_of(fault.status), message)
            return web.json_response(error.body(), status=fault.status, headers=wait)
        if fault.kind == "body":
            return web.Response(status=fault.status, text=fault.body)
        if fault.kind == "delay":
            await requests.pause(fault.seconds)
            return await handler(request)
        if fault.kind == "hold":
            await self._control.released.wait()
            return await handler(request)
        if fault.kind == "hang":
            await self._control.released.wait()
        if fault.kind == "fail_after_apply":
            await handler(request)
        return requests.cut_connection(request)

    @web.middleware
    async def _handle_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            request[_USER] = authenticate(request[_TOKEN])
            return await handler(request)
        except errors.ApiError as error:
            return web.json_response(error.body(), status=error.code)
        except errors.UnknownApiGroup:
            return web.Response(status=404, text="404 page not found\n")

    # -- what is asked about

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path, failure = request[_PATH], self._failure()
        parts = path.strip("/").split("/")
        if parts[0] in _HEALTH:
            return web.Response(status=500 if failure else 200, text=failure or "ok")
        if failure:
            raise errors.ApiError(500, "InternalError", failure)
        if request.method == "POST" and is_self_review(path):
            return web.json_response(answer_self_review(request[_USER], path, await requests.read_body(request)), status=201)
        document = discovery.discovery_document(parts, request.host)
        if document is not None and request.method == "GET":
            return web.json_response(document)
        return await self._handle_object(request, path)

    async def _handle_object(self, request: web.Request, path: str) -> web.StreamResponse:
        target = requests.target_of(path)
        verb = requests.verb_of(request.method, target, watching=requests.query_flag(request, "watch"))
        authorize(request[_USER], verb, target)
        if verb not in (*target.resource.verbs, "get") and not target.subresource:
            raise errors.method_not_allowed()
        handlers: dict[str, Callable[[web.Request, ResourcePath], Awaitable[web.StreamResponse]]] = {
            "get": self._get,
            "list": self._list,
            "watch": self._watch,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "deletecollection": self._delete_all,
        }
        return await handlers[verb](request, target)

    async def _get(self, request: web.Request, target: ResourcePath) -> web.StreamResponse:
        if target.resource is POD_METRICS:
            return web.json_response(pod_metrics(self._store, target, self._now()))
        obj = self._store.get(target.resource, target.key)
        if target.resource is PODS and target.subresource == "log":
            return await streams.send_log(request, self._store, obj, self._now)
        if target.subresource == "scale":
            return web.json_response(scale_of(obj))
        return web.json_response(self._representation(request, target).single(obj))

    def _representation(self, request: web.Request, target: ResourcePath) -> Representation:
        form, include = negotiate(request.headers.get("Accept", "")), request.query.get("includeObject", "Metadata")
        return Representation(resource=target.resource, kind=form, now=self._now(), include=include)

    async def _list(self, request: web.Request, target: ResourcePath) -> web.StreamResponse:
        if target.resource is POD_METRICS:
            return web.json_response(pod_metrics_list(self._store, requests.selection_of(request, target), self._now()))
        limit = requests.query_int(request, "limit")
        page = list_page(self._store, requests.selection_of(request, target), limit, request.query.get("continue", ""))
        return web.json_response(self._representation(request, target).list_body(page))

    async def _watch(self, request: web.Request, target: ResourcePath) -> web.StreamResponse:
        watch = Watch(
            self._store,
            requests.selection_of(request, target),
            initial_events=requests.query_flag(request, "sendInitialEvents"),
            bookmarks=requests.query_flag(request, "allowWatchBookmarks"),
        )
        watch.selection.predicate()
        self.watches.add(watch)
        try:
            return await streams.send_watch(request, watch, self._bookmark_every, self._representation(request, target))
        finally:
            self.watches.discard(watch)

    async def _create(self, request: web.Request, target: ResourcePath) -> web.StreamResponse:
        body = await requests.read_body(request, target.resource.kind)
        created = self._writer.create(target, body, requests.options_of(request))
        return web.json_response(with_type_meta(target.resource, created), status=201)

    async def _update(self, request: web.Request, target: ResourcePath) -> web.StreamResponse:
        body = await requests.read_body(request, target.resource.kind)
        return self._object_response(target, self._writer.update(target, body, requests.options_of(request)))

    async def _patch(self, request: web.Request, target: ResourcePath) -> web.StreamResponse:
        existed = self._store.find(target.resource, target.key) is not None
        kind = request.content_type
        if kind not in PATCH_TYPES:
            raise errors.unsupported_media_type(", ".join(PATCH_TYPES))
        options = requests.options_of(request, applying=kind == APPLY)
        patched = self._writer.patch(target, kind, await requests.read_patch(request, kind), options)
        return self._object_response(target, patched, status=200 if existed else 201)

    def _object_response(self, target: ResourcePath, obj: Json, status: int = 200) -> web.StreamResponse:
        shown = scale_of(obj) if target.subresource == "scale" else with_type_meta(target.resource, obj)
        return web.json_response(shown, status=status)

    async def _delete(self, request: web.Request, target: ResourcePath) -> web.StreamResponse:
        options, delete_options = requests.options_of(request), await requests.read_delete_options(request)
        removed = self._writer.delete(target, delete_options, options)
        if target.resource is PODS:
            return web.json_response(with_type_meta(target.resource, removed))
        details = {"name": target.name, "group": target.resource.group, "kind": target.resource.plural}
        details = {**{key: value for key, value in details.items() if value}, "uid": removed["metadata"]["uid"]}
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        return web.json_response(status)

    async def _delete_all(self, request: web.Request, target: ResourcePath) -> web.StreamResponse:
        options, delete_options = requests.options_of(request), await requests.read_delete_options(request)
        page = list_page(self._store, requests.selection_of(request, target), 0, "")
        for obj in page["items"]:
            with contextlib.suppress(errors.ApiError):  # gone by itself in the meantime: what was wanted
                one = ResourcePath(resource=target.resource, namespace=target.namespace, name=obj["metadata"]["name"])
                self._writer.delete(one, delete_options, options)
        return web.json_response(page)
