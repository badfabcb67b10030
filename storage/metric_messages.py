"""Messages about metrics."""

from domain.metrics.metric_chart import MetricChart
from domain.people import Person
from storage.outbox_messages import FactKind, OutboxMessage, Urgency

METRIC_CHART = FactKind("metric-chart", 1, MetricChart)


def chart_message(fact: MetricChart, person: Person, source: str) -> OutboxMessage:
    """A chart in a direct message. ``source`` is the key of the request."""
    key = f"metric-chart/{source}"
    return OutboxMessage(
        key=key,
        stream=key,
        parent="",
        channel=person.user_id,
        urgency=Urgency.DETAIL,
        kind=METRIC_CHART,
        fact=fact,
        card=False,
    )
