"""Which change is named for an alert, why, and that ``docs/suspects.md`` tells the truth about it."""

import random
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.changes.platform_changes import ChangeKind, PlatformChange, Suspect
from domain.changes.suspect_scoring import KIND_WEIGHTS, MIN_SCORE, rank_suspects
from tests.harness.fakes.clock import NOW

MAIN, COGNITIVE, CACHE, DOCS = "deep-echo-main", "deep-echo-cognitive", "deep-echo-cache", "deep-echo-docs"
DEPENDS_ON: Mapping[str, tuple[str, ...]] = {MAIN: (COGNITIVE,), COGNITIVE: (CACHE,)}
PAGE = Path(__file__).parents[3] / "docs" / "suspects.md"


def change(
    kind: ChangeKind = ChangeKind.DEPLOY,
    *services: str,
    minutes: float = 12,
    what: str = "deploy main-9f00d12",
    environment: str = "production",
    lasted: float | None = None,
    running: bool = False,
    ending: str = "",
) -> PlatformChange:
    """Something that began so many minutes before the alert, and lasted so many."""
    at = NOW - timedelta(minutes=minutes)
    return PlatformChange(
        kind=kind,
        environment=environment,
        services=services,
        at=at,
        description=what,
        ended_at=None if lasted is None else at + timedelta(minutes=lasted),
        running=running,
        outcome=ending,
    )


def found(*changes: PlatformChange, service: str = MAIN, depends_on: Mapping[str, tuple[str, ...]] = DEPENDS_ON) -> list[Suspect]:
    return list(rank_suspects(changes, environment="production", service=service, began_at=NOW, depends_on=depends_on))


def rows(heading: str) -> list[list[str]]:
    """The cells of the page's table whose heading begins like this."""
    _, _, below = PAGE.read_text().partition(f"\n| {heading} |")
    assert below, heading
    lines = below.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("row", rows("kind | of"), ids=lambda row: f"{row[0]} {row[1]}")
def test_the_example_of_the_page_is_true(row: list[str]) -> None:
    kind, service, minutes, time, workload, weight, score, reasons = row
    assert int(score) == round(100 / (1 + int(minutes) / 60) * float(workload) * float(weight))
    assert time == f"{1 / (1 + int(minutes) / 60):.2g}"

    told = found(change(ChangeKind(kind), *filter(None, [service]), minutes=int(minutes)))

    assert [(each.score, ", ".join(each.reasons)) for each in told] == ([(int(score), reasons)] if reasons else [])
    assert (int(score) >= MIN_SCORE) is bool(reasons)


def test_the_example_is_ordered_as_the_suspects_are() -> None:
    told = [(row[0], row[1]) for row in rows("kind | of") if row[-1]]
    every = [change(ChangeKind(row[0]), *filter(None, [row[1]]), minutes=int(row[2])) for row in rows("kind | of")]

    assert [(each.change.kind.value, "".join(each.change.services)) for each in found(*every)] == told


def test_the_page_has_the_weights_of_every_kind() -> None:
    assert {kind: float(weight) for kind, weight in rows("kind | weight")} == {
        kind.value: KIND_WEIGHTS[kind] for kind in ChangeKind
    }


def test_nothing_is_suspected_across_environments() -> None:
    assert found(change(ChangeKind.DEPLOY, MAIN, minutes=1, environment="staging")) == []


@pytest.mark.parametrize(
    ("minutes", "reason"),
    [
        (0, "at that moment"),
        (0.5, "30 s before"),
        (1.9, "1 min before"),
        (72, "1 h 12 min before"),
        (360, "6 h before"),
        (361, None),
        (-0.5, "30 s after"),
        (-1.98, "1 min after"),
        (-2, None),
        (-60, None),
    ],
)
def test_how_long_before_counts_and_is_said(minutes: float, reason: str | None) -> None:
    told = found(change(ChangeKind.DEPLOY, MAIN, minutes=minutes))

    assert [each.reasons[0] for each in told] == ([reason] if reason else [])


def test_after_the_alert_counts_less_than_long_before() -> None:
    before, after = change(ChangeKind.DEPLOY, MAIN, minutes=45), change(ChangeKind.DEPLOY, MAIN, minutes=-0.2)

    assert [each.change for each in found(after, before)] == [before, after]


def test_what_takes_a_while_counts_from_its_end() -> None:
    short = change(ChangeKind.DEPLOY, MAIN, minutes=30, lasted=0.5)
    long = change(ChangeKind.DEPLOY, MAIN, minutes=30, lasted=25, ending="it failed")
    over_later = change(ChangeKind.DEPLOY, MAIN, minutes=30, lasted=40)
    running = change(ChangeKind.DEPLOY, MAIN, minutes=30, running=True)

    told = [(each.score, each.reasons) for one in (short, long, over_later, running) for each in found(one)]

    assert told == [
        (67, ("30 min before", "same Deployment")),
        (92, ("30 min before", "over 5 min before", "same Deployment", "it failed")),
        (100, ("30 min before", "not over when it began", "same Deployment")),
        (100, ("30 min before", "still running", "same Deployment")),
    ]


def test_a_lock_that_is_still_held_is_maintenance_that_goes_on_unless_it_is_old() -> None:
    fresh = change(ChangeKind.MAINTENANCE, minutes=20, running=True, what="lock of production: database move")
    old = change(ChangeKind.MAINTENANCE, minutes=60 * 24, running=True, what="lock of production: holidays")

    (told,) = found(fresh, old)

    assert (told.change, told.reasons) == (fresh, ("20 min before", "still going on", "all of production"))


def test_an_alert_without_a_service_looks_at_time_and_kind_only() -> None:
    main, docs = change(ChangeKind.DEPLOY, MAIN, minutes=20), change(ChangeKind.DEPLOY, DOCS, minutes=10)

    told = found(main, docs, service="")

    assert [(each.change, each.score) for each in told] == [(docs, 43), (main, 38)]
    assert told[0].reasons == ("10 min before", "no service is known of the alert")


def test_the_nearest_of_several_services_is_named() -> None:
    both = change(ChangeKind.DEPLOY, CACHE, COGNITIVE)

    (told,) = found(both)

    assert told.reasons == ("12 min before", f"{MAIN} depends on {COGNITIVE}")


def test_services_that_depend_on_each_other_in_a_circle_end_the_search() -> None:
    circle = {MAIN: (COGNITIVE,), COGNITIVE: (CACHE, MAIN), CACHE: (COGNITIVE,)}

    (told,) = found(change(ChangeKind.DEPLOY, CACHE), depends_on=circle)

    assert told.reasons == ("12 min before", f"{MAIN} depends on {CACHE} through {COGNITIVE}")


def test_equal_scores_are_ordered_by_workload_kind_moment_and_name() -> None:
    ordered = [
        change(ChangeKind.DEPLOY, MAIN, what="deploy a"),
        change(ChangeKind.DEPLOY, MAIN, what="deploy b"),
        change(ChangeKind.ROLLBACK, MAIN, what="rollback to a"),
    ]
    shuffled = [ordered[2], ordered[1], ordered[0]]

    assert [each.change for each in found(*shuffled)] == ordered


MINUTES = some.integers(min_value=-5, max_value=400)
KIND = some.sampled_from(list(ChangeKind))
SERVICES = some.lists(some.sampled_from([MAIN, COGNITIVE, CACHE, DOCS]), max_size=3, unique=True)
CHANGES = some.lists(
    some.builds(lambda kind, services, minutes: change(kind, *services, minutes=minutes), KIND, SERVICES, MINUTES), max_size=12
)


@given(CHANGES, some.randoms(use_true_random=False))
def test_the_same_changes_in_any_order_name_the_same_suspects(changes: list[PlatformChange], chance: random.Random) -> None:
    told = found(*changes)
    shuffled = list(changes)
    chance.shuffle(shuffled)

    assert found(*shuffled) == told
    assert all(MIN_SCORE <= each.score <= 100 for each in told)
    assert [each.score for each in told] == sorted((each.score for each in told), reverse=True)
