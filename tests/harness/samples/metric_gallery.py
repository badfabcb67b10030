"""One believable answer of each kind about metrics."""

from datetime import timedelta

from domain.answers.metrics import MetricAnswer, MetricLine
from domain.metrics.charts import Chart, Series
from domain.metrics.metric_chart import MetricChart
from tests.harness.families import Fact
from tests.harness.samples.monitoring_gallery import HINT, PARTIAL
from tests.harness.samples.operations import NOW

_HOUR = timedelta(hours=1)
_POINTS = tuple((NOW.timestamp() - 60 * minute, 0.3 + 0.05 * (60 - minute)) for minute in range(60, -1, -1))


def _answer(**more: object) -> MetricAnswer:
    values: dict[str, object] = {
        "title": "errors of deep-echo-main",
        "environment": "production",
        "expression": '100 * sum(rate(http_requests_total{environment="production",status=~"5.."}[300s]))',
        "unit": "%",
        "since": NOW - _HOUR,
        "until": NOW,
    }
    return MetricAnswer(**(values | more))  # type: ignore[arg-type]


METRIC_GALLERY: dict[str, Fact] = {
    "metric": _answer(
        lines=(MetricLine("", 14.2, 0.3),), total=1, compared=timedelta(days=1), note="A chart follows in a direct message."
    ),
    "metric of many": _answer(
        title="expression",
        unit="",
        lines=tuple(MetricLine(f"deep-echo-main-7d9f8b6c54-x2x4{number}", 900.0 - number) for number in range(8)),
        total=100_000,
        note="More than 200 series are not drawn; these have the highest values now.",
    ),
    "metric without data": _answer(note=""),
    "metric of a part": _answer(lines=(MetricLine("", 14.2),), total=1, notices=(PARTIAL, HINT)),
    "metric not known": _answer(problem="Prometheus did not answer within 9 s."),
    "metric chart": MetricChart(
        Chart(title="errors in production (%)", since=NOW - _HOUR, until=NOW, series=(Series(name="errors", points=_POINTS),))
    ),
}
