"""Charts of everything that can come, and a way to look at them.

``python -m tests.bot.charts.gallery`` paints each into ``.screenshots/charts``.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.charts import draw
from domain.metrics.chart_text import describe_chart
from domain.metrics.charts import Chart, Marker, Series

SINCE = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=1)
DAY = 86400

WORDS = (
    "🔥 $\\frac{a}{b}$ $$ <b>bold</b> <!channel> *mrkdwn* \x00\x1b[2J\u202eevil\u202c \ud800 مرحبا בעולם 日本語 👩‍👩‍👧 "
    "Z̸̢̧͉̗̱̥̈́̈́̕a̵̢l̶g̷o password=hunter2 \n\n line two \\alpha_{1}^2 % & # ~ ^"
)
LONG = "HighErrorRate: " + "the share of requests that failed within the last five minutes, by service and by zone, " * 4

Shape = Callable[[float], float | None]


def series(name: str, shape: Shape, *, count: int = 121, span: float = 3600) -> Series:
    """``shape`` gives the value for a part of the window, 0 to 1."""
    start = SINCE.timestamp()
    return Series(name=name, points=tuple((start + span * at / (count - 1), shape(at / (count - 1))) for at in range(count)))


def chart(title: str, *lines: Series, threshold: float | None = None, markers: Sequence[Marker] = (), left_out: int = 0) -> Chart:
    return Chart(
        title=title, since=SINCE, until=UNTIL, series=lines, threshold=threshold, markers=tuple(markers), left_out=left_out
    )


def lasting(given: Chart, span: timedelta) -> Chart:
    return replace(given, until=SINCE + span)


def at(minutes: float, text: str) -> Marker:
    return Marker(SINCE + timedelta(minutes=minutes), text)


def around(middle: float, swing: float, seed: float = 0) -> Shape:
    """Restless, the same at every run."""
    return lambda part: (
        middle + swing * (math.sin(part * 91.7 + seed) + math.sin(part * 233.3 + 2 * seed) + math.sin(part * 57.1 + 3 * seed)) / 3
    )


def rising(start: float, end: float) -> Shape:
    return lambda part: start + (end - start) * part


def flat(value: float) -> Shape:
    return lambda _part: value


def broken_at(moment: float, shape: Shape, than: Shape) -> Shape:
    return lambda part: shape(part) if part < moment else than(part)


def failing(part: float) -> float:
    """An error rate that leaves its 0.3 per cent for 14 after a bad deploy."""
    calm, bad = around(0.3, 0.1)(part) or 0.0, around(14.2, 1)(part) or 0.0
    return calm if part < 0.62 else bad - 13.9 * math.exp(-(part - 0.62) * 40)


BAD_DEPLOY = [at(37, "deploy main-9f00d12"), at(43, "alert began")]
PODS = [
    series(f"deep-echo-main-7f6b9c5d48-{'xkqzw'[number % 5]}{number}hj2", around(180 + 60 * number, 25, number))
    for number in range(7)
]
LEAKING = series("deep-echo-main-7f6b9c5d48-w7hj2", broken_at(0.6, around(590, 25), rising(350, 760)))
THOUSAND = [series(f"pod-{number}", rising(number, number + 1)) for number in range(1000)]
ONE_FAILS = [series("deep-echo-main", failing)]


def compared(name: str, *lines: Series, left_out: int = 0) -> Chart:
    """The lines, and half of each a day before."""
    halves = [
        replace(
            each, points=tuple((at, None if value is None else value / 2) for at, value in each.points), earlier="1 day before"
        )
        for each in lines
    ]
    return chart(name, *lines, *halves, left_out=left_out)


def usual() -> dict[str, Chart]:
    slow = broken_at(0.62, around(0.4, 0.1), around(2.2, 0.2))
    return {
        "error_rate": chart("Error rate of deep-echo-main, %", *ONE_FAILS, threshold=10, markers=BAD_DEPLOY),
        "two_lines": chart(
            "95th percentile latency, s",
            series("deep-echo-main", slow),
            series("deep-echo-cognitive", around(0.6, 0.2)),
            threshold=2,
            markers=BAD_DEPLOY,
        ),
        "eight_pods": chart("Memory by pod, MiB", LEAKING, *PODS, threshold=700, markers=[at(57, "alert began")]),
        "eight_close": chart("CPU by pod, cores", *[series(f"pod-{each}", around(0.5, 0.02, each)) for each in range(8)]),
        "thousand": chart("Requests by pod", *THOUSAND, threshold=990),
        "compared": compared("Error rate, %", series("deep-echo-main", around(14.2, 3))),
        "compared_many": compared("Memory by pod, MiB", *PODS, LEAKING, left_out=192),
        "compared_gone": compared("Error rate, %", series("a", flat(math.nan)), series("deep-echo-main", around(14.2, 3))),
        "left_out": chart("Requests by pod", *THOUSAND[:8], left_out=12_345),
        "millions": chart(
            "Bytes sent",
            series("a", around(2.4e6, 1.1e6)),
            series("b", rising(0, 1.1e6)),
            threshold=3e6,
            markers=[at(5, "alert")],
        ),
        "recovered": chart(
            "Error rate, %",
            series("api", broken_at(0.7, failing, around(0.3, 0.1))),
            threshold=10,
            markers=[*BAD_DEPLOY, at(44, "roll back to main-abc1234")],
        ),
    }


def gaps() -> dict[str, Chart]:
    start, end = SINCE.timestamp(), UNTIL.timestamp()
    falling = broken_at(0.5, flat(92), rising(122, 62))
    holes: Shape = lambda part: None if 0.3 < part < 0.4 or 0.8 < part < 0.82 else falling(part)  # noqa: E731
    nothing: Shape = lambda _part: None  # noqa: E731
    return {
        "no_data": chart("Error rate of deep-echo-main, %", threshold=10),
        "nan_only": chart("Error rate of deep-echo-main, %", series("deep-echo-main", flat(math.nan)), series("b", nothing)),
        "no_data_days": lasting(chart("No data over midnight"), timedelta(hours=13)),
        "one_point": chart("Queue length", Series(name="queue", points=((start + 1800, 14.0),)), threshold=10),
        "one_point_now": chart("Queue length", Series(name="queue", points=((end, 14.0),)), threshold=10),
        "gaps": chart("Cache hit rate, %", series("cache", holes), threshold=80, markers=[at(43, "alert began")]),
        "lone_points": chart("Backups", series("backups", lambda part: 3.0 if round(part * 120) % 24 == 0 else None)),
        "ended": chart(
            "Requests a second",
            series("old-pod", broken_at(0.55, around(120, 8), nothing)),
            series("new-pod", broken_at(0.5, nothing, around(90, 10))),
            markers=[at(31, "deploy main-abc1234")],
        ),
    }


def numbers() -> dict[str, Chart]:
    return {
        "constant": chart("Replicas ready", series("deep-echo-main", flat(3)), threshold=2),
        "zero": chart("Errors a second", series("deep-echo-main", flat(0)), threshold=10),
        "zero_alone": chart("Errors a second", series("deep-echo-main", flat(0))),
        "huge": chart("Huge", series("a", rising(0, 1e300)), series("b", lambda part: -1.7e308 * part), threshold=1e307),
        "tiny": chart("Tiny", series("a", rising(0, 0.003)), threshold=0.0025),
        "very_tiny": chart("Very tiny", series("a", rising(0, 3e-9)), series("b", flat(5e-324))),
        "negative": chart("Skew, s", series("node-a", around(-4, 3)), series("node-b", around(0, 1, 4)), threshold=-6),
        "zoomed": chart("Availability, %", series("api", around(99.95, 0.03)), threshold=99.93),
        "zoomed_large": chart("Offset", series("topic", rising(12_345_600, 12_345_640))),
        "far_above": chart("Error rate, %", *ONE_FAILS, threshold=1_000_000, markers=BAD_DEPLOY),
        "far_below": chart("Free space, GiB", series("disk", around(900, 30)), threshold=10),
        "far_flat": chart("Error rate, %", series("api", around(0.3, 0.01)), threshold=10),
        "far_negative": chart("Temperature", *ONE_FAILS, threshold=-4e9, markers=BAD_DEPLOY),
    }


def times() -> dict[str, Chart]:
    return {
        "one_second": lasting(chart("Bursts", series("a", around(5, 1), count=11, span=1), threshold=5.5), timedelta(seconds=1)),
        "no_time": lasting(chart("No time", Series(name="a", points=((SINCE.timestamp(), 1.0),))), timedelta()),
        "three_minutes": lasting(chart("Burst", series("a", around(5, 1), span=180)), timedelta(minutes=3)),
        "three_days": lasting(
            chart("Requests a second", series("web", lambda part: 300 + 200 * math.sin(part * 19), count=800, span=3 * DAY)),
            timedelta(days=3),
        ),
        "two_years": lasting(chart("Cost", series("cloud", around(400, 50), span=730 * DAY)), timedelta(days=730)),
    }


def texts() -> dict[str, Chart]:
    line = rising(0, 5)
    return {
        "hostile": chart(
            WORDS, series(WORDS, failing), series(WORDS * 3, line), threshold=10, markers=[at(20, WORDS), at(50, "$$ 🔥")]
        ),
        "hostile_only": chart("🔥🔥", series("$\\frac$", failing), threshold=10),
        "no_names": chart("", series("", failing), series("", line), markers=[at(20, "")]),
        "right_to_left": chart(
            "معدل الأخطاء في الخدمة الرئيسية 5xx", series("שרת ראשי", failing), series("خدمة", line), threshold=10
        ),
        "long_words": chart(
            LONG,
            series("x" * 300, failing),
            series("deep-echo-" * 30 + "-end", line),
            threshold=10.123456,
            markers=[at(30, LONG), at(31, LONG)],
        ),
        "long_name": chart(LONG, series("http_requests_total{" + 'instance="10.0.0.1:9100", ' * 9 + "}", failing), threshold=10),
    }


def marks() -> dict[str, Chart]:
    fence = [at(each * 1.4, f"deploy main-{each:07x}") for each in range(42)]
    near = [at(36, "ConfigMap deep-echo-config"), at(37, "deploy main-9f00d12"), at(38, "scale 3 to 6"), at(38, "restart")]
    edges = [at(0, "deploy main-aaaaaaa"), at(60, "alert began"), at(-5, "before"), at(70, "after")]
    return {
        "many_markers": chart("Error rate, %", *ONE_FAILS, threshold=10, markers=[*fence, at(59.5, "alert began")]),
        "near_markers": chart("Error rate, %", *ONE_FAILS, threshold=10, markers=[*near, at(43, "alert began")]),
        "edge_markers": chart("Error rate, %", *ONE_FAILS, markers=edges),
    }


def gallery() -> dict[str, Chart]:
    """Every chart by its name."""
    return {**usual(), **gaps(), **numbers(), **times(), **texts(), **marks()}


def main() -> None:
    folder = Path(".screenshots/charts")
    folder.mkdir(parents=True, exist_ok=True)
    for name, each in gallery().items():
        (folder / f"{name}.png").write_bytes(draw(each))
        print(f"{name:16} {describe_chart(each)}")  # noqa: T201 -- for the person who looks


if __name__ == "__main__":
    main()
