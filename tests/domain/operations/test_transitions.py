"""Approvals, cancellations and ends of an operation as pure transitions: what is accepted, what is refused, in which words."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import Refused
from domain.operations.operation import Decision, State
from domain.operations.transitions import cancel, decide, end_operation, expire, start_approval_timer
from tests.harness.samples.operations import ANA, MIA, NOW, approved, record

LATER = NOW + timedelta(minutes=2)
OVER = NOW + timedelta(minutes=15)
UNSEEN = replace(record(), approval=replace(record().approval, expires_at=None))  # type: ignore[type-var]
"""Its card has reached nobody yet."""


def test_another_person_approves_and_it_runs() -> None:
    change = decide(record(), MIA, Decision.APPROVED, LATER)
    assert change.record.state is State.RUNNING
    assert change.record.approval is not None
    assert (change.record.approval.decision, change.record.approval.decided_by) == (Decision.APPROVED, MIA)
    assert change.record.approval.digest == "d" * 64


def test_what_needs_no_approval_takes_none() -> None:
    with pytest.raises(Refused, match="op-k7m2 needs no approval"):
        decide(record(State.RUNNING, approval=None), MIA, Decision.APPROVED, LATER)


@pytest.mark.parametrize("decision", [Decision.APPROVED, Decision.REJECTED])
def test_the_first_decision_stands(decision: Decision) -> None:
    with pytest.raises(Refused, match=rf"op-k7m2 was already approved by @{MIA.user_id}\. Your answer changes nothing\."):
        decide(approved(), MIA, decision, LATER)


def test_what_has_ended_takes_no_decision() -> None:
    gone = cancel(record(), ANA, LATER).record
    with pytest.raises(Refused, match=r"op-k7m2 has already ended: Cancelled by .*Your answer changes nothing\."):
        decide(gone, MIA, Decision.APPROVED, LATER)


@pytest.mark.parametrize("at", [OVER, OVER + timedelta(days=1)])
def test_an_approval_whose_time_is_over_takes_no_decision(at: object) -> None:
    """Even before the timer that ends it has run."""
    with pytest.raises(Refused, match="waited too long and expired"):
        decide(record(), MIA, Decision.APPROVED, at)  # type: ignore[arg-type]


def test_a_moment_before_it_still_does() -> None:
    assert decide(record(), MIA, Decision.APPROVED, OVER - timedelta(seconds=1)).record.state is State.RUNNING


def test_an_approval_that_nobody_saw_does_not_run_out() -> None:
    assert expire(UNSEEN, OVER + timedelta(days=1)) is None
    assert decide(UNSEEN, MIA, Decision.APPROVED, OVER + timedelta(days=1)).record.state is State.RUNNING


def test_its_time_runs_from_the_first_delivery_of_the_card_only() -> None:
    seen = start_approval_timer(UNSEEN, LATER)
    assert seen is not None
    assert seen.record.approval is not None
    assert seen.record.approval.expires_at == LATER + timedelta(minutes=15)
    assert start_approval_timer(seen.record, LATER + timedelta(minutes=5)) is None
    assert start_approval_timer(approved(), LATER) is None
    assert start_approval_timer(record(State.RUNNING, approval=None), LATER) is None


def test_it_expires_when_its_time_is_over_and_not_before() -> None:
    assert expire(record(), OVER - timedelta(seconds=1)) is None
    change = expire(record(), OVER)
    assert change is not None
    assert change.record.state is State.EXPIRED


def test_what_was_decided_does_not_expire() -> None:
    """The timer may run in the moment of the decision."""
    assert expire(approved(), OVER) is None
    assert expire(cancel(record(), ANA, LATER).record, OVER) is None


def test_what_waits_is_cancelled_at_once_and_nothing_was_changed() -> None:
    after = cancel(record(), MIA, LATER).record
    assert (after.state, after.end_state) == (State.CANCELLED, ("Nothing was changed.",))


def test_what_runs_is_asked_to_stop_once() -> None:
    asked = cancel(approved(), MIA, LATER).record
    assert asked.state is State.RUNNING
    with pytest.raises(Refused, match=rf"op-k7m2 is already being stopped, as @{MIA.user_id} asked\."):
        cancel(asked, ANA, LATER)


def test_what_has_ended_is_not_stopped() -> None:
    with pytest.raises(Refused, match="op-k7m2 has already ended"):
        cancel(cancel(record(), ANA, LATER).record, MIA, LATER)


@pytest.mark.parametrize("late", [each for each in State if each.final and each is not State.FAILED])
def test_an_end_is_not_turned_into_another(late: State) -> None:
    first = end_operation(approved(), State.FAILED, LATER, ANA, "It did not become ready.").record
    with pytest.raises(Refused, match="op-k7m2 has already ended: It did not become ready"):
        end_operation(first, late, LATER, ANA, "x")
