"""Teams, rosters and overrides for tests, written and drawn."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from domain.catalogue.oncall import TeamConfig
from domain.oncall.overrides import Override
from domain.oncall.schedule import Roster
from domain.people import Person

PEOPLE = ("ana", "ben", "cleo", "dan")
ZONES = (
    "Europe/Berlin",
    "America/Chicago",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Africa/Casablanca",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "America/St_Johns",
)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTE = timedelta(minutes=1)
MADE_BY = Person("U0ANA", "T0")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def layer(**more: Any) -> dict[str, Any]:
    base = {"name": "primary", "people": ["ana", "ben", "cleo"], "starts": "2026-01-05", "turn": "1w"}
    return {**base, "handoff": {"at": "09:00", "days": ["mon"]}, **more}


def daily(**more: Any) -> dict[str, Any]:
    return layer(turn="1d", handoff={"at": "09:00"}, **more)


def team(*layers: dict[str, Any], zone: str = "Europe/Berlin", **more: Any) -> TeamConfig:
    return TeamConfig.model_validate({"zone": zone, "layers": layers or [layer()], **more})


def roster(config: TeamConfig, *overrides: Override, people: tuple[str, ...] = PEOPLE) -> Roster:
    return Roster(team="platform", config=config, people=people, overrides=overrides)


def override(person: str, starts: str, ends: str, **more: Any) -> Override:
    values: dict[str, Any] = {
        "id": f"oc-{person}-{starts}",
        "team": "platform",
        "layer": "primary",
        "made_by": MADE_BY,
        "made_at": at("2026-01-01"),
    }
    return Override(**values | {"person": person, "starts": at(starts), "ends": at(ends)} | more)


times_of_day = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02}:{15 * (quarter % 4):02}")
weekday_sets = st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=7, unique=True)
windows = st.fixed_dictionaries({"days": weekday_sets, "start": times_of_day, "end": times_of_day})


@st.composite
def layers(draw: st.DrawFn, *, restricted: bool | None = None, name: str = "primary") -> dict[str, Any]:
    weekly = draw(st.booleans())
    days = draw(weekday_sets) if weekly else []
    weeks = 1 if len(days) > 1 else draw(st.integers(1, 4))
    has_windows = draw(st.booleans()) if restricted is None else restricted
    return {
        "name": name,
        "people": draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4, unique=True)),
        "starts": draw(st.dates(date(2025, 12, 1), date(2025, 12, 20))),
        "handoff": {"at": draw(times_of_day), "days": days},
        "turn": f"{weeks}w" if weekly else f"{draw(st.integers(1, 10))}d",
        "advance": draw(st.sampled_from(["calendar", "served"])),
        "restrictions": draw(st.lists(windows, min_size=1, max_size=3)) if has_windows else [],
    }


@st.composite
def overrides(draw: st.DrawFn) -> Override:
    starts = draw(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)))  # noqa: DTZ001 -- made aware below
    starts = starts.replace(second=0, microsecond=0, tzinfo=UTC)
    return Override(
        id=f"oc-{draw(st.integers(0, 10_000))}",
        team="platform",
        layer=draw(st.sampled_from(["primary", "secondary"])),
        person=draw(st.sampled_from([*PEOPLE, "stranger"])),
        replaces=draw(st.sampled_from(["", *PEOPLE])),
        starts=starts,
        ends=starts + draw(st.integers(1, 60 * 24 * 20)) * MINUTE,
        fills_gaps=draw(st.booleans()),
        made_by=MADE_BY,
        made_at=at("2026-01-01") + draw(st.integers(0, 1000)) * MINUTE,
    )


@st.composite
def rosters(draw: st.DrawFn) -> Roster:
    config = team(draw(layers()), draw(layers(name="secondary")), zone=draw(st.sampled_from(ZONES)))
    return roster(config, *draw(st.lists(overrides(), max_size=6)))
