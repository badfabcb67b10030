"""Where the sandbox's alerts go: the platform's rules know critical and warning only, so its four levels are given here."""

from typing import Any

from sandbox.slack import people

RUNBOOK = "https://github.com/EchoCog/deep-tree-echo-rkwv/blob/main/docs/runbooks/incident-response.md"
_PRODUCTION = 'environment="production"'
_OUTAGE = ('alertname="DeepEchoServiceDown"', 'service=~"deep-echo-main|deep-echo-cognitive"')
_DEGRADED = ('alertname=~"RedisDown|LoadBalancerUnhealthy"',)


def alerts_config(*, with_watchdog: bool) -> dict[str, Any]:
    """The catalogue's ``alerts``, with times short enough to wait for. ``with_watchdog``: a Watchdog alert is expected."""
    watchdog = {"name": "prometheus", "match": ['alertname="Watchdog"'], "within_minutes": 0.5, "severity": "P1"}
    return {
        "default": {"channel": _channel("alerts-info"), "severity": "P3", "owner": "platform"},
        "routes": [
            *_routes_with_mentions("outage", _OUTAGE, "alerts-critical", "P0"),
            *_routes_with_mentions("degraded", _DEGRADED, "alerts-critical", "P1"),
            *_routes_with_mentions("critical", ('severity="critical"',), "alerts-critical", "P1"),
            _route("no sign of life", ('alertname="WatchdogMissing"',), "alerts-critical", "P1"),
            _route("warning", ('severity="warning"',), "alerts-warning", "P2"),
            _route("info", ('severity="info"',), "alerts-info", "P3"),
        ],
        "storm_quiet_minutes": 0.5,
        "reopen_minutes": 5,
        "acknowledge_minutes": 5,
        "deduplicate_seconds": 5,
        "flap_minutes": 3,
        "watchdogs": [watchdog] if with_watchdog else [],
    }


def _routes_with_mentions(name: str, match: tuple[str, ...], channel: str, severity: str) -> list[dict[str, Any]]:
    """Two rules: only production wakes people."""
    mentions = [people.groups_by_handle()["sre-team"]]
    production = _route(f"{name} in production", (*match, _PRODUCTION), channel, severity)
    return [production | {"mentions": mentions}, _route(name, match, channel, severity)]


def _route(name: str, match: tuple[str, ...], channel: str, severity: str) -> dict[str, Any]:
    return {
        "name": name,
        "match": list(match),
        "channel": _channel(channel),
        "severity": severity,
        "owner": "platform",
        "runbook": RUNBOOK,
    }


def _channel(name: str) -> str:
    return people.channels_by_name()[name]
