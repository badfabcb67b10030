"""Traces of the demo services in production, as they would have come in the last half hour."""

import hashlib
from collections.abc import Iterator
from datetime import datetime

from sandbox.jaeger.model import StoredSpan

_TRACES = 40
_MS = 10**6


def seed_traces(now: datetime) -> list[StoredSpan]:
    """One trace every 45 seconds: most are quick, each tenth is slow, and each fifteenth fails."""
    return [span for number in range(_TRACES) for span in _trace(number, round(now.timestamp()) * 10**9)]


def _trace(number: int, now: int) -> Iterator[StoredSpan]:
    trace_id, start = hashlib.sha256(f"trace {number}".encode()).hexdigest()[:32], now - number * 45 * 10**9
    thinking = 1900 if number % 10 == 3 else 60 + number
    failed = number % 15 == 7

    def span(id_: int, parent: int, service: str, name: str, begin: int, duration: int, message: str = "") -> StoredSpan:
        return StoredSpan(
            trace_id=trace_id,
            span_id=f"{number + 1:08x}{id_:08x}",
            parent_id=f"{number + 1:08x}{parent:08x}" if parent else "",
            service=service,
            name=name,
            start=start + begin * _MS,
            duration=duration * _MS,
            is_error=failed and service != "deep-echo-cache",
            message=message if failed else "",
        )

    yield span(1, 0, "deep-echo-load-balancer", "GET /chat", 0, thinking + 30)
    yield span(2, 1, "deep-echo-main", "POST /v1/messages", 4, thinking + 22)
    yield span(3, 2, "deep-echo-cache", "GET session", 6, 3)
    yield span(4, 2, "deep-echo-cognitive", "reason over memory", 14, thinking, "the model gave no answer")
