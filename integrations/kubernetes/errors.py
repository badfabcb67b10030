"""Translation of an API server's HTTP statuses into domain errors; nowhere else are they translated."""

from dataclasses import dataclass

from domain.errors import Conflict, DeepechoError, Forbidden, NotFound, TemporaryError
from integrations import http
from integrations.http import FailedResponse, HttpCall


class ResourceVersionExpired(TemporaryError):
    """The server no longer keeps the version from which a watch should resume: list again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesCall(HttpCall):
    """One request to an API server, with the permission that it needs."""

    verb: str
    resource: str
    object_name: str
    """``Deployment web``, or the kind alone."""
    location: str


def kubernetes_call(
    *, cluster: str, verb: str, resource: str, kind: str, name: str = "", namespace: str = "", is_write: bool = False
) -> KubernetesCall:
    """Its action reads ``patch Deployment web in namespace shop of cluster prod``."""
    location = f"namespace {namespace} of cluster {cluster}" if namespace else f"cluster {cluster}"
    object_name = f"{kind} {name}" if name else kind
    return KubernetesCall(
        server=f"cluster {cluster}",
        action=f"{verb} {object_name} in {location}",
        is_write=is_write,
        verb=verb,
        resource=resource,
        object_name=object_name,
        location=location,
    )


def error_for_status(call: KubernetesCall, response: FailedResponse) -> DeepechoError:
    """The domain error for an HTTP status of 400 and above."""
    match response.status:
        case 401:
            return Forbidden(f"{call.subject} does not accept the bot's credentials.")
        case 403:
            needs = f"its account needs the verb {call.verb} on {call.resource}"
            reason = response.message or "HTTP 403"
            return Forbidden(f"The bot may not {call.action}: {needs}. The cluster says: {reason}")
        case 404:
            return NotFound(f"There is no {call.object_name} in {call.location}.")
        case 409:
            return Conflict(f"Somebody else changed {call.object_name} in {call.location} in the meantime.")
        case 410:
            return ResourceVersionExpired(f"{call.subject} no longer knows the version to resume from.")
        case _:
            return http.error_for_status(call, response)
