"""Slack user groups that hold whoever is on call."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.catalogue.oncall import TeamConfig
from domain.oncall.schedule import Assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupState:
    """What was last written to a group: user ids, in order. ``problem`` is why it could not be; empty if it could."""

    id: str
    members: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class GroupMembers:
    """A user group as Slack has it. A group without anybody is disabled, since Slack has no empty ones."""

    users: frozenset[str]
    is_enabled: bool


def wanted_names(group_id: str, config: TeamConfig, assignments: Iterable[Assignment]) -> tuple[str, ...]:
    """The names of those who are on call in the layers that a team puts into a group."""
    layers = {layer for group in config.groups if group.id == group_id for layer in (group.layers or config.layer_names)}
    return tuple(name for assignment in assignments if assignment.layer in layers for name in assignment.people)


def teams_by_group(teams: Mapping[str, TeamConfig]) -> dict[str, tuple[str, ...]]:
    """The groups that the catalogue names, each with the teams whose on-call people it holds."""
    ids = dict.fromkeys(group.id for team in teams.values() for group in team.groups)
    return {
        group_id: tuple(name for name, team in teams.items() if any(group.id == group_id for group in team.groups))
        for group_id in ids
    }
