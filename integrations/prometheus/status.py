"""Conversion of what Prometheus says about its targets and rules."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.metrics.monitoring_rules import AlertRule, ScrapeTarget


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
            state=str(rule.get("state", "")),
            health=str(rule.get("health", "unknown")),
            problem=str(rule.get("lastError", "")),
        )
        for group in data["groups"]
        for rule in group["rules"]
        if rule["type"] == "alerting"
    )


def _target(target: Mapping[str, Any]) -> ScrapeTarget:
    labels = target["labels"]
    scraped_at = datetime.fromisoformat(str(target["lastScrape"]))
    return ScrapeTarget(
        job=str(labels.get("job", "")),
        instance=str(labels.get("instance", "")),
        health=str(target["health"]),
        problem=str(target.get("lastError", "")),
        scraped_at=scraped_at if scraped_at.year > 1 else None,  # year 1: not yet
    )
