"""Blocking Prometheus client on prometheus-api-client and requests, for use in worker threads.

The library has no time limit and retries by itself; this module sets a limit and switches the retries off. The library also
sends the expression of a POST in the URL, which proxies truncate, and drops the error message of Prometheus; ``_Session``
repairs both.
"""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import requests
import urllib3
from prometheus_api_client import PrometheusConnect

from domain.errors import DeepechoError, NotFound, PermanentError
from domain.metrics.samples import QueryNotice
from domain.redaction import redact
from integrations.http import (
    FailedResponse,
    Failure,
    HttpCall,
    HttpLibrary,
    check_response_size,
    error_for_status,
    parse_failed_response,
    timeout_error,
    translate_errors,
)
from integrations.prometheus.request import QueryContext

MAX_RESPONSE_BYTES = 4 * 2**20
"""Some 700 series of 240 points. A chart cannot show more, and parsing so much JSON holds the GIL for about 60 ms."""

MAX_SERIES = 5_000
"""``limit`` of a query: newer servers send no more series, older ones ignore it and the limit of bytes holds."""
_CHUNK_BYTES = 64 * 1024


@contextmanager
def open_client(context: QueryContext) -> "Iterator[BlockingClient]":
    """Open a client for one query. It has its own session, since sessions are not thread-safe and idle connections go stale."""
    with translate_errors(context.call, _REQUESTS), _Session(context) as session:
        yield BlockingClient(context, session)


class BlockingClient:
    """Queries Prometheus and returns the raw ``result`` of the response."""

    def __init__(self, context: QueryContext, session: "_Session") -> None:
        self._context = context
        self._session = session
        self._client: Any = PrometheusConnect(
            context.base_url, session=session, timeout=context.call.timeout_seconds, retry=urllib3.Retry(0), method="POST"
        )
        self._query_params = {"timeout": f"{context.call.timeout_seconds:g}", "limit": str(MAX_SERIES)}

    @property
    def notices(self) -> tuple[QueryNotice, ...]:
        """What Prometheus said beside its results so far."""
        return tuple(self._session.notices)

    def query(self, expression: str, at: datetime | None) -> list[Any]:
        """Return the ``result`` of ``/api/v1/query``; ``at`` None is now by Prometheus' own clock."""
        time = {} if at is None else {"time": f"{at.timestamp():.3f}"}
        result: list[Any] = self._client.custom_query(_replace_surrogates(expression), params=self._query_params | time)
        return result

    def query_range(self, expression: str, since: datetime, until: datetime, step: int) -> list[Any]:
        """Return the ``result`` of ``/api/v1/query_range``; ``step`` is in seconds."""
        result: list[Any] = self._client.custom_query_range(
            _replace_surrogates(expression), since, until, str(step), params=self._query_params
        )
        return result

    def version(self) -> str:
        """The server's version, from ``/api/v1/status/buildinfo``, for which the library has no method."""
        return str(self.status("status/buildinfo")["version"])

    def status(self, path: str) -> Any:
        """The ``data`` of another part of the API, such as ``rules?type=alert``."""
        url = f"{self._context.base_url}/api/v1/{path}"
        # Their lists are as long as there are targets and alerts.
        self._session.size_hint = "it has too many targets or alerts to list"
        return self._session.request("GET", url, timeout=self._context.call.timeout_seconds).json()["data"]


class _Session(requests.Session):
    """Sends POST parameters as a form, limits size and duration of a response, raises errors with Prometheus' own message."""

    def __init__(self, context: QueryContext) -> None:
        super().__init__()
        self._context = context
        self.notices: list[QueryNotice] = []
        self.size_hint = "the expression finds too many series"

    def request(self, method: str, url: str | bytes, *arguments: Any, **options: Any) -> requests.Response:
        if method == "POST":
            # The library puts the expression into the URL, which proxies truncate: send it as a form instead.
            options["data"] = options.pop("params", None)
        response = super().request(method, url, *arguments, **options | {"stream": True, "allow_redirects": False})
        with response:
            body = self._read_body(response.raw)
        if response.status_code != requests.codes.ok:
            failed = parse_failed_response(response.status_code, body, response.headers, message_key="error")
            raise _error_for_status(self._context.call, failed)
        buffered = _Response(self.notices)
        buffered.status_code = response.status_code
        buffered.raw = io.BytesIO(body)
        return buffered

    def _read_body(self, raw: Any) -> bytes:
        """Read chunk by chunk: the timeout of requests applies to each read, and a slow server could hold the thread for ever."""
        body = bytearray()
        while chunk := raw.read1(_CHUNK_BYTES, decode_content=True):
            body += chunk
            check_response_size(self._context.call, len(body), MAX_RESPONSE_BYTES, hint=self.size_hint)
            if self._context.cancelled.is_set():
                raise timeout_error(self._context.call)
        return bytes(body)


class _Response(requests.Response):
    """Keeps the warnings of an answer, which the library drops: with them, the result may be only a part."""

    def __init__(self, notices: list[QueryNotice]) -> None:
        super().__init__()
        self._notices = notices

    def json(self, **options: Any) -> Any:
        body = super().json(**options)
        self._notices += _notices(body)
        return body


def _notices(body: Mapping[str, Any]) -> list[QueryNotice]:
    kinds = (("warnings", True), ("infos", False))
    listed = [(body.get(key), is_warning) for key, is_warning in kinds]
    return [
        QueryNotice(redact(str(text)), is_warning) for texts, is_warning in listed if isinstance(texts, list) for text in texts
    ]


def _replace_surrogates(expression: str) -> str:
    """Replace lone surrogates, which JSON can contain but UTF-8 cannot encode."""
    return expression.encode(errors="replace").decode()


def _classify_requests_error(error: Exception) -> Failure:
    match error:
        case requests.exceptions.SSLError():
            return Failure.UNTRUSTED_CERTIFICATE
        case requests.exceptions.Timeout() | urllib3.exceptions.TimeoutError():
            return Failure.TIMED_OUT
        case requests.exceptions.InvalidURL() | requests.exceptions.MissingSchema() | requests.exceptions.InvalidSchema():
            return Failure.INVALID_ADDRESS
        case requests.exceptions.ConnectionError() if _was_not_connected(error):
            return Failure.NOT_CONNECTED
        # Ahead of OSError: requests' own error for JSON that cannot be read is both.
        case ValueError() | LookupError() | TypeError() | AttributeError():
            return Failure.UNREADABLE
        case _:
            return Failure.CONNECTION_LOST


def _was_not_connected(error: requests.exceptions.ConnectionError) -> bool:
    """urllib3 keeps its own error as the ``reason`` of the one that requests was given."""
    reason = getattr(next(iter(error.args), None), "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ProxyError)


_REQUESTS = HttpLibrary(
    (
        requests.exceptions.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
        *(ValueError, LookupError, TypeError, AttributeError),  # what the library and our parsing raise over an odd response
    ),
    _classify_requests_error,
)


def _error_for_status(call: HttpCall, response: FailedResponse) -> DeepechoError:
    match response.status:
        case 404:
            return NotFound(f"At {call.server.removeprefix('Prometheus at ')} there is no Prometheus (HTTP 404).")
        case 400 | 422:
            return PermanentError(f"Prometheus does not take the expression: {response.message or f'HTTP {response.status}'}")
        case _:
            return error_for_status(call, response)
