"""What commands answer about alerts: lists of groups and silences, and the way of one alert through the rules."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.alerts.alerts import AlertGroup
from domain.alerts.routing import RouteExplanation
from domain.alerts.silences import Silence
from domain.facts import Answer
from domain.sentences import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsAnswer(Answer):
    """Alert groups, the worst first. ``title`` says which; ``total`` counts also those that are not listed."""

    title: str
    groups: tuple[AlertGroup, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteAnswer(Answer):
    """Where an alert with these labels goes, and why."""

    labels: Mapping[str, str]
    explanation: RouteExplanation


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSilence:
    """A silence that is in force or will be. ``group`` is the alert group that it was made for from here, where it was."""

    silence: Silence
    group_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerSilences:
    """What one Alertmanager holds: active first, those that end first before the others."""

    environments: tuple[str, ...]
    silences: tuple[ListedSilence, ...] = ()
    problem: Text = ""
    """Why nothing is known of it, in words."""


@dataclass(frozen=True, slots=True)
class SilencesAnswer(Answer):
    """Silences, by Alertmanager."""

    alertmanagers: tuple[AlertmanagerSilences, ...]
