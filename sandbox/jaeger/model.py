"""What the stand-in keeps: spans, and what goes wrong with its answers."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSpan:
    """A span with ids of 32 and 16 digits and times in nanoseconds."""

    trace_id: str
    span_id: str
    parent_id: str = ""
    service: str
    name: str
    start: int
    duration: int
    is_error: bool = False
    message: str = ""
    warnings: tuple[str, ...] = ()


@dataclass
class Trouble:
    """What happens to each request of the API until it is taken back."""

    status: int = 0
    delay_seconds: float = 0.0
    body: bytes | None = None
    """Answers 200 with this body instead."""
    has_v3: bool = True
    """Without it, the newer API is answered with the page of the user interface, as by versions that do not have it."""
    is_chunked: bool = False
    """Sends one ``{"result": …}`` a line for each service of a trace, instead of one for everything."""
    drops_zeros: bool = False
    """Writes ids in the older API without leading zeros, as old versions do."""


@dataclass
class State:
    """Everything, for tests to look into."""

    spans: list[StoredSpan] = field(default_factory=list)
    trouble: Trouble = field(default_factory=Trouble)
    requests: list[str] = field(default_factory=list)

    def trace(self, trace_id: str) -> list[StoredSpan]:
        """The spans of a trace; ids of 16 digits stand for those that begin with zeros."""
        return [span for span in self.spans if span.trace_id == trace_id.zfill(32)]

    def find(self, service: str, since: int, until: int, least: int, *, errors: bool, limit: int) -> list[list[StoredSpan]]:
        """The newest traces in which one span fits."""
        fitting = [
            span
            for span in self.spans
            if span.service == service
            and since <= span.start <= until
            and span.duration >= least
            and (span.is_error or not errors)
        ]
        fitting.sort(key=lambda span: -span.start)
        return [self.trace(each) for each in list(dict.fromkeys(span.trace_id for span in fitting))[:limit]]


def by_service(spans: Iterable[StoredSpan]) -> dict[str, list[StoredSpan]]:
    """The spans of each service, in the order in which the services appear."""
    found: dict[str, list[StoredSpan]] = {}
    for span in spans:
        found.setdefault(span.service, []).append(span)
    return found
