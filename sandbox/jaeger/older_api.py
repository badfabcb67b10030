"""``/api/traces``: what Jaeger's user interface asks. Times are microseconds, services follow the spans."""

import re

from aiohttp import web

from sandbox.jaeger.model import Json, State, StoredSpan, by_service
from sandbox.jaeger.query import Malformed, nanoseconds_of_duration, wants_errors

_MICROSECOND = 1_000


class OlderApi:
    """Searches, single traces, services."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/traces", self.find),
            web.get("/api/traces/{id}", self.trace),
            web.get("/api/services", self.services),
        ]

    async def services(self, _request: web.Request) -> web.Response:
        names = sorted({span.service for span in self._state.spans})
        # Without any, the list is null.
        return web.json_response({"data": names or None, "total": len(names), "limit": 0, "offset": 0, "errors": None})

    async def trace(self, request: web.Request) -> web.Response:
        text = request.match_info["id"]
        if not re.fullmatch(r"[0-9a-f]{1,32}", text):
            return _refused(400, "cannot parse the trace id")
        spans = self._state.trace(text)
        return self._answer([spans]) if spans else _refused(404, "trace not found")

    async def find(self, request: web.Request) -> web.Response:
        query = request.query
        if not query.get("service"):
            return _refused(400, "parameter 'service' is required")
        try:
            least = nanoseconds_of_duration("minDuration", query["minDuration"]) if "minDuration" in query else 0
            errors = wants_errors("tags", query.get("tags", ""))
        except Malformed as error:
            return _refused(400, str(error))
        since, until = (int(query[name]) * _MICROSECOND for name in ("start", "end"))
        limit = int(query.get("limit", "100"))
        return self._answer(self._state.find(query["service"], since, until, least, errors=errors, limit=limit))

    def _answer(self, traces: list[list[StoredSpan]]) -> web.Response:
        data = list(map(self._trace, traces))
        return web.json_response({"data": data, "total": 0, "limit": 0, "offset": 0, "errors": None})

    def _trace(self, spans: list[StoredSpan]) -> Json:
        processes = {service: f"p{number}" for number, service in enumerate(by_service(spans), 1)}
        return {
            "traceID": self._id(spans[0].trace_id),
            "spans": [self._span(span, processes[span.service]) for span in spans],
            "processes": {key: {"serviceName": service, "tags": []} for service, key in processes.items()},
            "warnings": None,
        }

    def _span(self, span: StoredSpan, process: str) -> Json:
        trace_id = self._id(span.trace_id)
        parent = {"refType": "CHILD_OF", "traceID": trace_id, "spanID": self._id(span.parent_id)}
        tags = [{"key": "error", "type": "bool", "value": True}] if span.is_error else []
        if span.message:
            tags.append({"key": "otel.status_description", "type": "string", "value": span.message})
        return {
            "traceID": trace_id,
            "spanID": self._id(span.span_id),
            "operationName": span.name,
            "references": [parent] if span.parent_id else [],
            "startTime": span.start // _MICROSECOND,
            "duration": span.duration // _MICROSECOND,
            "tags": tags,
            "logs": [],
            "processID": process,
            "warnings": list(span.warnings) or None,
        }

    def _id(self, text: str) -> str:
        return text.lstrip("0") if self._state.trouble.drops_zeros else text


def _refused(status: int, message: str) -> web.Response:
    errors = [{"code": status, "msg": message}]
    return web.json_response({"data": None, "total": 0, "limit": 0, "offset": 0, "errors": errors}, status=status)
