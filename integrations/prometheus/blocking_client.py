"""The one module that imports prometheus-api-client and requests. Everything here blocks, and runs in a thread.

The library asks without a time limit and tries again by itself; both are switched off here. It sends a POST's expression in the
address, where a proxy cuts it, and forgets what Prometheus says with an error; the session below repairs both.
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
"""Bytes: some 700 series of 240 points. Nobody can look at more, and reading JSON holds up the whole process (about 60 ms)."""

_CHUNK_BYTES = 64 * 1024


@contextmanager
def open_client(context: QueryContext) -> "Iterator[BlockingClient]":
    """For one question. It connects anew each time: no thread meets another's session or a connection gone stale."""
    with _translate_errors(context), _Session(context) as session:
        yield BlockingClient(context, session)


class BlockingClient:
    """Asks, and gives what Prometheus answered as it came."""

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
        """From ``/api/v1/status/buildinfo``, which the library does not know."""
        response = self._session.request(
            "GET", f"{self._context.base_url}/api/v1/status/buildinfo", timeout=self._context.timeout
        )
        return str(response.json()["data"]["version"])


class _Session(requests.Session):
    """Sends a form, reads no more than it should and no longer than somebody waits, raises Prometheus' own sentence."""

    def __init__(self, context: QueryContext) -> None:
        super().__init__()
        self._context = context

    def request(self, method: str, url: str | bytes, *arguments: Any, **options: Any) -> requests.Response:
        if method == "POST":
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
        """The limit of requests is for each read: a server that sends a byte now and then would keep the thread."""
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
    """Half of a surrogate pair, as JSON can hold it, cannot be sent."""
    return expression.encode(errors="replace").decode()


@contextmanager
def _translate_errors(context: QueryContext) -> Iterator[None]:
    """Around a question and the reading of its answer: nothing of the libraries leaves it."""
    server = f"Prometheus at {context.host}"
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise PermanentError(f"The certificate of {server} is not trusted.") from error
    except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError) as error:
        raise TemporaryError(f"{server} did not answer within {context.timeout:g} s.") from error
    # Ahead of ValueError, which two of them are as well.
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
    """Prometheus says ``error``; of a proxy's page one line is enough."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return body.decode(errors="replace").strip().partition("\n")[0][:200]
    return str(parsed.get("error", ""))[:500] if isinstance(parsed, dict) else ""


def _parse_retry_after(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdecimal() else None
