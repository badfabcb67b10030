"""What a digest says of the time since the one before: as a person would say it, and nothing that did not happen."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.digest.happened import Happened, describe
from domain.incidents.incident import IncidentState, Mark
from domain.maintenance.window import WindowState
from domain.operations.operation import OperationRecord, State
from domain.operations.plans import Verb
from domain.people import BOT
from domain.severities import Severity
from tests.harness.samples.incidents import TOM, incident, minutes
from tests.harness.samples.maintenance_gallery import PLANNED
from tests.harness.samples.operations import NOW, cancelled, ended, expired, failed, record, rejected, rolling, succeeded

HOUR = timedelta(hours=1)


def said(**happened: object) -> str:
    return " · ".join(map(str, describe(Happened(**happened), NOW)))  # type: ignore[arg-type]


def done(verb: Verb, **more: object) -> OperationRecord:
    return replace(succeeded(), verb=verb, **more)  # type: ignore[arg-type]


def test_each_kind_of_change_is_counted_in_the_plural_that_it_needs() -> None:
    operations = [done(Verb.DEPLOY)] * 3 + [done(Verb.ROLLBACK)] + [done(Verb.SCALE)] * 2 + [done(Verb.RESTART)]
    assert said(operations=operations) == "3 deploys · 1 rollback · 1 restart · 2 scales"


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (failed(), "1 rollback (op-k7m2 failed)"),
        (ended(State.FAILED, "The cluster did not answer."), "1 rollback (op-k7m2 failed)"),
        (replace(failed(), state=State.NEEDS_PERSON), "1 rollback (op-k7m2 needs a person)"),
        (replace(failed(), state=State.DRIFTED), "1 rollback (op-k7m2 stopped halfway)"),
        (replace(failed(), state=State.CANCELLED), "1 rollback (op-k7m2 was cancelled halfway)"),
        (rolling(), "1 rollback (op-k7m2 still runs)"),
        (replace(succeeded(), requested_by=BOT), "1 rollback (op-k7m2 by deepecho itself)"),
        (replace(failed(), requested_by=BOT), "1 rollback (op-k7m2 by deepecho itself failed)"),
        (rejected(), "not carried out: rollback op-k7m2 (rejected)"),
        (expired(), "not carried out: rollback op-k7m2 (not approved in time)"),
        (cancelled(), "not carried out: rollback op-k7m2 (cancelled)"),
        (ended(State.DRIFTED, "It changed."), "not carried out: rollback op-k7m2 (something else changed meanwhile)"),
        (record(), ""),
    ],
)
def test_what_did_not_go_well_is_named_and_what_changed_nothing_is_not_counted(operation: OperationRecord, expected: str) -> None:
    assert said(operations=[operation]) == expected


def test_of_many_failures_the_first_are_named() -> None:
    operations = [replace(failed(), id=f"op-{number}", requested_at=NOW + number * HOUR) for number in range(5)]
    assert said(operations=operations[::-1]) == "5 rollbacks (op-0 failed, op-1 failed, op-2 failed and 2 more)"


@pytest.mark.parametrize(
    ("titles", "expected"),
    [
        (["A"], "1 alert: A"),
        (["A", "A"], "2 alerts, both A"),
        (["A"] * 9, "9 alerts, all A"),
        (["B", "A"], "2 alerts: A, B"),
        (["A", "B", "C", "D", "E"], "5 alerts: A, B, C and 2 more"),
        (["A"] * 9 + ["B"] * 5, "14 alerts, most often A (9 times)"),
        (["B", "A", "A", "B", "C"], "5 alerts, most often A and B (twice each)"),
        (["A"] * 1200 + ["B"], "1,201 alerts, most often A (1,200 times)"),
    ],
)
def test_alerts_are_counted_and_what_came_most_often_is_named(titles: list[str], expected: str) -> None:
    assert said(alerts=titles) == expected


def test_incidents_are_named_with_how_long_they_took_the_worst_first() -> None:
    began = Mark(TOM, NOW - 3 * HOUR)
    over = incident(id="inc-over", severity=Severity.P2, declared=began, state=IncidentState.RESOLVED)
    over = replace(over, resolved=Mark(TOM, began.at + minutes(34)))
    goes_on = incident(id="inc-long", declared=began, title="t" * 200)
    text = said(incidents=[over, goes_on])
    assert text.startswith("2 incidents: inc-long (P1, ttt")
    assert text.endswith("t…, open for 3 h), inc-over (P2, checkout is failing, 34 min)")
    assert said(incidents=[over]) == "1 incident: inc-over (P2, checkout is failing, 34 min)"


def test_what_is_not_for_everybody_or_no_incident_of_its_own_is_left_out() -> None:
    left_out = [incident(security=True), incident(is_test=True), incident(merged_into="inc-other")]
    assert said(incidents=left_out) == ""


def test_a_window_that_was_carried_out_is_named_and_one_that_was_cancelled_is_not() -> None:
    over = replace(PLANNED, state=WindowState.ENDED, over_at=PLANNED.starts_at + minutes(50))
    assert said(windows=[over, replace(over, id="mw-no", state=WindowState.CANCELLED)]) == (
        f"1 maintenance window: {over.id} ({over.work}, 50 min)"
    )
