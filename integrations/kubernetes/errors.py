"""Translation of an API server's HTTP statuses into domain errors; nowhere else are they translated."""

from dataclasses import dataclass

from domain.errors import Conflict, DeepechoError, Forbidden, NotAdmitted, NotFound, TemporaryError
from integrations import http
from integrations.http import FailedResponse, HttpCall
from integrations.kubernetes.refusals import RefusalKind, describe_refusal, parse_refusal

NOTHING_CHANGED = "Nothing was changed."


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
    namespace: str = ""

    @property
    def right(self) -> tuple[str, str, str]:
        """Verb, resource and namespace: what an account is allowed or not."""
        return self.verb, self.resource, self.namespace


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
        namespace=namespace,
    )


def error_for_status(call: KubernetesCall, response: FailedResponse) -> DeepechoError:
    """The domain error for an HTTP status of 400 and above. What the message tells goes before: a webhook chooses its status."""
    not_admitted = _not_admitted(call, response.message) if call.is_write else None
    return not_admitted or _error_for_status(call, response)


def _error_for_status(call: KubernetesCall, response: FailedResponse) -> DeepechoError:
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


def _not_admitted(call: KubernetesCall, message: str) -> DeepechoError | None:
    """The error for a change that was not let in; None where the message tells of a missing right, or of something else.

    With a webhook out of reach the answer is HTTP 500, and still definite: the server asks before it stores anything.
    """
    refusal = parse_refusal(message)
    if refusal is None or refusal.kind is RefusalKind.MISSING_RIGHT:
        return None
    error = TemporaryError if refusal.kind is RefusalKind.NOT_READY else NotAdmitted
    return error(f"{call.subject} did not {call.action}. {describe_refusal(refusal)} {NOTHING_CHANGED}")
