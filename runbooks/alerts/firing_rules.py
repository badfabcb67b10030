"""Asks Prometheus whether a rule fires, where Alertmanager's list may be out of date."""

import json
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog

from domain.alerts.alerts import AlertGroup
from domain.errors import DeepechoError
from domain.metrics.samples import Sample

log = structlog.get_logger()


class RuleSource(Protocol):
    """What is asked of a Prometheus. Raises ``TemporaryError`` or ``PermanentError``."""

    async def query(self, expression: str, *, only: Mapping[str, str]) -> tuple[Sample, ...]: ...


class FiringRules:
    """Reads the series ``ALERTS``. ``prometheus`` returns the client of an environment; None where the catalogue names none."""

    def __init__(self, prometheus: Callable[[str], RuleSource | None]) -> None:
        self._prometheus = prometheus

    def can_ask(self, group: AlertGroup) -> bool:
        """Whether the catalogue names a Prometheus for the group's environment."""
        return self._prometheus(group.environment) is not None

    async def may_fire(self, group: AlertGroup) -> bool:
        """Whether a rule with the group's name fires, or Prometheus cannot say. False where there is none to ask."""
        prometheus, name = self._prometheus(group.environment), group.labels.get("alertname") or group.title
        if prometheus is None:
            return False
        try:
            # Alertmanager's labels may have been added or changed on the way from Prometheus; the name rarely is.
            found = await prometheus.query(f'ALERTS{{alertstate="firing",alertname={json.dumps(name)}}}', only={})
        except DeepechoError as error:
            log.debug("prometheus not asked whether a rule fires", group=group.id, error=str(error))
            return True
        return bool(found)
