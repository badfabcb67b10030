import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from bot.core.metrics import LabelledMetricSpec, MetricCollector, MetricSpec
from bot.delivery.metrics import OutboxMetrics


def page(registry: CollectorRegistry) -> list[str]:
    return [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]


def test_numbers_are_read_when_prometheus_asks() -> None:
    registry, stored, waiting = CollectorRegistry(), [1.0], {"pending": 2.0}
    specs = (
        MetricSpec("deepecho_messages_stored", "counter", "Stored", lambda: stored[0]),
        LabelledMetricSpec("deepecho_messages", "gauge", "By state", "state", lambda: waiting),
    )
    registry.register(MetricCollector(specs))
    stored[0] = 5

    assert page(registry) == ["deepecho_messages_stored_total 5.0", 'deepecho_messages{state="pending"} 2.0']


def test_what_became_of_messages() -> None:
    registry = CollectorRegistry()
    metrics = OutboxMetrics(registry)
    metrics.settled("delivered")
    metrics.settled("delivered")
    metrics.retried("rate_limited")

    assert page(registry) == [
        'deepecho_outbox_messages_settled_total{outcome="delivered"} 2.0',
        'deepecho_outbox_messages_retried_total{cause="rate_limited"} 1.0',
    ]


@pytest.mark.parametrize("name", ["messages_stored", "deepecho.messages", "deepecho_messages_total", "deepechoMessages"])
def test_a_name_in_another_dialect_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="it should read deepecho_"):
        MetricCollector([MetricSpec(name, "gauge", "x", lambda: 0)])
