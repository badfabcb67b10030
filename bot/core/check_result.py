"""One line of a check: of ``deepecho check``, ``/healthz`` and ``/readyz``."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was looked at, whether it is well, and the details in words."""

    name: str
    ok: bool
    detail: str
