"""The picture of an answer about a metric, sent in a direct message."""

from dataclasses import dataclass

from domain.metrics.charts import Chart


@dataclass(frozen=True, slots=True)
class MetricChart:
    """What was asked for, over time."""

    chart: Chart
