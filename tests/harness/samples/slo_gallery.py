"""One believable fact of each kind that shows objectives."""

from datetime import timedelta

from domain.answers.slo import EnvironmentSlo, SloAnswer
from domain.metrics.slo import BurnRate, SloStatus
from tests.harness.families import Fact
from tests.harness.samples.operations import NOW

HOURS = tuple(timedelta(hours=each) for each in (1, 6, 24))


def _rates(*rates: float | None) -> tuple[BurnRate, ...]:
    return tuple(BurnRate(span, rate) for span, rate in zip(HOURS, rates, strict=True))


ERRORS = SloStatus(
    name="errors",
    limit=1,
    is_upper=True,
    unit="%",
    objective=99,
    value=6.12,
    is_kept=False,
    budget_left=-0.4,
    burn_rates=_rates(38, 6.3, 1.6),
)
LATENCY = SloStatus(
    name="latency",
    limit=100,
    is_upper=True,
    unit="ms",
    objective=99,
    value=82.4,
    is_kept=True,
    budget_left=0.71,
    burn_rates=_rates(0, 0, 0.3),
)
THROUGHPUT = SloStatus(
    name="throughput",
    limit=1000,
    is_upper=False,
    unit="/min",
    objective=99,
    value=1410,
    is_kept=True,
    budget_left=-0.02,
    burn_rates=_rates(0, 0, 0),
)
CACHE = SloStatus(name="cache-hits", limit=50, is_upper=False, unit="%", objective=95)
LATE = SloStatus(
    name="queue",
    limit=50,
    is_upper=True,
    unit="",
    objective=95,
    value=12,
    is_kept=True,
    problem="Prometheus did not answer in time.",
)
SLO_GALLERY: dict[str, Fact] = {
    "objectives": SloAnswer(
        at=NOW,
        environments=(
            EnvironmentSlo(environment="production", objectives=(LATENCY, THROUGHPUT, ERRORS, CACHE, LATE)),
            EnvironmentSlo(environment="staging", objectives=(LATENCY,)),
            EnvironmentSlo(environment="development", problem="the catalogue names no Prometheus for it"),
        ),
    ),
}
