"""Answers of ``/api/v3``: OTLP's JSON, in one ``{"result": …}`` or in several, one to a line."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from domain.redaction import redact
from domain.traces.ids import SPAN_DIGITS, TRACE_DIGITS, span_id, trace_id
from domain.traces.spans import Span
from integrations.jaeger.answers import SpanAnswer
from integrations.jaeger.json_stream import ITEM, Path

_RESOURCES: Path = ("result", "resourceSpans")
_SCOPES: Path = (*_RESOURCES, ITEM, "scopeSpans")
WARNINGS = "@jaeger@warnings"
"""The attribute in which Jaeger itself says that a trace was cut or its clocks corrected."""
_ERROR_CODES = (2, "STATUS_CODE_ERROR")


class _Attribute(BaseModel):
    key: str
    value: dict[str, Any] = Field(default_factory=dict)


class _Status(BaseModel):
    code: int | str = 0
    message: str = ""


class _OtlpSpan(BaseModel):
    trace_id: str = Field(alias="traceId")
    span_id: str = Field(alias="spanId")
    parent_id: str = Field(default="", alias="parentSpanId")
    name: str = ""
    start: int = Field(alias="startTimeUnixNano")
    end: int = Field(default=0, alias="endTimeUnixNano")
    status: _Status = _Status()
    attributes: tuple[_Attribute, ...] = ()


class _Resource(BaseModel):
    attributes: tuple[_Attribute, ...] = ()


class OtlpAnswer(SpanAnswer):
    """Collects the spans of an answer of ``/api/v3``."""

    opened = (
        ("result",),
        _RESOURCES,
        (*_RESOURCES, ITEM),
        _SCOPES,
        (*_SCOPES, ITEM),
        (*_SCOPES, ITEM, "spans"),
    )
    group = (*_RESOURCES, ITEM)
    spans_at = (*_SCOPES, ITEM, "spans", ITEM)
    services_at = (*_RESOURCES, ITEM, "resource")
    problem_at = ("error",)

    def read_span(self, value: Any) -> tuple[Span, str]:
        """The span; a resource has one service."""
        read = _OtlpSpan.model_validate(value)
        warnings = next((each.value for each in read.attributes if each.key == WARNINGS), {})
        return Span(
            trace_id=trace_id(_hexadecimal(read.trace_id, TRACE_DIGITS)),
            id=span_id(_hexadecimal(read.span_id, SPAN_DIGITS)),
            parent_id=span_id(_hexadecimal(read.parent_id, SPAN_DIGITS)),
            service="",
            operation=redact(read.name),
            start=read.start,
            duration=max(read.end - read.start, 0),
            is_error=read.status.code in _ERROR_CODES,
            problem=redact(read.status.message),
            warnings=_texts(warnings),
        ), ""

    def read_services(self, value: Any) -> Mapping[str, str]:
        """The attribute ``service.name``."""
        attributes = _Resource.model_validate(value).attributes
        named = (str(each.value.get("stringValue", "")) for each in attributes if each.key == "service.name")
        return {"": next(named, "")}

    def read_problem(self, value: Any) -> str:
        """``message``, as the gateway of gRPC words it."""
        return redact(str(value.get("message", ""))) if isinstance(value, dict) else ""


def _hexadecimal(text: str, digits: int) -> str:
    """Versions before OTLP's own JSON wrote ids in Base64, whose length tells them apart."""
    length = (digits // 2 + 2) // 3 * 4
    if len(text) != length or not text.endswith("="):
        return text
    try:
        return base64.b64decode(text, validate=True).hex()
    except binascii.Error:
        return text


def _texts(value: Mapping[str, Any]) -> tuple[str, ...]:
    array = value.get("arrayValue")
    values = array.get("values", ()) if isinstance(array, dict) else (value,)
    texts = (each.get("stringValue", "") for each in values if isinstance(each, dict))
    return tuple(redact(text) for text in texts if isinstance(text, str) and text)
