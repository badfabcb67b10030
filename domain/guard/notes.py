"""What the guard shows beside its card."""

from dataclasses import dataclass

from domain.metrics.charts import Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardChart:
    """An objective's indicator from an hour before a deploy until the verdict. ``objective`` is its name with the service."""

    operation: str
    channel: str
    objective: str
    chart: Chart
