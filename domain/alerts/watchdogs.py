"""Watchdogs: alerts that always fire and must keep arriving. The bot raises an alert of its own when one stops. Pure."""

from collections.abc import Iterable
from datetime import datetime

from domain.alerts.alerts import Alert, Notification
from domain.catalogue.alerts import WatchdogConfig
from domain.matchers import matches
from domain.text import format_duration

RECEIVER = "deepecho"
MISSING_ALERTNAME = "WatchdogMissing"


def watchdog_fingerprints(watchdog: WatchdogConfig, notification: Notification) -> tuple[str, ...]:
    """The fingerprints of the notification's alerts that fit the watchdog's matchers; none where another source sent it."""
    if watchdog.source not in {"", notification.source}:
        return ()
    matchers = watchdog.matchers
    return tuple(
        alert.fingerprint for alert in notification.alerts if all(matches(matcher, alert.labels) for matcher in matchers)
    )


def is_firing(notification: Notification, fingerprints: Iterable[str]) -> bool:
    """Whether one of these alerts fires. A resolved watchdog does not prove that alerts arrive."""
    wanted = frozenset(fingerprints)
    return any(alert.firing and alert.fingerprint in wanted for alert in notification.alerts)


def missing_notification(watchdog: WatchdogConfig, at: datetime) -> Notification:
    """The notification of a watchdog that did not arrive in time."""
    return _notification(watchdog, starts_at=at, ends_at=None)


def recovered_notification(watchdog: WatchdogConfig, at: datetime) -> Notification:
    """The notification that ends it: the watchdog has arrived again."""
    return _notification(watchdog, starts_at=at, ends_at=at)


def _notification(watchdog: WatchdogConfig, *, starts_at: datetime, ends_at: datetime | None) -> Notification:
    labels = {"alertname": MISSING_ALERTNAME, "watchdog": watchdog.name}
    summary = (
        f"No sign of life from {watchdog.name} for {format_duration(watchdog.within)}. Alerts may no longer reach this channel: "
        "look at Prometheus, Alertmanager and the way from there to deepecho."
    )
    alert = Alert(
        fingerprint=f"@{watchdog.name}",  # never one of Alertmanager's, which are hexadecimal
        firing=ends_at is None,
        labels=labels,
        annotations={"summary": summary},
        starts_at=starts_at,
        ends_at=ends_at,
    )
    return Notification(receiver=RECEIVER, group_key=f"watchdog/{watchdog.name}", group_labels=labels, alerts=(alert,))
