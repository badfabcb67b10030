"""Notifications of Alertmanager: as domain objects, and as payloads for the webhook."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from domain.alerts.alerts import Alert, Notification
from tests.harness.fakes.clock import NOW

ALERT_NAME = "HighErrorRate"
GROUP_KEY = '{}:{alertname="HighErrorRate"}'
NO_END_TIME = "0001-01-01T00:00:00Z"


def alert(
    name: str = "a",
    *,
    firing: bool = True,
    began: datetime = NOW,
    ended: datetime | None = None,
    summary: str = "Errors are high",
    labels: Mapping[str, str] | None = None,
) -> Alert:
    """An alert whose ``pod`` is its name, which also tells it from others."""
    return Alert(
        fingerprint=f"fp-{name}",
        firing=firing,
        labels={"alertname": ALERT_NAME, "pod": name, **(labels or {})},
        annotations={"summary": summary},
        starts_at=began,
        ends_at=None if firing else ended or began + timedelta(minutes=1),
    )


def notification(
    *alerts: Alert, key: str = GROUP_KEY, truncated: int = 0, labels: Mapping[str, str] | None = None, receiver: str = "hook"
) -> Notification:
    return Notification(
        receiver=receiver,
        group_key=key,
        group_labels={"alertname": ALERT_NAME} if labels is None else labels,
        alerts=alerts,
        truncated_alerts=truncated,
    )


def webhook_payload(notification: Notification, *, peer: str = "one") -> dict[str, Any]:
    """What Alertmanager posts for it. The two of a pair differ in their own address alone."""
    return {
        "version": "4",
        "groupKey": notification.group_key,
        "truncatedAlerts": notification.truncated_alerts,
        "status": "firing" if any(each.firing for each in notification.alerts) else "resolved",
        "receiver": notification.receiver,
        "groupLabels": dict(notification.group_labels),
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": f"http://alertmanager-{peer}:9093",
        "alerts": [_alert_payload(each) for each in notification.alerts],
    }


def webhook_body(notification: Notification, *, peer: str = "one") -> str:
    return json.dumps(webhook_payload(notification, peer=peer))


def _alert_payload(alert: Alert) -> dict[str, Any]:
    return {
        "status": "firing" if alert.firing else "resolved",
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": alert.starts_at.isoformat(),
        "endsAt": alert.ends_at.isoformat() if alert.ends_at else NO_END_TIME,
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }
