"""Properties of every roster. The year is covered by its shifts; that no shift hides a change is tried minute by minute."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalogue.oncall import GroupConfig
from domain.oncall.calendar import Feed, FeedKind, events_of
from domain.oncall.groups import wanted_names
from domain.oncall.schedule import Roster, assignments, gaps, next_change, on_call, shifts
from domain.wall_clock import instant_of, local_time
from tests.domain.oncall.rosters import MINUTE, ZONES, at, daily, layers, override, overrides, roster, rosters, team

YEAR = (at("2026-01-02"), at("2027-01-02"))
minutes_of_year = st.integers(0, 365 * 24 * 60 - 1).map(lambda number: YEAR[0] + number * MINUTE)


def transitions(zone: str) -> list[datetime]:
    """The days of a year on which the offset changes, at midnight UTC before the change."""
    tz = ZoneInfo(zone)
    days = [YEAR[0] + number * timedelta(days=1) for number in range(366)]
    return [day for day, after in pairwise(days) if day.astimezone(tz).utcoffset() != after.astimezone(tz).utcoffset()]


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=12, deadline=None)
@given(config=layers(restricted=False), moves=st.lists(overrides(), max_size=4), probes=st.lists(minutes_of_year, min_size=20))
def test_a_layer_has_exactly_one_person_at_every_minute_of_a_year(
    zone: str, config: dict[str, object], moves: list[object], probes: list[datetime]
) -> None:
    fact = roster(team(config, zone=zone), *moves)  # type: ignore[arg-type]
    line = shifts(fact, *YEAR)["primary"]
    assert (line[0].starts, line[-1].ends) == YEAR
    assert all(earlier.ends == later.starts for earlier, later in pairwise(line))
    assert all(len(shift.assignment.people) == 1 for shift in line)
    edges = [edge + step for shift in line for edge in (shift.starts, shift.ends - MINUTE) for step in (0 * MINUTE, MINUTE / 2)]
    changes = [day + number * 7 * MINUTE for day in transitions(zone) for number in range(24 * 60 // 7)]
    for instant in [*probes, *edges, *changes]:
        shift = next(each for each in line if each.starts <= instant < each.ends)
        assert assignments(fact, instant) == (shift.assignment,)


@settings(max_examples=100, deadline=None)
@given(fact=rosters(), probes=st.lists(minutes_of_year, min_size=10, max_size=30))
def test_the_preview_of_a_year_agrees_with_the_answer_at_each_minute(fact: Roster, probes: list[datetime]) -> None:
    preview, holes = shifts(fact, *YEAR), gaps(fact, *YEAR)
    for instant in probes:
        current = [
            next(each for each in preview[name] if each.starts <= instant < each.ends) for name in ("primary", "secondary")
        ]
        assert assignments(fact, instant) == tuple(each.assignment for each in current)
        assert any(hole.starts <= instant < hole.ends for hole in holes) == (on_call(fact, instant) == ())


@settings(max_examples=60, deadline=None)
@given(fact=rosters(), now=minutes_of_year, probes=st.lists(st.floats(0, 0.999), min_size=5, max_size=5))
def test_until_is_the_next_instant_at_which_the_answer_changes(fact: Roster, now: datetime, probes: list[float]) -> None:
    until = next_change(fact, now)

    def people(instant: datetime) -> list[tuple[str, ...]]:
        return [each.people for each in assignments(fact, instant)]

    end = until or now + timedelta(days=89)
    assert all(people(now + share * (end - now)) == people(now) for share in probes)
    if until is not None:
        assert people(until) != people(now)
        assert people(until - timedelta(seconds=1)) == people(now)


@settings(max_examples=60, deadline=None)
@given(fact=rosters(), instant=minutes_of_year)
def test_the_override_that_was_made_last_wins_where_it_replaces_somebody(fact: Roster, instant: datetime) -> None:
    last = override("dan", "2025-01-01", "2028-01-01", made_at=at("2026-06-01"))
    before = assignments(fact, instant)[0].people
    after = assignments(
        Roster(team=fact.team, config=fact.config, people=fact.people, overrides=(*fact.overrides, last)), instant
    )
    assert after[0].people == (("dan",) if before else ())


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("handoff", ["00:00", "02:15", "02:30", "03:00", "09:00", "23:45"])
def test_a_handoff_is_at_the_same_time_of_the_wall_clock_all_year_or_at_the_jump(zone: str, handoff: str) -> None:
    fact = roster(team(daily() | {"handoff": {"at": handoff}}, zone=zone))
    tz = ZoneInfo(zone)
    begins = [shift.starts for shift in shifts(fact, at("2026-01-06"), at("2029-01-06"))["primary"][1:]]
    assert len(begins) in {3 * 365 + 1, 3 * 365 + 2}
    for begin in begins:
        shown = local_time(begin, tz)
        if f"{shown:%H:%M}" != handoff:
            hours, minutes = map(int, handoff.split(":"))
            wanted = shown.replace(hour=hours, minute=minutes)
            # The clock jumps over the time, and exactly then the turn changes.
            assert wanted.replace(tzinfo=tz).astimezone(UTC).astimezone(tz).replace(tzinfo=None) != wanted
            assert (begin - MINUTE).astimezone(tz).utcoffset() != begin.astimezone(tz).utcoffset()


@pytest.mark.parametrize("zone", [*ZONES, "Antarctica/Troll", "Asia/Tehran", "Africa/El_Aaiun", "Pacific/Kwajalein"])
def test_a_later_time_of_the_wall_clock_is_never_an_earlier_instant(zone: str) -> None:
    tz = ZoneInfo(zone)
    for year in (1993, 2011, 2016, 2026):
        first = datetime(year, 1, 1)  # noqa: DTZ001 -- a time of the wall clock
        instants = [instant_of(first + number * 30 * MINUTE, tz) for number in range(366 * 48)]
        assert all(earlier <= later for earlier, later in pairwise(instants))


@settings(max_examples=60, deadline=None)
@given(fact=rosters(), now=minutes_of_year, probes=st.lists(st.integers(0, 80 * 24 * 60), min_size=10, max_size=20))
def test_page_target_group_and_calendar_name_the_same_people(fact: Roster, now: datetime, probes: list[int]) -> None:
    config = fact.config.model_copy(update={"groups": (GroupConfig(id="S0ONCALL"),)})
    fact = Roster(team=fact.team, config=config, people=fact.people, overrides=fact.overrides)
    events = events_of(Feed(FeedKind.TEAM, fact.team), [fact], now)
    for minutes in probes:
        instant = now + minutes * MINUTE
        target = on_call(fact, instant)
        assert tuple(dict.fromkeys(wanted_names("S0ONCALL", config, assignments(fact, instant)))) == target
        shown = {event.title.split(" on call")[0] for event in events if event.starts <= instant < event.ends}
        assert shown == (set(target) or {"Nobody"})
