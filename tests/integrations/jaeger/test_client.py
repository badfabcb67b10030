"""The client against the strict stand-in, and against answers that are none."""

import json
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.errors import DeepechoError, NotFound, PermanentError, TemporaryError
from domain.traces.queries import TraceQuery
from domain.traces.spans import SpanBudget, traces_of
from integrations.jaeger import Jaeger, open_jaeger
from sandbox.jaeger import StandInJaeger, StoredSpan, Trouble

AT = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
START = int(AT.timestamp()) * 10**9 + 123_456_789
MILLISECOND = 10**6
TRACE = "00000000000000000a1b2c3d4e5f6071"
ROOT = StoredSpan(
    trace_id=TRACE, span_id="00ab000000000001", service="balancer", name="GET /", start=START, duration=900 * MILLISECOND
)
CHILD = replace(
    ROOT,
    span_id="00ab000000000002",
    parent_id=ROOT.span_id,
    service="main",
    name="think",
    start=START + MILLISECOND,
    duration=800 * MILLISECOND,
    is_error=True,
    message="no memory",
)
QUERY = TraceQuery(service="main", since=AT - timedelta(minutes=30), until=AT + timedelta(minutes=1))


@pytest.fixture
async def stand_in() -> AsyncIterator[StandInJaeger]:
    async with StandInJaeger() as server:
        server.state.spans += [ROOT, CHILD]
        yield server


@pytest.fixture
async def jaeger(stand_in: StandInJaeger) -> AsyncIterator[Jaeger]:
    async with open_jaeger(stand_in.url, timeout_seconds=10) as opened:
        yield opened


@pytest.mark.parametrize("trouble", [Trouble(), Trouble(is_chunked=True)], ids=["one result", "a result a line"])
async def test_a_trace_is_read_to_the_nanosecond(jaeger: Jaeger, stand_in: StandInJaeger, trouble: Trouble) -> None:
    stand_in.state.trouble = trouble
    read = await jaeger.trace(TRACE)
    (trace,) = traces_of(read)
    root, child = trace.spans
    assert (root.service, root.operation, root.start, root.duration) == ("balancer", "GET /", START, 900 * MILLISECOND)
    assert (child.service, child.parent_id, child.is_error, child.problem) == ("main", root.id, True, "no memory")
    assert (read.cut_at, trace.duration, trace.errors) == ("", 900 * MILLISECOND, 1)


@pytest.mark.parametrize("drops_zeros", [False, True])
async def test_a_jaeger_without_the_newer_api_is_asked_by_the_older(
    jaeger: Jaeger, stand_in: StandInJaeger, *, drops_zeros: bool
) -> None:
    newer = traces_of(await jaeger.trace(TRACE))
    stand_in.state.trouble = Trouble(has_v3=False, drops_zeros=drops_zeros)
    (older,) = traces_of(await jaeger.trace(TRACE))
    # The older API knows microseconds only.
    assert older.spans == tuple(replace(span, start=span.start // 1000 * 1000) for span in newer[0].spans)
    assert traces_of(await jaeger.find(QUERY)) == (older,)


@pytest.mark.parametrize("text", [TRACE, TRACE[16:], TRACE.lstrip("0"), TRACE.upper(), f" {TRACE}\n"])
async def test_an_id_is_found_however_it_is_written(jaeger: Jaeger, text: str) -> None:
    assert len((await jaeger.trace(text)).spans) == 2


@pytest.mark.parametrize("text", ["", "0" * 32, "../services", "xyz", "a" * 33, "f" * 32])
@pytest.mark.parametrize("has_v3", [True, False])
async def test_what_is_no_id_or_no_trace_is_not_there(
    jaeger: Jaeger, stand_in: StandInJaeger, text: str, *, has_v3: bool
) -> None:
    stand_in.state.trouble = Trouble(has_v3=has_v3)
    with pytest.raises(NotFound, match=r"has no trace|is no id of a trace"):
        await jaeger.trace(text)
    assert not any("services" in each for each in stand_in.state.requests)


@pytest.mark.parametrize("has_v3", [True, False])
async def test_a_search_keeps_to_service_time_duration_and_errors(
    jaeger: Jaeger, stand_in: StandInJaeger, *, has_v3: bool
) -> None:
    stand_in.state.trouble = Trouble(has_v3=has_v3)

    async def found(query: TraceQuery) -> int:
        return len(traces_of(await jaeger.find(query)))

    assert await found(QUERY) == 1
    assert await found(replace(QUERY, with_errors=True)) == 1
    assert await found(replace(QUERY, service="balancer", with_errors=True)) == 0
    assert await found(replace(QUERY, min_duration=timedelta(milliseconds=800))) == 1
    assert await found(replace(QUERY, min_duration=timedelta(milliseconds=801))) == 0
    assert await found(replace(QUERY, until=AT - timedelta(seconds=1))) == 0
    assert await found(replace(QUERY, service='main"&query.searchDepth=9\n')) == 0


@pytest.mark.parametrize("has_v3", [True, False])
async def test_services_are_told_by_either_api(jaeger: Jaeger, stand_in: StandInJaeger, *, has_v3: bool) -> None:
    stand_in.state.trouble = Trouble(has_v3=has_v3)
    assert await jaeger.services() == ("balancer", "main")
    stand_in.state.spans.clear()
    assert await jaeger.services() == ()


@pytest.mark.parametrize("body", [b"[]", b'{"services":"main"}', b'{"services":[1]}', b'{"services":', b"null", b"\xff"])
async def test_services_that_are_none_are_refused_in_words(jaeger: Jaeger, stand_in: StandInJaeger, body: bytes) -> None:
    stand_in.state.trouble = Trouble(body=body)
    with pytest.raises(DeepechoError, match="Jaeger at 127"):
        await jaeger.services()


async def test_reading_ends_at_the_budget_and_says_where(jaeger: Jaeger) -> None:
    by_count = await jaeger.trace(TRACE, SpanBudget(spans=1))
    assert (len(by_count.spans), by_count.cut_at) == (1, "1 spans")
    assert by_count.spans[0].service == "balancer"
    assert (await jaeger.trace(TRACE, SpanBudget(spans=2))).cut_at == ""


async def test_reading_ends_at_the_budget_of_bytes_and_says_where(jaeger: Jaeger, stand_in: StandInJaeger) -> None:
    stand_in.state.trouble = Trouble(body=_body(50_000))
    read = await jaeger.trace(TRACE, SpanBudget(spans=1_000_000, bytes=2**20))
    assert read.cut_at == "1 MiB"
    assert 1_000 < len(read.spans) < 20_000


async def test_what_jaeger_warns_of_is_kept(jaeger: Jaeger, stand_in: StandInJaeger) -> None:
    stand_in.state.spans[0] = replace(ROOT, warnings=("trace has more than 10 spans",))
    assert (await jaeger.trace(TRACE)).spans[0].warnings == ("trace has more than 10 spans",)


_RUBBISH = (
    *(b"", b"<html>", b"[]", b"{", b"\xff\xfe", b'{"result":{"resourceSpans":['),
    b'{"result":{"resourceSpans":[{"scopeSpans":[{"spans":[7]}]}]}}',
    b'{"result":{"resourceSpans":[{]}}',
    b'{"result":{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"1","spanId":"0","startTimeUnixNano":"1"}]}]}]}}',
    b'{"result":' + b"[" * 100_000,
)


@pytest.mark.parametrize("body", _RUBBISH, ids=lambda body: repr(body[:60]))
async def test_rubbish_is_an_error_of_ours_or_no_trace(jaeger: Jaeger, stand_in: StandInJaeger, body: bytes) -> None:
    stand_in.state.trouble = Trouble(body=body)
    with pytest.raises(DeepechoError) as raised:
        await jaeger.trace(TRACE)
    assert "Jaeger at 127.0.0.1" in str(raised.value)


async def test_an_error_in_the_middle_of_an_answer_leaves_what_came_before(jaeger: Jaeger, stand_in: StandInJaeger) -> None:
    stand_in.state.trouble = Trouble(body=_body(3) + b'\n{"error":{"httpCode":500,"message":"storage is gone"}}')
    read = await jaeger.trace(TRACE)
    assert (len(read.spans), read.cut_at) == (3, "storage is gone")
    stand_in.state.trouble = Trouble(body=b'{"error":{"httpCode":500,"message":"storage is gone"}}')
    with pytest.raises(PermanentError, match="storage is gone"):
        await jaeger.trace(TRACE)


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_jaeger_in_trouble_is_asked_again_later(jaeger: Jaeger, stand_in: StandInJaeger, status: int) -> None:
    stand_in.state.trouble = Trouble(status=status)
    with pytest.raises(TemporaryError):
        await jaeger.find(QUERY)
    assert len(stand_in.state.requests) == 1


async def test_a_slow_jaeger_is_left_at_the_time_limit(stand_in: StandInJaeger) -> None:
    stand_in.state.trouble = Trouble(delay_seconds=30)
    async with open_jaeger(stand_in.url, timeout_seconds=0.3) as jaeger:
        with pytest.raises(TemporaryError, match="did not answer within"):
            await jaeger.trace(TRACE)


@pytest.mark.parametrize("resources", [1, 200])
async def test_200_000_spans_are_cut_within_60_mib(jaeger: Jaeger, stand_in: StandInJaeger, resources: int) -> None:
    each = 200_000 // resources
    stand_in.state.trouble = Trouble(body=b"\n".join([_body(each, first * each) for first in range(resources)]))
    tracemalloc.start()
    try:
        read = await jaeger.trace(TRACE)
        extra = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (len(read.spans), read.cut_at) == (5_000, "5,000 spans")
    assert extra < 60 * 2**20


def _body(count: int, first: int = 0) -> bytes:
    """One result with so many spans."""
    span: dict[str, Any] = {
        "traceId": TRACE,
        "parentSpanId": ROOT.span_id,
        "name": "SELECT",
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(START + 1),
    }
    template = json.dumps(span | {"spanId": "0"}).replace('"0"', '"%016x"')
    spans = ",".join([template % number for number in range(first + 1, first + count + 1)])
    return f'{{"result":{{"resourceSpans":[{{"resource":{{"attributes":[]}},"scopeSpans":[{{"spans":[{spans}]}}]}}]}}}}'.encode()
