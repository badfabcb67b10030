"""Policies of maintenance, over both changes of the clocks of a year."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.catalogue.maintenance import MaintenancePolicy
from domain.maintenance.policies import describe_policy, is_within

BERLIN = {"zone": "Europe/Berlin", "windows": [{"days": ["sun"], "start": "04:00", "end": "06:00"}]}
NIGHT = {"zone": "Europe/Berlin", "windows": [{"start": "22:00", "end": "02:00"}, {"start": "02:00", "end": "04:00"}]}
UTC_DAILY = {"windows": [{"start": "02:00", "end": "04:00"}]}


def at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "starts_at", "hours", "within"),
    [
        ({}, at(11, 24, 12), 8, True),
        (UTC_DAILY, at(11, 24, 2), 2, True),
        (UTC_DAILY, at(11, 24, 2), 2.1, False),
        (UTC_DAILY, at(11, 24, 1, 59), 1, False),
        # UTC has no summer time: the same on the days on which others change.
        (UTC_DAILY, at(3, 29, 2), 2, True),
        (UTC_DAILY, at(10, 25, 2), 2, True),
        # Sunday 04:00 in Berlin is 02:00 UTC in summer, from the day of the change on, and 03:00 in winter.
        (BERLIN, at(3, 22, 3), 2, True),
        (BERLIN, at(3, 29, 2), 2, True),
        (BERLIN, at(3, 29, 3), 2, False),
        (BERLIN, at(10, 18, 2), 2, True),
        (BERLIN, at(10, 25, 3), 2, True),
        (BERLIN, at(10, 25, 2), 2, False),
        (BERLIN, at(11, 28, 3), 1, False),
        # A night that crosses midnight, and abuts the next window: 5 hours when clocks jump, 7 when they go back.
        (NIGHT, at(3, 28, 21), 5, True),
        (NIGHT, at(3, 28, 21), 5.1, False),
        (NIGHT, at(10, 24, 20), 7, True),
        (NIGHT, at(10, 24, 20), 7.1, False),
        (NIGHT, at(11, 25, 0, 30), 2, True),
    ],
)
def test_a_window_lies_within_its_policy(policy: dict[str, object], starts_at: datetime, hours: float, within: bool) -> None:  # noqa: FBT001
    assert is_within(MaintenancePolicy.model_validate(policy), starts_at, starts_at + timedelta(hours=hours)) is within


def test_a_policy_in_words() -> None:
    texts = [describe_policy(MaintenancePolicy.model_validate(each)) for each in ({}, UTC_DAILY, BERLIN)]
    assert texts == ["anytime", "daily 02:00 to 04:00 UTC", "Sun 04:00 to 06:00 Europe/Berlin"]
