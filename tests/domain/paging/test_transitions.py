"""Every order of what can happen to a page has one outcome, and nothing brings an ended one back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.paging import transitions
from domain.paging.pages import WAITING_STATES, Acknowledgement, Page, PageRequest, PageState, Recipient
from domain.paging.policies import PagePolicy, PageStep, WayName
from domain.paging.transitions import PageChange
from domain.people import Person
from domain.severities import Severity

NOW = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
SMS = (WayName("sms"),)
ANA, LEE = Recipient(name="ana", slack="U0ANA", phone="+491"), Recipient(name="lee", slack="U0LEE", phone="+492")
ACT = {
    "acknowledge": lambda page: transitions.acknowledge(page, by("lee")),
    "end": lambda page: transitions.end(page, "resolved", NOW),
    "call": lambda page: transitions.call(page, (ANA,), NOW),
    "hurry": lambda page: transitions.hurry(page, {"NOC": "+49"}, NOW),
    "promote": lambda page: transitions.promote(page, NOW),
    "resolved there": lambda page: transitions.resolved_elsewhere(page, by("lee"), is_person=True),
    "timed out there": lambda page: transitions.resolved_elsewhere(page, by("PagerDuty"), is_person=False),
    "clock set back": lambda page: transitions.follow_clock(page, NOW - timedelta(hours=1)),
}


def by(name: str) -> Acknowledgement:
    return Acknowledgement(by=Person(f"U0{name.upper()}", "T0HOME"), name=name, at=NOW, door="command")


def policy(*, everybody: bool = False, tries: int = 2, rounds: int = 1) -> PagePolicy:
    first = PageStep(whom=("oncall",), ways=SMS, tries=tries, everybody_confirms=everybody)
    return PagePolicy((first, PageStep(whom=("lead",), ways=SMS)), rounds)


def page(state: PageState = PageState.OPEN, **changes: object) -> Page:
    request = PageRequest(subject="inc-x4k2", severity=Severity.P1, team="platform", title="checkout is failing")
    started = transitions.start(transitions.new_page("pg-k7m2", request, NOW), policy(), NOW).record
    if state is PageState.ACKNOWLEDGED:
        return transitions.acknowledge(started, by("mia")).record
    if state is PageState.ENDED:
        return transitions.end(started, "resolved", NOW).record
    if state is PageState.FOLDED:
        return transitions.fold(started, replace(started, id="pg-lead"), NOW).record
    if state is PageState.UNANSWERED:
        return transitions.call(replace(started, call=3), (), NOW).record
    return replace(started, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "act", "after"),
    [
        (PageState.OPEN, "acknowledge", PageState.ACKNOWLEDGED),
        (PageState.OPEN, "end", PageState.ENDED),
        (PageState.OPEN, "call", PageState.OPEN),
        (PageState.OPEN, "resolved there", PageState.ACKNOWLEDGED),
        (PageState.OPEN, "timed out there", PageState.OPEN),
        (PageState.OPEN, "promote", PageState.OPEN),
        (PageState.FOLDED, "acknowledge", PageState.ACKNOWLEDGED),
        (PageState.FOLDED, "promote", PageState.OPEN),
        (PageState.FOLDED, "call", PageState.FOLDED),
        (PageState.FOLDED, "end", PageState.ENDED),
        (PageState.UNANSWERED, "acknowledge", PageState.ACKNOWLEDGED),
        (PageState.UNANSWERED, "call", PageState.UNANSWERED),
        (PageState.UNANSWERED, "hurry", PageState.UNANSWERED),
        (PageState.UNANSWERED, "end", PageState.ENDED),
        (PageState.ACKNOWLEDGED, "acknowledge", PageState.ACKNOWLEDGED),
        (PageState.ACKNOWLEDGED, "call", PageState.ACKNOWLEDGED),
        (PageState.ACKNOWLEDGED, "timed out there", PageState.ACKNOWLEDGED),
        (PageState.ACKNOWLEDGED, "end", PageState.ENDED),
        (PageState.ENDED, "acknowledge", PageState.ENDED),
        (PageState.ENDED, "call", PageState.ENDED),
        (PageState.ENDED, "promote", PageState.ENDED),
        (PageState.ENDED, "resolved there", PageState.ENDED),
        (PageState.ENDED, "end", PageState.ENDED),
    ],
)
def test_one_act_in_each_state(state: PageState, act: str, after: PageState) -> None:
    before = page(state)
    change: PageChange = ACT[act](before)
    assert change.record.state is after
    if state is PageState.ENDED:
        assert (change.record, change.notes) == (before, ())


@given(acts=st.lists(st.sampled_from(sorted(ACT)), max_size=25), start=st.sampled_from(list(PageState)))
def test_in_any_order_nothing_comes_back_and_something_is_due_or_there_is_a_reason(acts: list[str], start: PageState) -> None:
    current = page(start)
    for act in acts:
        change: PageChange = ACT[act](current)
        after = change.record
        if current.state is PageState.ENDED:
            assert after == current
        if current.state is PageState.ACKNOWLEDGED:
            assert after.state in (PageState.ACKNOWLEDGED, PageState.ENDED)
            assert after.acknowledgement == current.acknowledgement
        assert (after.due_at is not None) == (after.state is PageState.OPEN)
        assert after.state is PageState.OPEN or str(after.final_reason)
        assert after.call >= current.call
        assert change.is_acknowledged == (current.acknowledgement is None and after.acknowledgement is not None)
        assert after.policy is not None
        assert after.call <= after.policy.calls
        current = after


@given(tries=st.lists(st.integers(1, 5), min_size=1, max_size=6), rounds=st.integers(1, 4))
def test_a_policy_is_gone_through_step_by_step_and_hurrying_never_leaves_out_a_step(tries: list[int], rounds: int) -> None:
    steps = tuple(PageStep(whom=(f"person:p{number}",), ways=SMS, tries=count) for number, count in enumerate(tries))
    full = PagePolicy(steps, rounds)
    order = [steps.index(full.step_of(call)) for call in range(full.calls)]
    assert order == [number for number, count in enumerate(tries) for _ in range(count)] * rounds
    for call in range(full.calls):
        following = full.first_call_of_next_step(call)
        if following is None:
            assert order[call] == len(steps) - 1
        else:
            assert (order[following], order[following - 1]) == (order[call] + 1, order[call])


def test_a_call_that_is_late_gives_people_all_of_their_time() -> None:
    late = NOW + timedelta(hours=3)
    called = transitions.call(page(), (ANA,), late).record
    assert called.due_at == late + timedelta(minutes=5)


def test_everybody_confirms_and_only_then_it_is_taken() -> None:
    called = replace(page(), policy=policy(everybody=True), call=1, called=(ANA, LEE, Recipient(name="a pager")))
    first = transitions.acknowledge(called, by("ana"))
    assert (first.record.state, first.stops, str(first.notes[0].text)) == (
        PageState.OPEN,
        False,
        "@U0ANA confirmed. Still to confirm: lee.",
    )
    assert transitions.acknowledge(first.record, by("ana")).notes == ()
    last = transitions.acknowledge(first.record, by("lee"))
    assert (last.record.state, last.is_acknowledged) == (PageState.ACKNOWLEDGED, True)


def test_a_request_names_whom_the_first_step_calls() -> None:
    request = replace(page().request, whom=("lead",))
    started = transitions.start(transitions.new_page("pg-a", request, NOW), policy(), NOW).record
    assert started.policy is not None
    assert [step.whom for step in started.policy.steps] == [("lead",), ("lead",)]


def test_waiting_is_what_an_acknowledgement_changes() -> None:
    changed = [state for state in PageState if transitions.acknowledge(page(state), by("lee")).record != page(state)]
    assert tuple(changed) == WAITING_STATES
