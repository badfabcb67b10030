"""The refusals of the stand-in cluster, worded and numbered as a real API server words them."""

from dataclasses import dataclass, field

from sandbox.cluster.model import Json
from sandbox.cluster.resources import ResourceType


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One reason among several of an Invalid answer; ``field`` is a path such as ``spec.replicas``."""

    reason: str
    message: str
    field: str

    def body(self) -> Json:
        return {"reason": self.reason, "message": f"{self.message}", "field": self.field}


@dataclass(slots=True)
class ApiError(Exception):
    """What the API server answers instead of doing what was asked: an HTTP status with a ``Status`` body."""

    code: int
    reason: str
    message: str
    details: Json | None = field(default_factory=dict)

    def body(self) -> Json:
        status: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        status.update(message=self.message, reason=self.reason, details=self.details, code=self.code)
        return {key: value for key, value in status.items() if value is not None}


def _details(resource: ResourceType, name: str, kind: str | None = None) -> Json:
    details: Json = {"name": name, "group": resource.group, "kind": kind or resource.plural}
    return {key: value for key, value in details.items() if value}


def not_found(resource: ResourceType, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{resource.qualified} "{name}" not found', _details(resource, name))


class UnknownApiGroup(Exception):
    """A path outside all groups: the real server answers plain text, not a Status."""


def no_such_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: ResourceType, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f'{resource.qualified} "{name}" already exists', _details(resource, name))


def conflict(resource: ResourceType, name: str, why: str = "") -> ApiError:
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}'
    return ApiError(409, "Conflict", message, _details(resource, name))


def apply_conflict(causes: list[Cause]) -> ApiError:
    """Server-side apply met fields that belong to other managers."""
    plural = "s" if len(causes) > 1 else ""
    listed = "\n".join(f"- {cause.field}" for cause in causes)
    summary = f"{causes[0].message}: {causes[0].field}" if len(causes) == 1 else f"{causes[0].message}:\n{listed}"
    message = f"Apply failed with {len(causes)} conflict{plural}: {summary}"
    return ApiError(409, "Conflict", message, {"causes": [cause.body() for cause in causes]})


def invalid(resource: ResourceType, name: str, causes: list[Cause]) -> ApiError:
    messages = [f"{cause.field}: {cause.message}" for cause in causes]
    text = messages[0] if len(messages) == 1 else f"[{', '.join(messages)}]"
    details = {**_details(resource, name, resource.kind), "causes": [cause.body() for cause in causes]}
    return ApiError(422, "Invalid", f'{resource.kind_qualified} "{name}" is invalid: {text}', details)


def rejected_patch() -> ApiError:
    """A JSON patch whose ``test`` failed or whose path is missing: the real server does not say which either."""
    return ApiError(422, "Invalid", "the server rejected our request due to an error in our request")


def undecodable_patch(why: str) -> ApiError:
    """A patch whose result the API server cannot decode; the real one repeats the whole object here."""
    cause = Cause(reason="FieldValueInvalid", message=f"Invalid value: {why}", field="patch")
    return ApiError(422, "Invalid", f' "" is invalid: patch: Invalid value: {why}', {"causes": [cause.body()]})


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message, None)


def method_not_allowed() -> ApiError:
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def unsupported_media_type(accepted: str) -> ApiError:
    message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    return ApiError(415, "UnsupportedMediaType", message)


def expired(asked: int, oldest: int) -> ApiError:
    return ApiError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def expired_continue() -> ApiError:
    message = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter."
    )
    return ApiError(410, "Expired", message)


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(resource: ResourceType, name: str, namespace: str, user: str, verb: str, subresource: str = "") -> ApiError:
    plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
    where = f' in the namespace "{namespace}"' if namespace else " at the cluster scope"
    subject = f'{resource.qualified} "{name}"' if name else resource.qualified
    message = f'{subject} is forbidden: User "{user}" cannot {verb} resource "{plural}" in API group "{resource.group}"{where}'
    return ApiError(403, "Forbidden", message, _details(resource, name))
