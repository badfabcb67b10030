"""``/api/v3``: OTLP in JSON, in the wrapper of gRPC's gateway."""

import json
import re
from collections.abc import Iterable

from aiohttp import web

from sandbox.jaeger.model import Json, State, StoredSpan, by_service
from sandbox.jaeger.query import Malformed, check_names, nanoseconds_of_duration, nanoseconds_of_time, wants_errors

_DEFAULT_DEPTH = 100
_KNOWN = frozenset(
    f"query.{name}"
    for name in (
        *("serviceName", "operationName", "attributes", "startTimeMin", "startTimeMax"),
        *("durationMin", "durationMax", "searchDepth", "rawTraces"),
    )
)


class V3Api:
    """Searches, single traces, services."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/v3/traces", self.find),
            web.get("/api/v3/traces/{id}", self.trace),
            web.get("/api/v3/services", self.services),
        ]

    async def services(self, _request: web.Request) -> web.Response:
        return web.json_response({"services": sorted({span.service for span in self._state.spans})})

    async def trace(self, request: web.Request) -> web.StreamResponse:
        text = request.match_info["id"]
        if not re.fullmatch(r"[0-9a-f]{1,32}", text):
            return _refused(400, 3, "malformed parameter trace_id: cannot parse")
        spans = self._state.trace(text)
        return await self._answer(request, [spans]) if spans else _refused(404, 5, "No traces found")

    async def find(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        try:
            check_names(query, _KNOWN, ("query.startTimeMin", "query.startTimeMax"))
            least = query.get("query.durationMin", "")
            found = self._state.find(
                query.get("query.serviceName", ""),
                nanoseconds_of_time("query.startTimeMin", query["query.startTimeMin"]),
                nanoseconds_of_time("query.startTimeMax", query["query.startTimeMax"]),
                nanoseconds_of_duration("query.durationMin", least) if least else 0,
                errors=wants_errors("query.attributes", query.get("query.attributes", "")),
                limit=int(query.get("query.searchDepth", _DEFAULT_DEPTH)),
            )
        except Malformed as error:
            return _refused(400, 3, str(error))
        return await self._answer(request, found) if found else _refused(404, 5, "No traces found")

    async def _answer(self, request: web.Request, traces: list[list[StoredSpan]]) -> web.StreamResponse:
        resources = (_resource(service, spans) for trace in traces for service, spans in by_service(trace).items())
        if not self._state.trouble.is_chunked:
            return web.json_response({"result": {"resourceSpans": list(resources)}})
        return await _send_lines(request, resources)


async def _send_lines(request: web.Request, resources: Iterable[Json]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for resource in resources:
        await response.write(json.dumps({"result": {"resourceSpans": [resource]}}).encode() + b"\n")
    await response.write_eof()
    return response


def _resource(service: str, spans: list[StoredSpan]) -> Json:
    return {
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
        "scopeSpans": [{"scope": {"name": "demo"}, "spans": list(map(_span, spans))}],
    }


def _span(span: StoredSpan) -> Json:
    warnings = {"arrayValue": {"values": [{"stringValue": each} for each in span.warnings]}}
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_id,
        "name": span.name,
        "kind": 2,
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.start + span.duration),
        "attributes": [{"key": "@jaeger@warnings", "value": warnings}] if span.warnings else [],
        "status": {"code": 2, "message": span.message} if span.is_error else {},
    }


def _refused(status: int, grpc_code: int, message: str) -> web.Response:
    return web.json_response({"error": {"grpcCode": grpc_code, "httpCode": status, "message": message}}, status=status)
