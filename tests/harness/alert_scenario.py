"""One alert group whose story is told word by word, as its card and its thread show it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.alerts.alerts import Alert, AlertGroup, Route
from domain.alerts.groups import GroupChange, Known, Told, hears, opens, steady
from domain.severities import Severity
from tests.harness.fakes.clock import NOW
from tests.harness.samples.notifications import alert, notification

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Rules:
    reopen_within: timedelta = 60 * MINUTE
    flaps: int = 6
    flap_within: timedelta = 30 * MINUTE


RULES = Rules()


def route(severity: Severity = Severity.P2, channel: str = "C0WARNING") -> Route:
    return Route(rule="rule 1", channel=channel, severity=severity)


@dataclass
class Group:
    """One group, as its card and its thread show it."""

    rules: Rules = RULES
    known: Known | None = None
    said: list[str] = field(default_factory=list)
    flips: int = 0

    def hear(self, minutes: float, *alerts: Alert, truncated: int = 0, severity: Severity = Severity.P2) -> GroupChange | None:
        told = Told(notification=notification(*alerts, truncated=truncated), at=at(minutes), route=route(severity))
        known = self.known
        change = opens(told, "al-test") if known is None else hears(known, told, self.rules)
        if change is not None:
            self._keep(change)
        return change

    def look(self, minutes: float) -> None:
        change = steady(self.record, at(minutes), self.rules)
        if change is not None:
            self._keep(change)

    @property
    def record(self) -> AlertGroup:
        assert self.known is not None
        return self.known.record

    @property
    def shown(self) -> tuple[str, int, int]:
        """The state, how many alerts fire and how many there are."""
        return self.record.state.value, self.record.firing, self.record.total

    def _keep(self, change: GroupChange) -> None:
        alerts = dict(self.known.alerts) if self.known else {}
        alerts |= {each.fingerprint: each for each in change.alerts}
        for fingerprint in change.forgotten:
            del alerts[fingerprint]
        self.known = Known(change.record, alerts)
        self.said += [each.text for each in change.notes]
        self.flips += change.flipped


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def fires(name: str = "a", began: float = 0, labels: dict[str, str] | None = None) -> Alert:
    return alert(name, began=at(began), labels=labels)


def ends(name: str = "a", began: float = 0, ended: float = 5) -> Alert:
    return alert(name, firing=False, began=at(began), ended=at(ended))
