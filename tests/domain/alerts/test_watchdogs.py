"""A watchdog that stays away is an alert of its own, and its return resolves it."""

from datetime import timedelta

import pytest

from domain.alerts import watchdogs
from domain.alerts.alerts import GroupState, Route
from domain.alerts.groups import RoutedNotification, StoredGroup, apply_notification, open_group
from domain.catalogue.alerts import WatchdogConfig
from domain.catalogue.base import DnsLabel
from domain.severities import Severity
from tests.harness.alert_scenario import TIMINGS
from tests.harness.fakes.clock import NOW
from tests.harness.samples.notifications import alert, notification

DOG = {"alertname": "Watchdog"}
ROUTE = Route(rule="watchdog", channel="C0CRITICAL", severity=Severity.P1)


def entry(name: DnsLabel = "prometheus-production", *match: str) -> WatchdogConfig:
    return WatchdogConfig(name=name, match=match or ('alertname="Watchdog"', 'cluster!="test"'), within_minutes=10)


@pytest.mark.parametrize(
    ("labels", "heard"),
    [
        ({"alertname": "Watchdog"}, True),
        ({"alertname": "Watchdog", "cluster": "east"}, True),
        ({"alertname": "Watchdog", "cluster": "test"}, False),
        ({"alertname": "Watchdogs"}, False),
    ],
)
def test_it_is_known_by_all_of_its_matchers(labels: dict[str, str], *, heard: bool) -> None:
    told = notification(alert("dog", labels=labels), alert("other"))
    assert watchdogs.watchdog_fingerprints(entry(), told) == (("fp-dog",) if heard else ())


def test_a_watchdog_that_was_resolved_is_no_sign_of_life() -> None:
    told = notification(alert("dog", firing=False, labels=DOG), alert("other"))
    heard = watchdogs.watchdog_fingerprints(entry(), told)
    assert heard == ("fp-dog",)
    assert not watchdogs.is_firing(told, heard)
    assert watchdogs.is_firing(notification(alert("dog", labels=DOG)), heard)


def test_away_and_back_are_one_group_that_fires_and_is_resolved() -> None:
    opened = open_group(
        RoutedNotification(notification=watchdogs.missing_notification(entry(), NOW), at=NOW, route=ROUTE), "al-dog"
    )
    assert opened is not None
    assert opened.record.title == "WatchdogMissing"
    assert opened.record.summary.startswith("No sign of life from prometheus-production for 10 min. Alerts may no longer reach")
    known = StoredGroup(opened.record, {each.fingerprint: each for each in opened.alerts})
    later = NOW + timedelta(minutes=3)
    back = apply_notification(
        known, RoutedNotification(notification=watchdogs.recovered_notification(entry(), later), at=later, route=ROUTE), TIMINGS
    )
    assert back is not None
    assert back.record.state is GroupState.RESOLVED
    assert [str(each.text) for each in back.notes] == ["Resolved after 3 min."]


def test_names_of_any_length_are_told_apart() -> None:
    long = "prometheus-of-the-production-environment-in-the-eastern-region"
    first, second = (watchdogs.missing_notification(entry(long[:61] + end), NOW).alerts[0] for end in ("-1", "-2"))
    assert first.fingerprint != second.fingerprint
    assert len(first.fingerprint) <= 64
