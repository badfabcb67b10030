"""The catalogue's section ``paging``: who is called by which ways and in which order, by severity."""

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from domain import defaults
from domain.catalogue.alerts import ChannelId
from domain.catalogue.base import ConfigModel, DnsLabel
from domain.catalogue.oncall import TeamConfig
from domain.catalogue.people import PhoneNumber
from domain.catalogue.zones import TimeOfDay, Weekday, ZoneName
from domain.severities import Severity

WAYS = ("slack", "sms", "email", "pagerduty", "webhook")
SERVICE_WAYS = ("pagerduty", "webhook")
"""Ways to something that has a name in the settings; the others go to a person."""


def _validate_way(value: str) -> str:
    way, colon, service = value.partition(":")
    if way not in WAYS:
        raise ValueError(f"{value!r} is no way to page; there are {', '.join(WAYS)}")
    if colon and (way not in SERVICE_WAYS or not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", service)):
        raise ValueError(f"{value!r}: only {' and '.join(SERVICE_WAYS)} take a name, such as pagerduty:payments")
    return value


def _validate_whom(value: str) -> str:
    if not re.fullmatch(r"oncall|everybody|lead|(layer|person):[a-z0-9-]{1,63}", value):
        raise ValueError(f"{value!r} is nobody; say oncall, everybody, lead, layer:<name> or person:<name>")
    return value


WayText = Annotated[str, AfterValidator(_validate_way)]
WhomText = Annotated[str, AfterValidator(_validate_whom)]


class PageStepConfig(ConfigModel):
    """One step: call ``whom``, ``tries`` times and ``wait_minutes`` apart; then comes the next step.

    ``oncall`` is the first layer in which somebody is on call, ``everybody`` all people of the team's rotations. The first
    ``at_once`` of ``ways`` are used at once; the next one takes the place of each that fails.
    """

    whom: tuple[WhomText, ...] = Field(default=("oncall",), min_length=1, max_length=20)
    ways: tuple[WayText, ...] = Field(min_length=1, max_length=10)
    at_once: int = Field(default=1, ge=1, le=10)
    wait_minutes: float = Field(default=defaults.PAGE_WAIT_MINUTES, ge=0.5, le=24 * 60)
    tries: int = Field(default=1, ge=1, le=20)
    everybody_confirms: bool = False

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if len(set(self.ways)) != len(self.ways):
            raise ValueError("ways: one is named twice")
        if self.at_once > len(self.ways):
            raise ValueError(f"at_once: {self.at_once} ways cannot be used at once, there are {len(self.ways)}")
        return self

    @property
    def wait(self) -> timedelta:
        """The time until the next call."""
        return timedelta(minutes=self.wait_minutes)


class PagePolicyConfig(ConfigModel):
    """The steps of one severity. After the last one they begin again, until they were gone through ``rounds`` times."""

    steps: tuple[PageStepConfig, ...] = Field(min_length=1, max_length=20)
    rounds: int = Field(default=1, ge=1, le=10)


class LimitConfig(ConfigModel):
    """At most ``messages`` to one destination within ``minutes``."""

    messages: int = Field(ge=2, le=1000)
    minutes: float = Field(gt=0, le=24 * 60)


class PageTestConfig(ConfigModel):
    """The weekly rehearsal. ``weekday`` and ``at`` are a fair hour on the wall clock of ``zone``; without it, only on demand.

    Results are reported to ``channel``. ``severity`` is that of the policy which is rehearsed.
    """

    channel: ChannelId
    severity: Severity = Severity.P1
    weekday: Weekday | None = None
    at: TimeOfDay = "10:30"
    zone: ZoneName = "UTC"
    answer_minutes: float = Field(default=defaults.PAGE_TEST_ANSWER_MINUTES, gt=0, le=24 * 60)

    @property
    def answer_within(self) -> timedelta:
        """How long an acknowledgement is waited for."""
        return timedelta(minutes=self.answer_minutes)


class PagingConfig(ConfigModel):
    """How people are paged. ``teams`` have policies of their own for some severities.

    ``numbers`` are the telephone numbers that a card shows when no way worked. ``limits`` replace those of a way.
    """

    policies: dict[Severity, PagePolicyConfig] = Field(min_length=1)
    teams: dict[DnsLabel, dict[Severity, PagePolicyConfig]] = Field(default_factory=dict)
    numbers: dict[str, PhoneNumber] = Field(default_factory=dict, max_length=20)
    limits: dict[str, tuple[LimitConfig, ...]] = Field(default_factory=dict)
    test: PageTestConfig | None = None

    @model_validator(mode="after")
    def _limits_are_of_ways(self) -> Self:
        for way in self.limits:
            if way not in WAYS:
                raise ValueError(f"limits.{way}: there are {', '.join(WAYS)}")
        return self

    def policy_of(self, team: str, severity: Severity) -> PagePolicyConfig | None:
        """The policy of a team for a severity; None if such pages call nobody."""
        return self.teams.get(team, {}).get(severity) or self.policies.get(severity)


def check_paging(config: PagingConfig, people: Collection[str], teams: Mapping[str, TeamConfig]) -> None:
    """Raise ``ValueError`` if a policy names a person, a layer or a team that is not there."""
    layers = {name for team in teams.values() for name in team.layer_names}
    for team in config.teams:
        if team not in teams:
            raise ValueError(f"paging.teams.{team}: there is no such team in oncall")
    policies = [*config.policies.items(), *(item for each in config.teams.values() for item in each.items())]
    for severity, policy in policies:
        for word in (word for step in policy.steps for word in step.whom):
            kind, _, name = word.partition(":")
            known: Collection[str] = {"person": people, "layer": layers}.get(kind, (name,))
            if name not in known:
                raise ValueError(f"paging: {severity} calls {word}; there are {', '.join(sorted(known)) or 'none'}")
