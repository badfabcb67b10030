"""Client of one cluster's API: its verbs, with time limits and responses as plain JSON."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from functools import partial

import aiohttp

from domain.clock import Clock
from domain.workloads.field_managers import FIELD_MANAGER
from integrations.http import check_response_size, read_response
from integrations.kubernetes.errors import KubernetesCall, kubernetes_call
from integrations.kubernetes.resources import PODS, Json, Resource
from integrations.kubernetes.settings import ClusterSettings
from integrations.kubernetes.shapes import parse_json_object, parse_list, parse_measurements, parse_object, parse_watch_event
from integrations.kubernetes.tokens import ExpiringToken
from integrations.kubernetes.transport import MAX_RESPONSE_BYTES, ApiRequest, Transport

METADATA_ONLY_MEDIA_TYPE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""The server then sends only ``metadata``, so that a Secret's data is never transferred."""
_JSON_PATCH = "application/json-patch+json"


class KubernetesClient:
    """Connects with the first request. ``check_lease`` is called before each write."""

    def __init__(self, settings: ClusterSettings, clock: Clock, check_lease: Callable[[], None] = lambda: None) -> None:
        self.settings = settings
        self._transport = Transport(settings, clock, check_lease)
        self.lacks_autoscaling_v2 = False
        """Set by the first 404 and never reset: a server upgraded since then still serves v1."""
        self.node_platforms: dict[str, str] = {}
        """The platforms of nodes by name, as far as they were read; a node keeps its platform."""
        self.may_read_nodes = True
        """Set by the first refusal: a right that is given later counts after a restart."""
        self.log_tails: dict[tuple[str, str, int], tuple[str, ...]] = {}
        """The last lines of runs of containers that are over, redacted, by the pod's uid, the container and its restarts."""

    async def close(self) -> None:
        await self._transport.close()

    async def credential(self) -> ExpiringToken:
        """How the bot is logged in at present."""
        return await self._transport.credential()

    async def get(self, resource: Resource, namespace: str, name: str, *, accept: str = "application/json") -> Json:
        """Read one object. Raises NotFound."""
        call = self._call("get", resource, namespace, name)
        parse = partial(parse_object, resource)
        return await self._request_json(call, "GET", resource.path(namespace, name), parse, headers={"Accept": accept})

    async def get_list(
        self,
        resource: Resource,
        namespace: str,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        token: str = "",
    ) -> Json:
        """Read a list object: ``items``, and ``metadata.resourceVersion`` to watch from.

        With ``limit`` it is one page, and ``metadata.continue`` is the ``token`` of the next one.
        """
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        query |= {"limit": str(limit) if limit else "", "continue": token}
        call, parse = self._call("list", resource, namespace), partial(parse_list, resource)
        return await self._request_json(call, "GET", resource.path(namespace), parse, query=query)

    async def list_items(
        self, resource: Resource, namespace: str, *, label_selector: str = "", field_selector: str = ""
    ) -> list[Json]:
        objects: list[Json] = (
            await self.get_list(resource, namespace, label_selector=label_selector, field_selector=field_selector)
        ).get("items") or []
        return objects

    async def patch(self, resource: Resource, namespace: str, name: str, patch_operations: list[Json]) -> Json:
        """Apply a JSON patch. Raises Conflict for a stale ``resourceVersion`` in it, UnknownOutcome when the response is lost."""
        call = self._call("patch", resource, namespace, name, is_write=True)
        headers, query = {"Content-Type": _JSON_PATCH}, {"fieldManager": FIELD_MANAGER}
        return await self._request_json(
            call,
            "PATCH",
            resource.path(namespace, name),
            partial(parse_object, resource),
            query=query,
            headers=headers,
            body=patch_operations,
        )

    async def create(self, resource: Resource, namespace: str, name: str, body: Json) -> Json:
        """Create an object. Raises Conflict where the name is taken, UnknownOutcome when the response is lost."""
        call, query = self._call("create", resource, namespace, name, is_write=True), {"fieldManager": FIELD_MANAGER}
        parse = partial(parse_object, resource)
        return await self._request_json(call, "POST", resource.path(namespace), parse, query=query, body=body)

    async def create_review(self, resource: Resource, review: Json) -> Json:
        """Create a review, such as SelfSubjectAccessReview. The server answers it and stores nothing."""
        return await self._request_json(self._call("create", resource), "POST", resource.path(), parse_json_object, body=review)

    async def get_info(self, path: str) -> Json:
        """Read information about the server itself, such as ``/version``."""
        call = kubernetes_call(cluster=self.settings.name, verb="get", resource=path, kind=path)
        return await self._request_json(call, "GET", path, parse_json_object)

    async def get_measurements(self, resource: Resource, namespace: str, *, label_selector: str = "") -> list[Json]:
        """Read a list of what is measured now: it has no version, and no pages. Raises NotFound without a metrics server."""
        call, query = self._call("list", resource, namespace), {"labelSelector": label_selector}
        parse = partial(parse_measurements, resource)
        found = await self._request_json(call, "GET", resource.path(namespace), parse, query=query)
        items: list[Json] = found.get("items") or []
        return items

    async def pod_log(
        self,
        namespace: str,
        pod: str,
        *,
        container: str,
        lines: int,
        previous: bool,
        max_bytes: int,
        last_seconds: int | None = None,
    ) -> str:
        """Read the last lines of a container's log, at most ``max_bytes`` bytes.

        With ``last_seconds``, only those of that time, each with its time before it.
        """
        call = kubernetes_call(
            cluster=self.settings.name, verb="get", resource="pods/log", kind="the log of Pod", name=pod, namespace=namespace
        )
        query = {"container": container, "tailLines": str(lines), "limitBytes": str(max_bytes), "previous": str(previous).lower()}
        query |= {} if last_seconds is None else {"sinceSeconds": str(last_seconds), "timestamps": "true"}
        path = PODS.path(namespace, pod, "log")
        request = ApiRequest(call=call, method="GET", path=path, query=query, timeout=self._timeouts())
        async with self._transport.send(request) as response:
            return (await read_response(call, response, MAX_RESPONSE_BYTES)).decode(errors="replace")

    @asynccontextmanager
    async def watch(
        self, resource: Resource, namespace: str, *, field_selector: str, resource_version: str
    ) -> AsyncIterator[AsyncIterator[Json]]:
        """Watch events after ``resource_version``, until the server ends the watch or the connection breaks or idles too long."""
        call = self._call("watch", resource, namespace)
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(self.settings.watch_timeout),
            "fieldSelector": field_selector,
        }
        # The server ends the watch after watch_timeout. The total only guards against a server that does not.
        timeouts = aiohttp.ClientTimeout(
            total=self.settings.watch_timeout + self.settings.total_timeout,
            sock_connect=self.settings.connect_timeout,
            sock_read=self.settings.watch_idle_timeout,
        )
        request = ApiRequest(call=call, method="GET", path=resource.path(namespace), query=query, timeout=timeouts)
        async with self._transport.send(request) as response, aclosing(self._events(resource, call, response)) as events:
            yield events

    async def _events(
        self, resource: Resource, call: KubernetesCall, response: aiohttp.ClientResponse
    ) -> AsyncGenerator[Json, None]:
        async for line in _lines(call, response):
            yield self._transport.parse(call, partial(parse_watch_event, resource), line)

    async def _request_json(
        self,
        call: KubernetesCall,
        method: str,
        path: str,
        parse: Callable[[bytes], Json],
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Json:
        request = ApiRequest(
            call=call, method=method, path=path, query=query or {}, headers=headers or {}, body=body, timeout=self._timeouts()
        )
        return await self._transport.send_and_parse(request, parse)

    def _timeouts(self) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=self.settings.total_timeout, sock_connect=self.settings.connect_timeout)

    def _call(
        self, verb: str, resource: Resource, namespace: str = "", name: str = "", *, is_write: bool = False
    ) -> KubernetesCall:
        return kubernetes_call(
            cluster=self.settings.name,
            verb=verb,
            resource=str(resource),
            kind=resource.kind,
            name=name,
            namespace=namespace,
            is_write=is_write,
        )


async def _lines(call: KubernetesCall, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """The lines of a stream, of any length: aiohttp's own limit is 128 KiB, and a Deployment may be 1.5 MiB."""
    rest = bytearray()
    async for chunk in response.content.iter_any():
        rest += chunk
        check_response_size(call, len(rest), MAX_RESPONSE_BYTES)
        *lines, tail = rest.split(b"\n") if b"\n" in chunk else [rest]
        rest = bytearray(tail)
        for line in lines:
            if line.strip():
                yield bytes(line)
