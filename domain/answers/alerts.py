"""Answers of commands about alerts: lists of groups and silences, and the explanation of a route."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.alerts.alerts import AlertGroup
from domain.alerts.routing import RouteExplanation
from domain.alerts.silences import Silence
from domain.facts import Answer
from domain.rich_text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsAnswer(Answer):
    """A list of alert groups, the worst first. ``total`` also counts those that are not listed."""

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
    """An active or pending silence. ``group_id`` is the alert group that it was created for, if it was created here."""

    silence: Silence
    group_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerSilences:
    """Silences of one Alertmanager: active ones first, then by their end."""

    environments: tuple[str, ...]
    """Those that it serves; last the source of alerts that it belongs to, if it has a name."""
    silences: tuple[ListedSilence, ...] = ()
    problem: Text = ""
    """Why the Alertmanager did not answer; empty if it did."""


@dataclass(frozen=True, slots=True)
class SilencesAnswer(Answer):
    """Silences, by Alertmanager."""

    alertmanagers: tuple[AlertmanagerSilences, ...]
