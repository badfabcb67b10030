"""What people do about an alert group, and when it ends by itself."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.alerts.alerts import AlertGroup, AppliedSilence, GroupState, Route
from domain.alerts.groups import RoutedNotification, open_group
from domain.alerts.handling import acknowledge, expire_acknowledgement, silence, unsilence
from domain.errors import Refused
from domain.severities import Severity
from tests.harness.fakes.clock import NOW
from tests.harness.samples.notifications import alert, notification
from tests.harness.samples.team import ANA, RAY

HOUR = timedelta(hours=1)


def group(**more: object) -> AlertGroup:
    route = Route(rule="rule 1", channel="C0WARNING", severity=Severity.P2)
    change = open_group(RoutedNotification(notification=notification(alert("a")), at=NOW, route=route), "al-test")
    assert change is not None
    return replace(change.record, **more)  # type: ignore[arg-type]


def mark(*, until: datetime = NOW + HOUR, reason: str = "") -> AppliedSilence:
    return AppliedSilence(id="865599ea", by=ANA.person, at=NOW, until=until, reason=reason)


def test_an_acknowledgement_says_who_and_for_how_long_and_runs_out() -> None:
    change = acknowledge(group(), ANA.person, NOW, HOUR)
    assert [str(each.text) for each in change.notes] == ["@U0DEPLOYER acknowledged this. It counts for 1 h."]
    assert expire_acknowledgement(change.record, NOW + HOUR - timedelta(seconds=1)) is None
    ended = expire_acknowledgement(change.record, NOW + HOUR)
    assert ended is not None
    assert ended.record.acknowledgement is None
    assert [str(each.text) for each in ended.notes] == ["@U0DEPLOYER's acknowledgement ran out after 1 h, and this still fires."]
    assert expire_acknowledgement(ended.record, NOW + HOUR) is None


def test_of_a_resolved_group_it_ends_without_a_word() -> None:
    held = acknowledge(group(), ANA.person, NOW, HOUR).record
    ended = expire_acknowledgement(replace(held, state=GroupState.RESOLVED), NOW + HOUR)
    assert ended is not None
    assert (ended.record.acknowledgement, ended.notes) == (None, ())


def test_another_person_takes_over_and_the_same_one_is_told_that_it_is_so() -> None:
    held = acknowledge(group(), ANA.person, NOW, HOUR).record
    taken = acknowledge(held, RAY.person, NOW + HOUR / 2, HOUR)
    assert [str(each.text) for each in taken.notes] == [
        "@U0RESPONDER acknowledged this, taking over from @U0DEPLOYER. It counts for 1 h."
    ]
    with pytest.raises(Refused, match=r"You have acknowledged al-test already, until 15:02 UTC\."):
        acknowledge(held, ANA.person, NOW + HOUR / 2, HOUR)


def test_one_whose_time_is_over_does_not_count_though_the_clock_has_not_ended_it_yet() -> None:
    held = acknowledge(group(), ANA.person, NOW, HOUR).record
    again = acknowledge(held, ANA.person, NOW + HOUR, HOUR)
    assert [str(each.text) for each in again.notes] == ["@U0DEPLOYER acknowledged this. It counts for 1 h."]


def test_what_is_resolved_cannot_be_acknowledged() -> None:
    with pytest.raises(Refused, match="al-test is resolved already"):
        acknowledge(group(state=GroupState.RESOLVED), ANA.person, NOW, HOUR)


@pytest.mark.parametrize(
    ("until", "reason", "text"),
    [
        (NOW + HOUR, "", "@U0DEPLOYER silenced this until 15:02 UTC."),
        (NOW + HOUR, "known, see <!channel>", "@U0DEPLOYER silenced this until 15:02 UTC: known, see <!channel>"),
        (NOW + 24 * HOUR, "", "@U0DEPLOYER silenced this until 24 Nov 14:02 UTC."),
    ],
)
def test_a_silence_says_who_until_when_and_why(until: datetime, reason: str, text: str) -> None:
    change = silence(group(), mark(until=until, reason=reason))
    assert [str(each.text) for each in change.notes] == [text]
    assert change.record.silence == mark(until=until, reason=reason)


def test_a_silence_ends_by_itself_in_time_or_by_a_person_at_once() -> None:
    held = silence(group(), mark()).record
    assert unsilence(held, NOW + HOUR - timedelta(seconds=1), None) is None
    by_itself, by_person = unsilence(held, NOW + HOUR, None), unsilence(held, NOW, RAY.person)
    assert by_itself is not None
    assert by_person is not None
    assert [str(each.text) for each in by_itself.notes] == [
        "The silence of @U0DEPLOYER is over. No end was reported, so it counts as firing."
    ]
    assert [str(each.text) for each in by_person.notes] == [
        "@U0RESPONDER ended the silence. No end was reported, so it counts as firing."
    ]
    assert by_itself.record.silence is by_person.record.silence is None
    assert unsilence(by_itself.record, NOW + 2 * HOUR, None) is None
    resolved = unsilence(replace(held, state=GroupState.RESOLVED), NOW + HOUR, None)
    assert resolved is not None
    assert [str(each.text) for each in resolved.notes] == ["The silence of @U0DEPLOYER is over."]


def test_replies_are_numbered_so_that_none_replaces_another() -> None:
    first = acknowledge(group(), ANA.person, NOW, HOUR)
    second = silence(first.record, mark())
    third = unsilence(second.record, NOW, ANA.person)
    assert third is not None
    assert [each.key for change in (first, second, third) for each in change.notes] == ["1", "2", "3"]
