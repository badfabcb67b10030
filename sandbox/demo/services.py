"""Which services there are to scrape, where their metrics are, and how busy each of them is."""

from dataclasses import dataclass
from datetime import UTC, datetime

from domain.targets import Target
from sandbox.cluster import CONTEXTS, platform

MAIN = "deep-echo-main"
COGNITIVE = "deep-echo-cognitive"
BALANCER = "deep-echo-load-balancer"
CACHE = "deep-echo-cache"
REDIS = "redis"
"""Redis is asked by an exporter of its own, which answers while Redis is down."""

_REQUESTS_PER_SECOND = {MAIN: 40.0, COGNITIVE: 25.0, BALANCER: 60.0, CACHE: 80.0}
_DEFAULT_REQUESTS_PER_SECOND = 8.0
_UNUSED = ("development", COGNITIVE)
"""Nobody uses it there: a version that is deployed to it has no traffic."""
_SHARE = {"production": 1.0, "staging": 0.5, "development": 0.25}


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """One address that Prometheus asks. ``job`` is the platform's name for it."""

    job: str
    environment: str
    service: str

    @property
    def path(self) -> str:
        return f"/{self.environment}/{self.job}/metrics"


def demo_targets() -> tuple[Target, ...]:
    """Every Deployment of the seeded platform; a real cluster was seeded with the same ones."""
    environments = {namespace: name for name, namespace in CONTEXTS.items()}
    return tuple(
        Target(
            environment=environments[manifest["metadata"]["namespace"]],
            service=manifest["metadata"]["name"],
            cluster="sandbox",
            namespace=manifest["metadata"]["namespace"],
            deployment=manifest["metadata"]["name"],
            container=manifest["spec"]["template"]["spec"]["containers"][0]["name"],
        )
        for manifest in platform(datetime.now(UTC))
        if manifest["kind"] == "Deployment"
    )


def scrape_targets() -> tuple[ScrapeTarget, ...]:
    """Every service of every environment, and the Redis behind each cache."""
    services = [ScrapeTarget(each.service, each.environment, each.service) for each in demo_targets()]
    return (*services, *(ScrapeTarget(REDIS, each.environment, CACHE) for each in services if each.service == CACHE))


def requests_per_second(target: Target) -> float:
    """How many requests a service gets in the mean."""
    if (target.environment, target.service) == _UNUSED:
        return 0.0
    return _REQUESTS_PER_SECOND.get(target.service, _DEFAULT_REQUESTS_PER_SECOND) * _SHARE[target.environment]
