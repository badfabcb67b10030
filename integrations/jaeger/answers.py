"""Spans out of Jaeger's answers, of both its APIs, in our words, while the answer is still being read."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from domain.traces.spans import Span
from integrations.jaeger.json_stream import JsonStream, Path

UNKNOWN_SERVICE = "unknown service"
"""Of a span whose service was not read: Jaeger's older API names the services after all spans."""


class SpanAnswer(ABC):
    """Collects the spans of one answer. A group is what shares services: a resource, or in the older API a trace."""

    opened: tuple[Path, ...]
    group: Path
    """Where a group ends."""
    spans_at: Path
    services_at: Path
    problem_at: Path

    def __init__(self) -> None:
        self.problem = ""
        """What Jaeger says instead of an answer."""
        self.is_full = False
        """Whether there was a span more than was allowed."""
        self._stream = JsonStream(self.opened)
        self._done: list[Span] = []
        self._pending: list[tuple[Span, str]] = []
        self._services: Mapping[str, str] = {}

    @property
    def count(self) -> int:
        """How many spans were read."""
        return len(self._done) + len(self._pending)

    def feed(self, chunk: bytes, most: int) -> None:
        """Take the spans that these bytes complete, ``most`` in all. Raises ValueError for what is no such answer."""
        for path, value in self._stream.feed(chunk):
            if path == self.spans_at:
                if self.count >= most:
                    self.is_full = True
                    return
                self._pending.append(self._identified(value))
            elif path == self.services_at:
                self._services = self.read_services(value)
            elif path == self.group and value is JsonStream.END:
                self._end_group()
            elif path == self.problem_at:
                self.problem = self.read_problem(value)

    def finish(self) -> None:
        """Raise ValueError where the answer ended in the middle."""
        self._stream.finish()

    def spans(self) -> tuple[Span, ...]:
        """All that were read."""
        self._end_group()
        return tuple(self._done)

    def _identified(self, value: Any) -> tuple[Span, str]:
        span, key = self.read_span(value)
        if not span.trace_id or not span.id:
            raise ValueError("a span has no id")
        return span, key

    def _end_group(self) -> None:
        self._done += [replace(span, service=self._services.get(key) or UNKNOWN_SERVICE) for span, key in self._pending]
        self._pending, self._services = [], {}

    @abstractmethod
    def read_span(self, value: Any) -> tuple[Span, str]:
        """A span, and the key of its service in the group."""

    @abstractmethod
    def read_services(self, value: Any) -> Mapping[str, str]:
        """The names of services by their keys."""

    @abstractmethod
    def read_problem(self, value: Any) -> str:
        """Jaeger's own sentence."""
