"""The picture of a trace, sent in a direct message."""

from dataclasses import dataclass

from domain.metrics.charts import WaterfallChart


@dataclass(frozen=True, slots=True, kw_only=True)
class TracePicture:
    """What was asked for, as a waterfall."""

    environment: str
    trace_id: str
    chart: WaterfallChart
