"""What people may do with an incident in each of its states, and what that means."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refused
from domain.incidents import transitions
from domain.incidents.changes import IncidentChange, Offer, PageTarget
from domain.incidents.incident import BOT_PARTICIPANT, ClockKind, Incident, IncidentRole, IncidentState
from domain.incidents.merging import merge
from domain.rich_text import plain_text
from domain.severities import Severity
from tests.harness.samples.incidents import ANA, LEE, START, TIMINGS, TOM, declared, incident, minutes

Act = Callable[[Incident, datetime], IncidentChange]

ACTS: dict[str, Act] = {
    "acknowledge": lambda record, at: transitions.acknowledge(record, ANA, at, TIMINGS),
    "mitigate": lambda record, at: transitions.mitigate(record, ANA, at, TIMINGS),
    "resolve": lambda record, at: transitions.resolve(record, ANA, at, TIMINGS),
    "close": lambda record, at: transitions.close(record, ANA, at, TIMINGS),
    "reopen": lambda record, at: transitions.reopen(record, ANA, at, TIMINGS),
}
LEADS_TO = {
    (IncidentState.DECLARED, "acknowledge"): IncidentState.ACKNOWLEDGED,
    (IncidentState.DECLARED, "mitigate"): IncidentState.MITIGATED,
    (IncidentState.DECLARED, "resolve"): IncidentState.RESOLVED,
    (IncidentState.ACKNOWLEDGED, "mitigate"): IncidentState.MITIGATED,
    (IncidentState.ACKNOWLEDGED, "resolve"): IncidentState.RESOLVED,
    (IncidentState.MITIGATED, "resolve"): IncidentState.RESOLVED,
    (IncidentState.RESOLVED, "close"): IncidentState.CLOSED,
    (IncidentState.RESOLVED, "reopen"): IncidentState.ACKNOWLEDGED,
    (IncidentState.CLOSED, "reopen"): IncidentState.ACKNOWLEDGED,
}
"""Everything that is possible. Whatever is not here is refused."""
WAY_TO = {
    IncidentState.DECLARED: (),
    IncidentState.ACKNOWLEDGED: ("acknowledge",),
    IncidentState.MITIGATED: ("acknowledge", "mitigate"),
    IncidentState.RESOLVED: ("acknowledge", "resolve"),
    IncidentState.CLOSED: ("acknowledge", "resolve", "close"),
}


def in_state(state: IncidentState) -> Incident:
    record = declared().record
    for act in WAY_TO[state]:
        record = ACTS[act](record, START + minutes(1)).record
    return record


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("state", IncidentState)
def test_each_act_in_each_state_leads_somewhere_or_is_refused_in_words(state: IncidentState, act: str) -> None:
    record = in_state(state)
    expected = LEADS_TO.get((state, act))
    if expected is not None:
        assert ACTS[act](record, START + minutes(5)).record.state is expected
        return
    with pytest.raises(Refused) as refused:
        ACTS[act](record, START + minutes(5))
    text = plain_text(refused.value.sentence)
    assert text.startswith((record.id, "tom", "ana"))
    assert text.endswith(".")


@given(st.lists(st.sampled_from(sorted(ACTS)), max_size=12))
def test_in_any_order_nothing_but_reopening_goes_back(acts: list[str]) -> None:
    record, at = declared().record, START
    for act in acts:
        at += minutes(1)
        before = record
        try:
            record = ACTS[act](record, at).record
        except Refused:
            record = before
        order = list(IncidentState)
        if act != "reopen":
            assert order.index(record.state) >= order.index(before.state)
            assert not (before.resolved and not record.resolved)
        assert (record.resolved is not None) == (record.state in (IncidentState.RESOLVED, IncidentState.CLOSED))


def test_whoever_acknowledges_commands_and_stops_the_pages() -> None:
    change = transitions.acknowledge(declared().record, ANA, START + minutes(2), TIMINGS)
    assert change.record.commander == ANA
    assert change.acknowledged_by == ANA
    assert change.record.clock(ClockKind.ACKNOWLEDGE) is None
    assert {clock.kind for clock in change.record.clocks} == {ClockKind.RESPOND, ClockKind.UPDATE, ClockKind.COMMANDER}


def test_a_second_acknowledgement_changes_nothing_and_says_who_was_first() -> None:
    record = transitions.acknowledge(declared().record, ANA, START, TIMINGS).record
    with pytest.raises(Refused, match="ana has acknowledged inc-x4k2 already"):
        transitions.acknowledge(record, LEE, START + minutes(1), TIMINGS)


def test_an_acknowledgement_after_the_resolution_does_not_unresolve() -> None:
    record = transitions.resolve(declared().record, ANA, START + minutes(3), TIMINGS).record
    with pytest.raises(Refused, match="resolved already"):
        transitions.acknowledge(record, LEE, START + minutes(4), TIMINGS)


def test_who_resolved_is_not_named_and_nobody_is_called() -> None:
    change = transitions.resolve(declared().record, ANA, START + minutes(21), TIMINGS, how="rolled back")
    (note,) = change.notes
    assert plain_text(note.text) == "Resolved after 21 min: rolled back"
    assert note.calls == ()
    assert Offer.REOPEN in note.offers


def test_declaring_pages_by_the_policy_of_the_severity() -> None:
    order = declared().page
    assert order is not None
    assert (order.kind, order.target) == ("declared", PageTarget.POLICY)


@pytest.mark.parametrize(("before", "after", "pages"), [("P2", "P0", True), ("P1", "P3", False), ("P3", "P2", True)])
def test_only_a_worse_severity_pages_again(before: str, after: str, *, pages: bool) -> None:
    record = declared(severity=Severity(before)).record
    change = transitions.set_severity(record, Severity(after), ANA, START + minutes(1), TIMINGS, why="more users")
    assert (change.page is not None) is pages
    assert plain_text(change.notes[0].text) == f"Now {after}, was {before}: more users"


def test_a_worse_severity_brings_the_response_forward() -> None:
    change = transitions.set_severity(declared().record, Severity.P0, ANA, START + minutes(1), TIMINGS)
    respond = change.record.clock(ClockKind.RESPOND)
    assert respond is not None
    assert respond.due_at == START + minutes(15)


def test_the_person_who_gets_a_role_is_called_and_nobody_else() -> None:
    change = transitions.set_role(declared().record, IncidentRole.COMMANDER, LEE, ANA, START, TIMINGS)
    assert change.record.commander == LEE
    assert change.notes[0].calls == (LEE,)
    assert plain_text(change.notes[0].text) == "you are commander, says ana."
    assert plain_text(change.entries[0].text) == "lee is commander."


def test_taking_a_role_oneself_calls_nobody() -> None:
    change = transitions.set_role(declared().record, IncidentRole.SCRIBE, ANA, ANA, START, TIMINGS)
    assert change.notes[0].calls == ()


def test_an_update_is_the_response_and_moves_the_next_one() -> None:
    record = transitions.acknowledge(declared().record, ANA, START, TIMINGS).record
    change = transitions.post_update(record, "errors fall", ANA, START + minutes(10), TIMINGS)
    assert change.record.clock(ClockKind.RESPOND) is None
    update = change.record.clock(ClockKind.UPDATE)
    assert update is not None
    assert update.due_at == START + minutes(40)


def test_a_closed_incident_takes_no_update_and_says_how_to_go_on() -> None:
    with pytest.raises(Refused, match=r"inc-x4k2 is closed\. To go on with it: `incident reopen inc-x4k2`"):
        transitions.post_update(in_state(IncidentState.CLOSED), "late words", ANA, START, TIMINGS)


def test_closing_what_is_not_resolved_says_how_to_resolve_it() -> None:
    with pytest.raises(Refused, match=r"is declared and not resolved, so it cannot be closed\. Resolve it first"):
        transitions.close(declared().record, ANA, START, TIMINGS)


def test_an_alert_that_reopens_pages_again_and_nobody_has_acknowledged_it() -> None:
    record = transitions.resolve(declared().record, ANA, START + minutes(3), TIMINGS).record
    change = transitions.reopen(record, BOT_PARTICIPANT, START + minutes(9), TIMINGS, why="HighErrorRate fires again.")
    assert change.record.state is IncidentState.DECLARED
    assert change.page is not None
    assert change.page.kind == "reopened-1"
    assert plain_text(change.notes[0].text) == "Reopened: HighErrorRate fires again."


def test_a_merged_incident_cannot_be_reopened() -> None:
    other = incident(id="inc-k7m2", title="payments time out")
    merged = merge(declared().record, transitions.declare(other, TIMINGS).record, ANA, START)
    assert merged.stop_paging == "merged into inc-k7m2"
    assert merged.record.clocks == ()
    with pytest.raises(Refused, match="went on as inc-k7m2"):
        transitions.reopen(merged.record, ANA, START, TIMINGS)


@pytest.mark.parametrize("state", [IncidentState.RESOLVED, IncidentState.CLOSED])
def test_nothing_is_merged_into_what_has_ended(state: IncidentState) -> None:
    ended = in_state(state)
    with pytest.raises(Refused, match="nothing can be merged into it"):
        merge(transitions.declare(incident(id="inc-k7m2"), TIMINGS).record, ended, ANA, START)


@pytest.mark.parametrize(("test", "real"), [(0, 1), (1, 0)])
def test_a_rehearsal_and_a_real_incident_are_not_merged(test: int, real: int) -> None:
    both = (declared().record, transitions.declare(incident(id="inc-k7m2", is_test=True), TIMINGS).record)
    with pytest.raises(Refused, match="inc-k7m2 is a rehearsal, which ends by itself"):
        merge(both[test], both[real], ANA, START)


def test_a_watch_that_shows_everything_closes_the_incident() -> None:
    record = in_state(IncidentState.RESOLVED)
    change = transitions.end_watch(
        record, START + minutes(31), TIMINGS, ("error rate 0.4 (limit 10)",), complete=True, close_now=True
    )
    assert change.record.state is IncidentState.CLOSED
    assert change.record.proof == ("error rate 0.4 (limit 10)",)


@pytest.mark.parametrize(("complete", "close_now"), [(False, True), (True, False)])
def test_otherwise_a_person_closes_it(*, complete: bool, close_now: bool) -> None:
    record = in_state(IncidentState.RESOLVED)
    change = transitions.end_watch(record, START + minutes(31), TIMINGS, (), complete=complete, close_now=close_now)
    assert change.record.state is IncidentState.RESOLVED
    assert change.record.clock(ClockKind.WATCH) is None
    assert Offer.CLOSE in change.notes[0].offers


def test_the_commander_alone_says_that_they_are_here() -> None:
    record = transitions.acknowledge(declared().record, ANA, START, TIMINGS).record
    assert transitions.still_here(record, ANA, START + minutes(5), TIMINGS).record.commander_acted_at == START + minutes(5)
    with pytest.raises(Refused, match="commanded by ana"):
        transitions.still_here(record, LEE, START + minutes(5), TIMINGS)


@pytest.mark.parametrize(
    "act",
    [
        partial(transitions.rename, title="checkout is failing"),
        partial(transitions.set_severity, severity=Severity.P1, timings=TIMINGS),
    ],
)
def test_what_stands_already_is_refused(act: Callable[..., IncidentChange]) -> None:
    with pytest.raises(Refused, match="already"):
        act(declared().record, by=TOM, at=START)
