"""What is stored of an alert is bounded, and holds what is read of it later."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alerts.alerts import Alert, Route
from domain.alerts.routing import labels_read
from domain.alerts.stored_alerts import MAX_LABELS_PER_ALERT, MAX_TEXT_CHARACTERS, stored_alert
from domain.severities import Severity
from storage.outbox_messages import dump
from tests.harness.alerts import alerts_catalogue
from tests.harness.fakes.clock import NOW

ROUTE = Route(rule="critical", channel="C0CRITICAL", severity=Severity.P1)
MANY = {f"a{number:03}": "x" for number in range(200)}


def alert(**changed: Any) -> Alert:
    made: dict[str, Any] = {"fingerprint": "f1", "firing": True, "labels": {}, "annotations": {}, "starts_at": NOW}
    return Alert(**made | changed)


def test_an_ordinary_alert_is_stored_as_it_is() -> None:
    labels, annotations = {"z": "1", "alertname": "High"}, {"summary": "Errors"}
    stored = stored_alert(alert(labels=labels, annotations=annotations), ROUTE, ())
    assert stored == alert(labels=labels, annotations=annotations, route=ROUTE)


@pytest.mark.parametrize("name", ["zone", "alertname", "severity", "namespace", "pod", "persistentvolumeclaim"])
def test_labels_that_are_read_later_are_kept_before_others(name: str) -> None:
    stored = stored_alert(alert(labels=MANY | {name: "kept"}), ROUTE, {"zone"})
    assert stored.labels[name] == "kept"
    assert len(stored.labels) == MAX_LABELS_PER_ALERT


@pytest.mark.parametrize("name", ["summary", "description", "message", "runbook", "runbook_url"])
def test_annotations_that_a_card_shows_are_kept_before_others(name: str) -> None:
    stored = stored_alert(alert(annotations=MANY | {name: "kept"}), ROUTE, ())
    assert stored.annotations[name] == "kept"
    assert len(stored.annotations) == MAX_LABELS_PER_ALERT


def test_alerts_of_a_group_keep_the_same_labels_however_they_are_ordered() -> None:
    backwards = dict(reversed(MANY.items()))
    assert stored_alert(alert(labels=MANY), ROUTE, ()) == stored_alert(alert(labels=backwards), ROUTE, ())


def test_the_catalogue_names_the_labels_of_its_rules_watchdogs_and_places() -> None:
    catalogue = alerts_catalogue(
        routes=[{"match": ["tier=~gold|silver", 'zone!=""'], "channel": "C0X", "severity": "P0"}],
        watchdogs=[{"name": "prometheus", "match": ["pulse=yes"]}],
        environment_labels=["stage"],
        service_labels=["component"],
    )
    assert {"tier", "zone", "pulse", "stage", "component", "namespace", "pod", "owner_name"} <= labels_read(catalogue)


HUGE = st.dictionaries(st.text(max_size=8), st.sampled_from(["", "v", "v" * 30_000]), max_size=150)


@given(HUGE, HUGE)
def test_the_bytes_that_are_stored_are_bounded(labels: dict[str, str], annotations: dict[str, str]) -> None:
    stored = stored_alert(alert(labels=labels, annotations=annotations), ROUTE, {*labels})
    assert len(stored.labels) <= MAX_LABELS_PER_ALERT
    assert len(dump(stored)) <= 2 * MAX_LABELS_PER_ALERT * (2 * MAX_TEXT_CHARACTERS + 10)
