"""One believable guarded deploy in each of its states."""

from dataclasses import replace
from datetime import timedelta

from domain.answers.guard import GuardsAnswer, GuardStopped
from domain.guard.comparison import Baselines, Comparison
from domain.guard.guard import Guard, GuardedService, GuardState, measure, offer, put_back, stop
from domain.guard.notes import GuardChart
from domain.metrics.charts import Chart, Marker, Series
from domain.metrics.slo import Reading
from domain.rich_text import CommandMention, sentence
from tests.harness.families import Fact
from tests.harness.samples.operations import ANA, NEW, NOW, OLD

_HOUR = timedelta(hours=1)


def _errors(value: float | None, requests: float | None = 4120, service: str = "deep-echo-main") -> Comparison:
    before = Baselines(*(Reading(value=each, requests=9000) for each in (0.3, 0.4, 0.2)))
    now = Reading(value=value, requests=requests)
    return Comparison(objective="errors", service=service, unit="%", limit=1, is_upper=True, now=now, before=before)


_LATENCY = Comparison(
    objective="latency",
    unit="ms",
    limit=100,
    is_upper=True,
    now=Reading(value=82, requests=4120),
    before=Baselines(Reading(value=79, requests=9000), Reading(value=85, requests=9000)),
)
BAKING = Guard(
    operation="op-k7m2",
    environment="production",
    channel="C0PRODUCT2",
    services=(
        GuardedService(
            service="deep-echo-main", deployed=NEW, deployed_template="b" * 16, previous=OLD, previous_template="a" * 16
        ),
    ),
    began_at=NOW,
    changed_at=NOW - timedelta(minutes=2),
    until=NOW + timedelta(minutes=10),
    check_every=timedelta(seconds=30),
    minimum_requests=200,
    puts_back=False,
)
SO_FAR = replace(BAKING, comparisons=(_errors(0.4), _LATENCY), checked_at=NOW + timedelta(minutes=3))
WELL = replace(SO_FAR, state=GuardState.ENDED)
UNKNOWN = replace(
    WELL, comparisons=(_errors(None, 12), replace(_LATENCY, now=Reading(problem="Prometheus did not answer in time.")))
)
OFFERED = offer(
    replace(SO_FAR, comparisons=(_errors(6.1), _LATENCY)),
    f"production leaves it to people. One tap puts {OLD} back.",
)
TRACED = sentence("2,100 ms GET /chat · deep-echo-cognitive reason over memory failed · ", CommandMention("trace 4bf92f35"))
OFFERED = replace(OFFERED, traces=(TRACED,))
ENVIRONMENT_ONLY = measure(
    replace(SO_FAR, puts_back=True, environment="staging", worse_checks=1),
    (_errors(0.4), replace(_LATENCY, now=Reading(value=310, requests=4120))),
    NOW + timedelta(minutes=4),
)
PUT_BACK = put_back(replace(OFFERED, environment="staging"), "op-w3n9")
TAKEN_OVER = stop(SO_FAR, sentence(ANA, " stopped the guard."))
NOT_MEASURED = replace(BAKING, state=GuardState.ENDED, checked_at=NOW + timedelta(minutes=10))
_POINTS = tuple((NOW.timestamp() + 60 * minute, 0.3 if minute < 1 else 0.3 + minute * 0.7) for minute in range(-60, 9))
CHART = GuardChart(
    operation="op-k7m2",
    channel="C0PRODUCT2",
    objective="errors of deep-echo-main",
    chart=Chart(
        title="errors of deep-echo-main in production (%)",
        since=NOW - _HOUR,
        until=NOW + timedelta(minutes=8),
        series=(Series(name="errors", points=_POINTS),),
        threshold=1,
        markers=(Marker(NOW, f"deploy {NEW}"),),
    ),
)
GUARD_GALLERY: dict[str, Fact] = {
    "guard begins": BAKING,
    "guard so far": SO_FAR,
    "guard well": WELL,
    "guard cannot tell": UNKNOWN,
    "guard not measured": NOT_MEASURED,
    "guard offers": OFFERED,
    "guard of the environment only": ENVIRONMENT_ONLY,
    "guard put back": PUT_BACK,
    "guard taken over": TAKEN_OVER,
    "guard chart": CHART,
    "guards": GuardsAnswer(guards=(SO_FAR, OFFERED, PUT_BACK, UNKNOWN), unguarded=("development",)),
    "no guards": GuardsAnswer(guards=(), unguarded=("development", "staging")),
    "guard stopped": GuardStopped(TAKEN_OVER),
}
