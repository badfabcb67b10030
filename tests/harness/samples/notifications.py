"""Notifications as Alertmanager tells them: in our words for the domain, as payloads for the door."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from domain.alerts.alerts import Alert, Notification
from tests.harness.fakes.clock import NOW

NAME = "HighErrorRate"
GROUP_KEY = '{}:{alertname="HighErrorRate"}'
YEAR_ONE = "0001-01-01T00:00:00Z"


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
        labels={"alertname": NAME, "pod": name, **(labels or {})},
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
        group_labels={"alertname": NAME} if labels is None else labels,
        alerts=alerts,
        truncated=truncated,
    )


def payload(told: Notification, *, peer: str = "one") -> dict[str, Any]:
    """What Alertmanager posts for it. The two of a pair differ in their own address alone."""
    return {
        "version": "4",
        "groupKey": told.group_key,
        "truncatedAlerts": told.truncated,
        "status": "firing" if any(each.firing for each in told.alerts) else "resolved",
        "receiver": told.receiver,
        "groupLabels": dict(told.group_labels),
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": f"http://alertmanager-{peer}:9093",
        "alerts": [_posted(each) for each in told.alerts],
    }


def body(told: Notification, *, peer: str = "one") -> str:
    return json.dumps(payload(told, peer=peer))


def _posted(told: Alert) -> dict[str, Any]:
    return {
        "status": "firing" if told.firing else "resolved",
        "labels": dict(told.labels),
        "annotations": dict(told.annotations),
        "startsAt": told.starts_at.isoformat(),
        "endsAt": told.ends_at.isoformat() if told.ends_at else YEAR_ONE,
        "generatorURL": told.generator_url,
        "fingerprint": told.fingerprint,
    }
