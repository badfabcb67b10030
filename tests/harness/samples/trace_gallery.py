"""One believable answer of each kind about traces."""

from datetime import timedelta

from domain.answers.traces import TraceAnswer, TraceComparison, TracesAnswer
from domain.traces.critical_path import critical_path
from domain.traces.listing import TraceOrder, lines_of
from domain.traces.picture import TracePicture
from domain.traces.spans import Span, Trace
from domain.traces.tree import tree_of
from domain.traces.waterfall import waterfall_of
from runbooks.traces.reading import rows_of
from tests.harness.families import Fact
from tests.harness.samples.operations import NOW

ID = "4bf92f3577b34da6a3ce929d0e0e4736"
_START = int(NOW.timestamp()) * 10**9
_MS = 10**6


def span(number: int, parent: int, service: str, operation: str, begin: int, duration: int, **more: object) -> Span:
    """``begin`` and ``duration`` are milliseconds."""
    values: dict[str, object] = {"is_error": False, "problem": ""}
    return Span(
        trace_id=ID,
        id=f"{number:016x}",
        parent_id=f"{parent:016x}" if parent else "",
        service=service,
        operation=operation,
        start=_START + begin * _MS,
        duration=duration * _MS,
        **(values | more),  # type: ignore[arg-type]
    )


TRACE = Trace(
    id=ID,
    spans=(
        span(1, 0, "deep-echo-load-balancer", "GET /chat", 0, 2100, is_error=True),
        span(2, 1, "deep-echo-main", "POST /v1/messages", 12, 2080, is_error=True),
        span(3, 2, "deep-echo-cache", "GET session", 15, 4),
        span(4, 2, "deep-echo-cognitive", "reason over memory", 40, 1900, is_error=True, problem="deadline exceeded after 1.9 s"),
        span(5, 4, "deep-echo-cognitive", "embed", 44, 310, warnings=("clock skew adjustment disabled",)),
    ),
)
_WINDOW = {"environment": "production", "service": "deep-echo-main", "since": NOW - timedelta(minutes=30), "until": NOW}
TRACE_GALLERY: dict[str, Fact] = {
    "traces": TracesAnswer(
        **_WINDOW,  # type: ignore[arg-type]
        jaeger_service="echo.main",
        order=TraceOrder.ERRORS,
        lines=lines_of((TRACE,), TraceOrder.ERRORS),
        cut_at="5,000 spans",
    ),
    "no traces": TracesAnswer(**_WINDOW, jaeger_service="deep-echo-main", order=TraceOrder.NEWEST),  # type: ignore[arg-type]
    "traces not known": TracesAnswer(
        **_WINDOW,  # type: ignore[arg-type]
        jaeger_service="deep-echo-main",
        order=TraceOrder.SLOW,
        problem="Jaeger did not answer within 9 s.",
    ),
    "trace": TraceAnswer(
        environment="production",
        id=ID,
        trace=TRACE,
        duration=2100 * _MS,
        spans=40,
        rows=rows_of(TRACE, tree_of(TRACE)),
        findings=("1 span started before its caller: their clocks differ",),
        picture_follows=True,
        path=critical_path(tree_of(TRACE)),
        url=f"https://jaeger.example.com/trace/{ID}",
    ),
    "trace picture": TracePicture(environment="production", trace_id=ID, chart=waterfall_of(TRACE)),
    "trace not known": TraceAnswer(environment="production", id="4bf9", problem="Jaeger knows no trace 4bf9."),
    "trace comparison": TraceComparison(
        environment="production",
        first=ID,
        second=ID[::-1],
        durations=(2100 * _MS, 180 * _MS),
        shares=(("deep-echo-cognitive reason over memory", 1900 * _MS, 90 * _MS), ("deep-echo-main POST", 80 * _MS, 70 * _MS)),
    ),
    "traces not compared": TraceComparison(
        environment="production", first=ID, second="1", problem="The catalogue names no Jaeger for production."
    ),
}
