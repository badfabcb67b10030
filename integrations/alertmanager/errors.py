"""Translation of HTTP errors of Alertmanager into domain errors; nowhere else are they translated."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp

from domain.errors import DeepechoError, Forbidden, NotFound, PermanentError, Refused, TemporaryError, UnknownOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerCall:
    """One request, for error texts. ``action`` is such as ``list the silences``.

    ``host`` stands for the base URL, which may contain a password.
    """

    host: str
    action: str
    is_write: bool = False
    """Whether the request changes something: then a lost response leaves the outcome unknown."""


@contextmanager
def translate_errors(call: AlertmanagerCall) -> Iterator[None]:
    """Wrap a request and the reading of its response: translate every error of the HTTP library."""
    server = f"Alertmanager at {call.host}"
    try:
        yield
    except aiohttp.ClientConnectorCertificateError as error:
        raise PermanentError(f"The certificate of {server} is not trusted.") from error
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
        raise PermanentError(f"The address of {server} cannot be used.") from error
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise TemporaryError(f"{server} cannot be reached. Nothing was sent.") from error
    except TimeoutError as error:
        raise _lost_response_error(call, "did not answer in time") from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise _lost_response_error(call, "broke the connection") from error
    except ValueError as error:
        raise _lost_response_error(call, "gave an answer that cannot be read") from error


def error_for_status(call: AlertmanagerCall, status: int, body: bytes, retry_after: str) -> DeepechoError:
    """The domain error for a status other than 200. ``retry_after`` is the header's text, in seconds."""
    message = _error_message(body) or f"HTTP {status}"
    server = f"Alertmanager at {call.host}"
    if status >= 500:
        return _lost_response_error(call, f"failed ({message})")
    match status:
        case 401 | 403:
            error: DeepechoError = Forbidden(f"{server} does not let the bot {call.action} (HTTP {status}).")
        case 404:
            error = NotFound(f"{server} could not {call.action}: there is no such thing.")
        case 408 | 429:
            error = TemporaryError(f"{server} asks to come back later.", _parse_retry_after(retry_after))
        case _ if status < 400:
            error = PermanentError(
                f"{server} answered HTTP {status}, which is no answer of an Alertmanager: correct its address."
            )
        case _ if call.is_write:
            error = Refused(f"Alertmanager did not {call.action}: {message}")
        case _:
            error = PermanentError(f"Alertmanager did not {call.action}: {message}")
    return error


def _lost_response_error(call: AlertmanagerCall, problem: str) -> TemporaryError:
    if call.is_write:
        return UnknownOutcome(
            f"Alertmanager at {call.host} {problem} when asked to {call.action}: it may or may not have been done."
        )
    return TemporaryError(f"Alertmanager at {call.host} {problem} when asked to {call.action}.")


def _error_message(body: bytes) -> str:
    """The body is a JSON string, or an object with ``message``; of a proxy's error page only the first line is used."""
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = body.decode(errors="replace").strip().partition("\n")[0]
    message = parsed.get("message", "") if isinstance(parsed, dict) else parsed
    return message[:500] if isinstance(message, str) else ""


def _parse_retry_after(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdecimal() else None
