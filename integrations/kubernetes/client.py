"""HTTP client of one cluster: time limits, renewal of credentials, translation of errors, responses as plain JSON."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import aiohttp

from domain.clock import Clock
from domain.errors import DeepechoError, Forbidden, PermanentError, TemporaryError
from domain.workloads.field_managers import FIELD_MANAGER
from integrations.http import check_response_size, lost_response_error, parse_failed_response, read_response, translate_errors
from integrations.kubernetes.auth import AuthenticatedClient, Session, open_authenticated_client
from integrations.kubernetes.errors import KubernetesCall, error_for_status, kubernetes_call
from integrations.kubernetes.patience import Patience
from integrations.kubernetes.resources import PODS, Json, Resource
from integrations.kubernetes.settings import ClusterSettings
from integrations.kubernetes.shapes import parse_json_object, parse_list, parse_measurements, parse_object, parse_watch_event
from integrations.kubernetes.tokens import ExpiringToken

METADATA_ONLY_MEDIA_TYPE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""The server then sends only ``metadata``, so that a Secret's data is never transferred."""
MAX_RESPONSE_BYTES = 64 * 2**20
"""Several thousand Pods or ReplicaSets in one list; the process has to hold it and what it is parsed into."""
_JSON_PATCH = "application/json-patch+json"
_READINESS_TIMEOUT = aiohttp.ClientTimeout(total=2)
_READINESS_HIDDEN = {401, 403, 404}
"""Statuses of a server, or of a proxy before it, that does not let anybody ask whether it is ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    call: KubernetesCall
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    timeout: aiohttp.ClientTimeout
    is_anonymous: bool = False


class KubernetesClient:
    """Connects with the first request. ``check_lease`` is called before each write."""

    def __init__(self, settings: ClusterSettings, clock: Clock, check_lease: Callable[[], None] = lambda: None) -> None:
        self.settings = settings
        self._check_lease = check_lease
        self.lacks_autoscaling_v2 = False
        """Set by the first 404 and never reset: a server upgraded since then still serves v1."""
        self.node_platforms: dict[str, str] = {}
        """The platforms of nodes by name, as far as they were read; a node keeps its platform."""
        self.may_read_nodes = True
        """Set by the first refusal: a right that is given later counts after a restart."""
        self.log_tails: dict[tuple[str, str, int], tuple[str, ...]] = {}
        """The last lines of runs of containers that are over, redacted, by the pod's uid, the container and its restarts."""
        self._clock = clock
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"kubernetes-{settings.name}")
        self._authenticated: AuthenticatedClient | None = None
        self._open_lock = asyncio.Lock()
        self._rights, self._readability = Patience(), Patience()

    async def close(self) -> None:
        if self._authenticated is not None:
            await self._authenticated.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def credential(self) -> ExpiringToken:
        """How the bot is logged in at present."""
        return await (await self._open()).credential()

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
        request = _Request(call=call, method="GET", path=path, query=query, timeout=self._timeouts())
        async with self._request(request) as response:
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
        request = _Request(call=call, method="GET", path=resource.path(namespace), query=query, timeout=timeouts)
        async with self._request(request) as response, aclosing(self._events(resource, call, response)) as events:
            yield events

    async def _events(
        self, resource: Resource, call: KubernetesCall, response: aiohttp.ClientResponse
    ) -> AsyncGenerator[Json, None]:
        async for line in _lines(call, response):
            try:
                event = parse_watch_event(resource, line)
            except ValueError as error:
                raise self._unreadable(call, str(error)) from error
            self._readability.succeeded(call.right)
            yield event

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
        request = _Request(
            call=call, method=method, path=path, query=query or {}, headers=headers or {}, body=body, timeout=self._timeouts()
        )
        async with self._request(request) as response:
            received = await read_response(call, response, MAX_RESPONSE_BYTES)
        try:
            parsed = parse(received)
        except ValueError as error:
            raise self._unreadable(call, str(error)) from error
        self._readability.succeeded(call.right)
        return parsed

    def _unreadable(self, call: KubernetesCall, received: str) -> DeepechoError:
        """The error for an answer that no API server gives: temporary for ``unreadable_patience`` seconds."""
        error = lost_response_error(call, f"gave an answer that cannot be read ({received})")
        is_burst = self._readability.failed(call.right) < self.settings.unreadable_patience
        return error if is_burst or call.is_write else PermanentError(error.sentence)

    @asynccontextmanager
    async def _request(self, request: _Request) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request and return its successful response. On 401 the credentials are renewed once."""
        authenticated = await self._open()
        session = await authenticated.session()
        with translate_errors(request.call):
            try:
                response = await self._call_api(session, request)
            except aiohttp.ServerDisconnectedError:
                # With TLS 1.3 a refused client certificate looks like this. The request may have been read, so it is not sent
                # again here; but the next one comes with a new login.
                if session.token.connection is not None and not session.token.header:
                    await authenticated.replace_refused(session)
                raise
            # Once only: a token may have been revoked early, but a second 401 means that the account has no access.
            if response.status == 401:
                response.release()
                response = await self._call_api(await authenticated.replace_refused(session), request)
            async with response:
                if response.status >= 400:
                    body = await read_response(request.call, response, MAX_RESPONSE_BYTES)
                    error = error_for_status(request.call, parse_failed_response(response.status, body, response.headers))
                    raise await self._without_burst(request.call, error, session)
                self._rights.succeeded(request.call.right)
                yield response

    async def _without_burst(self, call: KubernetesCall, error: DeepechoError, session: Session) -> DeepechoError:
        """The error itself, or a temporary one for a right that was held a moment ago.

        A starting API server refuses everybody until its caches are filled. What was refused was not done, so that trying again
        is safe for a change too; but only the server's own word that it is not ready excuses the refusal of a change, or of a
        question about the server itself.
        """
        if not isinstance(error, Forbidden) or self._rights.failed(call.right) >= self.settings.rights_patience:
            return error
        held = bool(call.namespace) and not call.is_write and self._rights.worked_lately(call.right)
        if not held and await self._says_ready(session):
            return error
        explanation = "though it did a moment ago" if held else "and says that it is not ready"
        return TemporaryError(f"{call.subject} does not let the bot {call.action}, {explanation}.")

    async def _says_ready(self, session: Session) -> bool:
        """Whether the server says that it is ready. Asked without credentials, which a starting server may not know either."""
        call = kubernetes_call(cluster=self.settings.name, verb="get", resource="/readyz", kind="/readyz")
        request = _Request(call=call, method="GET", path="/readyz", timeout=_READINESS_TIMEOUT, is_anonymous=True)
        try:
            with translate_errors(call):
                async with await self._call_api(session, request) as response:
                    return response.status < 400 or response.status in _READINESS_HIDDEN
        except TemporaryError:
            return False

    async def _call_api(self, session: Session, request: _Request) -> aiohttp.ClientResponse:
        """Send through the library's client, which handles certificates and proxies, without its response models."""
        if request.call.is_write:
            # At the last moment before the write: credentials may have taken longer than the lease lasts.
            self._check_lease()
        header = "" if request.is_anonymous else session.token.header
        response: aiohttp.ClientResponse = await session.api_client.call_api(
            request.path,
            request.method,
            query_params=[(key, value) for key, value in request.query.items() if value],
            header_params={"Accept": "application/json", **request.headers, **({"Authorization": header} if header else {})},
            body=request.body,
            _preload_content=False,
            _request_timeout=request.timeout,
        )
        return response

    async def _open(self) -> AuthenticatedClient:
        if self._authenticated is None:
            async with self._open_lock:
                if self._authenticated is None:
                    self._authenticated = await open_authenticated_client(self.settings, self._clock, self._executor)
        return self._authenticated

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
