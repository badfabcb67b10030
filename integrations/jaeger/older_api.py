"""Answers of ``/api/traces``, for Jaegers without ``/api/v3``: times in microseconds, the services after the spans."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from domain.redaction import redact
from domain.traces.ids import span_id, trace_id
from domain.traces.spans import Span
from integrations.jaeger.answers import SpanAnswer
from integrations.jaeger.json_stream import ITEM

_NANOSECONDS = 1_000


class _Reference(BaseModel):
    kind: str = Field(default="CHILD_OF", alias="refType")
    trace_id: str = Field(default="", alias="traceID")
    span_id: str = Field(alias="spanID")


class _Tag(BaseModel):
    key: str
    value: Any = None


class _OlderSpan(BaseModel):
    trace_id: str = Field(alias="traceID")
    span_id: str = Field(alias="spanID")
    name: str = Field(default="", alias="operationName")
    references: tuple[_Reference, ...] | None = ()
    start: int = Field(alias="startTime")
    duration: int = 0
    tags: tuple[_Tag, ...] | None = ()
    process: str = Field(default="", alias="processID")
    warnings: tuple[str, ...] | None = ()


class _Process(BaseModel):
    service: str = Field(default="", alias="serviceName")


class OlderAnswer(SpanAnswer):
    """Collects the spans of an answer of ``/api/traces``."""

    opened = (("data",), ("data", ITEM), ("data", ITEM, "spans"))
    group = ("data", ITEM)
    spans_at = ("data", ITEM, "spans", ITEM)
    services_at = ("data", ITEM, "processes")
    problem_at = ("errors",)

    def read_span(self, value: Any) -> tuple[Span, str]:
        """The span, and its process."""
        read = _OlderSpan.model_validate(value)
        tags = {tag.key: tag.value for tag in read.tags or ()}
        return Span(
            trace_id=trace_id(read.trace_id),
            id=span_id(read.span_id),
            parent_id=_parent(read),
            service="",
            operation=redact(read.name),
            start=read.start * _NANOSECONDS,
            duration=max(read.duration, 0) * _NANOSECONDS,
            is_error=tags.get("error") in (True, "true") or tags.get("otel.status_code") == "ERROR",
            problem=redact(str(tags.get("otel.status_description") or "")),
            warnings=tuple(map(redact, read.warnings or ())),
        ), read.process

    def read_services(self, value: Any) -> Mapping[str, str]:
        """The services by the keys of their processes."""
        return {key: _Process.model_validate(each).service for key, each in value.items()} if isinstance(value, dict) else {}

    def read_problem(self, value: Any) -> str:
        """``msg`` of the errors."""
        errors = value if isinstance(value, list) else []
        return redact("; ".join(str(each.get("msg", "")) for each in errors if isinstance(each, dict)))


def _parent(span: _OlderSpan) -> str:
    """The first reference within the trace, one to a parent before one to what it follows."""
    references = [each for each in span.references or () if trace_id(each.trace_id) in ("", trace_id(span.trace_id))]
    references.sort(key=lambda each: each.kind != "CHILD_OF")
    return span_id(references[0].span_id) if references else ""
