"""The catalogue's section ``oncall``: teams with rotations of their own, or with schedules that PagerDuty keeps."""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.catalogue.alerts import ChannelId
from domain.catalogue.base import ConfigModel, DnsLabel
from domain.catalogue.people import PersonConfig
from domain.catalogue.zones import MINUTES_PER_DAY, EndTimeOfDay, TimeOfDay, Weekday, ZoneName, minutes_of

RESERVED_TEAM_NAMES = ("accept", "calendar", "cover", "decline", "override", "swap", "take", "undo", "week", "withdraw")
"""The second words of commands: `oncall week` would not show the team `week`."""
EVERY_DAY = tuple(Weekday)
MAX_TURN_DAYS = 366

GroupId = Annotated[str, Field(pattern=r"^S[A-Z0-9]{2,20}$")]
ScheduleId = Annotated[str, Field(pattern=r"^[A-Z0-9]{4,20}$")]


class Advance(StrEnum):
    """What moves a rotation on: each turn of the calendar, or only turns in which somebody was on call."""

    CALENDAR = "calendar"
    SERVED = "served"


class WindowConfig(ConfigModel):
    """A time of the day on some weekdays, on the wall clock. ``days`` are those on which it begins.

    Where ``end`` is not after ``start``, it ends on the next day: ``18:00`` to ``09:00`` is a night, ``09:00`` to ``09:00`` a
    whole day.
    """

    days: tuple[Weekday, ...] = Field(default=EVERY_DAY, min_length=1)
    start: TimeOfDay = "00:00"
    end: EndTimeOfDay = "24:00"

    @property
    def start_minute(self) -> int:
        """Minutes from midnight of the day on which it begins."""
        return minutes_of(self.start)

    @property
    def end_minute(self) -> int:
        """Minutes from the same midnight; more than a day's if it ends on the next day."""
        end = minutes_of(self.end)
        return end if end > self.start_minute else end + MINUTES_PER_DAY


class HandoffConfig(ConfigModel):
    """When turns change on the wall clock. ``days`` are for turns of weeks only: turns of days have no weekday of their own."""

    at: TimeOfDay
    days: tuple[Weekday, ...] = ()


class LayerConfig(ConfigModel):
    """One rotation, in which one person at a time is on call.

    The first turn begins at the first handoff on or after the date ``starts``, with the first of ``people``. ``zone`` is the
    team's where it is empty. Outside ``restrictions`` nobody of this layer is on call; without any, somebody always is.
    """

    name: DnsLabel
    people: tuple[str, ...] = Field(min_length=1, max_length=200)
    starts: date
    handoff: HandoffConfig
    turn: str = Field(default="1w", pattern=r"^[1-9][0-9]{0,2}[dw]$")
    zone: ZoneName | None = None
    advance: Advance = Advance.CALENDAR
    restrictions: tuple[WindowConfig, ...] = Field(default=(), max_length=20)

    @property
    def is_weekly(self) -> bool:
        """Whether turns are counted in weeks."""
        return self.turn.endswith("w")

    @property
    def turn_days(self) -> int:
        """The length of a turn. With several handoffs a week it is that of their cycle."""
        return int(self.turn[:-1]) * (7 if self.is_weekly else 1)

    @model_validator(mode="after")
    def _turns_have_an_end(self) -> Self:
        days = self.handoff.days
        if self.turn_days > MAX_TURN_DAYS:
            raise ValueError(f"turn: at most {MAX_TURN_DAYS} days are possible")
        if self.is_weekly and not days:
            raise ValueError("handoff.days: turns of weeks need a weekday, such as [mon]")
        if not self.is_weekly and days:
            raise ValueError("handoff.days: turns of days change every so many days; a weekday goes with a turn such as 1w")
        if len(set(days)) != len(days):
            raise ValueError("handoff.days: a weekday stands here twice")
        if len(days) > 1 and self.turn_days != 7:
            raise ValueError("handoff.days: several weekdays go with a turn of 1w only")
        return self


class GroupConfig(ConfigModel):
    """A Slack user group that holds whoever is on call in these layers; without any, in all. Only the bot writes it."""

    id: GroupId
    layers: tuple[str, ...] = ()


class TeamConfig(ConfigModel):
    """Who is on call for a team: by ``layers``, the first of which is paged first, or by PagerDuty's schedules.

    ``pagerduty`` maps names of layers to ids of schedules. ``coverage`` says when somebody has to be on call; without it,
    always. ``lead`` is told of gaps; ``channel`` takes notices.
    """

    zone: ZoneName
    layers: tuple[LayerConfig, ...] = Field(default=(), max_length=10)
    pagerduty: dict[DnsLabel, ScheduleId] = Field(default_factory=dict, max_length=10)
    lead: str = ""
    channel: ChannelId | None = None
    groups: tuple[GroupConfig, ...] = Field(default=(), max_length=10)
    coverage: tuple[WindowConfig, ...] = Field(default=(), max_length=20)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The names of its layers, in their order."""
        return tuple(self.pagerduty) or tuple(layer.name for layer in self.layers)

    @property
    def members(self) -> tuple[str, ...]:
        """Everybody in its rotations, and its lead. Whom PagerDuty's schedules name is not known here."""
        names = [name for layer in self.layers for name in layer.people] + [self.lead] * bool(self.lead)
        return tuple(dict.fromkeys(names))

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if bool(self.layers) == bool(self.pagerduty):
            raise ValueError("say exactly one of layers and pagerduty")
        names = self.layer_names
        if len(set(names)) != len(names):
            raise ValueError("layers: two have one name")
        for group in self.groups:
            _check_known(f"groups.{group.id}.layers", group.layers, names)
        return self


def check_oncall(teams: Mapping[str, TeamConfig], people: Mapping[str, PersonConfig]) -> None:
    """Raise ``ValueError`` if a team names somebody who is not among ``people``."""
    for name, team in teams.items():
        if name in RESERVED_TEAM_NAMES:
            raise ValueError(f"oncall.{name}: no team can be called so, because a command is")
        for layer in team.layers:
            _check_known(f"oncall.{name}.layers.{layer.name}.people", layer.people, people)
        if team.lead:
            _check_known(f"oncall.{name}.lead", (team.lead,), people)


def _check_known(where: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{where}: {name!r} is not defined; there are {', '.join(sorted(known)) or 'none'}")
