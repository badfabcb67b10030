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
from integrations.prometheus.request import Line

LARGEST_ANSWER = 4 * 2**20
"""Bytes: some 700 series of 240 points. Nobody can look at more, and reading JSON holds up the whole process (about 60 ms)."""

_CHUNK = 64 * 1024


@contextmanager
def opened(line: Line) -> "Iterator[Library]":
    """For one question. It connects anew each time: no thread meets another's session or a connection gone stale."""
    with _translated(line), _Session(line) as session:
        yield Library(line, session)


class Library:
    """Asks, and gives what Prometheus answered as it came."""

    def __init__(self, line: Line, session: requests.Session) -> None:
        self._line = line
        self._session = session
        self._client: Any = PrometheusConnect(
            line.address, session=session, timeout=line.timeout, retry=urllib3.Retry(0), method="POST"
        )
        self._limits = {"timeout": f"{line.timeout:g}"}

    def instant(self, expression: str) -> list[Any]:
        """The ``result`` of ``/api/v1/query``."""
        found: list[Any] = self._client.custom_query(_sendable(expression), params=self._limits)
        return found

    def ranged(self, expression: str, since: datetime, until: datetime, step: int) -> list[Any]:
        """The ``result`` of ``/api/v1/query_range``."""
        found: list[Any] = self._client.custom_query_range(_sendable(expression), since, until, str(step), params=self._limits)
        return found

    def version(self) -> str:
        """From ``/api/v1/status/buildinfo``, which the library does not know."""
        answer = self._session.request("GET", f"{self._line.address}/api/v1/status/buildinfo", timeout=self._line.timeout)
        return str(answer.json()["data"]["version"])


class _Session(requests.Session):
    """Sends a form, reads no more than it should and no longer than somebody waits, raises Prometheus' own sentence."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def request(self, method: str, url: str | bytes, *arguments: Any, **named: Any) -> requests.Response:
        if method == "POST":
            named["data"] = named.pop("params", None)
        answer = super().request(method, url, *arguments, **named | {"stream": True, "allow_redirects": False})
        with answer:
            body = self._read(answer.raw)
        if answer.status_code != requests.codes.ok:
            raise _refusal(self._line.place, answer.status_code, body, answer.headers.get("Retry-After", ""))
        whole = requests.Response()
        whole.status_code = answer.status_code
        whole.raw = io.BytesIO(body)
        return whole

    def _read(self, raw: Any) -> bytes:
        """The limit of requests is for each read: a server that sends a byte now and then would keep the thread."""
        body = bytearray()
        while chunk := raw.read1(_CHUNK, decode_content=True):
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise PermanentError(
                    f"The answer of Prometheus at {self._line.place} is larger than {LARGEST_ANSWER // 2**20} MiB: "
                    "the expression finds too many series."
                )
            if self._line.given_up.is_set():
                raise TemporaryError(f"Prometheus at {self._line.place} did not answer in time.")
        return bytes(body)


def _sendable(expression: str) -> str:
    """Half of a surrogate pair, as JSON can hold it, cannot be sent."""
    return expression.encode(errors="replace").decode()


@contextmanager
def _translated(line: Line) -> Iterator[None]:
    """Around a question and the reading of its answer: nothing of the libraries leaves it."""
    here = f"Prometheus at {line.place}"
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise PermanentError(f"The certificate of {here} is not trusted.") from error
    except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError) as error:
        raise TemporaryError(f"{here} did not answer within {line.timeout:g} s.") from error
    # Ahead of ValueError, which two of them are as well.
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema) as error:
        raise PermanentError(f"The address of {here} cannot be used.") from error
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise TemporaryError(f"{here} gave an answer that cannot be read.") from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise TemporaryError(f"{here} cannot be reached.") from error


def _refusal(place: str, status: int, body: bytes, retry_after: str) -> DeepechoError:
    said = _sentence(body) or f"HTTP {status}"
    here = f"Prometheus at {place}"
    if status >= 500:
        return TemporaryError(f"{here} did not answer: {said}", _seconds(retry_after))
    match status:
        case 401 | 403:
            error: DeepechoError = Forbidden(f"{here} does not let the bot in (HTTP {status}).")
        case 404:
            error = NotFound(f"At {place} there is no Prometheus (HTTP 404).")
        case 408 | 429:
            error = TemporaryError(f"{here} asks to come back later: {said}", _seconds(retry_after))
        case 400 | 422:
            error = PermanentError(f"Prometheus does not take the expression: {said}")
        case _:
            error = PermanentError(f"{here} answered HTTP {status}, which is no answer to a question: correct its address.")
    return error


def _sentence(body: bytes) -> str:
    """Prometheus says ``error``; of a proxy's page one line is enough."""
    try:
        answer = json.loads(body)
    except ValueError:
        return body.decode(errors="replace").strip().partition("\n")[0][:200]
    return str(answer.get("error", ""))[:500] if isinstance(answer, dict) else ""


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdecimal() else None
