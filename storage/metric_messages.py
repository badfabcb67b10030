"""Messages about metrics."""

from domain.metrics.metric_chart import MetricChart
from domain.people import Person
from storage.outbox_messages import FactKind, OutboxMessage, direct_message

METRIC_CHART = FactKind("metric-chart", 1, MetricChart, is_personal=True)


def chart_message(fact: MetricChart, person: Person, source: str) -> OutboxMessage:
    """A chart in a direct message. ``source`` is the key of the request."""
    return direct_message(METRIC_CHART, fact, person, source)
