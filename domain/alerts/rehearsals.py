"""The alert of a rehearsal: it is made up, and goes the way of every alert, so that the whole chain is tried. Pure."""

from dataclasses import replace
from datetime import datetime

from domain.alerts.alerts import Alert, AlertGroup, Notification, Route
from domain.alerts.groups import RoutedNotification
from domain.severities import Severity

SOURCE = "@rehearsal"
"""The source of such alerts: no name that the catalogue can give to one."""
_RULE = "rehearsal"
_RECEIVER = "deepecho"
_SUMMARY = "TEST. Nothing is wrong: this alert is made up, to try the way from an alert to whoever is on call."


def begin_alert(team: str, key: str, *, channel: str, severity: Severity, at: datetime) -> RoutedNotification:
    """The notification that a rehearsal begins with. ``key`` tells it from others of the team."""
    labels = {"alertname": f"Rehearsal for {team}", "team": team}
    alert = Alert(
        fingerprint=f"{SOURCE}/{team}/{key}",  # never one of Alertmanager's, which are hexadecimal
        firing=True,
        labels=labels,
        annotations={"summary": _SUMMARY},
        starts_at=at,
        route=(route := Route(rule=_RULE, channel=channel, severity=severity)),
    )
    notification = Notification(
        receiver=_RECEIVER, group_key=f"rehearsal/{team}/{key}", group_labels=labels, alerts=(alert,), source=SOURCE
    )
    return RoutedNotification(notification=notification, at=at, route=route)


def end_alert(group: AlertGroup, at: datetime) -> RoutedNotification:
    """The notification that ends the alert of a rehearsal."""
    alerts = tuple(replace(alert, firing=False, ends_at=at) for alert in group.examples)
    notification = Notification(
        receiver=_RECEIVER, group_key=group.group_key, group_labels=group.labels, alerts=alerts, source=SOURCE
    )
    return RoutedNotification(notification=notification, at=at, route=group.route)


def rehearsed_team(group: AlertGroup) -> str:
    """The team whose rehearsal the group belongs to; empty for every other group."""
    return group.labels.get("team", "") if group.source == SOURCE else ""
