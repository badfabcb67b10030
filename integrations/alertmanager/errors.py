"""The one place where what Alertmanager and the network say becomes our own errors."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp

from domain.errors import DeepechoError, Forbidden, NotFound, PermanentError, Refused, TemporaryError, UnknownOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request in words. ``place`` is the host: an address may hold a password. ``attempt``: ``list the silences``."""

    place: str
    attempt: str
    changes: bool = False
    """Whether it changes something, so that a lost answer leaves the outcome unknown."""


@contextmanager
def translated(call: Call) -> Iterator[None]:
    """Around a request and the reading of its answer: nothing of the HTTP library leaves it."""
    here = f"Alertmanager at {call.place}"
    try:
        yield
    except aiohttp.ClientConnectorCertificateError as error:
        raise PermanentError(f"The certificate of {here} is not trusted.") from error
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
        raise PermanentError(f"The address of {here} cannot be used.") from error
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise TemporaryError(f"{here} cannot be reached. Nothing was sent.") from error
    except TimeoutError as error:
        raise _lost(call, "did not answer in time") from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise _lost(call, "broke the connection") from error
    except ValueError as error:
        raise _lost(call, "gave an answer that cannot be read") from error


def refusal(call: Call, status: int, body: bytes, retry_after: str) -> DeepechoError:
    """The error for a status other than 200. ``retry_after``: the header, in seconds."""
    said = _sentence(body) or f"HTTP {status}"
    here = f"Alertmanager at {call.place}"
    if status >= 500:
        return _lost(call, f"failed ({said})")
    match status:
        case 401 | 403:
            error: DeepechoError = Forbidden(f"{here} does not let the bot {call.attempt} (HTTP {status}).")
        case 404:
            error = NotFound(f"{here} could not {call.attempt}: there is no such thing.")
        case 408 | 429:
            error = TemporaryError(f"{here} asks to come back later.", _seconds(retry_after))
        case _ if status < 400:
            error = PermanentError(f"{here} answered HTTP {status}, which is no answer of an Alertmanager: correct its address.")
        case _ if call.changes:
            error = Refused(f"Alertmanager did not {call.attempt}: {said}")
        case _:
            error = PermanentError(f"Alertmanager did not {call.attempt}: {said}")
    return error


def _lost(call: Call, what: str) -> TemporaryError:
    if call.changes:
        return UnknownOutcome(
            f"Alertmanager at {call.place} {what} when asked to {call.attempt}: it may or may not have been done."
        )
    return TemporaryError(f"Alertmanager at {call.place} {what} when asked to {call.attempt}.")


def _sentence(body: bytes) -> str:
    """Alertmanager says a string or ``message``; of a proxy's page one line is enough."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = body.decode(errors="replace").strip().partition("\n")[0]
    said = answer.get("message", "") if isinstance(answer, dict) else answer
    return said[:500] if isinstance(said, str) else ""


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdecimal() else None
