"""Flapping, episodes and the end of an alert group."""

from dataclasses import replace

import pytest

from domain.alerts.alerts import GroupState
from domain.alerts.groups import StoredGroup, is_closed
from tests.harness.alert_scenario import (
    MINUTE,
    TIMINGS,
    FakeGroupTimings,
    GroupScenario,
    firing_alert,
    minutes_after_start,
    resolved_alert,
)


def test_a_group_that_fires_again_goes_on_in_its_thread_as_a_new_episode() -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"), firing_alert("b"))
    group.notify(5, resolved_alert("a"), resolved_alert("b"))
    group.notify(15, firing_alert("c", began=14), replace(resolved_alert("b"), annotations={"summary": "Other words"}))
    assert group.notes == ["Resolved after 5 min.", "Fires again, 10 min after it was resolved: 1 alert."]
    assert group.record.episode == 2
    assert group.record.began_at == minutes_after_start(14)
    assert group.record.resolved_at is None
    assert group.summary == ("firing", 1, 2), "what ended in the last episode and is not spoken of any more is not counted"


def test_what_fires_again_is_named_and_what_does_not_is_not() -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"), firing_alert("b"), firing_alert("c"))
    group.notify(5, resolved_alert("a"), resolved_alert("b"), resolved_alert("c"))
    change = group.notify(9, replace(resolved_alert("b"), annotations={}), firing_alert("a", began=8), firing_alert("c", began=8))
    assert change is not None
    assert change.notes[0].lines == ("pod=a", "pod=c")
    group.notify(10, resolved_alert("a", began=8, ended=9), resolved_alert("c", began=8, ended=9))
    change = group.notify(20, *(firing_alert(f"p{number}", began=19) for number in range(20)))
    assert change is not None
    assert change.notes[0].lines[-2:] == ("pod=p7", "and 12 more")


@pytest.mark.parametrize(("minutes", "over"), [(65, False), (65.1, True)])
def test_after_its_time_it_is_over_and_the_next_alert_is_a_new_group(minutes: float, *, over: bool) -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"))
    assert not is_closed(group.record, minutes_after_start(1000), TIMINGS)
    group.notify(5, resolved_alert("a"))
    assert is_closed(group.record, minutes_after_start(minutes), TIMINGS) is over


def test_flapping_is_said_once_and_then_the_card_alone_follows() -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"))
    for number in range(1, 10):
        group.notify(number, resolved_alert("a", number - 1, number) if number % 2 else firing_alert("a", began=number))
    assert group.flips_counted == 9
    assert group.notes[5:] == ["Flapping: 6 changes in 5 min. From here the card alone follows them."]
    assert group.record.flapping
    assert group.record.state is GroupState.RESOLVED


def test_while_it_flaps_alerts_that_join_are_not_told_either() -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"))
    for number in range(1, 7):
        group.notify(number, resolved_alert("a", number - 1, number) if number % 2 else firing_alert("a", began=number))
    said = len(group.notes)
    group.notify(7, firing_alert("a", began=6), firing_alert("b", began=7))
    assert group.record.firing == 2
    assert len(group.notes) == said


def test_a_group_that_flapped_is_steady_again_after_a_while() -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"))
    for number in range(1, 7):
        group.notify(number, resolved_alert("a", number - 1, number) if number % 2 else firing_alert("a", began=number))
    looks = []
    for minutes in (15.9, 16):
        group.end_flapping(minutes)
        looks.append(group.record.flapping)
    assert looks == [True, False]
    assert group.notes[-1] == "Steady again: firing since 14:08 UTC."
    group.notify(20, resolved_alert("a", 6, 19))
    assert group.notes[-1] == "Resolved after 14 min."


def test_changes_far_apart_are_no_flapping() -> None:
    group = GroupScenario(timings=FakeGroupTimings(reopen_within=10_000 * MINUTE))
    group.notify(0, firing_alert("a"))
    for number in range(1, 20):
        minutes = number * 6.1
        group.notify(minutes, resolved_alert("a", minutes - 6.1, minutes) if number % 2 else firing_alert("a", began=minutes))
    assert not group.record.flapping
    assert len(group.notes) == 19


def test_a_new_episode_has_no_acknowledgement_suspect_or_value_of_the_last() -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"))
    assert group.stored is not None
    group.stored = StoredGroup(replace(group.record, value="14.2 (limit 10)"), group.stored.alerts)
    group.notify(5, resolved_alert("a"))
    assert group.record.value == "14.2 (limit 10)"
    group.notify(10, firing_alert("a", began=9))
    assert (group.record.value, group.record.suspect, group.record.acknowledgement) == ("", None, None)
