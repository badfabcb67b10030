"""What Alertmanager's own list says about the alerts of a group: which of them ended or fire again without a notification. Pure.

An alert that Alertmanager lists fires: silenced and inhibited ones are listed too. One that it does not list has ended, or
Alertmanager has just started, has lost its Prometheus for a moment, or never had it. So a listed alert is believed at once, and
an absence only where it lasts, from an Alertmanager that is known to have had the alerts of this sender.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.alerts.alerts import Alert, AlertGroup, Notification
from domain.alerts.group_changes import format_time
from domain.alerts.groups import RoutedNotification, StoredGroup
from domain.clock import is_from_the_future

CONFIRMED_AFTER = timedelta(seconds=50)
"""An alert has ended if it was absent for this long: in two lists, asked for a minute apart."""
RESEND_GRACE = timedelta(minutes=5)
"""Within this time a restarted Alertmanager gets every alert again: Prometheus resends each minute, or with each evaluation."""
TIME_PRECISION = timedelta(milliseconds=1)
"""Alertmanager's API cuts times to milliseconds; its notifications do not."""


class ListedAlert(NamedTuple):
    """An alert in Alertmanager's list. ``updated_at`` is when Prometheus sent it last, by Alertmanager's clock."""

    starts_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerUptime:
    """When a process of Alertmanager started, and whether it has found its peers."""

    started_at: datetime
    settled: bool


class KnownAlert(NamedTuple):
    """An alert as it is stored. ``absent_since`` is when Alertmanager's list was first seen without it."""

    group_id: str
    fingerprint: str
    firing: bool
    absent_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrections:
    """What is to change of a group. ``newly_absent`` and ``listed_again`` are fingerprints."""

    ended: tuple[Alert, ...] = ()
    returned: tuple[Alert, ...] = ()
    newly_absent: tuple[str, ...] = ()
    listed_again: tuple[str, ...] = ()


def differing_groups(known: Sequence[KnownAlert], listed: Mapping[str, ListedAlert], at: datetime) -> frozenset[str]:
    """The groups that may need a correction."""
    firing_somewhere = firing_fingerprints(known)
    return frozenset(
        group_id
        for group_id, fingerprint, firing, absent_since in known
        if (
            (absent_since is not None if firing else fingerprint not in firing_somewhere)
            if fingerprint in listed
            else firing and (absent_since is None or _is_confirmed(absent_since, at))
        )
    )


def firing_fingerprints(known: Iterable[KnownAlert]) -> frozenset[str]:
    """The alerts that fire in any group: a resolved copy in a group of an older routing is not to fire again."""
    return frozenset(each.fingerprint for each in known if each.firing)


def is_fed(listed: Mapping[str, ListedAlert], at: datetime) -> bool:
    """Whether Prometheus has sent any listed alert lately. Otherwise Alertmanager may have lost its Prometheus."""
    return any(at - each.updated_at <= RESEND_GRACE for each in listed.values())


def matches(alert: Alert, listed: Mapping[str, ListedAlert]) -> bool:
    """Whether the list has this very alert: with the same labels and the same beginning."""
    found = listed.get(alert.fingerprint)
    return found is not None and abs(found.starts_at - alert.starts_at) <= TIME_PRECISION


def fires_after_end(alert: Alert, listed: Mapping[str, ListedAlert]) -> bool:
    """Whether a resolved alert is listed and Prometheus has sent it since its end. Otherwise the list may not know of the end."""
    found = listed.get(alert.fingerprint)
    return not alert.firing and found is not None and found.updated_at > (alert.ends_at or alert.starts_at)


def corrections(
    stored: StoredGroup,
    absent_since: Mapping[str, datetime | None],
    listed: Mapping[str, ListedAlert],
    at: datetime,
    *,
    believes_absence: bool,
    firing_elsewhere: Collection[str] = (),
) -> Corrections:
    """Compare the alerts of a group with the list. What fires in another group does not fire again in this one."""
    absent = [each for each in stored.alerts.values() if each.firing and each.fingerprint not in listed]
    marked = {each.fingerprint: since for each in absent if (since := absent_since.get(each.fingerprint)) is not None}
    confirmed = {name: since for name, since in marked.items() if believes_absence and _is_confirmed(since, at)}
    return Corrections(
        ended=tuple(replace(stored.alerts[name], firing=False, ends_at=since) for name, since in confirmed.items()),
        returned=tuple(
            replace(each, firing=True, ends_at=None, starts_at=listed[each.fingerprint].starts_at)
            for each in stored.alerts.values()
            if fires_after_end(each, listed) and each.fingerprint not in firing_elsewhere
        ),
        newly_absent=tuple(each.fingerprint for each in absent if each.fingerprint not in marked),
        listed_again=tuple(name for name, since in absent_since.items() if since is not None and name in listed),
    )


def can_believe_absence(record: AlertGroup, uptimes: Iterable[AlertmanagerUptime], at: datetime) -> bool:
    """Whether each Alertmanager must have the group's alerts if they fire: it ran when they were reported, or for long."""
    return all(
        each.settled and (each.started_at <= record.updated_at or at - each.started_at >= RESEND_GRACE) for each in uptimes
    )


def ended_explanation(ended: Iterable[Alert], record: AlertGroup) -> str:
    """How the end is known."""
    since = min(each.ends_at or each.starts_at for each in ended)
    silenced = " It was silenced, and then Alertmanager reports no end." if record.silence else ""
    return f"Alertmanager never reported the end: asked, it has not listed this since {format_time(since)} UTC.{silenced}"


def returned_explanation(returned: Iterable[Alert], listed: Mapping[str, ListedAlert]) -> str:
    """How it is known that it fires."""
    sent_at = max(listed[each.fingerprint].updated_at for each in returned)
    return f"Asked, Alertmanager lists this as firing: Prometheus sent it last at {sent_at:%H:%M:%S} UTC."


def correction(record: AlertGroup, alerts: tuple[Alert, ...], at: datetime, explanation: str) -> RoutedNotification:
    """What Alertmanager's answer says about a group, in the form of a notification. Its route and location stay."""
    notification = Notification(
        receiver=record.receiver,
        group_key=record.group_key,
        group_labels=record.labels,
        alerts=alerts,
        external_url=record.external_url,
        truncated_alerts=int(record.truncated),
        source=record.source,
    )
    return RoutedNotification(
        notification=notification,
        at=at,
        environment=record.environment,
        service=record.service,
        route=record.route,
        explanation=explanation,
    )


def _is_confirmed(absent_since: datetime, at: datetime) -> bool:
    """Whether an alert has been absent for long enough. A clock that was set back since does not make it wait longer."""
    return at - absent_since >= CONFIRMED_AFTER or is_from_the_future(absent_since, at)
