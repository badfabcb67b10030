"""What a group of alerts is called, and what is said of it, whatever its labels are."""

from dataclasses import replace

import pytest

from domain.alerts.groups import RoutedNotification, open_group
from tests.harness.alert_scenario import firing_alert, route
from tests.harness.fakes.clock import NOW
from tests.harness.samples.notifications import notification


@pytest.mark.parametrize(
    ("labels", "alerts", "title"),
    [
        ({"alertname": "One"}, [{"alertname": "One"}], "One"),
        ({"team": "sre"}, [{"alertname": "One"}, {"alertname": "One"}], "One"),
        ({"team": "sre"}, [{"alertname": "One"}, {"alertname": "Two"}], "One, Two"),
        ({}, [{"alertname": name} for name in ("One", "Two", "Three", "Four")], "One, Two, Three and 1 more"),
        ({"team": "sre", "cluster": "east"}, [{"alertname": ""}], "cluster=east, team=sre"),
        ({}, [{"alertname": ""}], "Alert without a name"),
        ({"alertname": "x" * 5000}, [{}], "x" * 300),
        ({"team": "x" * 5000}, [{"alertname": ""}], ("team=" + "x" * 5000)[:300]),
    ],
)
def test_what_a_group_is_called(labels: dict[str, str], alerts: list[dict[str, str]], title: str) -> None:
    every = [firing_alert(f"{number}", 0, each) for number, each in enumerate(alerts)]
    change = open_group(RoutedNotification(notification=notification(*every, labels=labels), at=NOW, route=route()), "al-test")
    assert change is not None
    assert change.record.title == title


@pytest.mark.parametrize(
    ("annotations", "summary"),
    [
        ([{"summary": "same"}, {"summary": "same"}], "same"),
        ([{"summary": "first"}, {"summary": "second"}], "first"),
        ([{"summary": "one", "description": "shared"}, {"summary": "two", "description": "shared"}], "shared"),
        ([{"message": "old style"}], "old style"),
        ([{"summary": "  ", "description": " said "}], "said"),
        ([{}], ""),
        ([{"summary": "y" * 10_000}], "y" * 3000),
    ],
)
def test_what_a_group_is_about(annotations: list[dict[str, str]], summary: str) -> None:
    every = [replace(firing_alert(f"{number}"), annotations=each) for number, each in enumerate(annotations)]
    change = open_group(RoutedNotification(notification=notification(*every), at=NOW, route=route()), "al-test")
    assert change is not None
    assert change.record.summary == summary
