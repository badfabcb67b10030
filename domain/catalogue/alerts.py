"""The catalogue's section ``alerts``: routes, severities, watchdogs, and the limits of storms and flapping."""

import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from domain import defaults
from domain.catalogue.base import ConfigModel, DnsLabel
from domain.catalogue.urls import ApiBaseUrl, HttpUrl
from domain.catalogue.zones import TimeOfDay, minutes_of
from domain.matchers import LABEL_NAME, Matcher, check_matcher, parse_matcher
from domain.severities import Severity

DEFAULT_RULE = "default"
ENVIRONMENT_LABELS = ("environment", "env")
SERVICE_LABELS = ("service", "deployment", "app", "job", "container")

MINUTES_PER_WEEK = 7 * 24 * 60


def _validate_channel_id(value: str) -> str:
    if not re.fullmatch(r"[CGD][A-Z0-9]+", value):
        raise ValueError("must be a channel's id, such as C0123456789")
    return value


def _validate_mention_id(value: str) -> str:
    if not re.fullmatch(r"[UWS][A-Z0-9]+", value):
        raise ValueError("must be the id of a user (U…) or of a user group (S…)")
    return value


SOURCE_NAME = r"[a-z0-9][a-z0-9_-]{0,39}"
"""The name of a source: it is part of a path and of a setting's name."""

ChannelId = Annotated[str, AfterValidator(_validate_channel_id)]
MentionId = Annotated[str, AfterValidator(_validate_mention_id)]
MatcherText = Annotated[str, AfterValidator(check_matcher)]
SourceName = Annotated[str, Field(pattern=f"^{SOURCE_NAME}$")]
LabelName = Annotated[str, Field(pattern=f"^{LABEL_NAME}$")]


class DefaultRouteConfig(ConfigModel):
    """The route of alerts that fit no rule. ``mentions`` are notified when the card is posted."""

    channel: ChannelId
    severity: Severity = Severity.P3
    owner: str = Field(default="", max_length=100)
    mentions: tuple[MentionId, ...] = Field(default=(), max_length=10)
    runbook: HttpUrl = ""


class RouteConfig(DefaultRouteConfig):
    """One rule. It applies to alerts that fit all of its matchers."""

    severity: Severity
    name: str = Field(default="", max_length=100)
    match: tuple[MatcherText, ...] = Field(min_length=1)

    @property
    def matchers(self) -> tuple[Matcher, ...]:
        """The matchers, read."""
        return tuple(parse_matcher(each) for each in self.match)


class WatchdogConfig(ConfigModel):
    """An alert that always fires. When it stops arriving, other alerts may not arrive either."""

    name: DnsLabel
    match: tuple[MatcherText, ...] = Field(min_length=1)
    within_minutes: float = Field(default=defaults.WATCHDOG_MINUTES, gt=0, le=MINUTES_PER_WEEK)
    severity: Severity = Severity.P1
    source: str = ""
    """The source that it must come from; empty for any."""

    @property
    def matchers(self) -> tuple[Matcher, ...]:
        """The matchers, read."""
        return tuple(parse_matcher(each) for each in self.match)

    @property
    def within(self) -> timedelta:
        """The maximum time between two arrivals."""
        return timedelta(minutes=self.within_minutes)


class AlertSourceConfig(ConfigModel):
    """An Alertmanager, or a pair of them, whose alerts are told apart from those of all others.

    ``environment`` is that of its alerts whose labels name none. ``alertmanagers`` are the addresses of all members of the pair.
    """

    environment: str = ""
    alertmanagers: tuple[ApiBaseUrl, ...] = Field(default=(), max_length=10)


class NightConfig(ConfigModel):
    """When people sleep, on the wall clock of their team. ``begins`` may be after midnight."""

    begins: TimeOfDay = defaults.NIGHT_BEGINS
    ends: TimeOfDay = defaults.NIGHT_ENDS

    def includes(self, local: datetime) -> bool:
        """Whether a time of the wall clock is at night. Where both are one time, no time is."""
        minute, begins, ends = 60 * local.hour + local.minute, minutes_of(self.begins), minutes_of(self.ends)
        return begins <= minute < ends if begins <= ends else minute >= begins or minute < ends


class AlertsConfig(ConfigModel):
    """How alerts are processed. ``environment`` is that of alerts whose labels name none."""

    environment: str = ""
    environment_labels: tuple[LabelName, ...] = ENVIRONMENT_LABELS
    service_labels: tuple[LabelName, ...] = SERVICE_LABELS
    default: DefaultRouteConfig
    routes: tuple[RouteConfig, ...] = ()
    storm_threshold_per_minute: int = Field(default=defaults.STORM_THRESHOLD_PER_MINUTE, ge=1, le=10_000)
    storm_quiet_minutes: float = Field(default=defaults.STORM_QUIET_MINUTES, gt=0, le=24 * 60)
    reopen_minutes: float = Field(default=defaults.REOPEN_MINUTES, ge=0, le=MINUTES_PER_WEEK)
    acknowledge_minutes: float = Field(default=defaults.ACKNOWLEDGE_MINUTES, gt=0, le=MINUTES_PER_WEEK)
    deduplicate_seconds: float = Field(default=defaults.DEDUPLICATE_SECONDS, ge=0, le=24 * 3600)
    flap_changes: int = Field(default=defaults.FLAP_CHANGES, ge=2, le=100)
    flap_minutes: float = Field(default=defaults.FLAP_MINUTES, gt=0, le=24 * 60)
    night: NightConfig = Field(default_factory=NightConfig)
    watchdogs: tuple[WatchdogConfig, ...] = ()
    sources: dict[SourceName, AlertSourceConfig] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        _check_unique("routes", [DEFAULT_RULE, *self.rule_names])
        _check_unique("watchdogs", [each.name for each in self.watchdogs])
        _check_unique("sources", [url for each in self.sources.values() for url in dict.fromkeys(each.alertmanagers)])
        return self

    def source_at(self, url: str) -> str:
        """The source that has an Alertmanager at this address, which is its ``externalURL``; empty without one."""
        wanted = url.rstrip("/").lower()
        return next((name for name, each in self.sources.items() if wanted in map(str.lower, each.alertmanagers)), "")

    @property
    def rule_names(self) -> tuple[str, ...]:
        """The name of each route, in their order; ``rule 3`` if it has none."""
        return tuple(each.name or f"rule {number}" for number, each in enumerate(self.routes, start=1))

    @property
    def storm_quiet(self) -> timedelta:
        """A storm ends when no new group has come for this long."""
        return timedelta(minutes=self.storm_quiet_minutes)

    @property
    def reopen_within(self) -> timedelta:
        """A group that fires again within this time after its end continues in its thread."""
        return timedelta(minutes=self.reopen_minutes)

    @property
    def acknowledge_within(self) -> timedelta:
        """The duration of an acknowledgement."""
        return timedelta(minutes=self.acknowledge_minutes)

    @property
    def deduplicate_within(self) -> timedelta:
        """Equal notifications within this time count as one: both Alertmanagers of a pair send it within seconds."""
        return timedelta(seconds=self.deduplicate_seconds)

    @property
    def flap_within(self) -> timedelta:
        """A group with ``flap_changes`` changes of state within this time is flapping."""
        return timedelta(minutes=self.flap_minutes)


def _check_unique(key: str, names: list[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"{key}: {name!r} names two of them")
