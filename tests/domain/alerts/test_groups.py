"""The life of an alert group: what its card shows and its thread says, whatever Alertmanager repeats, mixes or leaves out."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.alerts.alerts import Alert, GroupState
from domain.alerts.groups import LATE_REPEAT_WINDOW, MAX_RESOLVED_ALERTS, RoutedNotification, StoredGroup, is_closed, open_group
from domain.severities import Severity
from tests.harness.alert_scenario import (
    MINUTE,
    TIMINGS,
    FakeGroupTimings,
    GroupScenario,
    firing_alert,
    minutes_after_start,
    resolved_alert,
    route,
)
from tests.harness.fakes.clock import NOW
from tests.harness.samples.notifications import notification


def test_a_new_group_shows_what_fires_and_says_nothing_beside_its_card() -> None:
    group = GroupScenario()
    group.notify(1, firing_alert("a"), firing_alert("b"), resolved_alert("c"))
    assert group.summary == ("firing", 2, 2)
    assert group.record.title == "HighErrorRate"
    assert group.record.summary == "Errors are high"
    assert group.record.common_labels == {"alertname": "HighErrorRate"}
    assert group.record.began_at == NOW
    assert group.notes == []


def test_what_was_never_seen_firing_need_not_be_told() -> None:
    assert (
        open_group(
            RoutedNotification(notification=notification(resolved_alert("a"), resolved_alert("b")), at=NOW, route=route()),
            "al-test",
        )
        is None
    )
    group = GroupScenario()
    group.notify(0, firing_alert("a"))
    assert group.notify(1, firing_alert("a"), resolved_alert("never seen")) is None
    assert group.summary == ("firing", 1, 1)


def test_hearing_it_again_changes_nothing() -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"), firing_alert("b"))
    assert group.notify(5, firing_alert("a"), firing_alert("b")) is None
    group.notify(6, resolved_alert("a"), resolved_alert("b"))
    assert group.notify(7, resolved_alert("a"), resolved_alert("b")) is None
    assert group.notes == ["Resolved after 6 min."]


def test_only_what_moved_is_written_again() -> None:
    group = GroupScenario()
    group.notify(0, *(firing_alert(f"{number}") for number in range(100)))
    change = group.notify(1, *(firing_alert(f"{number}") for number in range(99)), resolved_alert("99"))
    assert change is not None
    assert [each.fingerprint for each in change.alerts] == ["fp-99"]


def test_each_alert_that_joins_or_leaves_is_told_once() -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"))
    group.notify(1, firing_alert("a"), firing_alert("b"), firing_alert("c"))
    change = group.notify(2, resolved_alert("a"), firing_alert("b"), firing_alert("c"), firing_alert("d"))
    assert group.notes == ["2 alerts more. 3 alerts fire now.", "1 alert more. 1 alert resolved. 3 alerts fire now."]
    assert change is not None
    assert change.notes[0].lines == ("🔴 pod=d", "✅ pod=a")
    assert group.summary == ("firing", 3, 4)


def test_many_that_join_are_counted_and_some_are_named() -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"))
    change = group.notify(1, *(firing_alert(f"p{number:04}") for number in range(1000)))
    assert change is not None
    (note,) = change.notes
    assert note.text == "1,000 alerts more. 1,001 alerts fire now."
    assert (len(note.lines), note.lines[-1]) == (9, "and 992 more")


def test_other_words_in_the_annotations_change_the_card_and_say_nothing() -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"))
    group.notify(1, replace(firing_alert("a"), annotations={"summary": "Errors are higher still"}))
    assert group.record.summary == "Errors are higher still"
    assert group.notes == []


def test_a_truncated_payload_resolves_nothing_that_it_leaves_out() -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"), firing_alert("b"), firing_alert("c"))
    group.notify(1, resolved_alert("a"), truncated=2)
    assert group.summary == ("firing", 2, 3)
    assert group.record.truncated
    group.notify(2, resolved_alert("b"), resolved_alert("c"))
    assert group.summary == ("resolved", 0, 3)
    assert not group.record.truncated


@pytest.mark.parametrize(
    ("word", "state"),
    [
        pytest.param(firing_alert("a"), GroupState.RESOLVED, id="the start that it had: late"),
        pytest.param(firing_alert("a", began=-3), GroupState.RESOLVED, id="an earlier start: later still"),
        pytest.param(firing_alert("a", began=0.5), GroupState.RESOLVED, id="a start of its own before the end: late too"),
        pytest.param(firing_alert("a", began=5.1), GroupState.FIRING, id="another start: it fires again"),
    ],
)
def test_the_late_word_of_another_alertmanager_reopens_nothing(word: Alert, state: GroupState) -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"))
    group.notify(5, resolved_alert("a"))
    group.notify(5.25, word)
    assert group.record.state is state


def test_a_late_word_of_an_end_does_not_end_what_began_afterwards() -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"))
    group.notify(5, resolved_alert("a", ended=5))
    group.notify(6, firing_alert("a", began=5.5))
    assert group.notify(6.2, resolved_alert("a", ended=5)) is None
    assert group.summary == ("firing", 1, 1)


def test_the_same_start_much_later_is_no_late_word() -> None:
    """Prometheus was away, Alertmanager gave the alert up, and Prometheus came back with it."""
    group = GroupScenario()
    group.notify(0, firing_alert("a"))
    group.notify(5, resolved_alert("a"))
    group.notify(5.1, replace(resolved_alert("a"), annotations={"summary": "The end, in other words"}))
    group.notify(5 + LATE_REPEAT_WINDOW / MINUTE + 0.01, firing_alert("a"))
    assert group.notes == ["Resolved after 5 min.", "Fires again, 21 s after it was resolved: 1 alert."]


def test_an_end_without_a_time_is_an_end() -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"))
    group.notify(5, replace(resolved_alert("a"), ends_at=None))
    assert group.record.state is GroupState.RESOLVED


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


def test_a_group_that_gets_worse_says_so_and_stays_where_it_is() -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"))
    group.notify(1, firing_alert("a"), firing_alert("b"), severity=Severity.P0)
    assert group.notes == ["1 alert more. It is P0 now, it was P2. 2 alerts fire now."]
    assert (str(group.record.severity), group.record.channel) == ("P0", "C0WARNING")
    group.notify(2, firing_alert("a"), resolved_alert("b"), severity=Severity.P2)
    assert str(group.record.severity) == "P0", "what was told of as the worst stays so while it fires"
    group.notify(3, resolved_alert("a", ended=3), severity=Severity.P2)
    group.notify(9, firing_alert("a", began=8), severity=Severity.P2)
    assert str(group.record.severity) == "P2", "a new episode is as bad as it is"


def test_a_new_episode_has_no_acknowledgement_suspect_or_value_of_the_last() -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"))
    assert group.stored is not None
    group.stored = StoredGroup(replace(group.record, value="14.2 (limit 10)"), group.stored.alerts)
    group.notify(5, resolved_alert("a"))
    assert group.record.value == "14.2 (limit 10)"
    group.notify(10, firing_alert("a", began=9))
    assert (group.record.value, group.record.suspect, group.record.acknowledgement) == ("", None, None)


def test_a_group_that_never_ends_does_not_grow_for_ever() -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("stays"))
    for number in range(1, 4):
        names = [f"{number}-{place}" for place in range(MAX_RESOLVED_ALERTS // 2)]
        group.notify(number, *(firing_alert(name, began=number) for name in names))
        group.notify(number + 0.5, *(resolved_alert(name, number, number + 0.4) for name in names))
    assert group.stored is not None
    assert group.summary == ("firing", 1, 1 + MAX_RESOLVED_ALERTS)
    assert {name.split("-")[1] for name in group.stored.alerts} == {"stays", "2", "3"}, "those that ended last are kept"


NAMES = ("a", "b", "c")
Word = tuple[str, bool]
"""An alert's name and whether it fires."""
words = some.lists(
    some.tuples(some.dictionaries(some.sampled_from(NAMES), some.booleans(), min_size=1), some.integers(0, 2)), max_size=30
)


@given(words)
def test_whatever_is_said_in_whatever_mixture_the_last_word_about_each_alert_counts(
    said: list[tuple[dict[str, bool], int]],
) -> None:
    """Each word may be said again up to twice: by the other Alertmanager, or by the same one once more."""
    group = GroupScenario(timings=FakeGroupTimings(reopen_within=timedelta(days=365), flap_changes=100))
    last: dict[str, bool] = {}
    beginnings: dict[str, float] = {}
    states = []
    for number, (word, repeats) in enumerate(said, start=1):
        minutes = float(number)
        alerts = []
        for name, firing in sorted(word.items()):
            if firing and not last.get(name):
                beginnings[name] = minutes
            if firing or name in last:
                last[name] = firing
            began = beginnings.get(name, 0)
            alerts.append(firing_alert(name, began) if firing else resolved_alert(name, began, minutes))
        group.notify(minutes, *alerts)
        for again in range(repeats):
            assert group.notify(minutes + 0.1 * (again + 1), *alerts) is None
        states.append(any(last.values()))
    if not any(states):
        assert group.stored is None
        return
    assert group.stored is not None
    still = sorted(f"fp-{name}" for name, each in last.items() if each)
    assert group.record.firing == len(still)
    assert group.record.state is (GroupState.FIRING if still else GroupState.RESOLVED)
    assert sorted(name for name, each in group.stored.alerts.items() if each.firing) == still
    assert group.record.total == len(group.stored.alerts)
    first = states.index(True)
    turns = sum(before is not after for before, after in zip(states[first:], states[first + 1 :], strict=False))
    assert group.flips_counted == turns
    assert sum(each.startswith(("Resolved after", "Fires again")) for each in group.notes) == turns
    assert group.record.reply_count == len(group.notes)
    assert group.record.episode == 1 + sum(each.startswith("Fires again") for each in group.notes)
