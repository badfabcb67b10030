"""Conversion of what Prometheus says about its targets and rules."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.metrics.monitoring_rules import AlertRule, RuleAlert, ScrapeTarget
from domain.redaction import redact


def parse_targets(data: Mapping[str, Any]) -> tuple[ScrapeTarget, ...]:
    """Parse ``/api/v1/targets``, sorted by job and instance."""
    found = [_target(each) for each in data["activeTargets"]]
    return tuple(sorted(found, key=lambda each: (each.job, each.instance)))


def parse_rules(data: Mapping[str, Any]) -> tuple[AlertRule, ...]:
    """Parse the alerting rules of ``/api/v1/rules``, in Prometheus' order."""
    return tuple(
        AlertRule(
            name=str(rule["name"]),
            group=str(group["name"]),
            expression=str(rule["query"]),
            health=str(rule.get("health", "unknown")),
            problem=redact(str(rule.get("lastError", ""))),
            labels=_labels(rule),
            alerts=tuple(RuleAlert(_labels(alert), str(alert["state"])) for alert in rule.get("alerts") or ()),
        )
        for group in data["groups"]
        for rule in group["rules"]
        if rule["type"] == "alerting"
    )


def _target(target: Mapping[str, Any]) -> ScrapeTarget:
    labels = _labels(target)
    scraped_at = datetime.fromisoformat(str(target["lastScrape"]))
    return ScrapeTarget(
        job=labels.get("job", ""),
        instance=labels.get("instance", ""),
        health=str(target["health"]),
        problem=redact(str(target.get("lastError", ""))),
        scraped_at=scraped_at if scraped_at.year > 1 else None,  # year 1: not yet
        labels=labels,
    )


def _labels(item: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in (item.get("labels") or {}).items()}
