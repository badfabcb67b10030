"""Why an API server did not let a change in, read from its own message.

A missing right, a quota, a rule and a webhook out of reach are different things, though most of them come as HTTP 403. The status
alone does not tell: a webhook may choose any (401, 409 and 422 included). The texts are those of ``k8s.io/apiserver``'s
admission and of its quota plugin, unchanged since Kubernetes 1.20.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class RefusalKind(Enum):
    """What stands against a change. None of them leaves it in doubt: nothing was changed."""

    MISSING_RIGHT = "missing right"
    QUOTA = "quota"
    DENIED = "denied"
    WEBHOOK_UNREACHABLE = "webhook unreachable"
    NOT_READY = "not ready"
    """The server has not filled its own caches yet: it says so itself, and the next attempt may pass."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """``rule`` is the name of the quota, webhook or policy, empty where the message has none; ``reason`` is the server's own."""

    kind: RefusalKind
    rule: str = ""
    reason: str = ""


_MISSING_RIGHT = re.compile(r'User "[^"]*" cannot \w+ (?:resource|path) ')
_WEBHOOK_UNREACHABLE = re.compile(
    r'failed calling webhook "(?P<rule>[^"]+)": (?:failed to call webhook: )?(?P<reason>.*)', re.DOTALL
)
_WEBHOOK_DENIED = re.compile(r'admission webhook "(?P<rule>[^"]+)" denied the request(?:: | )(?P<reason>.*)', re.DOTALL)
_POLICY_DENIED = re.compile(
    r"(?P<rule>\w+AdmissionPolicy '[^']+')(?: with binding '[^']+')? denied request: (?P<reason>.*)", re.DOTALL
)
_QUOTA = re.compile(r"(?P<reason>(?:exceeded|failed) quota: (?P<rule>[^,:]+).*)", re.DOTALL)
_NOT_READY = re.compile(r"(?P<reason>not yet ready to handle request|status unknown for quota: .*)", re.DOTALL)
_OTHER_RULE = re.compile(r"is forbidden: (?P<reason>.*)", re.DOTALL)
"""Pod security, limit ranges, a namespace that is being deleted: plugins that are compiled into the server."""
_PATTERNS: tuple[tuple[re.Pattern[str], RefusalKind], ...] = (
    (_WEBHOOK_UNREACHABLE, RefusalKind.WEBHOOK_UNREACHABLE),
    (_WEBHOOK_DENIED, RefusalKind.DENIED),
    (_POLICY_DENIED, RefusalKind.DENIED),
    (_MISSING_RIGHT, RefusalKind.MISSING_RIGHT),
    (_QUOTA, RefusalKind.QUOTA),
    (_NOT_READY, RefusalKind.NOT_READY),
    (_OTHER_RULE, RefusalKind.DENIED),
)


def parse_refusal(message: str) -> Refusal | None:
    """The refusal that the server's message tells of; None for any other message."""
    for pattern, kind in _PATTERNS:
        if match := pattern.search(message):
            groups = match.groupdict()
            return Refusal(kind, groups.get("rule") or "", (groups.get("reason") or "").strip())
    return None


def describe_refusal(refusal: Refusal) -> str:
    """One sentence that says which of the four it is: ``The quota compute is used up: …``. Empty for a missing right."""
    reason = f": {refusal.reason.rstrip('.')}." if refusal.reason else "."
    return _DESCRIPTIONS[refusal.kind](refusal.rule) + reason if refusal.kind in _DESCRIPTIONS else ""


def _denial(rule: str) -> str:
    if not rule:
        return "A rule of the cluster does not allow this"
    return f"{rule} does not allow this" if "AdmissionPolicy" in rule else f"The admission webhook {rule} does not allow this"


_DESCRIPTIONS: Mapping[RefusalKind, Callable[[str], str]] = MappingProxyType(
    {
        RefusalKind.QUOTA: lambda rule: f"The quota {rule} does not allow this",
        RefusalKind.DENIED: _denial,
        RefusalKind.WEBHOOK_UNREACHABLE: lambda rule: (
            f"The admission webhook {rule}, which the cluster asks before such a change, does not answer"
        ),
        RefusalKind.NOT_READY: lambda _rule: "The cluster is still starting",
    }
)
