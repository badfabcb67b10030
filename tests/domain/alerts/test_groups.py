"""The life of an alert group: what its card shows and its thread says, whatever Alertmanager repeats, mixes or leaves out."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.alerts.alerts import Alert, GroupState
from domain.alerts.groups import ENDED, REPEAT, Known, Told, is_over, opens
from domain.severities import Severity
from tests.harness.alert_scenario import MINUTE, RULES, Group, Rules, at, ends, fires, route
from tests.harness.fakes.clock import NOW
from tests.harness.samples.notifications import notification


def test_a_new_group_shows_what_fires_and_says_nothing_beside_its_card() -> None:
    group = Group()
    group.hear(1, fires("a"), fires("b"), ends("c"))
    assert group.shown == ("firing", 2, 2)
    assert group.record.title == "HighErrorRate"
    assert group.record.summary == "Errors are high"
    assert group.record.common_labels == {"alertname": "HighErrorRate"}
    assert group.record.began_at == NOW
    assert group.said == []


def test_what_was_never_seen_firing_need_not_be_told() -> None:
    assert opens(Told(notification=notification(ends("a"), ends("b")), at=NOW, route=route()), "al-test") is None
    group = Group()
    group.hear(0, fires("a"))
    assert group.hear(1, fires("a"), ends("never seen")) is None
    assert group.shown == ("firing", 1, 1)


def test_hearing_it_again_changes_nothing() -> None:
    group = Group()
    group.hear(0, fires("a"), fires("b"))
    assert group.hear(5, fires("a"), fires("b")) is None
    group.hear(6, ends("a"), ends("b"))
    assert group.hear(7, ends("a"), ends("b")) is None
    assert group.said == ["Resolved after 6 min."]


def test_only_what_moved_is_written_again() -> None:
    group = Group()
    group.hear(0, *(fires(f"{number}") for number in range(100)))
    change = group.hear(1, *(fires(f"{number}") for number in range(99)), ends("99"))
    assert change is not None
    assert [each.fingerprint for each in change.alerts] == ["fp-99"]


def test_each_alert_that_joins_or_leaves_is_told_once() -> None:
    group = Group()
    group.hear(0, fires("a"))
    group.hear(1, fires("a"), fires("b"), fires("c"))
    change = group.hear(2, ends("a"), fires("b"), fires("c"), fires("d"))
    assert group.said == ["2 alerts more. 3 alerts fire now.", "1 alert more. 1 alert resolved. 3 alerts fire now."]
    assert change is not None
    assert change.notes[0].lines == ("🔴 pod=d", "✅ pod=a")
    assert group.shown == ("firing", 3, 4)


def test_many_that_join_are_counted_and_some_are_named() -> None:
    group = Group()
    group.hear(0, fires("a"))
    change = group.hear(1, *(fires(f"p{number:04}") for number in range(1000)))
    assert change is not None
    (note,) = change.notes
    assert note.text == "1,000 alerts more. 1,001 alerts fire now."
    assert (len(note.lines), note.lines[-1]) == (9, "and 992 more")


def test_other_words_in_the_annotations_change_the_card_and_say_nothing() -> None:
    group = Group()
    group.hear(0, fires("a"))
    group.hear(1, replace(fires("a"), annotations={"summary": "Errors are higher still"}))
    assert group.record.summary == "Errors are higher still"
    assert group.said == []


def test_a_truncated_payload_resolves_nothing_that_it_leaves_out() -> None:
    group = Group()
    group.hear(0, fires("a"), fires("b"), fires("c"))
    group.hear(1, ends("a"), truncated=2)
    assert group.shown == ("firing", 2, 3)
    assert group.record.truncated
    group.hear(2, ends("b"), ends("c"))
    assert group.shown == ("resolved", 0, 3)
    assert not group.record.truncated


@pytest.mark.parametrize(
    ("word", "state"),
    [
        pytest.param(fires("a"), GroupState.RESOLVED, id="the start that it had: late"),
        pytest.param(fires("a", began=-3), GroupState.RESOLVED, id="an earlier start: later still"),
        pytest.param(fires("a", began=0.5), GroupState.RESOLVED, id="a start of its own before the end: late too"),
        pytest.param(fires("a", began=5.1), GroupState.FIRING, id="another start: it fires again"),
    ],
)
def test_the_late_word_of_another_alertmanager_reopens_nothing(word: Alert, state: GroupState) -> None:
    group = Group()
    group.hear(0, fires("a"))
    group.hear(5, ends("a"))
    group.hear(5.25, word)
    assert group.record.state is state


def test_a_late_word_of_an_end_does_not_end_what_began_afterwards() -> None:
    group = Group()
    group.hear(0, fires("a"))
    group.hear(5, ends("a", ended=5))
    group.hear(6, fires("a", began=5.5))
    assert group.hear(6.2, ends("a", ended=5)) is None
    assert group.shown == ("firing", 1, 1)


def test_the_same_start_much_later_is_no_late_word() -> None:
    """Prometheus was away, Alertmanager gave the alert up, and Prometheus came back with it."""
    group = Group()
    group.hear(0, fires("a"))
    group.hear(5, ends("a"))
    group.hear(5.1, replace(ends("a"), annotations={"summary": "The end, in other words"}))
    group.hear(5 + REPEAT / MINUTE + 0.01, fires("a"))
    assert group.said == ["Resolved after 5 min.", "Fires again, 21 s after it was resolved: 1 alert."]


def test_an_end_without_a_time_is_an_end() -> None:
    group = Group()
    group.hear(0, fires("a"))
    group.hear(5, replace(ends("a"), ends_at=None))
    assert group.record.state is GroupState.RESOLVED


def test_a_group_that_fires_again_goes_on_in_its_thread_as_a_new_episode() -> None:
    group = Group()
    group.hear(0, fires("a"), fires("b"))
    group.hear(5, ends("a"), ends("b"))
    group.hear(15, fires("c", began=14), replace(ends("b"), annotations={"summary": "Other words"}))
    assert group.said == ["Resolved after 5 min.", "Fires again, 10 min after it was resolved: 1 alert."]
    assert group.record.episode == 2
    assert group.record.began_at == at(14)
    assert group.record.resolved_at is None
    assert group.shown == ("firing", 1, 2), "what ended in the last episode and is not spoken of any more is not counted"


def test_what_fires_again_is_named_and_what_does_not_is_not() -> None:
    group = Group()
    group.hear(0, fires("a"), fires("b"), fires("c"))
    group.hear(5, ends("a"), ends("b"), ends("c"))
    change = group.hear(9, replace(ends("b"), annotations={}), fires("a", began=8), fires("c", began=8))
    assert change is not None
    assert change.notes[0].lines == ("pod=a", "pod=c")
    group.hear(10, ends("a", began=8, ended=9), ends("c", began=8, ended=9))
    change = group.hear(20, *(fires(f"p{number}", began=19) for number in range(20)))
    assert change is not None
    assert change.notes[0].lines[-2:] == ("pod=p7", "and 12 more")


@pytest.mark.parametrize(("minutes", "over"), [(65, False), (65.1, True)])
def test_after_its_time_it_is_over_and_the_next_alert_is_a_new_group(minutes: float, *, over: bool) -> None:
    group = Group()
    group.hear(0, fires("a"))
    assert not is_over(group.record, at(1000), RULES)
    group.hear(5, ends("a"))
    assert is_over(group.record, at(minutes), RULES) is over


def test_flapping_is_said_once_and_then_the_card_alone_follows() -> None:
    group = Group()
    group.hear(0, fires("a"))
    for number in range(1, 10):
        group.hear(number, ends("a", number - 1, number) if number % 2 else fires("a", began=number))
    assert group.flips == 9
    assert group.said[5:] == ["Flapping: 6 changes in 5 min. From here the card alone follows them."]
    assert group.record.flapping
    assert group.record.state is GroupState.RESOLVED


def test_while_it_flaps_alerts_that_join_are_not_told_either() -> None:
    group = Group()
    group.hear(0, fires("a"))
    for number in range(1, 7):
        group.hear(number, ends("a", number - 1, number) if number % 2 else fires("a", began=number))
    said = len(group.said)
    group.hear(7, fires("a", began=6), fires("b", began=7))
    assert group.record.firing == 2
    assert len(group.said) == said


def test_a_group_that_flapped_is_steady_again_after_a_while() -> None:
    group = Group()
    group.hear(0, fires("a"))
    for number in range(1, 7):
        group.hear(number, ends("a", number - 1, number) if number % 2 else fires("a", began=number))
    looks = []
    for minutes in (15.9, 16):
        group.look(minutes)
        looks.append(group.record.flapping)
    assert looks == [True, False]
    assert group.said[-1] == "Steady again: firing since 14:08 UTC."
    group.hear(20, ends("a", 6, 19))
    assert group.said[-1] == "Resolved after 14 min."


def test_changes_far_apart_are_no_flapping() -> None:
    group = Group(rules=Rules(reopen_within=10_000 * MINUTE))
    group.hear(0, fires("a"))
    for number in range(1, 20):
        minutes = number * 6.1
        group.hear(minutes, ends("a", minutes - 6.1, minutes) if number % 2 else fires("a", began=minutes))
    assert not group.record.flapping
    assert len(group.said) == 19


def test_a_group_that_gets_worse_says_so_and_stays_where_it_is() -> None:
    group = Group()
    group.hear(0, fires("a"))
    group.hear(1, fires("a"), fires("b"), severity=Severity.P0)
    assert group.said == ["1 alert more. It is P0 now, it was P2. 2 alerts fire now."]
    assert (str(group.record.severity), group.record.channel) == ("P0", "C0WARNING")
    group.hear(2, fires("a"), ends("b"), severity=Severity.P2)
    assert str(group.record.severity) == "P0", "what was told of as the worst stays so while it fires"
    group.hear(3, ends("a", ended=3), severity=Severity.P2)
    group.hear(9, fires("a", began=8), severity=Severity.P2)
    assert str(group.record.severity) == "P2", "a new episode is as bad as it is"


def test_a_new_episode_has_no_acknowledgement_suspect_or_value_of_the_last() -> None:
    group = Group()
    group.hear(0, fires("a"))
    assert group.known is not None
    group.known = Known(replace(group.record, value="14.2 (limit 10)"), group.known.alerts)
    group.hear(5, ends("a"))
    assert group.record.value == "14.2 (limit 10)"
    group.hear(10, fires("a", began=9))
    assert (group.record.value, group.record.suspect, group.record.acknowledgement) == ("", None, None)


def test_a_group_that_never_ends_does_not_grow_for_ever() -> None:
    group = Group()
    group.hear(0, fires("stays"))
    for number in range(1, 4):
        names = [f"{number}-{place}" for place in range(ENDED // 2)]
        group.hear(number, *(fires(name, began=number) for name in names))
        group.hear(number + 0.5, *(ends(name, number, number + 0.4) for name in names))
    assert group.known is not None
    assert group.shown == ("firing", 1, 1 + ENDED)
    assert {name.split("-")[1] for name in group.known.alerts} == {"stays", "2", "3"}, "those that ended last are kept"


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
    group = Group(rules=Rules(reopen_within=timedelta(days=365), flaps=100))
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
            alerts.append(fires(name, began) if firing else ends(name, began, minutes))
        group.hear(minutes, *alerts)
        for again in range(repeats):
            assert group.hear(minutes + 0.1 * (again + 1), *alerts) is None
        states.append(any(last.values()))
    if not any(states):
        assert group.known is None
        return
    assert group.known is not None
    still = sorted(f"fp-{name}" for name, each in last.items() if each)
    assert group.record.firing == len(still)
    assert group.record.state is (GroupState.FIRING if still else GroupState.RESOLVED)
    assert sorted(name for name, each in group.known.alerts.items() if each.firing) == still
    assert group.record.total == len(group.known.alerts)
    first = states.index(True)
    turns = sum(before is not after for before, after in zip(states[first:], states[first + 1 :], strict=False))
    assert group.flips == turns
    assert sum(each.startswith(("Resolved after", "Fires again")) for each in group.said) == turns
    assert group.record.said == len(group.said)
    assert group.record.episode == 1 + sum(each.startswith("Fires again") for each in group.said)
