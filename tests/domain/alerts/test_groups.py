"""The life of an alert group: what its card shows and its thread says, whatever Alertmanager repeats, mixes or leaves out."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.alerts.alerts import Alert, GroupState
from domain.alerts.groups import LATE_REPEAT_WINDOW, MAX_RESOLVED_ALERTS, RoutedNotification, open_group
from domain.severities import Severity
from tests.harness.alert_scenario import (
    MINUTE,
    FakeGroupTimings,
    GroupScenario,
    firing_alert,
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


def test_a_group_that_gets_worse_says_so_and_stays_where_it_is() -> None:
    group = GroupScenario()
    group.notify(0, firing_alert("a"))
    group.notify(1, firing_alert("a"), firing_alert("b"), severity=Severity.P0)
    assert group.notes == ["1 alert more. It is P0 now, it was P2. 2 alerts fire now."]
    assert (str(group.record.severity), group.record.channel) == ("P0", "C0WARNING")
    group.notify(2, firing_alert("a"), resolved_alert("b"), severity=Severity.P2)
    assert str(group.record.severity) == "P2", "what made it worse has ended"
    assert group.notes[1:] == ["1 alert resolved. It is P2 now, it was P0. 1 alert fires now."]
    group.notify(3, resolved_alert("a", ended=3), severity=Severity.P2)
    group.notify(9, firing_alert("a", began=8), severity=Severity.P2)
    assert str(group.record.severity) == "P2", "a new episode is as bad as it is"


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
