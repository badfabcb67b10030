"""What puts a deploy back: what is measured of a deployed service itself, never what its environment alone says."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.guard.comparison import Baselines, Comparison
from domain.guard.guard import Guard, GuardState, measure
from domain.metrics.slo import Reading
from tests.harness.samples.guard_gallery import BAKING

GOOD, BAD = Reading(value=0.4, requests=4120), Reading(value=6.1, requests=4120)
GUARD = replace(BAKING, puts_back=True)
CHECK = GUARD.check_every


def of(service: str, now: Reading) -> Comparison:
    """Of the whole environment, where ``service`` is empty."""
    before = Baselines(GOOD, GOOD, GOOD)
    return Comparison(objective="errors", service=service, unit="%", limit=1.0, is_upper=True, now=now, before=before)


def measured(*rounds: Sequence[Comparison]) -> Guard:
    guard = GUARD
    for number, comparisons in enumerate(rounds, 1):
        if guard.state is GuardState.BAKING:
            guard = measure(guard, tuple(comparisons), guard.began_at + number * CHECK)
    return guard


UNKNOWN = [
    Reading(value=6.1, requests=12),
    Reading(),
    Reading(requests=4120),
    Reading(problem="Prometheus did not answer in time."),
    Reading(value=6.1, requests=4120, series=3),
]


@pytest.mark.parametrize("now", UNKNOWN)
def test_while_the_service_is_not_known_the_guard_waits_and_offers_in_the_end(now: Reading) -> None:
    rounds = (of("", BAD), of("web", now))
    assert measured(*[rounds] * 9).state is GuardState.BAKING
    ended = measure(measured(rounds), rounds, GUARD.until)
    assert (ended.state, ended.rollback) == (GuardState.OFFERED, "")


def test_a_service_that_does_well_is_not_blamed_for_its_environment() -> None:
    rounds = (of("", BAD), of("web", GOOD))
    assert measured(rounds, rounds).state is GuardState.OFFERED
    assert measure(GUARD, rounds, GUARD.until).state is GuardState.OFFERED


def test_without_any_measure_of_the_service_it_is_offered_at_once() -> None:
    assert measured([of("", BAD)], [of("", BAD)]).state is GuardState.OFFERED


def test_the_service_has_to_be_worse_twice_in_a_row_or_at_the_end() -> None:
    unknown, worse = (of("", BAD), of("web", UNKNOWN[0])), (of("", BAD), of("web", BAD))
    assert measured(unknown, worse, unknown, worse).state is GuardState.BAKING
    assert measured(unknown, worse, worse).state is GuardState.PUTTING_BACK
    assert measure(measured(unknown), worse, GUARD.until).state is GuardState.PUTTING_BACK


def test_another_definition_begins_the_evidence_anew() -> None:
    worse = (of("web", BAD),)
    other = (replace(worse[0], definition="limit 5"),)
    assert measured(worse, other).state is GuardState.BAKING
    assert measured(worse, other, other).state is GuardState.PUTTING_BACK


def test_nothing_that_environments_say_ever_puts_back() -> None:
    guard = GUARD
    for number in range(1, 40):
        at = min(guard.began_at + number * timedelta(seconds=30), GUARD.until)
        guard = measure(replace(guard, state=GuardState.BAKING), (of("", BAD), replace(of("", BAD), objective="latency")), at)
        assert guard.state is not GuardState.PUTTING_BACK
