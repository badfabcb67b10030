"""One cluster's line: requests with time limits, credentials renewed, errors in our own words, answers as plain JSON."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from domain.clock import Clock
from integrations.kubernetes.auth import Access, open_access
from integrations.kubernetes.errors import Call, refusal, translated
from integrations.kubernetes.resources import PODS, Json, Resource
from integrations.kubernetes.settings import ClusterSettings

ONLY_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""The server leaves everything but ``metadata`` out: a Secret's data never travels."""
_MANAGER = "deepecho"
"""Under this name ``managedFields`` shows what the bot changed."""
_JSON_PATCH = "application/json-patch+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    call: Call
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    timeout: aiohttp.ClientTimeout


class Connection:
    """Opened by the first request, closed by ``close``."""

    def __init__(self, settings: ClusterSettings, clock: Clock, alive: Callable[[], None] = lambda: None) -> None:
        self.settings = settings
        self._alive = alive
        self.lacks_autoscaling_v2 = False
        """Learned from an answer and kept: newer servers still serve v1, should this one be upgraded meanwhile."""
        self._clock = clock
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=f"kubernetes-{settings.name}")
        self._access: Access | None = None
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        if self._access is not None:
            await self._access.client.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def get(self, resource: Resource, namespace: str, name: str, *, accept: str = "application/json") -> Json:
        """One object. Raises NotFound."""
        call = self._call("get", resource, namespace, name)
        return await self._json(call, "GET", resource.path(namespace, name), headers={"Accept": accept})

    async def listing(self, resource: Resource, namespace: str, *, labels: str = "", fields: str = "") -> Json:
        """The list object: ``items``, and ``metadata.resourceVersion`` to watch from."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        return await self._json(self._call("list", resource, namespace), "GET", resource.path(namespace), query=query)

    async def items(self, resource: Resource, namespace: str, *, labels: str = "", fields: str = "") -> list[Json]:
        found: list[Json] = (await self.listing(resource, namespace, labels=labels, fields=fields)).get("items") or []
        return found

    async def patch(self, resource: Resource, namespace: str, name: str, operations: list[Json]) -> Json:
        """A JSON patch. Raises Conflict when the ``resourceVersion`` in it is stale, UnknownOutcome when the answer is lost."""
        call = self._call("patch", resource, namespace, name, changes=True)
        headers, query = {"Content-Type": _JSON_PATCH}, {"fieldManager": _MANAGER}
        return await self._json(call, "PATCH", resource.path(namespace, name), query=query, headers=headers, body=operations)

    async def ask(self, resource: Resource, question: Json) -> Json:
        """POST a review: a question in the shape of an object, which is answered and not kept."""
        return await self._json(self._call("create", resource), "POST", resource.path(), body=question)

    async def about(self, path: str) -> Json:
        """What the server says of itself, such as ``/version``."""
        call = Call(cluster=self.settings.name, verb="get", resource=path, kind=path)
        return await self._json(call, "GET", path)

    async def log(self, namespace: str, pod: str, *, container: str, lines: int, previous: bool, limit: int) -> str:
        """The last lines of a container, at most ``limit`` bytes."""
        call = Call(
            cluster=self.settings.name, verb="get", resource="pods/log", kind="the log of Pod", name=pod, namespace=namespace
        )
        query = {"container": container, "tailLines": str(lines), "limitBytes": str(limit), "previous": str(previous).lower()}
        path = PODS.path(namespace, pod, "log")
        request = _Request(call=call, method="GET", path=path, query=query, timeout=self._limits())
        async with self._sent(request) as response:
            return (await response.read()).decode(errors="replace")

    @asynccontextmanager
    async def watch(self, resource: Resource, namespace: str, *, fields: str, version: str) -> AsyncIterator[AsyncIterator[Json]]:
        """Events from ``version`` on, until the server ends the watch, the line breaks or stays silent too long."""
        call = self._call("watch", resource, namespace)
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(self.settings.watch_timeout),
            "fieldSelector": fields,
        }
        limits = aiohttp.ClientTimeout(
            total=self.settings.watch_timeout + self.settings.total_timeout,
            sock_connect=self.settings.connect_timeout,
            sock_read=self.settings.watch_quiet,
        )
        request = _Request(call=call, method="GET", path=resource.path(namespace), query=query, timeout=limits)
        async with self._sent(request) as response, aclosing(_events(response)) as events:
            yield events

    async def _json(
        self,
        call: Call,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Json:
        request = _Request(
            call=call, method=method, path=path, query=query or {}, headers=headers or {}, body=body, timeout=self._limits()
        )
        async with self._sent(request) as response:
            answer: Json = json.loads(await response.read())
        return answer

    @asynccontextmanager
    async def _sent(self, request: _Request) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a request, if it is a good one. Credentials that are refused are renewed once."""
        access = await self._open()
        header = await access.credentials.header()
        with translated(request.call):
            response = await self._answered(access, request, header)
            if response.status == 401:
                response.release()
                response = await self._answered(access, request, await access.credentials.instead_of(header))
            async with response:
                if response.status >= 400:
                    raise refusal(request.call, response.status, await response.read(), response.headers)
                yield response

    async def _answered(self, access: Access, request: _Request, header: str) -> aiohttp.ClientResponse:
        """Through the library's client, which knows certificates and proxies; its models are left aside."""
        if request.call.changes:
            self._alive()
        response: aiohttp.ClientResponse = await access.client.call_api(
            request.path,
            request.method,
            query_params=[(key, value) for key, value in request.query.items() if value],
            header_params={"Accept": "application/json", **request.headers, **({"Authorization": header} if header else {})},
            body=request.body,
            _preload_content=False,
            _request_timeout=request.timeout,
        )
        return response

    async def _open(self) -> Access:
        if self._access is None:
            async with self._opening:
                if self._access is None:
                    self._access = await open_access(self.settings, self._clock, self._threads)
        return self._access

    def _limits(self) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=self.settings.total_timeout, sock_connect=self.settings.connect_timeout)

    def _call(self, verb: str, resource: Resource, namespace: str = "", name: str = "", *, changes: bool = False) -> Call:
        return Call(
            cluster=self.settings.name,
            verb=verb,
            resource=str(resource),
            kind=resource.kind,
            name=name,
            namespace=namespace,
            changes=changes,
        )


async def _events(response: aiohttp.ClientResponse) -> AsyncGenerator[Json, None]:
    async for line in response.content:
        yield json.loads(line)
