"""One believable answer of each kind about a Prometheus' targets and rules."""

from dataclasses import replace
from datetime import timedelta

from domain.answers.monitoring import EnvironmentRules, EnvironmentTargets, RulesAnswer, TargetsAnswer
from domain.metrics.monitoring_rules import AlertRule, RuleAlert, ScrapeTarget
from domain.metrics.rule_series import NeverFiring, SeriesVerdicts
from domain.metrics.samples import QueryNotice
from tests.harness.families import Fact
from tests.harness.samples.operations import NOW

PARTIAL = QueryNotice(
    "remote_read: remote server http://thanos-store-1:10902/api/v1/read returned HTTP status 503", is_warning=True
)
HINT = QueryNotice(
    'PromQL info: metric might not be a counter, name does not end in _total: "queue_size" (1:6)', is_warning=False
)
_SCRAPED = NOW - timedelta(seconds=20)
_SELECTOR = 'redis_replication_lag_seconds{environment=~"production|staging",service="deep-echo-cache"}'


def _target(job: str, instance: str, health: str = "up", problem: str = "") -> ScrapeTarget:
    return ScrapeTarget(job, instance, health, problem, None if health == "unknown" else _SCRAPED, {"environment": "production"})


def _rule(name: str, *alerts: str, problem: str = "", expression: str = "up == 0") -> AlertRule:
    health = "err" if problem else "ok"
    return AlertRule(name, "services", expression, health, problem, {}, tuple(RuleAlert({}, state) for state in alerts))


_MAIN = tuple(_target("deep-echo-main", f"10.42.0.{number}:5000") for number in range(3))
_REFUSED = 'Get "http://10.42.7.19:9121/metrics": dial tcp 10.42.7.19:9121: connect: connection refused'
_MISSING = tuple(f'replication_slot_lag_bytes{{environment="production",slot="replica-{number}"}}' for number in range(5))
RULES = EnvironmentRules(
    environment="production",
    label="environment",
    rules=(
        _rule("HighErrorRate", "firing", "firing"),
        _rule("DeepEchoServiceDown", "pending"),
        _rule("LowCacheHitRate", problem='found duplicate series for the match group {service="deep-echo-cache"}: many-to-many'),
        _rule("RedisReplicationLag", expression=f"{_SELECTOR} > 10"),
        replace(_rule("Watchdog", "firing", expression="vector(1)"), is_watchdog=True),
        _rule("ReplicationSlots"),
    ),
    verdicts=SeriesVerdicts(
        never_firing=(
            NeverFiring(_rule("RedisReplicationLag"), (_SELECTOR,)),
            NeverFiring(_rule("ReplicationSlots"), _MISSING),
        ),
        unsettled=2,
        undecidable=1,
        problem="Prometheus did not answer in time.",
    ),
)
MONITORING_GALLERY: dict[str, Fact] = {
    "targets": TargetsAnswer(
        at=NOW,
        environments=(
            EnvironmentTargets(
                environment="production",
                label="environment",
                targets=(
                    *_MAIN,
                    _target("redis", "deep-echo-cache-redis-master-0.production.svc.cluster.local:9121", "down", _REFUSED),
                    _target("deep-echo-cognitive", "10.42.0.9:5001", "unknown"),
                    _target("deep-echo-load-balancer", "10.42.0.11:5002"),
                ),
                notices=(PARTIAL,),
            ),
            EnvironmentTargets(environment="staging", label="environment"),
            EnvironmentTargets(environment="development", problem="the catalogue names no Prometheus for it"),
        ),
    ),
    "targets by series": TargetsAnswer(
        at=NOW,
        environments=(
            EnvironmentTargets(
                environment="production",
                unlisted="The answer of Prometheus at prometheus.example is larger than 4 MiB: too many targets to list.",
                targets=(*_MAIN, replace(_target("redis", "10.42.7.19:9121", "down"), scraped_at=None)),
            ),
        ),
    ),
    "targets all up": TargetsAnswer(
        at=NOW,
        environments=(
            EnvironmentTargets(
                environment="production",
                targets=tuple(_target(f"service-with-a-long-name-{job}", f"10.0.{job}.1:80") for job in range(40)),
            ),
        ),
    ),
    "rules": RulesAnswer(
        at=NOW,
        environments=(
            RULES,
            EnvironmentRules(environment="staging", problem="Prometheus at prometheus.example did not answer within 5 s."),
            EnvironmentRules(environment="development", rules=(_rule("HighErrorRate"),), notices=(PARTIAL,)),
        ),
    ),
}
