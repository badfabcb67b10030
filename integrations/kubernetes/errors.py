"""Translation of HTTP errors of an API server into domain errors; nowhere else are they translated."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp

from domain.errors import Conflict, DeepechoError, Forbidden, NotFound, PermanentError, TemporaryError, UnknownOutcome


class ResourceVersionExpired(TemporaryError):
    """The server no longer keeps the version from which a watch should resume: list again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesCall:
    """One request, for error texts."""

    cluster: str
    verb: str
    resource: str
    kind: str
    name: str = ""
    namespace: str = ""
    is_write: bool = False
    """Whether the request changes something: then a lost response leaves the outcome unknown."""

    @property
    def location(self) -> str:
        return f"namespace {self.namespace} of cluster {self.cluster}" if self.namespace else f"cluster {self.cluster}"

    @property
    def action(self) -> str:
        """``patch Deployment web in namespace shop of cluster prod``."""
        return f"{self.verb} {self.kind}{f' {self.name}' if self.name else ''} in {self.location}"


@contextmanager
def translate_errors(call: KubernetesCall) -> Iterator[None]:
    """Wrap a request and the reading of its response: translate every error of the HTTP library."""
    try:
        yield
    except aiohttp.ClientConnectorCertificateError as error:
        raise PermanentError(f"The certificate of cluster {call.cluster} is not trusted: {error.certificate_error}.") from error
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise TemporaryError(f"Cluster {call.cluster} cannot be reached. Nothing was sent.") from error
    except TimeoutError as error:
        raise _lost_response_error(call, "did not answer in time") from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise _lost_response_error(call, "broke the connection") from error
    except ValueError as error:
        raise _lost_response_error(call, "gave an answer that cannot be read") from error


def error_for_status(call: KubernetesCall, status: int, body: bytes, headers: Mapping[str, str]) -> DeepechoError:
    """The domain error for an HTTP status of 400 and above."""
    message = _error_message(body) or f"HTTP {status}"
    if status >= 500:
        return _lost_response_error(call, f"failed with HTTP {status} ({message})")
    match status:
        case 401:
            error: DeepechoError = Forbidden(f"Cluster {call.cluster} does not accept the bot's credentials.")
        case 403:
            needs = f"its account needs the verb {call.verb} on {call.resource}"
            error = Forbidden(f"The bot may not {call.action}: {needs}. The cluster says: {message}")
        case 404:
            error = NotFound(f"There is no {call.kind}{f' {call.name}' if call.name else ''} in {call.location}.")
        case 409:
            error = Conflict(f"Somebody else changed {call.kind} {call.name} in {call.location} in the meantime.")
        case 410:
            error = ResourceVersionExpired(f"Cluster {call.cluster} no longer knows the version to resume from.")
        case 429:
            error = TemporaryError(
                f"Cluster {call.cluster} asks to slow down.", _parse_retry_after(headers.get("Retry-After", ""))
            )
        case _:
            error = PermanentError(f"Cluster {call.cluster} refused to {call.action}: {message}")
    return error


def _lost_response_error(call: KubernetesCall, problem: str) -> TemporaryError:
    if call.is_write:
        return UnknownOutcome(f"Cluster {call.cluster} {problem} when asked to {call.action}: it may or may not have been done.")
    return TemporaryError(f"Cluster {call.cluster} {problem} when asked to {call.action}.")


def _error_message(body: bytes) -> str:
    """The ``message`` of a Status object, else the first line: proxies and missing API groups answer in plain text."""
    try:
        status = json.loads(body)
    except ValueError:
        return body.decode(errors="replace").strip().partition("\n")[0][:200]
    return str(status.get("message", "")) if isinstance(status, dict) else ""


def _parse_retry_after(text: str) -> float | None:
    return float(text) if text.isdecimal() else None
