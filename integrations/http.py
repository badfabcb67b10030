"""HTTP calls of all integrations: limits of time and size, proxies, translation of failures into domain errors."""

import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from domain.errors import AnswerTooLarge, DeepechoError, Forbidden, NotFound, PermanentError, TemporaryError, UnknownOutcome
from domain.redaction import redact

DEFAULT_TIMEOUT_SECONDS = 10.0
MAX_CONNECT_SECONDS = 5.0
MAX_RESPONSE_BYTES = 16 * 2**20
"""Larger responses are not read to their end, to bound the memory of one call."""
_MAX_MESSAGE_LENGTH = 500
_MAX_PLAIN_TEXT_LENGTH = 200
_CHUNK_BYTES = 64 * 1024

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """One request, for error texts."""

    server: str
    """``Alertmanager at alerts.example:9093``, ``cluster prod``: the host only, because an address may hold a password."""
    action: str = ""
    """``list the silences``, as in "does not let the bot list the silences"; empty where the server does one thing only."""
    is_write: bool = False
    """Whether the request changes something, so that a lost response leaves the outcome unknown."""
    timeout_seconds: float = 0.0
    """For the sentence of a timeout; 0 where several limits hold."""

    @property
    def subject(self) -> str:
        """The server at the beginning of a sentence."""
        return self.server[:1].upper() + self.server[1:]


class Failure(Enum):
    """Why a request got no usable response."""

    UNTRUSTED_CERTIFICATE = "untrusted certificate"
    INVALID_ADDRESS = "invalid address"
    NOT_CONNECTED = "not connected"
    TIMED_OUT = "timed out"
    CONNECTION_LOST = "connection lost"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class HttpLibrary:
    """The exceptions of an HTTP library, and what each of them means."""

    errors: tuple[type[Exception], ...]
    classify: Callable[[Exception], Failure]


def _classify_aiohttp_error(error: Exception) -> Failure:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return Failure.UNTRUSTED_CERTIFICATE
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return Failure.INVALID_ADDRESS
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return Failure.NOT_CONNECTED
        case TimeoutError():
            return Failure.TIMED_OUT
        case aiohttp.ClientError() | ConnectionError():
            return Failure.CONNECTION_LOST
        case _:
            return Failure.UNREADABLE


AIOHTTP = HttpLibrary((aiohttp.ClientError, ConnectionError, TimeoutError, ValueError), _classify_aiohttp_error)
"""ValueError is what parsing a response raises, pydantic's and JSON's included."""


@contextmanager
def translate_errors(call: HttpCall, library: HttpLibrary = AIOHTTP) -> Iterator[None]:
    """Wrap a request and the parsing of its response: translate every exception of the HTTP library."""
    try:
        yield
    except library.errors as error:
        raise _error_for_failure(call, library.classify(error), error) from error


def _error_for_failure(call: HttpCall, failure: Failure, cause: Exception) -> DeepechoError:
    match failure:
        case Failure.UNTRUSTED_CERTIFICATE:
            return PermanentError(f"The certificate of {call.server} is not trusted{_certificate_problem(cause)}.")
        case Failure.INVALID_ADDRESS:
            return PermanentError(f"The address of {call.server} cannot be used.")
        case Failure.NOT_CONNECTED:
            return TemporaryError(f"{call.subject} cannot be reached. Nothing was sent.")
        case Failure.TIMED_OUT:
            return timeout_error(call)
        case Failure.CONNECTION_LOST:
            return lost_response_error(call, "broke the connection")
        case Failure.UNREADABLE:
            return lost_response_error(call, "gave an answer that cannot be read")


def _certificate_problem(error: BaseException | None) -> str:
    """``: self-signed certificate``, from wherever in the chain of exceptions OpenSSL's verdict is."""
    while error is not None:
        # aiohttp's own error has OpenSSL's for a base class, but not its attributes.
        if isinstance(error, ssl.SSLCertVerificationError) and (problem := getattr(error, "verify_message", "")):
            return f": {problem}"
        error = error.__cause__ or error.__context__
    return ""


@dataclass(frozen=True, slots=True)
class FailedResponse:
    """A response whose status is not a success. ``retry_after`` in seconds, where the server named a delay."""

    status: int
    message: str = ""
    retry_after: float | None = None


def parse_failed_response(
    status: int, body: bytes, headers: Mapping[str, str], *, message_key: str = "message"
) -> FailedResponse:
    """``message_key``: where a JSON body holds the server's own sentence, ``error.message`` for one inside another object.

    Of plain text (a proxy's page) one line is enough.
    """
    message = redact(_parse_message(body, message_key))
    # PagerDuty, as IETF's draft has it: seconds. Only a refusal for too many requests says when to come back.
    requested = headers.get("Retry-After") or (headers.get("ratelimit-reset", "") if status == 429 else "")
    return FailedResponse(status, message, parse_retry_after(requested))


def _parse_message(body: bytes, key: str) -> str:
    try:
        parsed = json.loads(body)
    except ValueError:
        return body.decode(errors="replace").strip().partition("\n")[0][:_MAX_PLAIN_TEXT_LENGTH]
    message, details = parsed, None
    for name in key.split("."):
        message, details = (message.get(name, ""), message.get("errors")) if isinstance(message, dict) else (message, None)
    known_details = [each for each in details if isinstance(each, str)] if isinstance(details, list) else []
    return ": ".join(filter(None, (message, "; ".join(known_details))))[:_MAX_MESSAGE_LENGTH] if isinstance(message, str) else ""


def parse_retry_after(text: str) -> float | None:
    """Seconds; None for a date, which no server that we call sends, and for anything else."""
    return float(text) if text.isascii() and text.isdecimal() else None


def error_for_status(call: HttpCall, response: FailedResponse) -> DeepechoError:
    """The error for a status that is not a success. An integration handles first what means something else for its server."""
    status = response.status
    if status >= 500:
        explanation = f" ({response.message})" if response.message else ""
        return lost_response_error(call, f"failed with HTTP {status}{explanation}", response.retry_after)
    match status:
        case 401 | 403:
            return Forbidden(f"{call.subject} does not let the bot {call.action or 'in'} (HTTP {status}).")
        case 404:
            return NotFound(f"{call.subject} could not {call.action or 'answer'}: there is no such thing.")
        case 408 | 429:
            return TemporaryError(f"{call.subject} asks to come back later.", response.retry_after)
        case _ if status < 400:
            return PermanentError(f"{call.subject} answered HTTP {status}, which its API never does: correct its address.")
        case _:
            return PermanentError(refusal_sentence(call, response))


def refusal_sentence(call: HttpCall, response: FailedResponse) -> str:
    """The sentence for a request that the server refused, with the server's own reason."""
    return f"{call.subject} refused to {call.action or 'answer'}: {response.message or f'HTTP {response.status}'}"


def timeout_error(call: HttpCall) -> TemporaryError:
    """The error for a request whose time limit has passed."""
    within = f"within {call.timeout_seconds:g} s" if call.timeout_seconds else "in time"
    return lost_response_error(call, f"did not answer {within}")


def lost_response_error(call: HttpCall, problem: str, retry_after: float | None = None) -> TemporaryError:
    """The error for a request that may have arrived: UnknownOutcome for a write, as it may be done, else TemporaryError."""
    asked = f" when asked to {call.action}" if call.action else ""
    if call.is_write:
        return UnknownOutcome(f"{call.subject} {problem}{asked}: it may or may not have been done.", retry_after)
    return TemporaryError(f"{call.subject} {problem}{asked}.", retry_after)


def check_response_size(call: HttpCall, size: int, limit: int, *, hint: str = "") -> None:
    """Raise AnswerTooLarge once ``size`` is over the ``limit``. ``hint``: what to do about it."""
    if size > limit:
        reason = f": {hint}" if hint else ""
        raise AnswerTooLarge(f"The answer of {call.server} is larger than {limit // 2**20} MiB{reason}.")


async def read_response(call: HttpCall, response: aiohttp.ClientResponse, limit: int = MAX_RESPONSE_BYTES) -> bytes:
    """Read the whole body. Raises AnswerTooLarge if it is larger than ``limit``."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        check_response_size(call, len(body), limit)
    return bytes(body)


def host_of(address: str) -> str:
    """Host and port, without the user and password that an address may hold."""
    return (urlsplit(address).netloc or address).rpartition("@")[2]


def proxy_for(address: str) -> str | None:
    """The environment's proxy for an address, ``NO_PROXY`` respected.

    It is looked up once for a session: aiohttp would do it in a thread for every request.
    """
    url = urlsplit(address)
    if proxy_bypass(url.hostname or "") or proxy_bypass(host_of(address)):
        return None
    return getproxies().get(url.scheme)


def timeouts(seconds: float) -> aiohttp.ClientTimeout:
    """Limits of a whole call and, shorter, of its connection, so that an unreachable server is noticed sooner."""
    return aiohttp.ClientTimeout(total=seconds, sock_connect=min(MAX_CONNECT_SECONDS, seconds))


class HttpClient:
    """Client of one server's HTTP API. It raises only domain errors and does not retry."""

    def __init__(
        self,
        name: str,
        base_url: str,
        session: aiohttp.ClientSession,
        *,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        message_key: str = "message",
        error_for_status: Callable[[HttpCall, FailedResponse], DeepechoError] = error_for_status,
    ) -> None:
        self.server = f"{name} at {host_of(base_url)}"
        self._base_url, self._session, self._timeout_seconds = base_url.rstrip("/"), session, timeout_seconds
        self._message_key, self._error_for_status = message_key, error_for_status

    async def request(
        self,
        method: str,
        path: str,
        action: str,
        parse: Callable[[bytes], _Result],
        *,
        body: Mapping[str, Any] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        is_write: bool | None = None,
        max_bytes: int = MAX_RESPONSE_BYTES,
    ) -> _Result:
        """The parsed body of a successful response; a redirect is none. Without ``is_write``, everything but a GET is a write.

        A ``body`` of bytes is sent as it is, as its signature wants it.
        """
        content = {"data": body} if isinstance(body, bytes) else {"json": body}
        call = HttpCall(
            server=self.server,
            action=action,
            is_write=method != "GET" if is_write is None else is_write,
            timeout_seconds=self._timeout_seconds,
        )
        with translate_errors(call):
            async with self._session.request(
                method,
                self._base_url + path,
                headers=headers,
                timeout=timeouts(self._timeout_seconds),
                allow_redirects=False,
                **content,
            ) as response:
                response_body = await read_response(call, response, max_bytes)
                if not 200 <= response.status < 300:
                    failed = parse_failed_response(
                        response.status, response_body, response.headers, message_key=self._message_key
                    )
                    raise self._error_for_status(call, failed)
                return parse(response_body)


def new_session(base_url: str, headers: Mapping[str, str] | None = None) -> aiohttp.ClientSession:
    """The same for whoever closes it themselves."""
    return aiohttp.ClientSession(proxy=proxy_for(base_url), headers=headers)


@asynccontextmanager
async def open_session(base_url: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session for one server, through the environment's proxy. It connects with the first request."""
    async with new_session(base_url, headers) as session:
        yield session
