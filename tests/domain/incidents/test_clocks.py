"""The clocks: what is due when, what it does then, and what the card says of it before."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.views.incident_buttons import note_buttons
from domain.incidents import transitions
from domain.incidents.changes import IncidentChange, Offer, PageTarget
from domain.incidents.clocks import next_due, run_due_clock, upcoming
from domain.incidents.incident import ClockKind, Incident, IncidentRole
from domain.rich_text import plain_text
from domain.severities import Severity
from tests.harness.samples.incidents import ANA, LEE, START, TIMINGS, declared, minutes


def run_until(record: Incident, until: datetime) -> tuple[Incident, list[tuple[float, str]]]:
    """Let time pass and nobody act: the record then, and what was said after how many minutes."""
    said: list[tuple[float, str]] = []
    while (due_at := next_due(record)) is not None and due_at <= until:
        change = run_due_clock(record, due_at, TIMINGS)
        if change is None:
            break
        said += [((due_at - START) / minutes(1), plain_text(note.text)) for note in change.notes]
        record = change.record
    return record, said


def test_nobody_acknowledges_a_p1_for_half_an_hour() -> None:
    _, said = run_until(declared().record, START + minutes(30))
    assert said == [
        (5, "Nobody has acknowledged this for 5 min."),
        (15, "Nobody has acknowledged this for 15 min."),
        (25, "Nobody has acknowledged this for 25 min."),
    ]


def test_when_nobody_answers_twice_anybody_of_the_rotation_may_take_the_pager() -> None:
    first, second = list(_changes(declared(team="platform").record, START + minutes(16)))[:2]
    assert first.notes[0].offers == (Offer.ACKNOWLEDGE,)
    assert second.notes[0].offers == (Offer.ACKNOWLEDGE, Offer.TAKE_PAGER)
    assert [button.text for button in note_buttons("inc-x4k2", second.notes[0].offers, second.notes[0].team)] == [
        "Acknowledge",
        "Take the pager",
    ]
    assert [button.text for button in note_buttons("inc-x4k2", second.notes[0].offers)] == ["Acknowledge"]


@pytest.mark.parametrize(("severity", "within"), [("P0", 15), ("P1", 60), ("P2", 240), ("P3", 1440)])
def test_a_response_is_due_by_the_severity_and_its_lack_escalates(severity: str, within: int) -> None:
    record = transitions.acknowledge(declared(severity=Severity(severity)).record, ANA, START, TIMINGS).record
    record, said = run_until(record, START + minutes(within + 11))
    responses = [text for at, text in said if at in (within, within + 10) and "update" in text]
    assert responses[0].startswith(f"A {severity} needs a response within")
    assert responses[-1].startswith("There is still no update")
    assert record.clock(ClockKind.RESPOND) is None


def test_updates_are_asked_for_again_and_again() -> None:
    record = transitions.acknowledge(declared(severity=Severity.P2).record, ANA, START, TIMINGS).record
    _, said = run_until(record, START + minutes(400))
    asked = [at for at, text in said if text.startswith("The last word is")]
    late = [at for at, text in said if text.startswith("The update is late")]
    assert asked == [120, 250, 380]
    assert late == [130, 260, 390]


def test_a_silent_commander_is_asked_then_the_deputy_and_the_on_call_person_are_told() -> None:
    record = transitions.acknowledge(declared(severity=Severity.P0).record, ANA, START, TIMINGS).record
    record = transitions.set_role(record, IncidentRole.COMMS, LEE, LEE, START, TIMINGS).record
    asked = next(
        change
        for change in _changes(record, START + minutes(41))
        if change.notes and "are you still with it" in plain_text(change.notes[0].text)
    )
    assert asked.notes[0].calls == (ANA,)
    assert asked.notes[0].offers == (Offer.STILL_HERE, Offer.TAKE_COMMAND)
    told = list(_changes(record, START + minutes(41)))[-1]
    assert "ana does not answer for 40 min" in plain_text(told.notes[0].text)
    assert told.notes[0].calls == (LEE,)
    assert told.page is not None
    assert told.page.target is PageTarget.POLICY


def test_a_commander_who_acts_is_not_asked() -> None:
    record = transitions.acknowledge(declared().record, ANA, START, TIMINGS).record
    record = transitions.rename(record, "payments time out", ANA, START + minutes(20)).record
    _, said = run_until(record, START + minutes(45))
    assert not [text for _, text in said if "still with it" in text]


@pytest.mark.parametrize("severity", ["P2", "P3"])
def test_nobody_asks_the_commander_of_a_mild_one(severity: str) -> None:
    record = transitions.acknowledge(declared(severity=Severity(severity)).record, ANA, START, TIMINGS).record
    assert record.clock(ClockKind.COMMANDER) is None


def test_a_pause_holds_the_clocks_and_says_why() -> None:
    record = transitions.acknowledge(declared().record, ANA, START, TIMINGS).record
    until = START + minutes(180)
    record = transitions.pause(record, until, "the vendor calls back", ANA, START + minutes(1)).record
    record, said = run_until(record, START + minutes(179))
    assert said == []
    record, said = run_until(record, START + minutes(181))
    assert {text for _, text in said} == {"The pause is over (the vendor calls back). The clocks count again."}


def test_the_post_mortem_of_a_severe_one_is_asked_for_and_given_up_after_a_week() -> None:
    record = transitions.resolve(declared().record, ANA, START, TIMINGS).record
    record = transitions.end_watch(record, START + minutes(30), TIMINGS, (), complete=True, close_now=True).record
    _, said = run_until(record, START + minutes(60 * 24 * 30))
    asked = [at / 60 for at, text in said if "post-mortem" in text]
    assert asked[:3] == [24, 46, 48]
    assert asked[-1] == 48 + 24 * 7
    assert said[2][1] == "The post-mortem of inc-x4k2 is due now."


@pytest.mark.parametrize("severity", ["P2", "P3"])
def test_a_mild_one_needs_no_post_mortem(severity: str) -> None:
    record = transitions.resolve(declared(severity=Severity(severity)).record, ANA, START, TIMINGS).record
    assert [clock.kind for clock in record.clocks] == [ClockKind.WATCH]


def test_the_channel_is_archived_a_day_after_the_end_but_not_before_the_post_mortem() -> None:
    record = transitions.resolve(declared().record, ANA, START, TIMINGS).record
    record = transitions.close(record, ANA, START, TIMINGS).record
    later, _ = run_until(record, START + minutes(60 * 25))
    assert later.clock(ClockKind.ARCHIVE) is not None
    mild = transitions.resolve(declared(severity=Severity.P3).record, ANA, START, TIMINGS).record
    mild, _ = run_until(transitions.close(mild, ANA, START, TIMINGS).record, START + minutes(60 * 25))
    assert mild.clocks == ()


def test_the_card_says_what_happens_if_nobody_does_anything() -> None:
    record = transitions.acknowledge(declared().record, ANA, START, TIMINGS).record
    steps = [((step.at - START) / minutes(1), plain_text(step.text)) for step in upcoming(record, TIMINGS)]
    assert steps == [
        (30, "asks ana for an update"),
        (30, "asks whether ana is still with it"),
        (40, "tells everybody here that the update is late"),
    ]


@given(
    severity=st.sampled_from(list(Severity)),
    acts=st.lists(st.sampled_from(["acknowledge", "update", "mitigate", "comms"]), max_size=4),
)
def test_what_the_card_foretells_is_what_happens(severity: Severity, acts: list[str]) -> None:
    record, at = declared(severity=severity).record, START
    for act in acts:
        at += minutes(1)
        record = _acted(record, act, at)
    foretold = list(dict.fromkeys(step.at for step in upcoming(record, TIMINGS, count=6)))
    happened: list[datetime] = []
    while len(happened) < len(foretold):
        due_at = next_due(record)
        assert due_at is not None
        change = run_due_clock(record, due_at, TIMINGS)
        assert change is not None
        happened += [due_at] if change.notes and due_at not in happened else []
        record = change.record
    assert happened == foretold


@given(st.lists(st.sampled_from(["acknowledge", "update", "mitigate", "comms", "wait"]), max_size=10))
def test_something_is_always_due_while_an_incident_is_ongoing(acts: list[str]) -> None:
    record, at = declared().record, START
    for act in acts:
        at += minutes(7)
        record = run_until(record, at)[0] if act == "wait" else _acted(record, act, at)
        assert next_due(record) is not None


def _acted(record: Incident, act: str, at: datetime) -> Incident:
    if act == "acknowledge":
        return record if record.acknowledged else transitions.acknowledge(record, ANA, at, TIMINGS).record
    if act == "mitigate":
        return record if record.mitigated else transitions.mitigate(record, ANA, at, TIMINGS).record
    if act == "comms":
        return record if record.comms else transitions.set_role(record, IncidentRole.COMMS, LEE, ANA, at, TIMINGS).record
    return transitions.post_update(record, "words", ANA, at, TIMINGS).record


def _changes(record: Incident, until: datetime) -> Iterator[IncidentChange]:
    while (due_at := next_due(record)) is not None and due_at <= until:
        change = run_due_clock(record, due_at, TIMINGS)
        if change is None:
            return
        yield change
        record = change.record
