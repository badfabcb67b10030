"""Who may approve or reject an operation, and in which words others are refused."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.operations.approvals import decision_refusal
from domain.operations.operation import Decision
from domain.people import Member
from tests.harness.samples.operations import NOW, record
from tests.harness.samples.team import ANA, LEE, TEAM, member, team_catalogue

GRID = "T0SECOND"
LATER = NOW + timedelta(minutes=2)
REQUESTED = replace(record(), requested_by=LEE.person)
LEE_ON_GRID = member(LEE.person.user_id, "lee", team=GRID)


def refusal_of(member: Member, decision: Decision) -> str:
    refusal = decision_refusal(REQUESTED, member, decision, team_catalogue(workspaces=[TEAM, GRID]), LATER)
    return "" if refusal is None else str(refusal)


@pytest.mark.parametrize("who", [LEE, LEE_ON_GRID], ids=["here", "in another workspace of the same organization"])
def test_nobody_approves_what_they_asked_for(who: Member) -> None:
    sentence = "You asked for op-k7m2 yourself, so another person has to approve it. Nothing was changed."
    assert refusal_of(who, Decision.APPROVED) == sentence


@pytest.mark.parametrize("who", [LEE, LEE_ON_GRID], ids=["here", "in another workspace of the same organization"])
def test_who_asked_may_reject_it(who: Member) -> None:
    assert refusal_of(who, Decision.REJECTED) == ""


def test_without_the_role_nobody_decides() -> None:
    assert refusal_of(ANA, Decision.APPROVED).startswith("Deciding on op-k7m2 needs the role approver in production")
