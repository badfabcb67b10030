"""Answers about the deploy guard."""

from dataclasses import dataclass

from domain.facts import Answer
from domain.guard.guard import Guard


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardsAnswer(Answer):
    """The newest guarded deploys, open ones first. ``unguarded``: environments of the person without a guard."""

    guards: tuple[Guard, ...]
    unguarded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GuardStopped(Answer):
    """The guard as it is after a person ended it."""

    guard: Guard
