"""Sends requests to the API server of one cluster: renewal of credentials, the lease before a write, translation of errors."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from domain.clock import Clock
from domain.errors import DeepechoError, Forbidden, PermanentError, TemporaryError
from integrations.http import lost_response_error, parse_failed_response, read_response, translate_errors
from integrations.kubernetes.auth import AuthenticatedClient, Session, open_authenticated_client
from integrations.kubernetes.errors import KubernetesCall, error_for_status, kubernetes_call
from integrations.kubernetes.patience import Patience
from integrations.kubernetes.resources import Json
from integrations.kubernetes.settings import ClusterSettings
from integrations.kubernetes.tokens import ExpiringToken

MAX_RESPONSE_BYTES = 64 * 2**20
"""Several thousand Pods or ReplicaSets in one list; the process has to hold it and what it is parsed into."""
_READINESS_TIMEOUT = aiohttp.ClientTimeout(total=2)
_READINESS_HIDDEN = {401, 403, 404}
"""Statuses of a server, or of a proxy before it, that does not let anybody ask whether it is ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """``query`` is sent without its empty values; an anonymous request without credentials."""

    call: KubernetesCall
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    timeout: aiohttp.ClientTimeout
    is_anonymous: bool = False


class Transport:
    """Connects with the first request. ``check_lease`` is called before each write."""

    def __init__(self, settings: ClusterSettings, clock: Clock, check_lease: Callable[[], None]) -> None:
        self._settings, self._clock, self._check_lease = settings, clock, check_lease
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

    async def send_and_parse(self, request: ApiRequest, parse: Callable[[bytes], Json]) -> Json:
        """Send a request and read its whole response."""
        async with self.send(request) as response:
            received = await read_response(request.call, response, MAX_RESPONSE_BYTES)
        return self.parse(request.call, parse, received)

    def parse(self, call: KubernetesCall, parse: Callable[[bytes], Json], received: bytes) -> Json:
        """A response, or a line of one. Raises ``TemporaryError`` for what cannot be read, ``PermanentError`` if it goes on."""
        try:
            parsed = parse(received)
        except ValueError as error:
            raise self._unreadable(call, str(error)) from error
        self._readability.succeeded(call.right)
        return parsed

    @asynccontextmanager
    async def send(self, request: ApiRequest) -> AsyncIterator[aiohttp.ClientResponse]:
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
        if not isinstance(error, Forbidden) or self._rights.failed(call.right) >= self._settings.rights_patience:
            return error
        held = bool(call.namespace) and not call.is_write and self._rights.worked_lately(call.right)
        if not held and await self._says_ready(session):
            return error
        explanation = "though it did a moment ago" if held else "and says that it is not ready"
        return TemporaryError(f"{call.subject} does not let the bot {call.action}, {explanation}.")

    async def _says_ready(self, session: Session) -> bool:
        """Whether the server says that it is ready. Asked without credentials, which a starting server may not know either."""
        call = kubernetes_call(cluster=self._settings.name, verb="get", resource="/readyz", kind="/readyz")
        request = ApiRequest(call=call, method="GET", path="/readyz", timeout=_READINESS_TIMEOUT, is_anonymous=True)
        try:
            with translate_errors(call):
                async with await self._call_api(session, request) as response:
                    return response.status < 400 or response.status in _READINESS_HIDDEN
        except TemporaryError:
            return False

    async def _call_api(self, session: Session, request: ApiRequest) -> aiohttp.ClientResponse:
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
                    self._authenticated = await open_authenticated_client(self._settings, self._clock, self._executor)
        return self._authenticated

    def _unreadable(self, call: KubernetesCall, received: str) -> DeepechoError:
        """The error for an answer that no API server gives: temporary for ``unreadable_patience`` seconds."""
        error = lost_response_error(call, f"gave an answer that cannot be read ({received})")
        is_burst = self._readability.failed(call.right) < self._settings.unreadable_patience
        return error if is_burst or call.is_write else PermanentError(error.sentence)
