"""Who is on call, by examples that a person can check with a calendar."""

from datetime import datetime, timedelta

import pytest

from domain.oncall.remote import RemoteSchedule, RemoteShift
from domain.oncall.schedule import Gap, Roster, assignments, gaps, next_change, on_call, shifts
from tests.domain.oncall.rosters import MINUTE, PEOPLE, at, daily, layer, override, roster, team

OFFICE = [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}]
NIGHT = [{"start": "18:00", "end": "09:00"}]


def who(fact: Roster, when: str) -> str:
    return " ".join(on_call(fact, at(when)))


def test_turns_change_at_the_same_wall_clock_time_in_winter_and_in_summer() -> None:
    fact = roster(team())
    assert [who(fact, "2026-03-23T07:59"), who(fact, "2026-03-23T08:00")] == ["ben", "cleo"]
    assert [who(fact, "2026-03-30T06:59"), who(fact, "2026-03-30T07:00")] == ["cleo", "ana"]


def test_the_shift_across_the_change_is_an_hour_shorter_and_leaves_no_hole() -> None:
    line = shifts(roster(team()), at("2026-03-16T08:00"), at("2026-04-13T07:00"))["primary"]
    assert [shift.ends - shift.starts for shift in line] == [
        timedelta(days=7),
        timedelta(days=7) - timedelta(hours=1),
        timedelta(days=7),
        timedelta(days=7),
    ]


def test_a_handoff_in_the_skipped_hour_is_when_the_clock_jumps_and_in_the_doubled_hour_the_first_time() -> None:
    fact = roster(team(daily() | {"handoff": {"at": "02:30"}}))
    spring = shifts(fact, at("2026-03-28T12:00"), at("2026-03-29T12:00"))["primary"]
    autumn = shifts(fact, at("2026-10-24T12:00"), at("2026-10-25T12:00"))["primary"]
    assert (spring[1].starts, autumn[1].starts) == (at("2026-03-29T01:00"), at("2026-10-25T00:30"))


def test_lord_howe_moves_by_half_an_hour() -> None:
    fact = roster(team(daily() | {"handoff": {"at": "01:45"}}, zone="Australia/Lord_Howe"))
    autumn = shifts(fact, at("2026-04-04T02:00"), at("2026-04-05T02:00"))["primary"]
    # 02:00 becomes 01:30 at 15:00 UTC: 01:45 is shown twice, at 14:45 and at 15:15.
    assert autumn[1].starts == at("2026-04-04T14:45")


def test_on_the_day_that_samoa_skipped_nobody_is_missing() -> None:
    fact = roster(team(daily(starts="2011-12-01"), zone="Pacific/Apia"))
    line = shifts(fact, at("2011-12-29T19:00"), at("2012-01-01T19:00"))["primary"]
    assert [(each.starts, each.assignment.people[0]) for each in line] == [
        (at("2011-12-29T19:00"), "ben"),
        (at("2011-12-30T10:00"), "cleo"),
        (at("2011-12-30T19:00"), "ana"),
        (at("2011-12-31T19:00"), "ben"),
    ]


def test_with_weekdays_only_turns_of_the_calendar_may_fall_on_the_same_person_again() -> None:
    base = {"restrictions": OFFICE, "starts": "2026-01-05"}
    calendar, served = roster(team(daily(**base, advance="calendar"))), roster(team(daily(**base, advance="served")))
    friday, monday = "2026-01-09T10:00", "2026-01-12T10:00"
    assert (who(calendar, friday), who(calendar, monday)) == ("ben", "ben")
    assert (who(served, friday), who(served, monday)) == ("ben", "cleo")


def test_a_night_wraps_midnight_and_has_one_person() -> None:
    fact = roster(team(daily(restrictions=NIGHT)))
    assert [who(fact, f"2026-01-0{when}") for when in ("7T16:59", "7T17:00", "7T23:30", "8T07:59", "8T08:00")] == [
        "",
        "cleo",
        "cleo",
        "cleo",
        "",
    ]


def test_a_window_belongs_to_the_weekday_on_which_it_begins() -> None:
    fact = roster(team(layer(restrictions=[{"days": ["fri"], "start": "22:00", "end": "06:00"}])))
    assert [
        bool(who(fact, when)) for when in ("2026-01-09T21:00", "2026-01-10T04:59", "2026-01-10T05:00", "2026-01-09T04:00")
    ] == [
        True,
        True,
        False,
        False,
    ]


def test_before_its_first_turn_a_rotation_has_nobody() -> None:
    fact = roster(team(layer(starts="2026-02-04")))
    assert (who(fact, "2026-02-09T07:59"), who(fact, "2026-02-09T08:00")) == ("", "ana")


def test_two_handoffs_a_week_divide_it() -> None:
    fact = roster(team(layer(handoff={"at": "09:00", "days": ["fri", "mon"]})))
    days = [f"2026-01-{day:02}T12:00" for day in (5, 8, 9, 11, 12, 16)]
    assert [who(fact, day) for day in days] == ["ana", "ana", "ben", "ben", "cleo", "ana"]


def test_turns_of_two_weeks() -> None:
    fact = roster(team(layer(turn="2w")))
    assert [who(fact, f"2026-01-{day:02}T12:00") for day in (5, 12, 18, 19)] == ["ana", "ana", "ana", "ben"]


def test_the_first_layer_is_paged_first_and_nobody_twice() -> None:
    fact = roster(
        team(layer(people=["ben", "ana"]), layer(name="secondary", people=["ana", "ben"]), layer(name="third", people=["ana"]))
    )
    assert on_call(fact, at("2026-01-06")) == ("ben", "ana")


class TestOverrides:
    def test_it_replaces_whoever_is_on_call(self) -> None:
        fact = roster(team(), override("dan", "2026-01-06T10:00", "2026-01-13T10:00"))
        assert [who(fact, f"2026-01-{when}") for when in ("06T09:59", "06T10:00", "12T12:00", "13T10:00")] == [
            "ana",
            "dan",
            "dan",
            "ben",
        ]

    def test_one_that_replaces_a_person_changes_nothing_where_that_person_is_not_on_call(self) -> None:
        fact = roster(team(), override("dan", "2026-01-05T00:00", "2026-01-20T00:00", replaces="ben"))
        assert [who(fact, f"2026-01-{day}T12:00") for day in ("06", "13", "19")] == ["ana", "dan", "cleo"]

    def test_where_nobody_is_on_call_it_adds_nobody(self) -> None:
        fact = roster(team(daily(restrictions=NIGHT)), override("dan", "2026-01-07T00:00", "2026-01-08T00:00"))
        assert (who(fact, "2026-01-07T12:00"), who(fact, "2026-01-07T20:00")) == ("", "dan")

    def test_one_that_fills_gaps_says_so_and_does(self) -> None:
        fact = roster(team(daily(restrictions=NIGHT)), override("dan", "2026-01-07T00:00", "2026-01-08T00:00", fills_gaps=True))
        assert who(fact, "2026-01-07T12:00") == "dan"

    def test_the_later_one_wins_over_the_earlier_one(self) -> None:
        early = override("dan", "2026-01-06T00:00", "2026-01-08T00:00", made_at=at("2026-01-02"))
        late = override("cleo", "2026-01-07T00:00", "2026-01-08T00:00", made_at=at("2026-01-03"))
        fact = roster(team(), late, early)
        assert (who(fact, "2026-01-06T12:00"), who(fact, "2026-01-07T12:00")) == ("dan", "cleo")
        assert assignments(fact, at("2026-01-07T12:00"))[0].overrides == (early.id, late.id)

    def test_another_layer_or_team_is_left_alone(self) -> None:
        elsewhere = override("dan", "2026-01-06", "2026-01-07", team="network")
        below = override("dan", "2026-01-06", "2026-01-07", layer="secondary")
        assert who(roster(team(), elsewhere, below), "2026-01-06T12:00") == "ana"

    def test_somebody_who_left_the_catalogue_leaves_the_pager_with_who_had_it(self) -> None:
        gone = override("eve", "2026-01-06", "2026-01-07")
        assert who(roster(team(), gone), "2026-01-06T12:00") == "ana"


class TestUntil:
    def test_it_is_the_override_that_begins_in_the_middle_of_the_shift(self) -> None:
        fact = roster(team(), override("dan", "2026-01-08T10:00", "2026-01-09T10:00"))
        assert next_change(fact, at("2026-01-06")) == at("2026-01-08T10:00")
        assert next_change(fact, at("2026-01-08T10:00")) == at("2026-01-09T10:00")

    def test_an_override_by_the_same_person_is_no_change(self) -> None:
        fact = roster(team(), override("ana", "2026-01-08", "2026-01-09"))
        assert next_change(fact, at("2026-01-06")) == at("2026-01-12T08:00")

    def test_a_rotation_of_one_has_no_end_in_sight(self) -> None:
        assert next_change(roster(team(layer(people=["ana"]))), at("2026-01-06")) is None


class TestGaps:
    def test_a_second_layer_that_is_on_call_leaves_no_gap(self) -> None:
        day, night = layer(restrictions=[{"start": "09:00", "end": "18:00"}]), layer(name="night", restrictions=NIGHT)
        assert gaps(roster(team(day, night)), at("2026-01-06"), at("2026-12-06")) == ()

    def test_time_that_no_layer_has_is_one_gap(self) -> None:
        fact = roster(team(daily(restrictions=NIGHT)))
        assert gaps(fact, at("2026-01-07T12:00"), at("2026-01-08T12:00")) == (
            Gap(at("2026-01-07T12:00"), at("2026-01-07T17:00")),
            Gap(at("2026-01-08T08:00"), at("2026-01-08T12:00")),
        )

    def test_time_in_which_nobody_has_to_be_on_call_is_no_gap(self) -> None:
        fact = roster(team(daily(restrictions=OFFICE), coverage=OFFICE))
        assert gaps(fact, at("2026-01-06"), at("2026-12-06")) == ()

    def test_time_that_has_to_be_covered_later_than_the_layer_is_a_gap(self) -> None:
        later = [{"days": ["fri"], "start": "16:00", "end": "20:00"}]
        fact = roster(team(daily(restrictions=OFFICE), coverage=later))
        assert gaps(fact, at("2026-01-06"), at("2026-01-13")) == (Gap(at("2026-01-09T16:00"), at("2026-01-09T19:00")),)


class TestPagerDuty:
    def fact(self, *entries: RemoteShift) -> Roster:
        config = team()
        config = type(config).model_validate({"zone": "Europe/Berlin", "pagerduty": {"primary": "PABC123"}})
        return Roster(
            team="platform", config=config, people=PEOPLE, remote=RemoteSchedule(entries, at("2026-01-05"), at("2026-04-05"))
        )

    def test_its_entries_decide_several_people_included(self) -> None:
        fact = self.fact(
            RemoteShift("primary", at("2026-01-05"), at("2026-01-06"), "ana"),
            RemoteShift("primary", at("2026-01-05T12:00"), at("2026-01-06"), "", "Zoe Z"),
        )
        assert assignments(fact, at("2026-01-05T13:00"))[0].people == ("Zoe Z", "ana")
        assert next_change(fact, at("2026-01-05T00:00")) == at("2026-01-05T12:00")

    def test_a_hole_between_its_entries_is_a_gap(self) -> None:
        fact = self.fact(
            RemoteShift("primary", at("2026-01-05"), at("2026-01-06"), "ana"),
            RemoteShift("primary", at("2026-01-07"), at("2026-01-08"), "ben"),
        )
        assert gaps(fact, at("2026-01-05"), at("2026-01-08")) == (Gap(at("2026-01-06"), at("2026-01-07")),)


@pytest.mark.parametrize("instant", [datetime.fromisoformat("2026-01-12T09:00:00+01:00"), at("2026-01-12T08:00")])
def test_a_question_names_an_instant_in_any_zone(instant: datetime) -> None:
    assert on_call(roster(team()), instant) == ("ben",)
    assert on_call(roster(team()), instant - MINUTE) == ("ana",)
