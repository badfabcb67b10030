"""Waterfalls for everything that can come, and a way to look at them.

``python -m tests.bot.charts.waterfall_gallery`` paints each into ``.screenshots/charts``.
"""

from dataclasses import replace
from pathlib import Path

from bot.charts import draw
from domain.metrics.charts import WaterfallChart
from domain.traces.spans import Span, Trace
from domain.traces.waterfall import waterfall_of
from tests.bot.charts.gallery import LONG, WORDS
from tests.harness.samples.trace_gallery import ID, TRACE, span

EIGHT = (
    *TRACE.spans,
    span(6, 4, "deep-echo-memory", "SELECT memories WHERE owner = ?", 360, 1570, is_error=True, problem="timeout"),
    span(7, 2, "deep-echo-queue", "publish reply", 1950, 120),
    span(8, 7, "deep-echo-queue", "confirm", 1960, 100),
)


def trace_of(*spans: Span, cut_at: str = "") -> Trace:
    return Trace(id=ID, spans=tuple(sorted(spans, key=lambda each: each.start)), cut_at=cut_at)


def large(count: int) -> Trace:
    """A root of one second with ``count`` spans in four levels, of which every thousandth fails."""
    spans = [span(1, 0, "deep-echo-main", "GET /chat", 0, 1000)]
    for number in range(2, count + 1):
        begin = (number * 7) % 900
        failed = {"is_error": number % 1000 == 0}
        spans.append(
            span(number, number // 16 or 1, f"deep-echo-{number % 5}", f"step {number}", begin, 40 + number % 60, **failed)
        )
    return trace_of(*spans)


def gallery() -> dict[str, WaterfallChart]:
    root = span(1, 0, "deep-echo-main", "GET /chat", 0, 100)
    traces = {
        "one": trace_of(root),
        "eight": trace_of(*EIGHT),
        "many": large(20_000),
        "cut": replace(large(5_000), cut_at="5,000 spans"),
        "long_names": trace_of(
            span(1, 0, LONG, LONG, 0, 100),
            span(2, 1, "s" * 300, "GET /" + "x" * 300, 5, 90, is_error=True),
            span(3, 2, "", "", 9, 3),
        ),
        "hostile": trace_of(span(1, 0, WORDS, WORDS, 0, 100), span(2, 1, "🔥", "$\\frac$", 5, 90)),
        "longer_than_its_caller": trace_of(
            root, span(2, 1, "deep-echo-queue", "consume", 60, 140), span(3, 2, "deep-echo-memory", "write", 80, 20)
        ),
        "skewed": trace_of(
            root, span(2, 1, "deep-echo-cognitive", "think", -30, 80), span(3, 2, "deep-echo-memory", "read", -50, 10)
        ),
        "years_away": trace_of(
            root,
            span(2, 1, "deep-echo-cognitive", "think", -30 * 365 * 86_400_000, 80),
            span(3, 1, "deep-echo-queue", "late", 900_000_000, 20),
        ),
        "no_time": trace_of(span(1, 0, "deep-echo-main", "GET /chat", 0, 0)),
        "moments": trace_of(
            root, *(span(2 + number, 1, "deep-echo-cache", f"event {number}", 10 * number, 0) for number in range(11))
        ),
        "gaps": trace_of(
            root,
            span(2, 1, "deep-echo-queue", "first try", 180, 40, is_error=True),
            span(3, 1, "deep-echo-queue", "second try", 400, 90),
        ),
        "orphans": trace_of(
            root, span(2, 77, "deep-echo-cognitive", "think", 20, 60), span(3, 3, "deep-echo-memory", "itself", 30, 5)
        ),
        "deep": trace_of(
            *(span(number, number - 1, "deep-echo-main", f"level {number}", number, 200 - 2 * number) for number in range(1, 40))
        ),
        "all_failed": trace_of(
            root, *(span(2 + number, 1, "deep-echo-cache", f"try {number}", 4 * number, 3, is_error=True) for number in range(20))
        ),
    }
    return {name: waterfall_of(trace) for name, trace in traces.items()}


if __name__ == "__main__":
    folder = Path(".screenshots/charts")
    folder.mkdir(parents=True, exist_ok=True)
    for name, chart in gallery().items():
        (folder / f"waterfall_{name}.png").write_bytes(draw(chart))
