"""Client of one Jaeger. It asks ``/api/v3``, and ``/api/traces`` where that is absent."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import quote, urlencode

import aiohttp

from domain.errors import NotFound, PermanentError
from domain.traces.ids import trace_id
from domain.traces.queries import TraceQuery
from domain.traces.spans import ReadSpans, SpanBudget
from integrations.http import (
    HttpCall,
    error_for_status,
    host_of,
    open_session,
    parse_failed_response,
    read_response,
    timeouts,
    translate_errors,
)
from integrations.jaeger.answers import SpanAnswer
from integrations.jaeger.older_api import OlderAnswer
from integrations.jaeger.otlp import OtlpAnswer
from integrations.jaeger.services import parse_services

TIMEOUT_SECONDS = 6.0
"""For a whole answer, because somebody waits."""
_CHUNK_BYTES = 64 * 1024
_MAX_ERROR_BYTES = 64 * 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BUDGET = SpanBudget()


_Result = TypeVar("_Result")
_Read = Callable[[aiohttp.ClientResponse], Awaitable[_Result]]


@dataclass(frozen=True, slots=True)
class _Question:
    """The same question to both APIs: paths with their queries."""

    action: str
    path: str
    older_path: str


class Jaeger:
    """One Jaeger.

    Every method raises TemporaryError when Jaeger does not answer properly and in time, NotFound where there is no such
    trace, PermanentError otherwise. An answer over the budget is no error: what was read is returned, and where it was cut.
    """

    def __init__(self, base_url: str, session: aiohttp.ClientSession, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self.base_url = base_url.rstrip("/")
        self._session, self._timeout_seconds = session, timeout_seconds
        self._server = f"Jaeger at {host_of(base_url)}"

    async def find(self, query: TraceQuery, budget: SpanBudget = _BUDGET) -> ReadSpans:
        """Traces that fit, with all their spans, in Jaeger's order."""
        question = _Question("find traces", f"/api/v3/traces?{_v3_query(query)}", f"/api/traces?{_older_query(query)}")
        try:
            return await self._ask(question, budget)
        except NotFound:
            # The newer API answers so where a search finds nothing.
            return ReadSpans(spans=())

    async def trace(self, text: str, budget: SpanBudget = _BUDGET) -> ReadSpans:
        """One trace, by its id of 16 or 32 digits, with or without leading zeros."""
        wanted = trace_id(text)
        if not wanted:
            raise NotFound(f"“{text[:60]}” is no id of a trace: those have up to 32 digits from 0 to f.")
        nowhere = f"{self._server} has no trace {wanted}. It may have been too long ago, or not sampled."
        try:
            found = await self._ask(_Question("read a trace", f"/api/v3/traces/{wanted}", f"/api/traces/{wanted}"), budget)
        except NotFound as error:
            raise NotFound(nowhere) from error
        if not found.spans:
            raise NotFound(nowhere)
        return found

    async def services(self) -> tuple[str, ...]:
        """The names of the services that sent spans, sorted."""
        question = _Question("list its services", "/api/v3/services", "/api/services")

        async def read(response: aiohttp.ClientResponse) -> tuple[str, ...]:
            call = HttpCall(server=self._server, action=question.action, timeout_seconds=self._timeout_seconds)
            return parse_services(await read_response(call, response))

        return await self._first(question, read, read)

    async def _ask(self, question: _Question, budget: SpanBudget) -> ReadSpans:
        async def newer(response: aiohttp.ClientResponse) -> ReadSpans:
            return await self._spans(response, OtlpAnswer(), budget)

        async def older(response: aiohttp.ClientResponse) -> ReadSpans:
            return await self._spans(response, OlderAnswer(), budget)

        return await self._first(question, newer, older)

    async def _first(self, question: _Question, newer: _Read[_Result], older: _Read[_Result]) -> _Result:
        """The answer of the newer API, or of the older one where the server does not know the newer."""
        found = await self._get(question.action, question.path, newer, "error.message")
        if found is None:
            found = await self._get(question.action, question.older_path, older, "message")
        if found is None:
            raise PermanentError(f"{self._server} answers neither at /api/v3 nor at /api/traces: correct its address.")
        return found

    async def _get(self, action: str, path: str, read: _Read[_Result], message_key: str) -> _Result | None:
        """What ``read`` makes of the answer; None where the server does not know the path."""
        call = HttpCall(server=self._server, action=action, timeout_seconds=self._timeout_seconds)
        with translate_errors(call):
            async with self._session.get(
                self.base_url + path, timeout=timeouts(self._timeout_seconds), allow_redirects=False
            ) as response:
                # For a path that it does not know, Jaeger sends the page of its user interface, with status 200.
                is_json = response.content_type == "application/json"
                if response.status == 200:
                    return await read(response) if is_json else None
                body = await read_response(call, response, _MAX_ERROR_BYTES)
                if response.status == 404 and not _is_answer_of_api(body):
                    return None
                failed = parse_failed_response(response.status, body, response.headers, message_key=message_key)
                raise error_for_status(call, failed)

    async def _spans(self, response: aiohttp.ClientResponse, answer: SpanAnswer, budget: SpanBudget) -> ReadSpans:
        cut_at, size = "", 0
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            size += len(chunk)
            answer.feed(chunk, budget.spans)
            cut_at = _cut(answer, size, budget)
            if cut_at:
                break
        else:
            answer.finish()
        spans = answer.spans()
        if answer.problem and not spans:
            raise PermanentError(f"{self._server} answered: {answer.problem}")
        return ReadSpans(spans=spans, cut_at=cut_at or answer.problem)


def _cut(answer: SpanAnswer, size: int, budget: SpanBudget) -> str:
    if answer.is_full:
        return f"{budget.spans:,} spans"
    return f"{budget.bytes / 2**20:g} MiB" if size > budget.bytes else ""


def _is_answer_of_api(body: bytes) -> bool:
    try:
        parsed = json.loads(body)
    except ValueError:
        return False
    return isinstance(parsed, dict) and not parsed.keys().isdisjoint(("error", "errors"))


def _v3_query(query: TraceQuery) -> str:
    values = {
        "query.serviceName": query.service,
        "query.startTimeMin": _rfc3339(query.since),
        "query.startTimeMax": _rfc3339(query.until),
        "query.searchDepth": str(query.limit),
    }
    if query.min_duration:
        values["query.durationMin"] = _go_duration(query.min_duration)
    if query.with_errors:
        values["query.attributes"] = '{"error":"true"}'
    return _encoded(values)


def _older_query(query: TraceQuery) -> str:
    values = {
        "service": query.service,
        "start": str(_microseconds(query.since)),
        "end": str(_microseconds(query.until)),
        "limit": str(query.limit),
    }
    if query.min_duration:
        values["minDuration"] = _go_duration(query.min_duration)
    if query.with_errors:
        values["tags"] = '{"error":"true"}'
    return _encoded(values)


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _go_duration(duration: timedelta) -> str:
    return f"{duration // timedelta(microseconds=1)}us"


def _encoded(values: Mapping[str, str]) -> str:
    return urlencode(values, quote_via=quote, errors="replace")


@asynccontextmanager
async def open_jaeger(base_url: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> AsyncIterator[Jaeger]:
    """Open a client with its own session. It connects with the first call."""
    async with open_session(base_url, {"Accept": "application/json"}) as session:
        yield Jaeger(base_url, session, timeout_seconds=timeout_seconds)
