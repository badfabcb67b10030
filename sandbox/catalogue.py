"""The catalogue of the sandbox: the platform's environments and services, and the people of the local Slack."""

from collections.abc import Mapping
from typing import Any

from domain.clock import SystemClock
from sandbox.alert_routes import alerts_config
from sandbox.cluster import CONTEXTS
from sandbox.grafana.seed import dashboard_uid
from sandbox.on_call import oncall_config, paging_config, people_config
from sandbox.slack import people
from sandbox.slo import metrics_config, slo_config

IMAGE = "ghcr.io/echocog/deep-tree-echo-rkwv"
PLATFORM_TAGS = r"^[a-z0-9._-]+-[0-9a-f]{7}$"

_JOBS = {"backup": {"cronjob": "postgres-backup", "minutes": 15}, "verification": {"cronjob": "smoke-test", "minutes": 5}}
_STAGING_POLICY = {"maintenance": {"windows": [{"start": "02:00", "end": "04:00"}]} | _JOBS}
_PRODUCTION_POLICY = {"maintenance": {"windows": [{"days": ["sun"], "start": "04:00", "end": "06:00"}]} | _JOBS}
_DIGEST = {"environment": "production", "channel": people.channels_by_name()["ops"], "zone": "UTC", "at": "08:00"}


def catalogue_data(
    kubeconfig: str,
    contexts: Mapping[str, str],
    *,
    prometheus: str = "",
    alertmanager: str = "",
    grafana: str = "",
    jaeger: str = "",
    elasticsearch: str = "",
    bake_minutes: float = 3.0,
) -> dict[str, Any]:
    """The catalogue as it stands in a file. ``contexts`` maps each environment to its context in the kubeconfig.

    ``prometheus`` and ``alertmanager`` are addresses, empty where none runs: then no Watchdog is waited for either.
    """
    monitoring = {"prometheus": prometheus, "alertmanager": alertmanager, "grafana": grafana}
    guard = {"guard": {"bake_minutes": bake_minutes, "minimum_requests": 100, "check_seconds": 10}} if prometheus else {}
    return {
        "version": 1,
        "workspaces": [people.TEAM_ID],
        "clusters": {name: {"kubeconfig": kubeconfig, "context": context} for name, context in contexts.items()},
        "environments": {
            "development": _environment("development", "dev", "deploys") | monitoring | guard,
            "staging": _environment("staging", "stage", "staging") | monitoring | _put_back(guard) | _STAGING_POLICY,
            "production": _environment("production", "prod", "production")
            | monitoring
            | guard
            | {"protected": True, "jaeger": jaeger}
            | ({"logs": {"address": elasticsearch}} if elasticsearch else {})
            | _PRODUCTION_POLICY,
        },
        "services": {
            "deep-echo-main": _service("main", "main-app", IMAGE)
            | {"depends_on": ["deep-echo-cognitive", "deep-echo-cache", "deep-echo-load-balancer"]},
            "deep-echo-cognitive": _service("cognitive", "cognitive", f"{IMAGE}-microservice"),
            "deep-echo-load-balancer": _service("load-balancer", "load-balancer", f"{IMAGE}-load-balancer") | {"aliases": ["lb"]},
            "deep-echo-cache": _service("cache", "cache", f"{IMAGE}-cache"),
            "deep-echo-docs": _service("docs", "docs", f"{IMAGE}-docs"),
            "deep-echo-proxy": _service("proxy", "proxy", f"{IMAGE}-proxy"),
        },
        "applications": {
            "deep-echo": {
                "services": ["deep-echo-main", "deep-echo-cognitive", "deep-echo-load-balancer", "deep-echo-cache"],
                "default": True,
            }
        },
        "roles": {"*": _roles()},
        "alerts": alerts_config(with_watchdog=bool(prometheus and alertmanager)),
        "people": people_config(),
        "oncall": oncall_config(SystemClock().now()),
        "paging": paging_config(),
        "digests": {"platform": _DIGEST},
        "slo": slo_config(),
        "metrics": metrics_config(),
    }


def _put_back(guard: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The deploy guard of an environment that puts the old version back by itself."""
    return {name: each | {"on_worse": "put back"} for name, each in guard.items()}


def _environment(name: str, alias: str, channel: str) -> dict[str, Any]:
    return {
        "cluster": name,
        "namespace": CONTEXTS[name],
        "aliases": [alias],
        "channel": people.channels_by_name()[channel],
    }


def _service(component: str, container: str, image: str) -> dict[str, Any]:
    return {
        "deployment": f"deep-echo-{component}",
        "container": container,
        "image": image,
        "tag_pattern": PLATFORM_TAGS,
        "aliases": [component],
        "dashboard": dashboard_uid(component),
    }


def _roles() -> dict[str, list[str]]:
    roles: dict[str, list[str]] = {"viewer": ["*"]}
    for person in people.PEOPLE:
        if person.role in ("responder", "deployer", "approver", "admin", "security"):
            roles.setdefault(person.role, []).append(person.id)
    return roles | {"sre": [group.id for group in people.GROUPS]}
