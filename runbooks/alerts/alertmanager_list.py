"""Asks an Alertmanager, or all of a pair at once, which alerts it has."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from domain.alerts.reconciliation import AlertmanagerUptime, ListedAlert
from domain.errors import DeepechoError

log = structlog.get_logger()


class AlertListApi(Protocol):
    """What is asked of an Alertmanager. Both methods raise ``TemporaryError`` or ``PermanentError``."""

    async def listed_alerts(self) -> Mapping[str, ListedAlert]: ...

    async def uptime(self) -> AlertmanagerUptime: ...


@dataclass(frozen=True, slots=True)
class AlertList:
    """The alerts that any of the pair lists, by fingerprint. Not ``complete`` where one did not answer: it may have more."""

    listed: Mapping[str, ListedAlert]
    complete: bool


class AlertListReader:
    """Reads lists. ``alertmanager_at`` returns the client of an address; None while it is not open."""

    def __init__(self, alertmanager_at: Callable[[str], AlertListApi | None]) -> None:
        self._alertmanager_at = alertmanager_at
        self._failing: set[str] = set()
        self.unanswered = 0

    async def read(self, addresses: Sequence[str]) -> AlertList:
        """The lists of all these Alertmanagers as one. Where two have an alert, the later information about it counts."""
        answers = await asyncio.gather(*(self._listed_at(each) for each in addresses))
        merged: dict[str, ListedAlert] = dict(answers[0] or {})
        for answer in answers[1:]:
            for fingerprint, each in (answer or {}).items():
                if fingerprint not in merged or merged[fingerprint].updated_at < each.updated_at:
                    merged[fingerprint] = each
        return AlertList(merged, complete=None not in answers)

    async def uptimes(self, addresses: Sequence[str]) -> tuple[AlertmanagerUptime, ...] | None:
        """Since when each of them has run; None where one does not answer."""
        answers = [await self._uptime_at(each) for each in addresses]
        found = tuple(each for each in answers if each is not None)
        return found if len(found) == len(answers) else None

    async def _listed_at(self, address: str) -> Mapping[str, ListedAlert] | None:
        alertmanager = self._alertmanager_at(address)
        if alertmanager is None:
            return None
        try:
            listed = await alertmanager.listed_alerts()
        except DeepechoError as error:
            self._note_failure(address, error)
            return None
        self._failing.discard(address)
        return listed

    async def _uptime_at(self, address: str) -> AlertmanagerUptime | None:
        alertmanager = self._alertmanager_at(address)
        try:
            return await alertmanager.uptime() if alertmanager else None
        except DeepechoError as error:
            self._note_failure(address, error)
            return None

    def _note_failure(self, address: str, error: DeepechoError) -> None:
        """Log the first failure in a row only: it is asked again each minute."""
        self.unanswered += 1
        if address not in self._failing:
            log.warning("alertmanager not asked, alerts stay as they are", error=str(error))
        self._failing.add(address)
