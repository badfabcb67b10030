"""The headline and the details of a proof, and when another look is worth it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.incidents.incident import ClockKind, IncidentClock, Mark, Task
from domain.incidents.proof import Evidence, Finding, Proof, ProofPart, Window, compose_proof, own_part
from domain.rich_text import plain_text
from tests.harness.samples.incidents import ANA, START, incident, minutes

WINDOW = Window(START, START + minutes(30))
SHOWN = Evidence(finding=Finding.SHOWN, brief="HighErrorRate 0.4 (limit 10)", detail="HighErrorRate 0.4, inside it.")
NO_SILENCE = Evidence(finding=Finding.SHOWN, brief="no silence hides it", detail="No silence hides it.")
PODS = Evidence(finding=Finding.SHOWN, brief="all 9 pods run main-abc1234", detail="web: 9 pods run it.")
FIRES = Evidence(finding=Finding.REFUTED, brief="HighErrorRate still fires", detail="HighErrorRate still fires.")
UNREADY = Evidence(finding=Finding.REFUTED, brief="only 2 of 3 pods are ready", detail="Only 2 of 3.", may_pass=True)
AWAY = Evidence(finding=Finding.UNKNOWN, brief="the silences", detail="Alertmanager is away.", may_pass=True)
NO_RULE = Evidence(finding=Finding.UNKNOWN, brief="HighLatency", detail="HighLatency: no Prometheus.")


def proof(*evidence: Evidence) -> Proof:
    return compose_proof(WINDOW, [ProofPart("alert", evidence), own_part(incident())])


@pytest.mark.parametrize(
    ("evidence", "headline", "complete", "try_again"),
    [
        (
            [SHOWN, NO_SILENCE, PODS],
            "for 30 min: HighErrorRate 0.4 (limit 10), no silence hides it, all 9 pods run main-abc1234, no clock runs",
            True,
            False,
        ),
        ([FIRES, NO_SILENCE], "HighErrorRate still fires · for 30 min: no silence hides it, no clock runs", False, False),
        (
            [SHOWN, AWAY],
            "could not be shown: the silences · for 30 min: HighErrorRate 0.4 (limit 10), no clock runs",
            False,
            True,
        ),
        ([NO_RULE], "could not be shown: HighLatency · for 30 min: no clock runs", False, False),
        ([NO_RULE, AWAY], "could not be shown: HighLatency, the silences · for 30 min: no clock runs", False, True),
        (
            [FIRES, AWAY],
            "HighErrorRate still fires · could not be shown: the silences · for 30 min: no clock runs",
            False,
            False,
        ),
        ([UNREADY], "only 2 of 3 pods are ready · for 30 min: no clock runs", False, True),
        ([UNREADY, FIRES], "only 2 of 3 pods are ready, HighErrorRate still fires · for 30 min: no clock runs", False, False),
    ],
)
def test_the_headline(
    evidence: list[Evidence],
    headline: str,
    complete: bool,  # noqa: FBT001 -- a table
    try_again: bool,  # noqa: FBT001 -- a table
) -> None:
    found = proof(*evidence)
    assert plain_text(found.lines[0]) == f"Resolved 2026-11-23 14:02 UTC · {headline}"
    assert (found.complete, found.try_again) == (complete, try_again)


def test_of_many_alerts_five_are_named_the_worst_first_and_the_rest_is_counted() -> None:
    good = [replace(SHOWN, detail=f"good {number}", brief=f"g{number}") for number in range(6)]
    lines = [plain_text(line) for line in proof(*good, NO_RULE, FIRES).lines]
    assert lines[1:] == [
        "HighErrorRate still fires.",
        "HighLatency: no Prometheus.",
        "good 0",
        "good 1",
        "good 2",
        "3 more alerts: 3 in order.",
        "No clock runs.",
    ]
    assert lines[0].endswith("for 30 min: g0, g1, g2, g3, 3 more")


def test_the_rest_is_counted_by_what_was_found() -> None:
    lines = [plain_text(line) for line in proof(*[FIRES] * 6, NO_RULE).lines]
    assert "2 more alerts: 1 not over, 1 could not be shown." in lines


def clock(kind: ClockKind) -> IncidentClock:
    return IncidentClock(kind=kind, due_at=START + timedelta(hours=1), deadline=START + timedelta(days=2))


@pytest.mark.parametrize(
    ("kinds", "finding", "said"),
    [
        ([], Finding.SHOWN, "No clock runs."),
        ([ClockKind.WATCH], Finding.SHOWN, "No clock runs."),
        ([ClockKind.POSTMORTEM], Finding.SHOWN, "No clock runs but the post-mortem's, due 2026-11-25 14:02 UTC."),
        ([ClockKind.UPDATE], Finding.REFUTED, "The clock update runs."),
        ([ClockKind.RESPOND, ClockKind.COMMANDER], Finding.REFUTED, "The clocks respond, commander run."),
    ],
)
def test_clocks(kinds: list[ClockKind], finding: Finding, said: str) -> None:
    (evidence,) = own_part(incident(clocks=tuple(map(clock, kinds)))).evidence
    assert (evidence.finding, plain_text(evidence.detail)) == (finding, said)


def test_open_tasks_are_counted_and_do_not_keep_it_open() -> None:
    done = Task(number=1, text="look", added=Mark(ANA, START), done=Mark(ANA, START))
    tasks = (done, replace(done, number=2, done=None), replace(done, number=3, done=None))
    part = own_part(incident(tasks=tasks))
    found = compose_proof(WINDOW, [ProofPart("alert", (SHOWN,)), part])
    assert found.complete
    assert plain_text(found.lines[0]).endswith("no clock runs, 2 open tasks")
