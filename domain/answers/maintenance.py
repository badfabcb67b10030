"""Answers about maintenance windows."""

from dataclasses import dataclass

from domain.facts import Answer
from domain.maintenance.window import MaintenanceWindow


@dataclass(frozen=True, slots=True)
class WindowsAnswer(Answer):
    """The windows that are planned or run, by their begin. ``policies`` say when each environment needs no second person."""

    windows: tuple[MaintenanceWindow, ...]
    policies: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class WindowAnswer(Answer):
    """One window, as it is now."""

    window: MaintenanceWindow
