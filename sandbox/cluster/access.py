"""Who a bearer token is, and what they may do: everybody everything, but for the viewer."""

from dataclasses import dataclass

from sandbox.cluster import errors
from sandbox.cluster.model import Json
from sandbox.cluster.resources import RESOURCES, SECRETS
from sandbox.cluster.writes import ResourcePath

ADMIN_TOKEN = "admin-token"
VIEWER_TOKEN = "viewer-token"
EXPIRED_TOKEN = "expired-token"
"""Answered 401, like a token whose time has passed."""

_READS = ("get", "list", "watch")
_ACCESS = "selfsubjectaccessreviews"
_RULES = "selfsubjectrulesreviews"
_SELF_REVIEW = "selfsubjectreviews"


@dataclass(frozen=True, slots=True)
class User:
    """A viewer reads everything but Secrets and changes nothing, like the role ``view`` of a real cluster."""

    name: str
    viewer: bool = False

    def may(self, verb: str, plural: str) -> bool:
        return not self.viewer or (verb in _READS and plural != SECRETS.plural)


def authenticate(token: str) -> User:
    """A missing token is let in as ``anonymous-admin``; raises 401 for the expired one."""
    if token == EXPIRED_TOKEN:
        raise errors.unauthorized()
    if not token:
        return User("anonymous-admin")
    return User(token.removesuffix("-token"), viewer=token == VIEWER_TOKEN)


def authorize(user: User, verb: str, target: ResourcePath) -> None:
    """Raises 403 unless the user may do this."""
    if not user.may(verb, target.resource.plural):
        raise errors.forbidden(target.resource, target.name, target.namespace, user.name, verb, target.subresource)


def is_self_review(path: str) -> bool:
    return path.rpartition("/")[2] in (_ACCESS, _RULES, _SELF_REVIEW)


def answer_self_review(user: User, path: str, review: Json) -> Json:
    """Answers "may I?", "what may I?" and "who am I?"."""
    plural = path.rpartition("/")[2]
    status: Json
    if plural == _ACCESS:
        attributes = review.get("spec", {}).get("resourceAttributes") or {}
        allowed = user.may(attributes.get("verb", ""), attributes.get("resource", ""))
        status = {"allowed": allowed} if allowed else {"allowed": False, "reason": "the viewer only looks"}
    elif plural == _RULES:
        status = {"resourceRules": _rules(user), "nonResourceRules": [], "incomplete": False}
    else:
        groups = ["system:authenticated"] if user.viewer else ["system:masters", "system:authenticated"]
        status = {"userInfo": {"username": user.name, "groups": groups}}
    return {**review, "metadata": {}, "status": status}


def _rules(user: User) -> list[Json]:
    if not user.viewer:
        return [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    readable = [each for each in RESOURCES if each is not SECRETS]
    return [{"verbs": list(_READS), "apiGroups": [each.group], "resources": [each.plural]} for each in readable]
