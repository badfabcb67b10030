"""Blocking Prometheus client on prometheus-api-client and requests, for use in worker threads.

The library has no time limit and retries by itself; this module sets a limit and switches the retries off. The library also
sends the expression of a POST in the URL, which proxies truncate, and drops the error message of Prometheus; ``_Session``
repairs both.
"""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import requests
import urllib3
from prometheus_api_client import PrometheusConnect

from domain.errors import DeepechoError, Forbidden, NotFound, PermanentError, TemporaryError
from integrations.prometheus.request import QueryContext

MAX_RESPONSE_BYTES = 4 * 2**20
"""Some 700 series of 240 points. A chart cannot show more, and parsing so much JSON holds the GIL for about 60 ms."""

_CHUNK_BYTES = 64 * 1024


@contextmanager
def open_client(context: QueryContext) -> "Iterator[BlockingClient]":
    """Open a client for one query. It has its own session, since sessions are not thread-safe and idle connections go stale."""
    with _translate_errors(context), _Session(context) as session:
        yield BlockingClient(context, session)


class BlockingClient:
    """Queries Prometheus and returns the raw ``result`` of the response."""

    def __init__(self, context: QueryContext, session: requests.Session) -> None:
        self._context = context
        self._session = session
        self._client: Any = PrometheusConnect(
            context.base_url, session=session, timeout=context.timeout, retry=urllib3.Retry(0), method="POST"
        )
        self._query_params = {"timeout": f"{context.timeout:g}"}

    def query(self, expression: str) -> list[Any]:
        """The ``result`` of ``/api/v1/query``."""
        result: list[Any] = self._client.custom_query(_replace_surrogates(expression), params=self._query_params)
        return result

    def query_range(self, expression: str, since: datetime, until: datetime, step: int) -> list[Any]:
        """The ``result`` of ``/api/v1/query_range``."""
        result: list[Any] = self._client.custom_query_range(
            _replace_surrogates(expression), since, until, str(step), params=self._query_params
        )
        return result

    def version(self) -> str:
        """The server's version, from ``/api/v1/status/buildinfo``, for which the library has no method."""
        response = self._session.request(
            "GET", f"{self._context.base_url}/api/v1/status/buildinfo", timeout=self._context.timeout
        )
        return str(response.json()["data"]["version"])


class _Session(requests.Session):
    """Sends POST parameters as a form, limits size and duration of a response, raises errors with Prometheus' own message."""

    def __init__(self, context: QueryContext) -> None:
        super().__init__()
        self._context = context

    def request(self, method: str, url: str | bytes, *arguments: Any, **options: Any) -> requests.Response:
        if method == "POST":
            # The library puts the expression into the URL, which proxies truncate: send it as a form instead.
            options["data"] = options.pop("params", None)
        response = super().request(method, url, *arguments, **options | {"stream": True, "allow_redirects": False})
        with response:
            body = self._read_body(response.raw)
        if response.status_code != requests.codes.ok:
            raise _error_for_status(self._context.host, response.status_code, body, response.headers.get("Retry-After", ""))
        buffered = requests.Response()
        buffered.status_code = response.status_code
        buffered.raw = io.BytesIO(body)
        return buffered

    def _read_body(self, raw: Any) -> bytes:
        """Read chunk by chunk: the timeout of requests applies to each read, and a slow server could hold the thread for ever."""
        body = bytearray()
        while chunk := raw.read1(_CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > MAX_RESPONSE_BYTES:
                raise PermanentError(
                    f"The answer of Prometheus at {self._context.host} is larger than {MAX_RESPONSE_BYTES // 2**20} MiB: "
                    "the expression finds too many series."
                )
            if self._context.cancelled.is_set():
                raise TemporaryError(f"Prometheus at {self._context.host} did not answer in time.")
        return bytes(body)


def _replace_surrogates(expression: str) -> str:
    """Replace lone surrogates, which JSON can contain but UTF-8 cannot encode."""
    return expression.encode(errors="replace").decode()


@contextmanager
def _translate_errors(context: QueryContext) -> Iterator[None]:
    """Wrap a query and the reading of its response: translate every error of the libraries."""
    server = f"Prometheus at {context.host}"
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise PermanentError(f"The certificate of {server} is not trusted.") from error
    except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError) as error:
        raise TemporaryError(f"{server} did not answer within {context.timeout:g} s.") from error
    # Before ValueError, of which these are subclasses.
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema) as error:
        raise PermanentError(f"The address of {server} cannot be used.") from error
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise TemporaryError(f"{server} gave an answer that cannot be read.") from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise TemporaryError(f"{server} cannot be reached.") from error


def _error_for_status(host: str, status: int, body: bytes, retry_after: str) -> DeepechoError:
    message = _error_message(body) or f"HTTP {status}"
    server = f"Prometheus at {host}"
    if status >= 500:
        return TemporaryError(f"{server} did not answer: {message}", _parse_retry_after(retry_after))
    match status:
        case 401 | 403:
            error: DeepechoError = Forbidden(f"{server} does not let the bot in (HTTP {status}).")
        case 404:
            error = NotFound(f"At {host} there is no Prometheus (HTTP 404).")
        case 408 | 429:
            error = TemporaryError(f"{server} asks to come back later: {message}", _parse_retry_after(retry_after))
        case 400 | 422:
            error = PermanentError(f"Prometheus does not take the expression: {message}")
        case _:
            error = PermanentError(f"{server} answered HTTP {status}, which is no answer to a question: correct its address.")
    return error


def _error_message(body: bytes) -> str:
    """Prometheus sends an object with ``error``; of a proxy's error page only the first line is used."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return body.decode(errors="replace").strip().partition("\n")[0][:200]
    return str(parsed.get("error", ""))[:500] if isinstance(parsed, dict) else ""


def _parse_retry_after(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdecimal() else None
