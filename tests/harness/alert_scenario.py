"""One alert group, notification by notification, as its card and its thread show it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.alerts.alerts import Alert, AlertGroup, Route
from domain.alerts.group_changes import GroupChange
from domain.alerts.groups import RoutedNotification, StoredGroup, apply_notification, end_flapping, open_group
from domain.severities import Severity
from tests.harness.fakes.clock import NOW
from tests.harness.samples.notifications import alert, notification

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class FakeGroupTimings:
    reopen_within: timedelta = 60 * MINUTE
    flap_changes: int = 6
    flap_within: timedelta = 30 * MINUTE


TIMINGS = FakeGroupTimings()


def route(severity: Severity = Severity.P2, channel: str = "C0WARNING") -> Route:
    return Route(rule="rule 1", channel=channel, severity=severity)


@dataclass
class GroupScenario:
    """One group, as its card and its thread show it."""

    timings: FakeGroupTimings = TIMINGS
    stored: StoredGroup | None = None
    notes: list[str] = field(default_factory=list)
    flips_counted: int = 0

    def notify(self, minutes: float, *alerts: Alert, truncated: int = 0, severity: Severity = Severity.P2) -> GroupChange | None:
        routed = RoutedNotification(
            notification=notification(*alerts, truncated=truncated), at=minutes_after_start(minutes), route=route(severity)
        )
        known = self.stored
        change = open_group(routed, "al-test") if known is None else apply_notification(known, routed, self.timings)
        if change is not None:
            self._store(change)
        return change

    def end_flapping(self, minutes: float) -> None:
        change = end_flapping(self.record, minutes_after_start(minutes), self.timings)
        if change is not None:
            self._store(change)

    @property
    def record(self) -> AlertGroup:
        assert self.stored is not None
        return self.stored.record

    @property
    def summary(self) -> tuple[str, int, int]:
        """The state, how many alerts fire and how many there are."""
        return self.record.state.value, self.record.firing, self.record.total

    def _store(self, change: GroupChange) -> None:
        alerts = dict(self.stored.alerts) if self.stored else {}
        alerts |= {each.fingerprint: each for each in change.alerts}
        for fingerprint in change.deleted_fingerprints:
            del alerts[fingerprint]
        self.stored = StoredGroup(change.record, alerts)
        self.notes += [str(each.text) for each in change.notes]
        self.flips_counted += change.state_changed


def minutes_after_start(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def firing_alert(name: str = "a", began: float = 0, labels: dict[str, str] | None = None) -> Alert:
    return alert(name, began=minutes_after_start(began), labels=labels)


def resolved_alert(name: str = "a", began: float = 0, ended: float = 5) -> Alert:
    return alert(name, firing=False, began=minutes_after_start(began), ended=minutes_after_start(ended))
